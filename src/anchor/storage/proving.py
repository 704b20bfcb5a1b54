"""What a proof is made of: a delta with its salts, a ledger's head in a batch, and where a batch is."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from anchor.protocol.hashing import Bytes32
from anchor.storage.anchors import AnchorRow, anchor_covering, chains_in_use
from anchor.storage.schema import batches, deltas, erasures, heads, ledgers
from anchor.storage.schema_sending import anchors, chains
from anchor.storage.sealing import SealedBatch, sealed_batch


class LedgerRow(NamedTuple):
    """Which ledger, whose, and how much of it is recorded and sealed."""

    id: int
    ledger_id: Bytes32
    customer_id: str
    unit: str
    identity_proof: bytes
    size: int
    sealed_size: int


class ProvableDelta(NamedTuple):
    """A delta with what opens it. Where a salt is None, ``erased`` holds the field's commitment."""

    index_in_ledger: int
    amount: int
    balance: int
    occurred_at: int
    recorded_at: int
    reason: str | None
    reason_salt: bytes | None
    reference_id: str | None
    reference_salt: bytes | None
    metadata: str | None
    metadata_salt: bytes | None
    adjusts: Bytes32 | None
    erased: dict[str, Bytes32]


class HeadRow(NamedTuple):
    """A ledger's head in some batch: its size and root."""

    size: int
    root: Bytes32


class Evidence(NamedTuple):
    """Where a batch, or a later one that holds it in its history, is on a chain."""

    chain_id: int
    contract: bytes
    anchor: AnchorRow


def ledger_of_id(connection: Connection, ledger: int) -> LedgerRow | None:
    """Return the ledger that our tables know by this number."""
    return _ledger(connection, ledgers.c.id == ledger)


def ledger_of_customer(connection: Connection, customer_id: str, unit: str) -> LedgerRow | None:
    """Return a customer's ledger in a unit, if anything is on record in it."""
    found = _ledger(connection, (ledgers.c.customer_id == customer_id) & (ledgers.c.unit == unit))
    return found if found is not None and found.size else None


def _ledger(connection: Connection, condition: Any) -> LedgerRow | None:
    row = connection.execute(
        select(
            ledgers.c.id,
            ledgers.c.ledger_id,
            ledgers.c.customer_id,
            ledgers.c.unit,
            ledgers.c.identity_proof,
            ledgers.c.size,
            ledgers.c.sealed_size,
        ).where(condition)
    ).one_or_none()
    if row is None:
        return None
    return LedgerRow(
        row.id,
        bytes(row.ledger_id),
        row.customer_id,
        row.unit,
        bytes(row.identity_proof),
        row.size,
        row.sealed_size,
    )


def provable_deltas(connection: Connection, ledger: int, start: int, stop: int) -> list[ProvableDelta]:
    """Return the deltas from ``start`` up to, not including, ``stop``, in order."""
    erased: dict[int, dict[str, Bytes32]] = {}
    for index, field, commitment in connection.execute(
        select(erasures.c.index, erasures.c.field, erasures.c.commitment).where(
            erasures.c.ledger == ledger, erasures.c.index >= start, erasures.c.index < stop
        )
    ):
        erased.setdefault(index, {})[field] = bytes(commitment)
    rows = connection.execute(
        select(
            deltas.c.index,
            deltas.c.amount,
            deltas.c.balance,
            deltas.c.occurred_at,
            deltas.c.recorded_at,
            deltas.c.reason,
            deltas.c.reason_salt,
            deltas.c.reference_id,
            deltas.c.reference_salt,
            deltas.c.metadata,
            deltas.c.metadata_salt,
            deltas.c.adjusts,
        )
        .where(deltas.c.ledger == ledger, deltas.c.index >= start, deltas.c.index < stop)
        .order_by(deltas.c.index)
    )
    return [ProvableDelta(*row, erased.get(row[0], {})) for row in rows]


def head_at(connection: Connection, ledger: int, batch: int) -> HeadRow | None:
    """Return a ledger's head as a batch holds it; None where the batch holds nothing of it."""
    row = connection.execute(
        select(heads.c.size, heads.c.root)
        .where(heads.c.ledger == ledger, heads.c.batch <= batch)
        .order_by(heads.c.batch.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else HeadRow(row.size, bytes(row.root))


def first_batch_holding(connection: Connection, ledger: int, index: int) -> int | None:
    """Return the first batch that holds the delta at an index; None where none does yet."""
    return connection.execute(
        select(func.min(heads.c.batch)).where(heads.c.ledger == ledger, heads.c.size > index)
    ).scalar_one_or_none()


def batch_numbered(connection: Connection, number: int) -> SealedBatch | None:
    """Return a batch."""
    row = connection.execute(select(batches).where(batches.c.number == number)).one_or_none()
    return None if row is None else sealed_batch(row)


def provable_batches(connection: Connection) -> list[int]:
    """Return the batches that a proof is best made under, best first.

    The newest that is final on the primary chain; the newest that is final, or at least mined, on any
    chain; and the newest of all.
    """
    ranked = []
    on_chains = select(func.max(anchors.c.batch)).join(chains, chains.c.id == anchors.c.chain)
    in_use = chains.c.retired_at.is_(None)
    for condition in (chains.c.is_primary & (anchors.c.state == "final"), anchors.c.state == "final", None):
        query = on_chains.where(in_use) if condition is None else on_chains.where(in_use, condition)
        ranked.append(connection.execute(query).scalar_one_or_none())
    ranked.append(connection.execute(select(func.max(batches.c.number))).scalar_one_or_none())
    return list(dict.fromkeys(number for number in ranked if number is not None))


def evidence_of(connection: Connection, batch: int) -> list[Evidence]:
    """Return, for each chain in use, the first anchor that covers a batch: a final one if there is one."""
    found: list[Evidence] = []
    for chain in chains_in_use(connection):
        final = connection.execute(
            select(func.min(anchors.c.batch)).where(
                anchors.c.chain == chain.id, anchors.c.batch >= batch, anchors.c.state == "final"
            )
        ).scalar_one_or_none()
        anchor = anchor_covering(connection, chain.id, batch if final is None else final)
        if anchor is not None:
            found.append(Evidence(chain.chain_id, bytes(chain.contract), anchor))
    return found
