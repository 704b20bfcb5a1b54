"""Emptying a text field of a delta, and making sure that its bytes leave SQLite's file."""

from typing import Any, Final

from sqlalchemy import Connection, insert, update

from anchor.protocol.hashing import Bytes32
from anchor.storage.database import Database, StorageUnavailable
from anchor.storage.schema import deltas, erasures

SALT_OF: Final = {"reason": "reason_salt", "reference_id": "reference_salt", "metadata": "metadata_salt"}
"""The fields that may be erased, and the column of each one's salt."""


def lock_for_erasing(connection: Connection) -> None:
    """Let SQLite overwrite with zeros what this transaction removes."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def field_and_salt(
    connection: Connection, ledger: int, index: int, field: str
) -> tuple[str | None, bytes | None] | None:
    """Return a field and its salt, locked until the transaction ends; None where there is no such delta."""
    statement = (
        deltas.select()
        .with_only_columns(deltas.c[field], deltas.c[SALT_OF[field]])
        .where(deltas.c.ledger == ledger, deltas.c.index == index)
        .with_for_update()
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else (row[0], None if row[1] is None else bytes(row[1]))


def erasure_of(connection: Connection, ledger: int, index: int, field: str) -> Any | None:
    """Return commitment, erased_at, erased_by of an erasure that is on record."""
    return connection.execute(
        erasures.select()
        .with_only_columns(erasures.c.commitment, erasures.c.erased_at, erasures.c.erased_by)
        .where(erasures.c.ledger == ledger, erasures.c.index == index, erasures.c.field == field)
    ).one_or_none()


def write_erasure(
    connection: Connection,
    ledger: int,
    index: int,
    field: str,
    commitment: Bytes32,
    erased_at: int,
    erased_by: str,
) -> None:
    """Put the erasure on record, and then empty the field and its salt."""
    place = {"ledger": ledger, "index": index}
    kept = {"field": field, "commitment": commitment, "erased_at": erased_at, "erased_by": erased_by}
    connection.execute(insert(erasures).values(**place, **kept))
    connection.execute(
        update(deltas)
        .where(deltas.c.ledger == ledger, deltas.c.index == index)
        .values({field: None, SALT_OF[field]: None})
    )


def drop_old_pages(database: Database) -> bool:
    """Move SQLite's write-ahead log into the database and empty it, since it holds old pages.

    Returns False where a reader still needs it: call again. PostgreSQL's dead rows go with VACUUM,
    which is begun here.
    """
    raw = database.engine.raw_connection()
    try:
        cursor = raw.cursor()
        if database.dialect == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            row = cursor.fetchone()
            return row is not None and row[0] == 0
        raw.driver_connection.autocommit = True  # type: ignore[union-attr]
        try:
            cursor.execute("VACUUM deltas")
        finally:
            raw.driver_connection.autocommit = False  # type: ignore[union-attr]
        return True
    except Exception as error:
        raise StorageUnavailable("old pages could not be removed; run the erasure again") from error
    finally:
        raw.close()
