"""However many read slowly, what is recorded does not wait for them."""

from anchor.server.ledger.api_keys import Scope, create_key, find_key, hash_of_key
from anchor.server.ledger.model import Emission
from tests.fixtures.logs import OpenedLog
from tests.fixtures.slow_readers import slow_readers


def test_new_and_known_ledgers_are_recorded_and_keys_are_found_beside_slow_readers(opened: OpenedLog) -> None:
    opened.record(Emission("acme", 1))
    created = create_key(opened.database, opened.clock, "test", [Scope.WRITE])
    with slow_readers(opened.database):
        receipts = opened.record(Emission("acme", 1), Emission("bolt", 1))
        assert find_key(opened.database, hash_of_key(created.text)) == created.key
    assert [receipt.index for receipt in receipts] == [1, 0]
