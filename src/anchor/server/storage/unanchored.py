"""How far the record is ahead of a chain: the oldest delta that a batch, or a chain, does not hold."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, select

from anchor.server.storage.schema import batches, deltas, heads, ledgers

MOST_LEDGERS: Final = 10_000
"""A batch that changed more ledgers than this is dated by its predecessor's seal instead of exactly."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """The newest batch (0: none), when it was sealed, and the oldest delta in none. Milliseconds."""

    newest_batch: int
    newest_sealed_at: int | None
    unsealed_since: int | None


def read_backlog(connection: Connection) -> Backlog:
    """Return how far sealing is behind recording."""
    newest = connection.execute(
        select(batches.c.number, batches.c.sealed_at).order_by(batches.c.number.desc()).limit(1)
    ).one_or_none()
    unsealed = connection.execute(
        select(func.min(deltas.c.recorded_at))
        .join(ledgers, (deltas.c.ledger == ledgers.c.id) & (deltas.c.index == ledgers.c.sealed_size))
        .where(ledgers.c.unsealed)
    ).scalar_one_or_none()
    return Backlog(
        0 if newest is None else newest.number,
        None if newest is None else newest.sealed_at,
        unsealed,
    )


def oldest_delta_after(connection: Connection, batch: int, backlog: Backlog) -> int | None:
    """Return when the oldest delta was recorded that ``batch`` does not hold; None where it holds all.

    Exact, but for a next batch of very many ledgers: then a time that is no later.
    """
    if batch >= backlog.newest_batch:
        return backlog.unsealed_since
    changed = connection.execute(
        select(batches.c.ledger_count).where(batches.c.number == batch + 1)
    ).scalar_one_or_none()
    if not changed or changed > MOST_LEDGERS:
        time = connection.execute(
            select(batches.c.sealed_at).where(batches.c.number == (batch or 1))
        ).scalar_one_or_none()
        return time if time is not None else backlog.newest_sealed_at
    before = heads.alias("before")
    previous_size = (
        select(before.c.size)
        .where(before.c.ledger == heads.c.ledger, before.c.batch <= batch)
        .order_by(before.c.batch.desc())
        .limit(1)
        .scalar_subquery()
    )
    return connection.execute(
        select(func.min(deltas.c.recorded_at))
        .select_from(heads)
        .join(
            deltas,
            (deltas.c.ledger == heads.c.ledger) & (deltas.c.index == func.coalesce(previous_size, 0)),
        )
        .where(heads.c.batch == batch + 1)
    ).scalar_one_or_none()


def log_totals(connection: Connection) -> tuple[int, int]:
    """Return how many deltas are recorded, and in how many ledgers."""
    row = connection.execute(select(func.coalesce(func.sum(ledgers.c.size), 0), func.count())).one()
    return int(row[0]), int(row[1])


def deltas_between(connection: Connection, after_batch: int, last_batch: int) -> int:
    """Return how many deltas the batches after one, up to another, added."""
    return int(
        connection.execute(
            select(func.coalesce(func.sum(batches.c.delta_count), 0)).where(
                batches.c.number > after_batch, batches.c.number <= last_batch
            )
        ).scalar_one()
    )
