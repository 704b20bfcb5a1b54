"""Growing by many leaves at once is growing leaf by leaf."""

from hypothesis import given, settings
from hypothesis import strategies as st

from anchor.protocol.hashing import keccak
from anchor.protocol.merkle import LEDGER_TREE, Frontier, tree_root
from anchor.protocol.merkle_growth import grow
from anchor.protocol.merkle_proofs import NodeAt

LEAVES = [LEDGER_TREE.leaf(keccak(number.to_bytes(4, "big"))) for number in range(1500)]


@given(st.lists(st.integers(0, 300), max_size=5))
@settings(max_examples=150, deadline=None)
def test_growth_in_chunks_completes_every_subtree_once_and_ends_at_the_same_frontier(
    chunks: list[int],
) -> None:
    frontier, at = Frontier.empty(), 0
    completed: dict[NodeAt, bytes] = {}
    for chunk in chunks:
        growth = grow(LEDGER_TREE, frontier, LEAVES[at : at + chunk])
        frontier, at = growth.frontier, at + chunk
        assert frontier == Frontier.empty().extend(LEDGER_TREE, LEAVES[:at])
        for nodes in growth.completed:
            for offset, node in enumerate(nodes.hashes):
                place = NodeAt(nodes.height, nodes.first_position + offset)
                assert place not in completed
                completed[place] = node
    assert set(completed) == {
        NodeAt(height, position) for height in range(1, at.bit_length()) for position in range(at >> height)
    }
    for place, node in completed.items():
        assert node == tree_root(LEDGER_TREE, LEAVES[place.start : place.end])
