"""The operator's fsck: recompute everything from the deltas and name each place that says otherwise.

One snapshot, read once in order. Memory grows with the number of ledgers and batches, not of deltas.
What nothing can be recomputed from (receipt_key, names of erasures and API keys) is checked for its form
at most, and rows of checkpoints, idempotency keys and API keys that were taken away are not missed.
``anchor.server.audit.sends`` and ``anchor.server.audit.chain`` look at the chains' tables.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final, Generic, NamedTuple, TypeVar

from sqlalchemy import Connection

from anchor.protocol.batch import anchor_root
from anchor.protocol.checkpoint import Checkpoint, checkpoint_hash
from anchor.protocol.errors import IdentityError, NoteError
from anchor.protocol.fingerprint import domain_separator
from anchor.protocol.hashing import ZERO, Bytes32
from anchor.protocol.identities import log_id, verify_ledger_identity
from anchor.protocol.ledger_map import MapLeaf, MapNode, Position, head_hash, update_map
from anchor.protocol.merkle import HISTORY_TREE, Frontier
from anchor.protocol.merkle_growth import grow
from anchor.protocol.salted_fingerprint import salted_fingerprint
from anchor.protocol.signed_checkpoint import SIGNED_TREE, SignedCheckpoint, read_checkpoint
from anchor.server.audit import rows as stored
from anchor.server.audit.finding import Finding
from anchor.server.audit.ledgers import LedgerCheck, check_stored_nodes
from anchor.server.audit.requests import check_requests, check_times
from anchor.server.audit.rows import AuditedLedger
from anchor.server.ledger.ledger_tree import ledger_root
from anchor.server.storage.database import Database
from anchor.server.storage.map_nodes import place_key
from anchor.server.storage.schema import HISTORY, SIGNED

__all__ = ["Finding", "HeadOnChain", "audit", "audit_chain"]


T = TypeVar("T")
_LAST: Final = 2**63
_TOKEN_LENGTH: Final = len("ckpt_") + 26


class HeadOnChain(NamedTuple):
    """A head that a chain's contract took, and where. ``block_time``: ms."""

    number: int
    previous_head: Bytes32
    new_head: Bytes32
    transaction_hash: Bytes32
    block_number: int
    block_hash: Bytes32
    block_time: int


def audit(database: Database, progress: Callable[[int], None] = lambda _deltas: None) -> Iterator[Finding]:
    """Yield every place of the record that does not follow from its deltas.

    ``progress`` hears how many more deltas are read, of ``deltas_on_record``. Raises StorageUnavailable.
    """
    with database.read() as connection:
        rows = stored.audited_log(connection)
        if len(rows) != 1:
            yield Finding.of("log", (), "id", len(rows), "one row")
            return
        # Every hash stands on the log's id: with the id wrong, nothing below it could be told apart.
        own = log_id(bytes(rows[0][2]), bytes(rows[0][3]))
        if rows[0][1] != own:
            yield Finding.of("log", (1,), "log_id", rows[0][1], own)
        ledgers = {ledger.id: ledger for ledger in stored.audited_ledgers(connection)}
        batches = stored.audited_batches(connection)
        yield from _check_log(rows[0], ledgers, batches)
        yield from _check_identities(bytes(rows[0][2]), ledgers)
        sealed_at = [batch[1] for batch in batches]
        yield from _check_ledgers(connection, bytes(rows[0][1]), ledgers, sealed_at, progress)
        yield from _check_batches(connection, bytes(rows[0][1]), bytes(rows[0][2]), ledgers, batches)
        yield from _check_checkpoints(connection, bytes(rows[0][1]), ledgers)
        yield from check_requests(connection, ledgers)
        yield from check_times(connection)
        yield from _check_what_belongs_to_nothing(connection, len(batches))


def deltas_on_record(database: Database) -> int:
    """Return how many deltas there are to audit."""
    with database.read() as connection:
        return stored.count_of_deltas(connection)


def audit_chain(database: Database, chain: str, heads: Iterable[HeadOnChain]) -> Iterator[Finding]:
    """Hold every head that a chain took, the oldest first, against the batches, and the anchors on record
    against them. The key of a head that is no batch of ours is its number and transaction.
    """
    with database.read() as connection:
        roots = {batch[0]: bytes(batch[4]) for batch in stored.audited_batches(connection)}
        anchors = stored.audited_anchors(connection, chain)
    held: dict[int, HeadOnChain] = {}
    previous = ZERO
    for head in heads:
        if head.previous_head != previous:
            yield Finding.of("chain", (chain, head.number), "previous_head", head.previous_head, previous)
        if roots.get(head.number) != head.new_head:
            yield Finding.of("chain", (chain, head.number), "head", head.new_head, roots.get(head.number))
        previous = head.new_head
        held[head.number] = head
    for batch, *stated in anchors:
        found = held.get(batch)
        if found is None:
            yield Finding.of("anchors", (chain, batch), "batch", batch, None)
            continue
        for column, value in zip(stored.ANCHOR_COLUMNS, stated, strict=True):
            on_chain = getattr(found, column)
            if value != on_chain:
                yield Finding.of("anchors", (chain, batch), column, value, on_chain)


def _check_log(row: Any, ledgers: dict[int, AuditedLedger], batches: Any) -> Iterator[Finding]:
    id_, _, _, _, receipt_key, sealing_at, created_at = row
    if id_ != 1:
        yield Finding.of("log", (id_,), "id", id_, 1)
    if len(receipt_key) != 16:
        yield Finding.of("log", (1,), "receipt_key", f"{len(receipt_key)} bytes", "16 bytes")
    newest = batches[-1][1] if batches else 0
    if sealing_at < max(newest, created_at):
        yield Finding.of("log", (1,), "sealing_at", sealing_at, f"at least {max(newest, created_at)}")
    first = min((ledger.last_recorded_at for ledger in ledgers.values() if ledger.size), default=created_at)
    if created_at > first:
        yield Finding.of("log", (1,), "created_at", created_at, f"at most {first}")


def _check_identities(public_key: bytes, ledgers: dict[int, AuditedLedger]) -> Iterator[Finding]:
    for ledger in ledgers.values():
        try:
            proof = bytes(ledger.identity_proof)
            expected = verify_ledger_identity(public_key, proof, ledger.customer_id, ledger.unit)
        except IdentityError as error:
            yield Finding("ledgers", (ledger.id,), "identity_proof", "a proof of another ledger", str(error))
            continue
        if ledger.ledger_id != expected:
            yield Finding.of("ledgers", (ledger.id,), "ledger_id", ledger.ledger_id, expected)


def _check_ledgers(
    connection: Connection,
    log: Bytes32,
    ledgers: dict[int, AuditedLedger],
    sealed_at: list[int],
    progress: Callable[[int], None],
) -> Iterator[Finding]:
    separator = domain_separator(log)
    fingerprint_of = salted_fingerprint(separator)
    heads = _InOrder(stored.audited_heads(connection), lambda head: head.ledger)
    waiting = iter(ledgers.values())

    def begin(ledger: AuditedLedger) -> LedgerCheck:
        own = heads.of(ledger.id)
        return LedgerCheck(connection, separator, fingerprint_of, ledger, own, sealed_at)

    check: LedgerCheck | None = None
    number: int | None = None
    for ledger, rows in stored.audited_deltas(connection):
        progress(len(rows))
        if ledger != number:
            if check is not None:
                yield from check.finish()
            check, number = None, ledger
            if ledger not in ledgers:
                yield Finding.of("deltas", (ledger, rows[0][1]), "ledger", ledger, None)
                continue
            for other in waiting:
                check = begin(other)
                if other.id == ledger:
                    break
                yield from check.finish()
        if check is not None:
            yield from check.take(rows)
    if check is not None:
        yield from check.finish()
    for other in waiting:
        yield from begin(other).finish()
    heads.of(_LAST)
    for head in heads.strays:
        yield Finding.of("heads", (head.ledger, head.batch), "ledger", head.ledger, None)


class _InOrder(Generic[T]):
    """Gives the rows of each number, where numbers are asked for in order; ``strays`` are those between."""

    def __init__(self, rows: Iterator[T], number_of: Callable[[T], int]) -> None:
        self._groups = groupby(rows, key=number_of)
        self._next: tuple[int, list[T]] | None = self._read()
        self.strays: list[T] = []

    def _read(self) -> tuple[int, list[T]] | None:
        found = next(self._groups, None)
        return None if found is None else (found[0], list(found[1]))

    def of(self, number: int) -> list[T]:
        while self._next is not None and self._next[0] < number:
            self.strays += self._next[1]
            self._next = self._read()
        if self._next is None or self._next[0] != number:
            return []
        own = self._next[1]
        self._next = self._read()
        return own


def _check_batches(
    connection: Connection,
    log: Bytes32,
    public_key: Bytes32,
    ledgers: dict[int, AuditedLedger],
    batches: Any,
) -> Iterator[Finding]:
    places: dict[Position, MapNode] = {}
    versions = 0
    written_in: dict[Position, int] = {}
    sizes: dict[int, int] = {}
    history = signed = Frontier.empty()
    notes = stored.signed_notes(connection)
    changed = _InOrder(stored.heads_by_batch(connection), lambda head: head[0])
    map_root, before = ZERO, 0
    for place, (number, sealed_at, history_root, stated_map, stated_root, deltas, touched) in enumerate(
        batches, 1
    ):
        if number != place:
            yield Finding.of("batches", (number,), "number", number, place)
        heads = [head[1:] for head in changed.of(number)]
        changes = {
            bytes(ledgers[ledger].ledger_id): head_hash(size, bytes(root))
            for ledger, size, root in heads
            if ledger in ledgers and 0 <= size < 2**63
        }
        if changes:
            update = update_map(lambda asked: {at: places[at] for at in asked if at in places}, changes)
            places.update(update.written)
            found, findings = _check_versions(connection, number, update.written)
            versions += found
            yield from findings
            written_in.update(dict.fromkeys(update.written, number))
            map_root = update.root
        counted = sum(size - sizes.get(ledger, 0) for ledger, size, _ in heads)
        sizes.update((ledger, size) for ledger, size, _ in heads)
        told = (
            ("history_root", history_root, history.root(HISTORY_TREE)),
            ("map_root", stated_map, map_root),
            (
                "anchor_root",
                stated_root,
                anchor_root(log, number, bytes(history_root), bytes(stated_map), sealed_at),
            ),
            ("delta_count", deltas, counted),
            ("ledger_count", touched, len(heads)),
        )
        for column, stated, recomputed in told:
            if stated != recomputed:
                yield Finding.of("batches", (number,), column, stated, recomputed)
        if sealed_at < before:
            yield Finding.of("batches", (number,), "sealed_at", sealed_at, f"at least {before}")
        before = sealed_at
        growth = grow(HISTORY_TREE, history, [HISTORY_TREE.leaf(bytes(stated_root))])
        history = growth.frontier
        yield from check_stored_nodes(connection, HISTORY, growth, len(batches))
        growth = grow(SIGNED_TREE, signed, [SIGNED_TREE.leaf(bytes(stated_root))])
        signed = growth.frontier
        yield from check_stored_nodes(connection, SIGNED, growth, len(batches))
        due = SignedCheckpoint(signed.size, signed.root(SIGNED_TREE))
        yield from _check_signature(log, public_key, number, notes.get(number), due)
    changed.of(_LAST)
    for number, ledger, _, _ in changed.strays:
        yield Finding.of("heads", (ledger, number), "batch", number, None)
    if versions != (kept := stored.count_of_map_nodes(connection)):
        yield Finding.of("map_nodes", (), "batch", f"{kept} versions", f"{versions} versions")
    yield from _check_map(connection, places, written_in)


def _check_signature(
    log: Bytes32, public_key: Bytes32, number: int, note: str | None, due: SignedCheckpoint
) -> Iterator[Finding]:
    try:
        found = None if note is None else read_checkpoint(note, log, public_key)
    except NoteError:
        found = None
    if found != due:
        yield Finding.of("signed_checkpoints", (number,), "note", note, f"signed: {due.text(log)}")


def _check_versions(
    connection: Connection, batch: int, written: Mapping[Position, MapNode]
) -> tuple[int, list[Finding]]:
    """Hold the versions of nodes that a batch wrote against what is stored of them.

    Returns how many are stored, and what differs. Old versions may have been pruned; that each place's
    newest is there is checked in the end.
    """
    findings = []
    keys = {place_key(position): node for position, node in written.items()}
    count = 0
    for depth, prefix, *stated in stored.map_nodes_of(connection, batch, list(keys)):
        node = keys[depth, prefix]
        leaf = node if isinstance(node, MapLeaf) else None
        recomputed = (node.hash, leaf and leaf.ledger_id, leaf and leaf.head)
        count += 1
        for column, value, due in zip(
            ("hash", "leaf_ledger_id", "leaf_head"), stated, recomputed, strict=True
        ):
            if value != due:
                findings.append(Finding.of("map_nodes", (depth, prefix, batch), column, value, due))
    return count, findings


def _check_map(
    connection: Connection, places: dict[Position, MapNode], written_in: dict[Position, int]
) -> Iterator[Finding]:
    missing = dict(places)
    for depth, prefix, batch in stored.newest_map_nodes(connection):
        position = Position(depth, int.from_bytes(prefix, "big"))
        node = missing.pop(position, None)
        if node is None or len(prefix) != (depth + 7) // 8:
            yield Finding.of("map_nodes", (depth, prefix, batch), "prefix", prefix, None)
        elif batch != written_in[position]:
            yield Finding.of("map_nodes", (depth, prefix, batch), "batch", batch, written_in[position])
    for position, node in missing.items():
        key = (*place_key(position), written_in[position])
        yield Finding.of("map_nodes", key, "hash", None, node.hash)


def _check_checkpoints(
    connection: Connection, log: Bytes32, ledgers: dict[int, AuditedLedger]
) -> Iterator[Finding]:
    separator = domain_separator(log)
    for row in stored.audited_checkpoints(connection):
        (id_, token, hash_, number, start, end, opening, closing, opening_root, closing_root) = row[:10]
        ledger = ledgers.get(number)
        if ledger is None or not 0 <= start <= end < ledger.size:
            column = "ledger" if ledger is None else "to_index"
            yield Finding.of("checkpoints", (id_,), column, number if ledger is None else end, None)
            continue
        last = stored.balance_and_time(connection, number, end)
        first = stored.balance_and_time(connection, number, start - 1) if start else (0, -(2**63))
        if last is None or first is None:
            yield Finding.of("checkpoints", (id_,), "to_index", end, None)
            continue
        try:
            roots = tuple(ledger_root(connection, number, size) for size in (start, end + 1))
        except LookupError:
            # Deltas or nodes below it are not there, which is reported where they are missing.
            yield Finding.of("checkpoints", (id_,), "closing_root", closing_root, None)
            continue
        sealed = Checkpoint(bytes(ledger.ledger_id), start, end, first[0], last[0], *roots)
        told = (
            ("proof_hash", bytes(hash_), checkpoint_hash(separator, sealed)),
            ("opening_balance", int(opening), first[0]),
            ("closing_balance", int(closing), last[0]),
            ("opening_root", bytes(opening_root), roots[0]),
            ("closing_root", bytes(closing_root), roots[1]),
            ("proof_token", token[:5] if len(token) == _TOKEN_LENGTH else token, "ckpt_"),
        )
        for column, stated, recomputed in told:
            if stated != recomputed:
                yield Finding.of("checkpoints", (id_,), column, stated, recomputed)
        yield from _check_span(connection, row, first[1], last[1])


def _check_span(connection: Connection, row: Any, before: int, last: int) -> Iterator[Finding]:
    """Hold the span of a checkpoint against the deltas at its edges. ``before``: of the delta before it."""
    id_, number, start, end, span_start, span_end = row[0], row[3], row[4], row[5], row[10], row[11]
    if span_start is None and span_end is None:
        return
    if span_start is None or span_end is None:
        yield Finding.of("checkpoints", (id_,), "span_start", span_start, "both ends, or none")
        return
    first = stored.balance_and_time(connection, number, start)
    after = stored.balance_and_time(connection, number, end + 1)
    if first is not None and not before < span_start <= first[1]:
        yield Finding.of("checkpoints", (id_,), "span_start", span_start, f"after {before}, to {first[1]}")
    if not last < span_end or (after is not None and after[1] < span_end):
        until = "" if after is None else after[1]
        yield Finding.of("checkpoints", (id_,), "span_end", span_end, f"after {last}, to {until}")


def _check_what_belongs_to_nothing(connection: Connection, batch_count: int) -> Iterator[Finding]:
    for ledger in stored.frontiers_of_nothing(connection):
        yield Finding.of("frontiers", (ledger,), "ledger", ledger, None)
    for tree, height, position in stored.nodes_of_nothing(connection, batch_count):
        yield Finding.of("tree_nodes", (tree, height, position), "position", position, None)
    for ledger, index, field in stored.erasures_of_nothing(connection):
        yield Finding.of("erasures", (ledger, index, field), "field", field, None)
    for table, key, column, value in stored.malformed_keys(connection):
        yield Finding.of(table, (key,), column, value, "of another form")
