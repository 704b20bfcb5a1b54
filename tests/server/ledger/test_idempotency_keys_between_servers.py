"""An idempotency key is one request's, whichever of the servers on one PostgreSQL it reaches."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text

from anchor.server.ledger.errors import IdempotencyKeyConflict, LedgerError
from anchor.server.ledger.model import Emission, Receipt
from anchor.server.ledger.recording import Recorder
from anchor.server.storage.database import Database
from tests.fixtures.databases import EVERY_SERVER
from tests.fixtures.logs import OpenedLog

pytestmark = pytest.mark.databases(*EVERY_SERVER)


def keyed(customer: str, keys: range) -> list[Emission]:
    return [Emission(customer, -1, idempotency_key=f"k-{key}", api_key_id=1) for key in keys]


def deltas_on_record(database: Database) -> int:
    with database.read() as connection:
        count: int = connection.execute(text("SELECT count(*) FROM deltas")).scalar_one()
        return count


@pytest.mark.parametrize("other", ["acme", "bolt"])
def test_the_same_keys_at_two_servers_at_once_are_recorded_once(opened: OpenedLog, other: str) -> None:
    servers = [Recorder(opened.database, opened.log, opened.identity_key, opened.clock) for _ in range(2)]
    together = Barrier(2)

    def send(server: Recorder, emissions: list[Emission]) -> list[Receipt | LedgerError]:
        together.wait()
        return server.record(emissions)

    rounds, size = 10, 50
    for at in range(0, rounds * size, size):
        keys = range(at, at + size)
        with ThreadPoolExecutor(2) as threads:
            first, second = threads.map(
                send, servers, [keyed("acme", keys), list(reversed(keyed(other, keys)))]
            )
        for one, same in zip(first, reversed(second), strict=True):
            fresh = [
                answer for answer in (one, same) if isinstance(answer, Receipt) and not answer.idempotent
            ]
            assert len(fresh) == 1
            if other != "acme":
                assert any(isinstance(answer, IdempotencyKeyConflict) for answer in (one, same))
    assert deltas_on_record(opened.database) == rounds * size


def test_a_group_may_hold_more_keys_than_the_server_has_locks(opened: OpenedLog) -> None:
    count = 30_000
    receipts = opened.record(*keyed("acme", range(count)))
    assert len(receipts) == deltas_on_record(opened.database) == count
    again = opened.record(*keyed("acme", range(0, count, 1_000)))
    assert all(receipt.idempotent for receipt in again)
