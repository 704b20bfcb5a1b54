"""However many read slowly, what is recorded does not wait for them."""

import threading

from sqlalchemy import text

from anchor.ledger.api_keys import Scope, create_key, find_key, hash_of_key
from anchor.ledger.model import Emission
from tests.fixtures.logs import OpenedLog


def test_new_and_known_ledgers_are_recorded_and_keys_are_found_beside_slow_readers(opened: OpenedLog) -> None:
    opened.record(Emission("acme", 1))
    created = create_key(opened.database, opened.clock, "test", [Scope.WRITE])
    reading, over = threading.Semaphore(0), threading.Event()

    def read_slowly() -> None:
        with opened.database.read() as connection:
            connection.execute(text("SELECT count(*) FROM deltas")).scalar_one()
            reading.release()
            over.wait(60)

    readers = [threading.Thread(target=read_slowly) for _ in range(24)]
    for reader in readers:
        reader.start()
    for _ in range(16):
        assert reading.acquire(timeout=30)
    try:
        receipts = opened.record(Emission("acme", 1), Emission("bolt", 1))
        assert find_key(opened.database, hash_of_key(created.text)) == created.key
    finally:
        over.set()
        for reader in readers:
            reader.join()
    assert [receipt.index for receipt in receipts] == [1, 0]
