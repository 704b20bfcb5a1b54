"""What the operator is shown: the chain as the sender last saw it, and the alarms that last."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from anchor.protocol.hashing import Bytes32
from anchor.server.storage.schema_sending import alarms, observations


@dataclass(frozen=True, slots=True)
class ObservationRow:
    """A chain at one look. Times are milliseconds, amounts wei; ``gas_price`` is what gas costs now.

    ``known_tags``: the finality tags that the chain was ever seen to know, with spaces between.
    """

    chain: int
    observed_at: int
    head: Bytes32
    block_number: int
    block_time: int
    block_seen_at: int
    final_number: int | None
    sender: bytes
    sender_balance: int
    gas_price: int
    known_tags: str


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alarm. ``chain`` is a name, '' where it is about none; ``cleared_at`` is None while it lasts."""

    chain: str
    name: str
    detail: str
    raised_at: int
    seen_at: int
    cleared_at: int | None


def observe(connection: Connection, observation: ObservationRow) -> None:
    """Write the newest look at a chain over the one before."""
    connection.execute(observations.delete().where(observations.c.chain == observation.chain))
    connection.execute(
        insert(observations).values(
            chain=observation.chain,
            observed_at=observation.observed_at,
            head=observation.head,
            block_number=observation.block_number,
            block_time=observation.block_time,
            block_seen_at=observation.block_seen_at,
            final_number=observation.final_number,
            sender=observation.sender,
            sender_balance=observation.sender_balance,
            gas_price=observation.gas_price,
            known_tags=observation.known_tags,
        )
    )


def observation_of(connection: Connection, chain: int) -> ObservationRow | None:
    """Return the last look at a chain."""
    row = connection.execute(select(observations).where(observations.c.chain == chain)).one_or_none()
    if row is None:
        return None
    return ObservationRow(*row)


def raise_alarm(connection: Connection, chain: str, name: str, detail: str, now: int) -> bool:
    """Write an alarm; True where it is new, or was over."""
    row = connection.execute(
        select(alarms.c.cleared_at).where(alarms.c.chain == chain, alarms.c.name == name)
    ).one_or_none()
    if row is None:
        connection.execute(
            insert(alarms).values(chain=chain, name=name, detail=detail, raised_at=now, seen_at=now)
        )
        return True
    values: dict[str, Any] = {"detail": detail, "seen_at": now}
    new = row.cleared_at is not None
    if new:
        values |= {"raised_at": now, "cleared_at": None}
    connection.execute(update(alarms).where(alarms.c.chain == chain, alarms.c.name == name).values(**values))
    return new


def clear_alarm(connection: Connection, chain: str, name: str, now: int) -> bool:
    """Say that an alarm is over; True where it lasted until now."""
    cleared = connection.execute(
        update(alarms)
        .where(alarms.c.chain == chain, alarms.c.name == name, alarms.c.cleared_at.is_(None))
        .values(cleared_at=now)
    )
    return cleared.rowcount == 1


def alarms_raised(connection: Connection) -> list[AlarmRow]:
    """Return the alarms that last, oldest first."""
    rows = connection.execute(
        select(alarms).where(alarms.c.cleared_at.is_(None)).order_by(alarms.c.raised_at, alarms.c.name)
    )
    return [AlarmRow(*row) for row in rows]
