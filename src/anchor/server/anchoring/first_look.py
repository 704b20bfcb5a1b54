"""The first look at a chain since the start: is it the chain of now that is shown, or an old view of it?

A database that was restored from a backup looks whole beside an endpoint that stands still at a block of
that time: to seal then would fork the log. Nothing that such an endpoint says can tell, but the time of
its newest block, held against our clock.
"""

from anchor.node.endpoint import RpcError
from anchor.protocol.hashing import Bytes32
from anchor.server.anchoring.sending_chain import SendingChain
from anchor.server.chain.contract import NotOurContract
from anchor.server.chain.values import Block
from anchor.server.storage.anchors import newest_batch
from anchor.server.storage.observations import observation_of


def why_not_seen(chain: SendingChain, head: Bytes32, latest: Block) -> str | None:
    """Return why a head, with the newest block, may be those of a past; None where they are of now.

    They are where that block is no older than ``no_block_after``, and the head is that of its state: behind
    one URL another node may have told it. A chain that makes blocks on demand only is believed too where
    the block is the very one that this database knows as the newest.
    """
    with chain.lease.read() as reading:
        first_batch = newest_batch(reading) is None
        last = observation_of(reading, chain.row.id)
    age = (chain.clock.now_ms() - latest.time) / 1000
    stands_still = last is not None and (last.block_number, last.block_time) == (latest.number, latest.time)
    if age > chain.settings.no_block_after and not (
        first_batch or stands_still or chain.settings.development
    ):
        return (
            f"its newest block {latest.number} is {age:.0f} s old, so it may be an old view; for a chain "
            "that makes no blocks by itself raise no_block_after"
        )
    try:
        heads = chain.contract.heads(latest.number)
    except (RpcError, NotOurContract):
        heads = {}
    if set(heads.values()) != {head}:
        return f"its head in block {latest.number} cannot be had, or is another than its newest"
    return None
