"""What is on record, read page by page: ledgers, deltas, batches, and where batches are on chains."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, func, select

from anchor.protocol.hashing import Bytes32
from anchor.server.storage.anchors import AnchorRow, ChainRow, chains_in_use
from anchor.server.storage.schema import batches, deltas, erasures, ledgers
from anchor.server.storage.schema_sending import anchors
from anchor.server.storage.sealing import SealedBatch, sealed_batch

CHUNK = 20_000
"""Deltas that are read at once."""


class LedgerRow(NamedTuple):
    """A ledger as it stands. ``balance`` is units of 10**-18; ``last_recorded_at`` milliseconds."""

    id: int
    ledger_id: Bytes32
    customer_id: str
    unit: str
    identity_proof: bytes
    size: int
    balance: int
    last_recorded_at: int
    sealed_size: int


class DeltaRow(NamedTuple):
    """A delta as it was recorded, without the salts. A text that was erased, or absent, is None.

    ``erased`` has the commitment of each field that was erased, by the column's name.
    """

    index_in_ledger: int
    amount: int
    balance: int
    occurred_at: int
    recorded_at: int
    reason: str | None
    reference_id: str | None
    metadata: str | None
    adjusts: Bytes32 | None
    fingerprint: Bytes32
    erased: dict[str, Bytes32]


_LEDGER = (
    ledgers.c.id,
    ledgers.c.ledger_id,
    ledgers.c.customer_id,
    ledgers.c.unit,
    ledgers.c.identity_proof,
    ledgers.c.size,
    ledgers.c.balance,
    ledgers.c.last_recorded_at,
    ledgers.c.sealed_size,
)
_DELTA = (
    deltas.c.index,
    deltas.c.amount,
    deltas.c.balance,
    deltas.c.occurred_at,
    deltas.c.recorded_at,
    deltas.c.reason,
    deltas.c.reference_id,
    deltas.c.metadata,
    deltas.c.adjusts,
    deltas.c.fingerprint,
)

# Statements are built once: building one costs more than running it.
_LEDGER_OF = select(*_LEDGER).where(
    ledgers.c.customer_id == bindparam("customer"),
    ledgers.c.unit == bindparam("in_unit"),
    ledgers.c.size > 0,
)
_LEDGER_OF_LEDGER_ID = select(*_LEDGER).where(
    ledgers.c.ledger_id == bindparam("of_ledger_id"), ledgers.c.size > 0
)
_LEDGER_NUMBERED = select(*_LEDGER).where(ledgers.c.id == bindparam("ledger"))


def ledger_of(connection: Connection, customer_id: str, unit: str) -> LedgerRow | None:
    """Return the ledger of a customer and unit, where anything is on record in it."""
    return _one_ledger(connection, _LEDGER_OF, {"customer": customer_id, "in_unit": unit})


def ledger_of_ledger_id(connection: Connection, ledger_id: Bytes32) -> LedgerRow | None:
    """Return the ledger with this id, where anything is on record in it."""
    return _one_ledger(connection, _LEDGER_OF_LEDGER_ID, {"of_ledger_id": ledger_id})


def ledger_numbered(connection: Connection, number: int) -> LedgerRow | None:
    """Return the ledger that our tables know by this number."""
    return _one_ledger(connection, _LEDGER_NUMBERED, {"ledger": number})


def ledgers_after(connection: Connection, after: int, limit: int, customer_id: str | None) -> list[LedgerRow]:
    """Return up to ``limit`` ledgers with a number above ``after``: all, or a customer's."""
    query = select(*_LEDGER).where(ledgers.c.id > after, ledgers.c.size > 0)
    if customer_id is not None:
        query = query.where(ledgers.c.customer_id == customer_id)
    return [_ledger(row) for row in connection.execute(query.order_by(ledgers.c.id).limit(limit))]


def deltas_from(connection: Connection, ledger: int, start: int, limit: int) -> list[DeltaRow]:
    """Return up to ``limit`` deltas from the index ``start`` on, in order."""
    rows = connection.execute(
        select(*_DELTA)
        .where(deltas.c.ledger == ledger, deltas.c.index >= start)
        .order_by(deltas.c.index)
        .limit(limit)
    ).all()
    erased: dict[int, dict[str, Bytes32]] = {}
    if rows:
        statement = select(erasures.c.index, erasures.c.field, erasures.c.commitment).where(
            erasures.c.ledger == ledger, erasures.c.index.between(rows[0][0], rows[-1][0])
        )
        for index, field, commitment in connection.execute(statement):
            erased.setdefault(index, {})[field] = bytes(commitment)
    return [DeltaRow._make((*row, erased.get(row[0], {}))) for row in rows]


def amounts_and_balances(
    connection: Connection, ledger: int, stop: int
) -> Iterator[Sequence[tuple[int, int, int]]]:
    """Yield the (index, amount, balance) of the first ``stop`` deltas, in order and in chunks; units."""
    statement = (
        select(deltas.c.index, deltas.c.amount, deltas.c.balance)
        .where(deltas.c.ledger == ledger)
        .order_by(deltas.c.index)
    )
    for begin in range(0, stop, CHUNK):
        chunk = statement.where(deltas.c.index >= begin, deltas.c.index < min(begin + CHUNK, stop))
        yield [(row[0], row[1], row[2]) for row in connection.execute(chunk)]


def batches_before(connection: Connection, before: int | None, limit: int) -> list[SealedBatch]:
    """Return up to ``limit`` batches with a number below ``before`` (None: all), the newest first."""
    query = select(batches)
    if before is not None:
        query = query.where(batches.c.number < before)
    rows = connection.execute(query.order_by(batches.c.number.desc()).limit(limit))
    return [sealed_batch(row) for row in rows]


def batches_after(connection: Connection, first: int, limit: int) -> list[SealedBatch]:
    """Return up to ``limit`` batches with numbers from ``first`` on, the oldest first."""
    query = select(batches).where(batches.c.number >= first).order_by(batches.c.number).limit(limit)
    return [sealed_batch(row) for row in connection.execute(query)]


class AnchorOnChain(NamedTuple):
    """An anchor, and the chain that holds it."""

    chain: ChainRow
    anchor: AnchorRow


def anchors_over(connection: Connection, first: int, last: int) -> list[AnchorOnChain]:
    """Return the anchors on chains in use that cover any batch from ``first`` to ``last``.

    In order of chain and batch: those of these batches, and on each chain the next one after them.
    """
    found: list[AnchorOnChain] = []
    for chain in chains_in_use(connection):
        following = (
            select(func.min(anchors.c.batch))
            .where(anchors.c.chain == chain.id, anchors.c.batch >= last)
            .scalar_subquery()
        )
        rows = connection.execute(
            select(anchors)
            .where(
                anchors.c.chain == chain.id,
                anchors.c.batch >= first,
                anchors.c.batch <= func.coalesce(following, last),
            )
            .order_by(anchors.c.batch)
        )
        found += [AnchorOnChain(chain, AnchorRow(*row)) for row in rows]
    return found


def _one_ledger(connection: Connection, statement: Select[Any], values: dict[str, Any]) -> LedgerRow | None:
    row = connection.execute(statement, values).one_or_none()
    return None if row is None else _ledger(row)


def _ledger(row: Sequence[Any]) -> LedgerRow:
    return LedgerRow(*row)
