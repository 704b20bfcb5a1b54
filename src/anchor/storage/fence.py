"""The fence in time: no delta is recorded before ``log.sealing_at``.

Whoever records reads it with ``fence_for_recording`` inside the transaction; whoever raises it waits, on
PostgreSQL, for all who read it before: so when the fence stands at a time, every delta that will ever
have an earlier time is committed. On SQLite a write transaction is alone anyway.
"""

from typing import Final

from sqlalchemy import Connection, func, select, update

from anchor.storage.schema import ledgers, log

_LOCK: Final = 0x616E63686F72  # "anchor"


def fence_for_recording(connection: Connection) -> int:
    """Return the time (ms) that no new delta may be recorded before; it holds until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock_shared(_LOCK)))
    fence: int = connection.execute(select(log.c.sealing_at)).scalar_one()
    return fence


def raise_fence(connection: Connection, time: int) -> None:
    """Let no delta be recorded before ``time`` (ms, not in the future) from this transaction's commit on.

    The transaction should be short: on PostgreSQL nothing is recorded while it lasts.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    connection.execute(update(log).where(log.c.sealing_at < time).values(sealing_at=time))


def nothing_more_before(connection: Connection, ledger: int, time: int) -> bool:
    """Return whether no delta of a ledger can be recorded before ``time`` (ms) any more."""
    fence = connection.execute(select(log.c.sealing_at)).scalar_one()
    last = connection.execute(select(ledgers.c.last_recorded_at).where(ledgers.c.id == ledger)).scalar_one()
    return bool(max(fence, last) >= time)
