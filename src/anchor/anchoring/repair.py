"""``anchor repair``: hold the chain's line of heads against the database, adopt what is ours, say what
is missing.

After a restored backup the chain may know more than the database. Anchors of batches that the database
holds are adopted (they are proven: root, number and event agree). Batches that it lacks are listed, with
where each was anchored: they can come from a newer backup or a replica only, since a root cannot be
turned back into its deltas.
"""

from dataclasses import dataclass

from anchor.anchoring.recording import record_event
from anchor.anchoring.sending_chain import SendingChain
from anchor.chain.contract import Anchored
from anchor.protocol.hashing import ZERO, Bytes32
from anchor.storage.anchors import anchor_of, batch_of_root, newest_batch


@dataclass(frozen=True, slots=True)
class Repair:
    """What the chain holds beside the database. ``missing`` and ``foreign`` are the newest first.

    ``missing``: heads whose batch numbers are above our newest; ``foreign``: heads with numbers that we
    have given to other roots; ``broken``: a head that does not follow the one before it.
    """

    head: Bytes32
    newest_batch: int
    adopted: tuple[int, ...]
    missing: tuple[Anchored, ...]
    foreign: tuple[Anchored, ...]
    broken: tuple[Anchored, ...]

    @property
    def whole(self) -> bool:
        """Return whether every head on the chain is ours."""
        return not (self.missing or self.foreign or self.broken)


def repair(chain: SendingChain, *, adopt: bool = True) -> Repair:
    """Compare the whole line of heads with the database; with ``adopt`` write the anchors that it lacks.

    Raises RpcError, LeaseLost.
    """
    latest = chain.node.tallest_block()
    head = chain.contract.head()
    with chain.lease.read() as reading:
        newest = newest_batch(reading)
    ours = newest.number if newest is not None else 0
    adopted: list[int] = []
    missing: list[Anchored] = []
    foreign: list[Anchored] = []
    broken: list[Anchored] = []
    follower: Bytes32 = head
    for event in chain.contract.anchored(chain.row.first_block, latest.number):
        if event.new_head != follower:
            broken.append(event)
        follower = event.previous_head
        with chain.lease.read() as reading:
            batch = batch_of_root(reading, event.new_head)
            known = batch is not None and anchor_of(reading, chain.row.id, batch.number) is not None
        if batch is None:
            (missing if event.number > ours else foreign).append(event)
        elif adopt and not known and record_event(chain, event, batch):
            adopted.append(batch.number)
        if event.previous_head == ZERO:
            break
    return Repair(head, ours, tuple(adopted), tuple(missing), tuple(foreign), tuple(broken))
