"""Leases: who may act, among the processes that share one database."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from anchor.server.storage.schema_sending import leases


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """Who holds a lease, how often it was renewed, and for how long a renewal counts."""

    holder: str
    renewals: int
    length_ms: int
    renewed_at: int


def read_lease(connection: Connection, name: str, *, lock: bool = False) -> LeaseRow | None:
    """Return a lease. With ``lock`` nobody can take it over before this transaction ends."""
    query = select(leases.c.holder, leases.c.renewals, leases.c.length_ms, leases.c.renewed_at).where(
        leases.c.name == name
    )
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else LeaseRow(*row)


def take_lease(
    connection: Connection, name: str, *, holder: str, seen: LeaseRow | None, length_ms: int, now: int
) -> bool:
    """Take a lease that stands as it was ``seen`` (None: nobody held it); False where it moved since."""
    if seen is None:
        try:
            with connection.begin_nested():
                connection.execute(
                    insert(leases).values(
                        name=name, holder=holder, renewals=1, length_ms=length_ms, renewed_at=now
                    )
                )
        except IntegrityError:
            return False
        return True
    taken = connection.execute(
        update(leases)
        .where(leases.c.name == name, leases.c.holder == seen.holder, leases.c.renewals == seen.renewals)
        .values(holder=holder, renewals=seen.renewals + 1, length_ms=length_ms, renewed_at=now)
    )
    return taken.rowcount == 1


def renew_lease(connection: Connection, name: str, holder: str, now: int) -> bool:
    """Renew a lease; False where another holds it."""
    renewed = connection.execute(
        update(leases)
        .where(leases.c.name == name, leases.c.holder == holder)
        .values(renewals=leases.c.renewals + 1, renewed_at=now)
    )
    return renewed.rowcount == 1


def release_lease(connection: Connection, name: str, holder: str) -> None:
    """Give a lease back, so that the next one need not wait."""
    connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))
