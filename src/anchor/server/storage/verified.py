"""How much of a ledger is verified: held by a batch that is final on the primary chain."""

from typing import Final, NamedTuple

from sqlalchemy import Connection, exists, func, select

from anchor.server.storage.schema import batches, heads
from anchor.server.storage.schema_sending import alarms, anchors, chains


class VerifiedBatch(NamedTuple):
    """The newest batch that is final on the primary chain, and when it was sealed (ms)."""

    number: int
    sealed_at: int


class VerifiedHead(NamedTuple):
    """A ledger as the newest final batch holds it: its first ``size`` deltas, and their balance in units."""

    size: int
    balance: int


GONE: Final = ("chain_reset", "chain_went_back")
"""The alarms that say that what was final is not on the chain any more."""


def verified_batch(connection: Connection) -> VerifiedBatch | None:
    """Return the newest batch that is final on the primary chain; None before the first, and while the chain
    is another one or holds an older head: nothing is verified by an anchor that is gone."""
    gone = exists().where(
        alarms.c.chain == chains.c.name, alarms.c.name.in_(GONE), alarms.c.cleared_at.is_(None)
    )
    newest = (
        select(func.max(anchors.c.batch))
        .join(chains, chains.c.id == anchors.c.chain)
        .where(chains.c.is_primary, chains.c.retired_at.is_(None), anchors.c.state == "final", ~gone)
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
