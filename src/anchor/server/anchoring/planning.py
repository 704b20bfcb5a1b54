"""What to send next: the newest batch, upon the head that the contract holds, or nothing and why.

The contract is the only authority on what was anchored; the database on what may be. Where the head is
in no history of ours nothing is sent, since a compare-and-swap upon a foreign head would hide it.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from anchor.node.endpoint import RpcError
from anchor.protocol.hashing import ZERO, Bytes32
from anchor.server.anchoring.alarms import AlarmName
from anchor.server.anchoring.conditions import Conditions
from anchor.server.anchoring.recording import record_event
from anchor.server.anchoring.sending_chain import SendingChain
from anchor.server.chain.contract import Anchored, NotOurContract
from anchor.server.chain.node import EndpointsDisagree
from anchor.server.chain.values import Block, hexadecimal
from anchor.server.storage.anchors import (
    AnchorRow,
    BatchRow,
    anchor_of,
    batch_of_number,
    batch_of_root,
    head_accepted,
    newest_anchor,
    newest_batch,
)


@dataclass(frozen=True, slots=True)
class Target:
    """The batch to anchor, and the head that it follows."""

    batch: BatchRow
    previous_head: Bytes32


def read_head(chain: SendingChain, conditions: Conditions) -> Bytes32 | None:
    """Return the contract's head, or None where endpoints contradict each other (a condition then).

    Endpoints of different heights may differ at their own newest blocks: then they must agree at the
    newest one that all of them have, and a head beyond that is believed only where it is one of ours,
    and no older than what another shows. Raises RpcError, NotOurContract.
    """
    heads = chain.contract.heads()
    shown = set(heads.values())
    if len(shown) == 1:
        return shown.pop()
    common = chain.node.common
    try:
        before = chain.contract.heads(common.number) if common is not None else {}
    except (RpcError, NotOurContract):
        # That block's state is gone everywhere: nothing to compare by.
        before = {}
    if len(set(before.values())) <= 1:
        with chain.lease.read() as reading:
            numbers = {head: _number_of(reading, head) for head in shown}
        known = {head: number for head, number in numbers.items() if number is not None}
        ahead = {head for name, head in heads.items() if name not in chain.node.lagging}
        newest = max(known, key=lambda head: known[head], default=None)
        # Without a common word, only one that keeps up is heard against one that lags.
        if len(known) == len(shown) and newest in ahead and (before or len(ahead) == 1):
            return newest
    where = "the contract's head"
    if len(set(before.values())) > 1 and common is not None:
        heads, where = before, f"the contract's head in block {common.number}"
    said = "; ".join(f"{name}: {hexadecimal(head)}" for name, head in heads.items())
    conditions.add(AlarmName.ENDPOINTS_DISAGREE, f"about {where}: {said}")
    return None


def _number_of(reading: Connection, head: Bytes32) -> int | None:
    """Return the batch of a head; 0 for that of a contract never used, None for one that is not ours."""
    if head == ZERO:
        return 0
    batch = batch_of_root(reading, head)
    return None if batch is None else batch.number


def choose_target(
    chain: SendingChain, head: Bytes32, latest: Block, conditions: Conditions, *, was_ours: bool
) -> Target | None:
    """Return what to anchor next; None where nothing is to be, or may be (a condition then).

    ``was_ours``: this process has seen a head of ours before, so a foreign one is no old backup's fault.
    """
    with chain.lease.read() as reading:
        newest = newest_batch(reading)
        known = batch_of_root(reading, head)
        anchored = newest_anchor(reading, chain.row.id)
        accepted = head_accepted(reading, chain.row.id, head)
    if accepted:
        return None if newest is None or newest.anchor_root == head else Target(newest, head)
    if known is None and head != ZERO:
        name, detail = diagnose(chain, head, latest, newest, was_ours=was_ours)
        conditions.add(name, detail)
        return None
    held = known.number if known is not None else 0
    if anchored is not None and held < anchored.batch:
        if _anchored_over(chain, head, anchored, latest):
            again = f"the head is that of batch {held} again, though batch {anchored.batch} stands"
            conditions.add(AlarmName.FOREIGN_HEAD, f"{again} in block {anchored.block_number}")
        elif anchored.state == "final":
            conditions.add(
                AlarmName.CHAIN_WENT_BACK,
                f"batch {anchored.batch} was final in block {anchored.block_number}, "
                f"but the head is that of batch {held}",
            )
        # Else the confirming step finds out whether a reorganisation took it.
        return None
    if newest is None or held >= newest.number:
        return None
    return Target(newest, head)


def _anchored_over(chain: SendingChain, head: Bytes32, anchored: AnchorRow, latest: Block) -> bool:
    """Return whether an older head of ours follows an anchor that stands: no chain that went back does that.

    Both are asked at a block by its number, so that a node that lacks the newest blocks says nothing. An
    event must tell of it too: behind one URL the block may be of one fork, and the head of another.
    """
    if latest.number < anchored.block_number:
        return False
    try:
        block = chain.node.agreed_block(anchored.block_number)
        heads = chain.contract.heads(latest.number)
        events = list(chain.contract.anchored(anchored.block_number, latest.number, new_head=head))
    except (RpcError, EndpointsDisagree, NotOurContract):
        return False
    if block is None or block.hash != anchored.block_hash or set(heads.values()) != {head}:
        return False
    with chain.lease.read() as reading:
        own = _number_of(reading, head) or 0
        before = [_number_of(reading, event.previous_head) for event in events]
    # Upon a head that is not ours, or a newer one: a line of ours that a reorganisation moved does neither.
    return any(number is None or number > own for number in before)


def adopt_anchors(chain: SendingChain, head: Bytes32, latest: Block) -> bool:
    """Record the anchors that the chain holds and the database does not know of.

    So they are found however they came there: by an attempt that was given up, by a process whose
    database was restored since. True where any was recorded. Raises RpcError, EndpointsDisagree.
    """
    with chain.lease.read() as reading:
        known = batch_of_root(reading, head)
        if known is None or anchor_of(reading, chain.row.id, known.number) is not None:
            return False
    found: list[tuple[Anchored, BatchRow]] = []
    failure: RpcError | EndpointsDisagree | None = None
    try:
        for event in chain.contract.anchored(chain.row.first_block, latest.number):
            with chain.lease.read() as reading:
                batch = batch_of_root(reading, event.new_head)
                if batch is not None and anchor_of(reading, chain.row.id, batch.number) is not None:
                    break
            if batch is not None:
                found.append((event, batch))
            if event.previous_head == ZERO:
                break
    except (RpcError, EndpointsDisagree) as error:
        failure = error
    recorded = False
    # The oldest first: once the newest is on record nobody looks for what is before it.
    for event, batch in reversed(found):
        if not record_event(chain, event, batch, latest):
            break
        recorded = True
    if failure is not None:
        raise failure
    return recorded


def diagnose(
    chain: SendingChain, head: Bytes32, latest: Block, newest: BatchRow | None, *, was_ours: bool
) -> tuple[AlarmName, str]:
    """Return what a head that is not ours means: our database is old, or the head is foreign.

    Old also where no event tells which and this process has not seen a head of ours: to take that for a
    foreign head and seal would fork the log of a restored database.
    """
    shown = hexadecimal(head)
    event: Anchored | None = None
    why = "no event tells of it"
    try:
        event = next(chain.contract.anchored(chain.row.first_block, latest.number, new_head=head), None)
    except (RpcError, EndpointsDisagree) as error:
        why = f"its event cannot be read ({error})"
    if event is None and was_ours:
        return AlarmName.FOREIGN_HEAD, f"the head {shown} is not ours, and {why}"
    if event is None:
        return (
            AlarmName.DATABASE_OLDER_THAN_CHAIN,
            f"the head {shown} is not here, and {why}: it is a batch that this database lost, "
            "or somebody else's",
        )
    ours = newest.number if newest is not None else 0
    where = f"transaction {hexadecimal(event.transaction_hash)} in block {event.block_number}"
    if event.number > ours and not was_ours:
        return (
            AlarmName.DATABASE_OLDER_THAN_CHAIN,
            f"the head is batch {event.number} ({where}); the newest here is {ours}: "
            f"batches {ours + 1} to {event.number} are missing",
        )
    with chain.lease.read() as reading:
        own = batch_of_number(reading, event.number)
    instead = f"; ours has root {hexadecimal(own.anchor_root)}" if own is not None else ""
    return (
        AlarmName.FOREIGN_HEAD,
        f"the head {shown} says it is batch {event.number} ({where}){instead}",
    )
