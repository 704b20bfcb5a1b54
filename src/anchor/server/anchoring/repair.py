"""``anchor repair``: hold the chain's line of heads against the database, adopt what is ours, say what
is missing.

After a restored backup the chain may know more than the database. Anchors of batches that the database
holds are adopted (they are proven: root, number and event agree). Batches that it lacks are listed, with
where each was anchored: they can come from a newer backup or a replica only, since a root cannot be
turned back into its deltas.
"""

from dataclasses import dataclass

from anchor.protocol.hashing import ZERO, Bytes32
from anchor.server.anchoring.journal import Journal
from anchor.server.anchoring.recording import record_event
from anchor.server.anchoring.sending_chain import SendingChain
from anchor.server.anchoring.states import State
from anchor.server.chain.contract import Anchored
from anchor.server.ledger.clock import Clock
from anchor.server.storage.anchors import accept_head, anchor_of, batch_of_root, chain_in_use, newest_batch
from anchor.server.storage.database import Database
from anchor.server.storage.sending import SendRow, request_cancel, sends_in


@dataclass(eq=False)
class UnknownChain(Exception):
    """No chain of this name was ever opened by a worker of this database."""

    name: str

    def __str__(self) -> str:
        return f"this log is anchored on no chain named {self.name!r}"


@dataclass(eq=False)
class NothingToCancel(Exception):
    """The chain has no signed transaction in flight."""

    name: str

    def __str__(self) -> str:
        return f"nothing is in flight on {self.name}"


def cancel_send(database: Database, name: str, clock: Clock) -> SendRow:
    """Let the worker replace what is in flight on a chain by a transaction that does nothing.

    The original may still be mined first; then it counts. Raises UnknownChain, NothingToCancel.
    """
    with database.write() as connection:
        chain = chain_in_use(connection, name)
        if chain is None:
            raise UnknownChain(name)
        flying = sends_in(connection, chain.id, (State.SIGNED, State.SENT))
        if not flying:
            raise NothingToCancel(name)
        request_cancel(connection, flying[0].id, clock.now_ms())
    Journal(clock, name).say("cancel_requested", send=flying[0].id, batch=flying[0].batch)
    return flying[0]


def go_on_upon(database: Database, name: str, head: Bytes32, clock: Clock) -> None:
    """Let the worker anchor upon a head that is in no history of ours: after a leaked key was replaced,
    or where batches are lost for good. Verifiers will see that head for what it is. Raises UnknownChain.
    """
    with database.write() as connection:
        chain = chain_in_use(connection, name)
        if chain is None:
            raise UnknownChain(name)
        accept_head(connection, chain.id, head, clock.now_ms())
    Journal(clock, name).say("foreign_head_accepted", head=head)


@dataclass(frozen=True, slots=True)
class Repair:
    """What the chain holds beside the database. The lists of events are the newest first.

    ``postponed``: anchors of ours whose block or receipt cannot be had just now, so that they were not
    adopted; ``missing``: heads whose batch numbers are above our newest; ``foreign``: heads with numbers that
    we have given to other roots; ``repeated``: heads of ours, anchored once more upon newer ones;
    ``broken``: a head that does not follow the one before it; ``unread_from``: the head whose event no
    endpoint shows, nor those before it, None where the events lead back to the first.
    """

    head: Bytes32
    newest_batch: int
    adopted: tuple[int, ...]
    postponed: tuple[Anchored, ...]
    missing: tuple[Anchored, ...]
    foreign: tuple[Anchored, ...]
    repeated: tuple[Anchored, ...]
    broken: tuple[Anchored, ...]
    unread_from: Bytes32 | None

    @property
    def whole(self) -> bool:
        """Return whether every head on the chain was read, is ours and on record, and came in its turn."""
        told = self.postponed or self.missing or self.foreign or self.repeated or self.broken
        return not told and self.unread_from is None


def repair(chain: SendingChain, *, adopt: bool = True) -> Repair:
    """Compare the whole line of heads with the database; with ``adopt`` write the anchors that it lacks.

    Raises RpcError, EndpointsDisagree, LeaseLost.
    """
    latest = chain.node.tallest_block()
    head = chain.contract.head()
    with chain.lease.read() as reading:
        newest = newest_batch(reading)
    ours = newest.number if newest is not None else 0
    adopted: list[int] = []
    postponed: list[Anchored] = []
    missing: list[Anchored] = []
    foreign: list[Anchored] = []
    broken: list[Anchored] = []
    held: list[Anchored] = []
    follower: Bytes32 = head
    for event in chain.contract.anchored(chain.row.first_block, latest.number):
        if event.new_head != follower:
            broken.append(event)
        follower = event.previous_head
        with chain.lease.read() as reading:
            batch = batch_of_root(reading, event.new_head)
            known = batch is not None and anchor_of(reading, chain.row.id, batch.number) is not None
        if batch is not None and batch.number == event.number:
            held.append(event)
            if adopt and not known:
                if record_event(chain, event, batch, latest):
                    adopted.append(batch.number)
                else:
                    postponed.append(event)
        else:
            (missing if batch is None and event.number > ours else foreign).append(event)
        if event.previous_head == ZERO:
            break
    return Repair(
        head,
        ours,
        tuple(adopted),
        tuple(postponed),
        tuple(missing),
        tuple(foreign),
        tuple(_not_rising(held)),
        tuple(broken),
        None if follower == ZERO else follower,
    )


def _not_rising(events: list[Anchored]) -> list[Anchored]:
    """Return the events, the newest first, whose numbers are not above all those before them."""
    found: list[Anchored] = []
    highest = 0
    for event in reversed(events):
        if event.number <= highest:
            found.insert(0, event)
        highest = max(highest, event.number)
    return found
