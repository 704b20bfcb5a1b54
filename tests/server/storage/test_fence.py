"""The fence in time: once it stands, nothing earlier is recorded."""

import threading

import pytest
from sqlalchemy import text

from anchor.server.storage.database import Database
from anchor.server.storage.fence import fence_for_recording, raise_fence
from tests.fixtures.databases import EVERY_SERVER
from tests.server.ledger.written_ledgers import write_log

pytestmark = pytest.mark.databases(*EVERY_SERVER)


def test_the_fence_only_rises(database: Database) -> None:
    write_log(database)
    for time, stands_at in ((50, 50), (40, 50), (60, 60)):
        with database.write() as connection:
            raise_fence(connection, time)
        with database.write() as connection:
            assert fence_for_recording(connection).fence == stands_at


def test_raising_the_fence_waits_for_those_who_record_below_it(postgresql_database: Database) -> None:
    database = postgresql_database
    write_log(database)
    order: list[str] = []

    def raise_it() -> None:
        with database.write() as connection:
            raise_fence(connection, 100)
            order.append("raised")

    raising = threading.Thread(target=raise_it)
    with database.write() as recording:
        assert fence_for_recording(recording).fence == 0
        with database.write() as another:
            assert fence_for_recording(another).fence == 0
        raising.start()
        waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        while True:
            with database.read() as watching:
                if watching.execute(waiting).scalar_one():
                    break
        order.append("recorded")
    raising.join()
    assert order == ["recorded", "raised"]
    with database.write() as connection:
        assert fence_for_recording(connection).fence == 100
