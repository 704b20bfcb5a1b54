"""The checkpoints that were made."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select
from sqlalchemy.dialects import postgresql, sqlite

from anchor.server.storage.schema import checkpoints, ledgers


class StoredCheckpoint(NamedTuple):
    """One checkpoint: a range of a ledger (both ends included), balances in units, times in ms.

    The span is None for a checkpoint that was asked for by its indices.
    """

    id: int
    proof_token: str
    proof_hash: bytes
    ledger: int
    from_index: int
    to_index: int
    opening_balance: int
    closing_balance: int
    opening_root: bytes
    closing_root: bytes
    span_start: int | None
    span_end: int | None
    created_at: int
    ledger_id: bytes
    customer_id: str
    unit: str


def insert_checkpoint(
    connection: Connection,
    *,
    proof_token: str,
    proof_hash: bytes,
    ledger: int,
    from_index: int,
    to_index: int,
    opening_balance: int,
    closing_balance: int,
    opening_root: bytes,
    closing_root: bytes,
    span_start: int | None,
    span_end: int | None,
    created_at: int,
) -> None:
    """Add a checkpoint; nothing happens where the ledger has one of this range and span."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(
        dialect.insert(checkpoints)
        .values(
            proof_token=proof_token,
            proof_hash=proof_hash,
            ledger=ledger,
            from_index=from_index,
            to_index=to_index,
            opening_balance=opening_balance,
            closing_balance=closing_balance,
            opening_root=opening_root,
            closing_root=closing_root,
            span_start=span_start,
            span_end=span_end,
            created_at=created_at,
        )
        .on_conflict_do_nothing()
    )


def checkpoint_of_range(
    connection: Connection,
    ledger: int,
    from_index: int,
    to_index: int,
    span_start: int | None,
    span_end: int | None,
) -> StoredCheckpoint | None:
    """Return the checkpoint of a range that was asked for by this span (None: by its indices)."""
    row = connection.execute(
        _stored().where(
            checkpoints.c.ledger == ledger,
            checkpoints.c.from_index == from_index,
            checkpoints.c.to_index == to_index,
            checkpoints.c.span_start.is_(None)
            if span_start is None
            else (checkpoints.c.span_start == span_start) & (checkpoints.c.span_end == span_end),
        )
    ).one_or_none()
    return None if row is None else StoredCheckpoint(*row)


def checkpoint_of_token(connection: Connection, proof_token: str) -> StoredCheckpoint | None:
    """Return the checkpoint with this token."""
    row = connection.execute(_stored().where(checkpoints.c.proof_token == proof_token)).one_or_none()
    return None if row is None else StoredCheckpoint(*row)


def checkpoints_of_hash(connection: Connection, proof_hash: bytes) -> list[StoredCheckpoint]:
    """Return the checkpoints with this hash, oldest first: one range, asked for in several ways."""
    rows = connection.execute(
        _stored().where(checkpoints.c.proof_hash == proof_hash).order_by(checkpoints.c.id)
    )
    return [StoredCheckpoint(*row) for row in rows]


def checkpoints_of_ledger(
    connection: Connection, ledger: int, after: int, limit: int
) -> list[StoredCheckpoint]:
    """Return up to ``limit`` checkpoints of a ledger whose id is above ``after``, oldest first."""
    rows = connection.execute(
        _stored()
        .where(checkpoints.c.ledger == ledger, checkpoints.c.id > after)
        .order_by(checkpoints.c.id)
        .limit(limit)
    )
    return [StoredCheckpoint(*row) for row in rows]


def _stored() -> Select[Any]:
    return select(
        checkpoints.c.id,
        checkpoints.c.proof_token,
        checkpoints.c.proof_hash,
        checkpoints.c.ledger,
        checkpoints.c.from_index,
        checkpoints.c.to_index,
        checkpoints.c.opening_balance,
        checkpoints.c.closing_balance,
        checkpoints.c.opening_root,
        checkpoints.c.closing_root,
        checkpoints.c.span_start,
        checkpoints.c.span_end,
        checkpoints.c.created_at,
        ledgers.c.ledger_id,
        ledgers.c.customer_id,
        ledgers.c.unit,
    ).join(ledgers, ledgers.c.id == checkpoints.c.ledger)
