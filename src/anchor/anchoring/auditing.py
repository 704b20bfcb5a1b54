"""Every head that a chain took, for the audit to hold against the batches."""

from anchor.chain.contract import AnchorLog
from anchor.chain.node import Node
from anchor.ledger.auditing import HeadOnChain
from anchor.storage.auditing import first_block_of
from anchor.storage.database import Database


def heads_on_chain(database: Database, node: Node, contract: bytes, chain: str) -> list[HeadOnChain]:
    """Return the heads that ``contract`` took, the oldest first.

    Asked from the block on from which the chain named ``chain`` is on record, from the first block
    where it is not. Raises RpcError, StorageUnavailable.
    """
    with database.read() as connection:
        first = first_block_of(connection, chain, contract)
    events = list(AnchorLog(node, contract).anchored(first, node.tallest_block().number))
    return [
        HeadOnChain(event.number, event.previous_head, event.new_head, event.transaction_hash)
        for event in reversed(events)
    ]
