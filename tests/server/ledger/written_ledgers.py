"""Ledgers written straight into the tables, for tests of what only reads them."""

from collections.abc import Sequence
from itertools import accumulate

from sqlalchemy import insert, update

from anchor.protocol.hashing import ZERO, keccak
from anchor.protocol.merkle import LEDGER_TREE
from anchor.protocol.merkle_proofs import complete_root
from anchor.server.ledger.model import Log
from anchor.server.storage.database import Database
from anchor.server.storage.schema import batches, deltas, heads, ledgers, tree_nodes
from anchor.server.storage.schema import log as log_table
from anchor.server.storage.schema_sending import anchors, chains

LOG = Log(keccak(b"log"), keccak(b"public key"), bytes(20), bytes(16), 0)
CUSTOMER = "cust_8xKj2m"


def write_log(database: Database) -> Log:
    """Write the log's row."""
    with database.write() as connection:
        connection.execute(
            insert(log_table).values(
                id=1,
                log_id=LOG.log_id,
                identity_public_key=LOG.identity_public_key,
                founder=LOG.founder,
                receipt_key=LOG.receipt_key,
                sealing_at=0,
                created_at=0,
            )
        )
    return LOG


def fingerprint_of(index: int) -> bytes:
    """The fingerprint that ``write_ledger`` gives to a delta (nothing here recomputes it)."""
    return keccak(f"delta {index}".encode())


def write_ledger(
    database: Database,
    amounts: Sequence[int],
    *,
    ledger: int = 1,
    customer_id: str = CUSTOMER,
    unit: str = "",
    references: Sequence[str | None] | None = None,
    recorded_at: Sequence[int] | None = None,
) -> None:
    """Write a ledger with these amounts; reference ``job_<index>`` and time ``index`` unless given."""
    size = len(amounts)
    balances = list(accumulate(amounts))
    references = [f"job_{index}" for index in range(size)] if references is None else references
    recorded_at = range(size) if recorded_at is None else recorded_at
    with database.write() as connection:
        connection.execute(
            insert(ledgers).values(
                id=ledger,
                ledger_id=keccak(f"ledger {ledger}".encode()),
                customer_id=customer_id,
                unit=unit,
                identity_proof=bytes(80),
                size=size,
                balance=balances[-1] if balances else 0,
                last_recorded_at=recorded_at[-1] if size else 0,
            )
        )
        rows = [
            {
                "ledger": ledger,
                "index": index,
                "amount": amounts[index],
                "balance": balances[index],
                "occurred_at": recorded_at[index],
                "recorded_at": recorded_at[index],
                "reason": "usage",
                "reason_salt": bytes(16),
                "reference_id": references[index],
                "reference_salt": bytes(16),
                "metadata_salt": bytes(16),
                "fingerprint": fingerprint_of(index),
            }
            for index in range(size)
        ]
        if rows:
            connection.execute(insert(deltas), rows)


def seal_ledger(
    database: Database, size: int, *, number: int, sealed_at: int, balance: int = 0, ledger: int = 1
) -> None:
    """Write the subtrees and the head of a ledger's first ``size`` deltas into a new batch."""
    leaves = [LEDGER_TREE.leaf(fingerprint_of(index)) for index in range(size)]
    with database.write() as connection:
        connection.execute(
            insert(batches).values(
                number=number,
                sealed_at=sealed_at,
                history_root=ZERO,
                map_root=ZERO,
                anchor_root=keccak(f"batch {number}".encode()),
                delta_count=size,
                ledger_count=1,
            )
        )
        connection.execute(
            insert(heads).values(ledger=ledger, batch=number, size=size, root=ZERO, balance=balance)
        )
        for height in range(4, size.bit_length(), 4):
            for position in range(size >> height):
                start = position << height
                connection.execute(
                    insert(tree_nodes).values(
                        tree=ledger,
                        height=height,
                        position=position,
                        hash=complete_root(LEDGER_TREE, leaves[start : start + (1 << height)]),
                    )
                )
        connection.execute(update(ledgers).where(ledgers.c.id == ledger).values(sealed_size=size))


def anchor_batch(
    database: Database, number: int, *, state: str = "final", primary: bool = True, block_time: int = 0
) -> None:
    """Write that a chain holds a batch."""
    chain = 1 if primary else 2
    with database.write() as connection:
        if connection.execute(chains.select().where(chains.c.id == chain)).one_or_none() is None:
            connection.execute(
                insert(chains).values(
                    id=chain,
                    name=f"chain {chain}",
                    chain_id=chain,
                    contract=bytes(20),
                    genesis_hash=ZERO,
                    first_block=0,
                    is_primary=primary,
                    created_at=0,
                )
            )
        connection.execute(
            insert(anchors).values(
                chain=chain,
                batch=number,
                previous_head=ZERO,
                transaction_hash=keccak(f"transaction {number}".encode()),
                block_number=number,
                block_hash=keccak(f"block {number}".encode()),
                block_time=block_time,
                state=state,
                recorded_at=0,
            )
        )
