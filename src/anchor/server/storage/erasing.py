"""Emptying a text field of a delta, and making sure that its bytes leave the database's files.

Every connection to SQLite overwrites with zeros what it removes (``secure_delete``), since pages that were
split long before hold copies too.
"""

from typing import Any, Final

from sqlalchemy import Connection, insert, update

from anchor.protocol.hashing import Bytes32
from anchor.server.storage.database import BUSY_TIMEOUT_SECONDS, Database
from anchor.server.storage.schema import deltas, erasures

SALT_OF: Final = {"reason": "reason_salt", "reference_id": "reference_salt", "metadata": "metadata_salt"}
"""The fields that may be erased, and the column of each one's salt."""

_READER_PATIENCE_MS: Final = 1_000


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


def transaction_number(connection: Connection) -> str:
    """Return PostgreSQL's number of this transaction; nothing on SQLite."""
    if connection.dialect.name == "sqlite":
        return ""
    return str(connection.exec_driver_sql("SELECT CAST(pg_current_xact_id() AS xid)").scalar_one())


def drop_old_pages(database: Database, transaction: str) -> bool:
    """Free what the erasing transaction (``transaction_number``) left behind.

    SQLite's write-ahead log holds old pages: it is moved into the database and emptied. PostgreSQL keeps
    the row's old version until VACUUM, which is run here. Returns False where a reader still needs the old
    state, or it could not be done now: call again.
    """
    raw = database.engine.raw_connection()
    try:
        cursor = raw.cursor()
        if database.dialect == "sqlite":
            # A reader may stay for long: who asks is told so, and asks again.
            cursor.execute(f"PRAGMA busy_timeout = {_READER_PATIENCE_MS}")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            row = cursor.fetchone()
            cursor.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_SECONDS * 1000)}")
            return row is not None and row[0] == 0
        raw.driver_connection.autocommit = True  # type: ignore[union-attr]
        try:
            cursor.execute(_OLDER_READERS, (transaction,))
            unread: bool = cursor.fetchone() == (0,)
            cursor.execute("VACUUM deltas")
            return unread
        finally:
            raw.driver_connection.autocommit = False  # type: ignore[union-attr]
    except database.engine.dialect.loaded_dbapi.Error:
        # The erasure is on record all the same.
        return False
    finally:
        raw.close()


_OLDER_READERS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
    "AND datname = current_database() AND backend_xmin IS NOT NULL "
    "AND age(backend_xmin) >= age(CAST(%s AS xid))"
)
