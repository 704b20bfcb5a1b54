"""Seal what is new into a batch: heads of ledgers, the map over them, one anchored root, and the signature.

A seal is resumable at any point. The fence and what it found are taken in one short transaction;
the subtrees that the new deltas complete are stored in small ones (they can never change, so storing
them early harms nothing); one last transaction publishes the batch. Recording goes on meanwhile.

A batch cannot be cut by count: it holds every delta recorded before it was sealed, so that two batches
bound a time span (PROTOCOL section 7).
"""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from anchor.protocol.batch import anchor_root
from anchor.protocol.checkpoint import SEALED_BEHIND
from anchor.protocol.identities import IdentityKey
from anchor.protocol.ledger_map import head_hash, update_map
from anchor.protocol.merkle import LEDGER_TREE, leaf_level
from anchor.protocol.merkle_growth import Growth, grow
from anchor.server.ledger.clock import Clock
from anchor.server.ledger.histories import (
    HISTORY_OF_BATCHES,
    SIGNED_BATCHES,
    checkpoint_after,
    history_root,
    nodes_completed_by,
)
from anchor.server.ledger.model import Log
from anchor.server.ledger.span_bounds import bound_is_due
from anchor.server.storage.database import Database
from anchor.server.storage.fence import raise_fence, shared_time
from anchor.server.storage.ledger_trees import STORED_HEIGHTS
from anchor.server.storage.map_nodes import map_reader, write_map_nodes
from anchor.server.storage.sealing import (
    NewDeltas,
    NewHead,
    SealedBatch,
    StoredNode,
    UnsealedLedger,
    count_unsealed,
    fingerprints_of,
    keep_nodes,
    mark_sealed,
    newest_sealed_batch,
    oldest_needed_batch,
    publish_batch,
    read_frontiers,
    unsealed_ledgers,
)
from anchor.server.storage.signed_checkpoints import keep_signed_checkpoint
from anchor.server.storage.span_batches import newest_span_end

_LEAVES_AT_ONCE: Final = 1 << 14
_NODES_AT_ONCE: Final = 4_000


class _Overtaken(Exception):
    """Another process published a batch since the fence was raised."""


class Sealer:
    """Seals batches of one log. Safe in any number of processes: one wins, the others seal nothing."""

    def __init__(self, database: Database, log: Log, identity_key: IdentityKey, clock: Clock) -> None:
        self._database = database
        self._log = log
        self._key = identity_key
        self._clock = clock

    def unsealed_count(self) -> int:
        """Return how many deltas are in no batch."""
        with self._database.read() as connection:
            return count_unsealed(connection)

    def seal(self) -> SealedBatch | None:
        """Seal everything recorded until now; None where nothing is new or another process was first.

        With nothing new, an empty batch is sealed where a time span needs one as its bound (section 7).

        Memory is bounded by the number of ledgers that changed, not by their deltas. Raises
        StorageUnavailable.
        """
        with self._database.read() as connection:
            unsealed = count_unsealed(connection)
            if not unsealed and not self._bound_is_due(connection):
                return None
        previous, changed, sealed_at = self._fenced()
        if not changed and unsealed:
            return None
        try:
            heads = list(self._grown(changed))
        except _Overtaken:
            return None
        return self._publish(previous, changed, heads, sealed_at)

    def _bound_is_due(self, connection: Connection) -> bool:
        previous = newest_sealed_batch(connection)
        if previous is None:
            return False
        now = self._clock.now_ms(shared_time(connection))
        asked_for = newest_span_end(connection, now - SEALED_BEHIND)
        return bound_is_due(previous.sealed_at, now, asked_for)

    def _fenced(self) -> tuple[SealedBatch | None, list[UnsealedLedger], int]:
        """Raise the fence to now, and return what was recorded before it."""
        with self._database.write() as connection:
            previous = newest_sealed_batch(connection)
            now = self._clock.now_ms(shared_time(connection))
            raise_fence(connection, now)
            changed = unsealed_ledgers(connection)
            # A clock that was set back must not make time run backwards in the log.
            sealed_at = max(
                now,
                0 if previous is None else previous.sealed_at,
                max((ledger.last_recorded_at for ledger in changed), default=0),
            )
            raise_fence(connection, sealed_at)
        return previous, changed, sealed_at

    def _grown(self, changed: list[UnsealedLedger]) -> Iterator[NewHead]:
        """Extend the trees, storing the subtrees that are complete now, and yield the new heads."""
        waiting: list[StoredNode] = []
        for group in _read_together(changed):
            with self._database.read() as connection:
                stored = read_frontiers(connection, [ledger.id for ledger in group])
            frontiers = [stored[ledger.id] for ledger in group]
            if [frontier.size for frontier in frontiers] != [ledger.sealed_size for ledger in group]:
                # What grew from here on would be no part of any tree, and could never be taken back.
                raise _Overtaken
            for new in _chunks(group):
                with self._database.read() as connection:
                    fingerprints = fingerprints_of(connection, new)
                leaves = leaf_level(LEDGER_TREE, fingerprints)
                at = 0
                # A group of several ledgers is one chunk; a chunk of a large ledger is its own group.
                for place, one in enumerate(new):
                    growth = grow(LEDGER_TREE, frontiers[place], leaves[at : at + one.stop - one.start])
                    at += one.stop - one.start
                    frontiers[place] = growth.frontier
                    waiting.extend(_nodes_to_store(one.ledger, growth))
                if len(waiting) >= _NODES_AT_ONCE:
                    self._store(waiting)
                    waiting = []
            for ledger, frontier in zip(group, frontiers, strict=True):
                yield NewHead(
                    ledger.id, ledger.size, frontier.root(LEDGER_TREE), ledger.balance, frontier.to_bytes()
                )
        self._store(waiting)

    def _store(self, nodes: list[StoredNode]) -> None:
        if nodes:
            with self._database.write() as connection:
                keep_nodes(connection, nodes)

    def _publish(
        self,
        previous: SealedBatch | None,
        changed: list[UnsealedLedger],
        heads: list[NewHead],
        sealed_at: int,
    ) -> SealedBatch | None:
        """Publish the batch after ``previous``; None where another process published one meanwhile."""
        number = 1 if previous is None else previous.number + 1
        new = {
            ledger.ledger_id: head_hash(head.size, head.root)
            for ledger, head in zip(changed, heads, strict=True)
        }
        # The map and the history are those of the batch before, so recording can go on while they are
        # computed; the transaction below checks that it is the newest still.
        with self._database.read() as connection:
            update = update_map(map_reader(connection, number - 1), new)
            history = history_root(connection, number - 1)
            root = anchor_root(self._log.log_id, number, history, update.root, sealed_at)
            checkpoint = checkpoint_after(connection, number - 1, root)
        batch = SealedBatch(
            number=number,
            sealed_at=sealed_at,
            history_root=history,
            map_root=update.root,
            anchor_root=root,
            delta_count=sum(ledger.size - ledger.sealed_size for ledger in changed),
            ledger_count=len(changed),
        )
        note = checkpoint.sign(self._key, self._log.log_id)
        try:
            with self._database.write() as connection:
                if newest_sealed_batch(connection) != previous:
                    return None
                publish_batch(connection, batch, heads)
                write_map_nodes(connection, number, update.written, oldest_needed_batch(connection))
                keep_signed_checkpoint(connection, number, note)
                for tree in (HISTORY_OF_BATCHES, SIGNED_BATCHES):
                    keep_nodes(connection, nodes_completed_by(connection, number, tree))
                mark_sealed(connection, heads)
        except IntegrityError:
            # Another process published this number; what it left out is sealed next time.
            return None
        return batch


def _read_together(changed: list[UnsealedLedger]) -> Iterator[list[UnsealedLedger]]:
    """Cut the ledgers into groups whose new deltas can be read at once; a larger ledger is its own."""
    group: list[UnsealedLedger] = []
    count = 0
    for ledger in changed:
        new = ledger.size - ledger.sealed_size
        if group and count + new > _LEAVES_AT_ONCE:
            yield group
            group, count = [], 0
        group.append(ledger)
        count += new
    if group:
        yield group


def _chunks(group: list[UnsealedLedger]) -> Iterator[list[NewDeltas]]:
    """Yield what to read of a group: all of it at once, or one large ledger piece by piece."""
    if len(group) > 1:
        yield [NewDeltas(ledger.id, ledger.sealed_size, ledger.size) for ledger in group]
        return
    (ledger,) = group
    for start in range(ledger.sealed_size, ledger.size, _LEAVES_AT_ONCE):
        yield [NewDeltas(ledger.id, start, min(start + _LEAVES_AT_ONCE, ledger.size))]


def _nodes_to_store(ledger: int, growth: Growth) -> Iterator[StoredNode]:
    for nodes in growth.completed:
        if nodes.height % STORED_HEIGHTS == 0:
            for at, node in enumerate(nodes.hashes):
                yield StoredNode(ledger, nodes.height, nodes.first_position + at, node)
