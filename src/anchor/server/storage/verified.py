"""How much of a ledger is verified: held by a batch that is final on the primary chain."""

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from anchor.server.storage.schema import batches, heads
from anchor.server.storage.schema_sending import anchors, chains


class VerifiedBatch(NamedTuple):
    """The newest batch that is final on the primary chain, and when it was sealed (ms)."""

    number: int
    sealed_at: int


class VerifiedHead(NamedTuple):
    """A ledger as the newest final batch holds it: its first ``size`` deltas, and their balance in units."""

    size: int
    balance: int


def verified_batch(connection: Connection) -> VerifiedBatch | None:
    """Return the newest batch that is final on the primary chain; None before the first."""
    newest = (
        select(func.max(anchors.c.batch))
        .join(chains, chains.c.id == anchors.c.chain)
        .where(chains.c.is_primary, chains.c.retired_at.is_(None), anchors.c.state == "final")
        .scalar_subquery()
    )
    row = connection.execute(
        select(batches.c.number, batches.c.sealed_at).where(batches.c.number == newest)
    ).one_or_none()
    return None if row is None else VerifiedBatch(*row)


def verified_head(connection: Connection, ledger: int, batch: VerifiedBatch | None) -> VerifiedHead:
    """Return the ledger as the newest final batch holds it; of size 0 where it holds none of it."""
    if batch is None:
        return VerifiedHead(0, 0)
    row = connection.execute(
        select(heads.c.size, heads.c.balance)
        .where(heads.c.ledger == ledger, heads.c.batch <= batch.number)
        .order_by(heads.c.batch.desc())
        .limit(1)
    ).one_or_none()
    return VerifiedHead(0, 0) if row is None else VerifiedHead(*row)
