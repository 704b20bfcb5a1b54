"""Transactions, and what a failing database says."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from anchor.server.storage.database import Database, StorageUnavailable, UnsupportedDatabase
from anchor.server.storage.migrating import schema_revisions
from tests.fixtures.databases import EVERY_SERVER
from tests.fixtures.slow_readers import slow_readers

pytestmark = pytest.mark.databases(*EVERY_SERVER)

NODE = "INSERT INTO tree_nodes (tree, height, position, hash) VALUES (1, 4, {}, '')"


def count(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(text("SELECT count(*) FROM tree_nodes")).scalar_one()


def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        connection.exec_driver_sql(NODE.format(0))
        raise ZeroDivisionError
    assert count(database) == 0


def test_a_read_sees_one_snapshot(database: Database) -> None:
    with database.read() as reader:
        before = reader.execute(text("SELECT count(*) FROM tree_nodes")).scalar_one()
        with database.write() as writer:
            writer.exec_driver_sql(NODE.format(0))
        assert reader.execute(text("SELECT count(*) FROM tree_nodes")).scalar_one() == before
    assert count(database) == before + 1


def test_however_many_read_slowly_there_is_a_connection_to_write_with(database: Database) -> None:
    with slow_readers(database):
        for place in range(4):
            with database.write() as connection:
                connection.exec_driver_sql(NODE.format(place))
    assert count(database) == 4


def test_an_error_of_the_statement_stays_itself(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.exec_driver_sql(NODE.format(0))
        connection.exec_driver_sql(NODE.format(0))


def test_a_full_disk_is_named_and_passes(sqlite_database: Database) -> None:
    with sqlite_database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageUnavailable, match="disk is full"), sqlite_database.write() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        for number in range(1000):
            connection.exec_driver_sql(NODE.format(number))
    assert count(sqlite_database) == 0
    with sqlite_database.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        connection.exec_driver_sql(NODE.format(0))
    assert count(sqlite_database) == 1


def test_a_read_only_database_is_named(sqlite_database: Database) -> None:
    with pytest.raises(StorageUnavailable, match="read-only"), sqlite_database.write() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
        try:
            connection.exec_driver_sql(NODE.format(0))
        finally:
            connection.exec_driver_sql("PRAGMA query_only = OFF")


def test_a_read_only_server_is_named(postgresql_database: Database) -> None:
    with pytest.raises(StorageUnavailable, match="read-only"), postgresql_database.read() as connection:
        connection.exec_driver_sql(NODE.format(0))
    with postgresql_database.write() as connection:
        connection.exec_driver_sql(NODE.format(0))
    assert count(postgresql_database) == 1


def test_a_lost_connection_is_named_and_the_next_one_works(postgresql_database: Database) -> None:
    with pytest.raises(StorageUnavailable), postgresql_database.write() as connection:
        victim = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with postgresql_database.write() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})
        connection.exec_driver_sql(NODE.format(0))
    with postgresql_database.write() as connection:
        connection.exec_driver_sql(NODE.format(1))
    assert count(postgresql_database) == 1


def test_an_unreachable_server_is_named() -> None:
    database = Database.open("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(StorageUnavailable), database.write():
        pass


def test_writers_of_one_process_wait_for_each_other(database: Database) -> None:
    def write(number: int) -> None:
        with database.write() as connection:
            connection.exec_driver_sql(NODE.format(number))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(database) == 20


@pytest.mark.parametrize(
    "url", ["mysql://a/b", "sqlite://", "sqlite:///:memory:", "no url", "postgresql+psycopg2://a/b"]
)
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(UnsupportedDatabase):
        Database.open(url)


def test_migrating_twice_changes_nothing(make_database_url: Callable[[], str]) -> None:
    database = Database.open(make_database_url())
    database.migrate()
    with database.read() as connection:
        current, newest = schema_revisions(connection)
    assert current == newest
    database.close()


@pytest.fixture
def foreign_writer(sqlite_database: Database) -> Iterator[sqlite3.Connection]:
    """A connection that is not of this process's pool, as another process would have, in a write."""
    connection = sqlite3.connect(
        str(sqlite_database.engine.url.database), isolation_level=None, check_same_thread=False
    )
    connection.execute("BEGIN IMMEDIATE")
    with contextlib.closing(connection):
        yield connection


def test_a_write_waits_for_another_process_that_writes(
    sqlite_database: Database, foreign_writer: sqlite3.Connection
) -> None:
    begun = threading.Event()

    def write() -> None:
        with sqlite_database.write() as connection:
            begun.set()
            connection.exec_driver_sql(NODE.format(1))

    waiting = threading.Thread(target=write)
    waiting.start()
    foreign_writer.execute(NODE.format(0))
    assert not begun.is_set()
    foreign_writer.execute("COMMIT")
    waiting.join(10)
    assert count(sqlite_database) == 2


def test_a_write_that_waited_too_long_is_refused_and_the_next_one_works(
    sqlite_database: Database, foreign_writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anchor.server.storage.database.BUSY_TIMEOUT_SECONDS", 0.01)
    with pytest.raises(StorageUnavailable, match="another process"), sqlite_database.write():
        pass
    foreign_writer.execute("ROLLBACK")
    with sqlite_database.write() as connection:
        connection.exec_driver_sql(NODE.format(0))
    assert count(sqlite_database) == 1


@pytest.mark.databases(*EVERY_SERVER[1:])
@pytest.mark.parametrize(("default", "kept"), [("off", "on"), ("on", "on"), ("remote_apply", "remote_apply")])
def test_a_server_that_answers_before_it_writes_is_told_to_write_first(
    make_database_url: Callable[[], str], default: str, kept: str
) -> None:
    url = make_database_url()
    first = Database.open(url)
    with first.write() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.exec_driver_sql(f'ALTER DATABASE "{name}" SET synchronous_commit = {default}')
    first.close()
    again = Database.open(url)
    for transaction in (again.write, again.read):
        with transaction() as connection:
            assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == kept
    again.close()
