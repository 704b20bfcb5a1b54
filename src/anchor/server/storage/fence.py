"""The fence in time: no delta is recorded before ``log.sealing_at``.

Whoever records reads it with ``fence_for_recording`` inside the transaction; whoever raises it waits, on
PostgreSQL, for all who read it before: so when the fence stands at a time, every delta that will ever
have an earlier time is committed. On SQLite a write transaction is alone anyway.

The fence never falls, so one machine with a fast clock would move the whole log's time: on PostgreSQL the
time is the server's.
"""

from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, cast, func, null, select, update

from anchor.server.storage.schema import ledgers, log

_LOCK: Final = 0x616E63686F72  # "anchor"
_SERVERS_TIME: Final = cast(func.floor(func.extract("epoch", func.clock_timestamp()) * 1000), BigInteger)


class Times(NamedTuple):
    """What the database says of time, in ms: no new delta may be recorded before ``fence``, and it is
    ``now`` by the one clock of all who use it; None on SQLite, where each has its own."""

    fence: int
    now: int | None


def fence_for_recording(connection: Connection) -> Times:
    """Return the fence, which holds until the transaction ends, and the time."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock_shared(_LOCK)))
    fence, now = connection.execute(select(log.c.sealing_at, _now(connection))).one()
    return Times(fence, now)


def shared_time(connection: Connection) -> int | None:
    """Return the time (ms) by the one clock of all who use this database; None where each has its own."""
    now: int | None = connection.execute(select(_now(connection))).scalar_one()
    return now


def _now(connection: Connection) -> ColumnElement[Any]:
    return _SERVERS_TIME if connection.dialect.name == "postgresql" else null()


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
