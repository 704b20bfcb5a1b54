"""A key's way among the leaves in order is its way in the map that was built of them."""

from hypothesis import given
from hypothesis import strategies as st

from anchor.protocol.ledger_map import MapLeaf
from anchor.protocol.sorted_leaves import path_among
from tests.protocol.test_ledger_map import StoredMap, heads, keys


@given(st.dictionaries(keys, heads, max_size=20), st.lists(keys, max_size=6))
def test_a_way_among_leaves_is_that_of_the_stored_map(
    ledgers: dict[bytes, bytes], others: list[bytes]
) -> None:
    stored = StoredMap()
    stored.update(ledgers)
    for key in [*ledgers, *others]:
        leaves = (MapLeaf(ledger_id, ledgers[ledger_id]) for ledger_id in sorted(ledgers))
        found = path_among(leaves, key)
        assert (found.siblings, found.found) == stored.path(key)
