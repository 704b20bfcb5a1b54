"""One database, SQLite or PostgreSQL: its connections, its transactions, and what its failures mean.

A write transaction on SQLite begins IMMEDIATE, one at a time; a read sees one snapshot on both. A
failure of the database itself (disk full, read-only, gone, busy) is ``StorageUnavailable``: nothing
was written, and the next transaction tries again.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

DialectName = Literal["sqlite", "postgresql"]

BUSY_TIMEOUT_SECONDS: Final = 15.0
_BUSY_PAUSE_SECONDS: Final = 0.0005
_POOL_SIZE: Final = 10
"""Connections that a process keeps; as many more are opened while they are needed."""
_FOR_WRITING: Final = 4
"""Connections that other readers leave, so that however many read slowly, recording need not wait."""
_POOL_TIMEOUT_SECONDS: Final = 30.0

_SQLITE_REASONS: Final = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the database is read-only",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_BUSY: "another process holds the database",
    sqlite3.SQLITE_LOCKED: "another transaction holds the database",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened",
    sqlite3.SQLITE_PROTOCOL: "the database's lock cannot be taken",
}

# SQLite opens a file that it may not write for reading, and such connections, and whatever shares memory
# with them, stay read-only when the file no longer is: they are closed, and the next transaction opens anew.
_OPENED_READ_ONLY: Final = (
    _SQLITE_REASONS[sqlite3.SQLITE_READONLY],
    _SQLITE_REASONS[sqlite3.SQLITE_CANTOPEN],
)

# PostgreSQL's SQLSTATE classes and codes that say nothing about the statement itself.
_POSTGRESQL_REASONS: Final = {
    "08": "the connection was lost",
    "25006": "the database is read-only",
    "40001": "another transaction was in the way",
    "40P01": "another transaction was in the way",
    "53100": "the disk is full",
    "53": "the database is out of resources",
    "55P03": "another transaction holds a lock",
    "57": "the database is shutting down or starting",
    "58": "the disk reports an error",
}

_POSTGRESQL_CONNECTION: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""A server whose network was cut is noticed within a quarter of a minute; libpq alone may wait for hours."""

_GIVEN_WAY: Final = ("40001", "40P01")
"""Serialization failure and deadlock."""


class StorageUnavailable(Exception):
    """The database cannot be used now. Nothing of the transaction was kept; it may be tried again."""

    code: Final = "storage_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TransactionInTheWay(StorageUnavailable):
    """The database gave way to another transaction; the same again at once may well succeed."""


class UnsupportedDatabase(Exception):
    """A database URL of a kind that Anchor does not keep its log in."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"{kind!r} is no database that Anchor can use: give sqlite:///FILE or postgresql://..."
        )
        self.kind = kind


class Database:
    """Connections to one log's database. Thread-safe; one instance a process is enough."""

    def __init__(self, engine: Engine) -> None:
        self.engine: Final = engine
        self.dialect: Final[DialectName] = "sqlite" if engine.dialect.name == "sqlite" else "postgresql"
        if self.dialect == "sqlite":
            self._writes = engine.execution_options(begin="BEGIN IMMEDIATE")
            self._reads = engine.execution_options(begin="BEGIN")
        else:
            self._writes = engine.execution_options(isolation_level="READ COMMITTED")
            self._reads = engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        # SQLite has one writer. Threads of this process queue here, which is fair and does not poll.
        self._writer = threading.Lock()
        self._readers = threading.BoundedSemaphore(2 * _POOL_SIZE - _FOR_WRITING)

    @classmethod
    def open(cls, url: str) -> "Database":
        """Return the database at ``sqlite:///FILE`` or ``postgresql://...``; nothing is connected yet.

        Raises UnsupportedDatabase for any other URL.
        """
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise UnsupportedDatabase(url.partition(":")[0]) from None
        backend = parsed.get_backend_name()
        if backend == "postgres" or parsed.drivername in ("postgresql", "postgresql+psycopg"):
            engine = create_engine(
                parsed.set(drivername="postgresql+psycopg"),
                pool_size=_POOL_SIZE,
                max_overflow=_POOL_SIZE,
                pool_timeout=_POOL_TIMEOUT_SECONDS,
                pool_pre_ping=True,
                hide_parameters=True,
                connect_args=_POSTGRESQL_CONNECTION | dict(parsed.query),
            )
            event.listen(engine, "connect", _prepare_postgresql_connection)
            return cls(engine)
        if backend == "sqlite" and parsed.database not in (None, "", ":memory:"):
            engine = create_engine(
                parsed,
                pool_size=_POOL_SIZE,
                max_overflow=_POOL_SIZE,
                pool_timeout=_POOL_TIMEOUT_SECONDS,
                connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
                hide_parameters=True,
            )
            event.listen(engine, "connect", _prepare_sqlite_connection)
            event.listen(engine, "begin", _begin_sqlite_transaction)
            return cls(engine)
        raise UnsupportedDatabase(parsed.drivername)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One write transaction: committed, and durable, when the block ends; rolled back if it raises.

        Raises StorageUnavailable. On PostgreSQL a lost connection during the commit leaves open
        whether it was kept, as everywhere: what is written must be safe to write again.
        """
        if self.dialect == "postgresql":
            with self._failures_named(), self._writes.begin() as connection:
                yield connection
            return
        if not self._writer.acquire(timeout=BUSY_TIMEOUT_SECONDS):
            raise StorageUnavailable("another transaction holds the database")
        try:
            with self._failures_named(), self._writes.begin() as connection:
                yield connection
        finally:
            self._writer.release()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One read-only transaction over one snapshot of the database. Raises StorageUnavailable."""
        if not self._readers.acquire(timeout=_POOL_TIMEOUT_SECONDS):
            raise StorageUnavailable("all connections are in use")
        try:
            with self.read_to_record() as connection:
                yield connection
        finally:
            self._readers.release()

    @contextmanager
    def read_to_record(self) -> Iterator[Connection]:
        """The same for the short reads that recording waits for: not behind other readers, as ``write``."""
        with self._failures_named(), self._reads.connect() as connection:
            yield connection

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as error:
            raise StorageUnavailable("all connections are in use") from error
        except DBAPIError as error:
            reason = _reason(error.orig, error.connection_invalidated or isinstance(error, _FAILURES))
            if reason is None:
                raise
            if self.dialect == "sqlite" and reason in _OPENED_READ_ONLY:
                self.engine.dispose()
            raise _unavailable(error.orig, reason) from error
        except psycopg.Error as error:
            # Rows are copied by the driver itself, and its errors come as they are.
            reason = _reason(error, isinstance(error, psycopg.OperationalError | psycopg.InterfaceError))
            if reason is None:
                raise
            raise _unavailable(error, reason) from error

    def migrate(self) -> None:
        """Bring the schema to this version of Anchor's. Safe to call from several processes at once."""
        # Here, since Alembic takes long to import and few processes migrate.
        from anchor.server.storage.migrating import upgrade

        with self.write() as connection:
            upgrade(connection)

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


_FAILURES: Final = (OperationalError, InterfaceError)


def _reason(original: BaseException | None, is_failure: bool) -> str | None:
    """Return why the database cannot be used, or None where the statement itself was at fault.

    ``is_failure``: the driver says that it is the connection's or the server's.
    """
    if isinstance(original, sqlite3.Error):
        # Extended codes carry the primary one in their low byte.
        code = getattr(original, "sqlite_errorcode", None)
        return None if code is None else _SQLITE_REASONS.get(code & 0xFF)
    state: str | None = getattr(original, "sqlstate", None)
    if state is not None:
        return _POSTGRESQL_REASONS.get(state) or _POSTGRESQL_REASONS.get(state[:2])
    return "the database does not answer" if is_failure else None


def _unavailable(original: BaseException | None, reason: str) -> StorageUnavailable:
    given_way = getattr(original, "sqlstate", None) in _GIVEN_WAY
    return TransactionInTheWay(reason) if given_way else StorageUnavailable(reason)


def _prepare_postgresql_connection(connection: Any, _record: Any) -> None:
    # What is answered is durable, whatever the server's or the role's default is. Stronger ones stay.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) "
            "WHERE current_setting('synchronous_commit') = 'off'"
        )
    connection.commit()


def _prepare_sqlite_connection(connection: Any, _record: Any) -> None:
    # Transactions are begun by _begin_sqlite_transaction, not guessed from statements by the driver.
    connection.isolation_level = None
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        # INSERT OR REPLACE then fires the triggers that refuse deletion.
        "recursive_triggers = ON",
        "temp_store = MEMORY",
        # What is erased must not stay in the free part of a page that was split before.
        "secure_delete = ON",
        # Pages that many transactions touch are then copied back once for all of them.
        "wal_autocheckpoint = 8000",
        "cache_size = -65536",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite_transaction(connection: Connection) -> None:
    begin = connection.get_execution_options().get("begin", "BEGIN")
    if begin == "BEGIN":
        connection.exec_driver_sql(begin)
        return
    # SQLite's own waiting sleeps ever longer, up to 100 ms, while another process writes and is done
    # after a few. Asking more often keeps two processes on one file at work.
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        while not _begun(connection, begin, deadline):
            time.sleep(_BUSY_PAUSE_SECONDS)
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_SECONDS * 1000)}")


def _begun(connection: Connection, begin: str, deadline: float) -> bool:
    """Begin; False where another process writes now. After ``deadline`` raises what SQLite says."""
    try:
        connection.exec_driver_sql(begin)
    except OperationalError as error:
        busy = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
        if not busy or time.monotonic() > deadline:
            raise
        return False
    return True
