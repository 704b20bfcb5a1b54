"""The fence in time: no delta is recorded before ``log.sealing_at``.

Recorders read it inside their transaction, under the shared lock on PostgreSQL; who raises it holds the
exclusive one, so that every delta with an earlier time is committed when the fence stands. On SQLite a
write transaction is alone anyway.
"""

from sqlalchemy import Connection, select, update

from anchor.storage.schema import ledgers, log


def nothing_more_before(connection: Connection, ledger: int, time: int) -> bool:
    """Return whether no delta of a ledger can be recorded before ``time`` (ms) any more."""
    fence = connection.execute(select(log.c.sealing_at)).scalar_one()
    last = connection.execute(select(ledgers.c.last_recorded_at).where(ledgers.c.id == ledger)).scalar_one()
    return bool(max(fence, last) >= time)


def raise_fence(connection: Connection, time: int) -> None:
    """Let no delta be recorded before ``time`` (ms, not in the future) from this transaction's commit on."""
    connection.execute(update(log).where(log.c.sealing_at < time).values(sealing_at=time))
