"""The half of the audit that asks the chains: every head, every anchor, and what each transaction cost."""

from collections.abc import Iterator

from anchor.protocol.hashing import ZERO, Bytes32
from anchor.server.audit import send_rows as stored
from anchor.server.audit.finding import Finding
from anchor.server.audit.whole_log import HeadOnChain, audit_chain
from anchor.server.chain.contract import AnchorLog
from anchor.server.chain.finality import FinalHeight, final_height
from anchor.server.chain.node import Node
from anchor.server.chain.settings import ChainSettings
from anchor.server.storage.anchors import ChainRow, chain_in_use
from anchor.server.storage.database import Database
from anchor.server.storage.sending import AttemptRow


def audit_on_chain(
    database: Database, settings: ChainSettings, node: Node, log_id: Bytes32
) -> Iterator[Finding]:
    """Hold a chain against what is on record of it, and its heads against the batches.

    Raises RpcError, EndpointsDisagree, StorageUnavailable.
    """
    assert settings.contract is not None
    contract = AnchorLog(node, settings.contract)
    head = contract.head()
    with database.read() as connection:
        row = chain_in_use(connection, settings.name)
        accepted = {
            accepted
            for number, accepted in stored.audited_accepted_heads(connection)
            if row is not None and number == row.id
        }
    if row is None:
        if head != ZERO:
            # Nothing was sent by this database, and yet the contract has a head.
            yield Finding.of("chains", (settings.name,), "name", None, settings.name)
    else:
        yield from _check_row(row, settings, node, contract, log_id)
    heads = heads_on_chain(contract, 0 if row is None else row.first_block)
    newest = heads[-1].new_head if heads else ZERO
    if newest != head or (heads and heads[0].previous_head != ZERO):
        found = heads[0].block_number if heads else "no anchor"
        yield Finding.of("chains", (settings.name,), "first_block", found, "before the first anchor")
    for foreign in accepted - {one.new_head for one in heads}:
        yield Finding.of("accepted_heads", (settings.name, foreign), "head", foreign, None)
    yield from audit_chain(database, settings.name, heads)
    if row is not None:
        yield from _check_finality(database, row, final_height(node, settings.finality))
        with database.read() as connection:
            for attempt in stored.mined_attempts(connection, row.id):
                yield from _check_receipt(attempt, node)


def heads_on_chain(contract: AnchorLog, first_block: int) -> list[HeadOnChain]:
    """Return the heads that ``contract`` took from a block on, the oldest first. Raises RpcError."""
    node = contract.node
    events = list(contract.anchored(max(0, first_block), node.tallest_block().number))
    heads = []
    for event in reversed(events):
        block = node.block(event.block_number)
        heads.append(
            HeadOnChain(
                event.number,
                event.previous_head,
                event.new_head,
                event.transaction_hash,
                event.block_number,
                event.block_hash,
                0 if block is None else block.time,
            )
        )
    return heads


def _check_row(
    row: ChainRow, settings: ChainSettings, node: Node, contract: AnchorLog, log_id: Bytes32
) -> Iterator[Finding]:
    told = (
        ("chain_id", row.chain_id, settings.chain_id),
        ("contract", row.contract, settings.contract),
        ("genesis_hash", row.genesis_hash, node.genesis_hash()),
    )
    for column, stated, found in told:
        if stated != found:
            yield Finding.of("chains", (row.id,), column, stated, found)
    held = contract.deployed_log_id()
    if held != log_id:
        yield Finding.of("chains", (row.id,), "contract", f"the contract of log 0x{log_id.hex()}", held)


def _check_finality(database: Database, row: ChainRow, final: FinalHeight | None) -> Iterator[Finding]:
    if final is None:
        return
    with database.read() as connection:
        for anchor in stored.audited_anchors_of(connection):
            if anchor.chain == row.id and anchor.state == "final" and anchor.block_number > final.number:
                why = f"final up to block {final.number}"
                yield Finding("anchors", (row.name, anchor.batch), "state", anchor.state, why)


def _check_receipt(attempt: AttemptRow, node: Node) -> Iterator[Finding]:
    receipt = node.receipt(attempt.transaction_hash)
    told = (
        ("block_number", attempt.block_number, None if receipt is None else receipt.block_number),
        ("block_hash", attempt.block_hash, None if receipt is None else receipt.block_hash),
        ("succeeded", attempt.succeeded, None if receipt is None else receipt.succeeded),
        ("gas_used", attempt.gas_used, None if receipt is None else receipt.gas_used),
        ("fee_paid", attempt.fee_paid, None if receipt is None else receipt.fee),
    )
    for column, stated, found in told:
        if stated != found:
            yield Finding.of("attempts", (attempt.id,), column, stated, found)
