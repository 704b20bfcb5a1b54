"""Trees of up to 100,000 leaves: every range of a proof is that of the recursive definition.

The naive definitions are walked as they are written, with the roots of complete subtrees from a table in
the place of those that they would compute again and again.
"""

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from anchor.protocol import merkle_proofs
from anchor.protocol.hashing import keccak
from anchor.protocol.merkle import LEDGER_TREE, Frontier, check_consistency, root_from_inclusion
from anchor.protocol.merkle_growth import grow
from anchor.protocol.merkle_proofs import NodeAt
from tests.protocol.naive_trees import largest_power_below

LARGEST = 100_000


@cache
def complete_subtrees() -> dict[NodeAt, bytes]:
    """Return the roots of all complete subtrees over the largest tree, its leaves among them."""
    leaves = [LEDGER_TREE.leaf(keccak(number.to_bytes(4, "big"))) for number in range(LARGEST)]
    stored = {NodeAt(0, index): leaf for index, leaf in enumerate(leaves)}
    for nodes in grow(LEDGER_TREE, Frontier.empty(), leaves).completed:
        for offset, root in enumerate(nodes.hashes):
            stored[NodeAt(nodes.height, nodes.first_position + offset)] = root
    return stored


def root(start: int, end: int) -> bytes:
    """RFC 9162 §2.1.1 over the leaves from ``start`` to ``end``."""
    size = end - start
    if size & (size - 1) == 0 and start % size == 0:
        return complete_subtrees()[NodeAt(size.bit_length() - 1, start // size)]
    middle = start + largest_power_below(size)
    return keccak(b"\x01" + root(start, middle) + root(middle, end))


def inclusion(index: int, start: int, end: int) -> list[bytes]:
    """RFC 9162 §2.1.3.1."""
    if end - start == 1:
        return []
    middle = start + largest_power_below(end - start)
    if index < middle:
        return [*inclusion(index, start, middle), root(middle, end)]
    return [*inclusion(index, middle, end), root(start, middle)]


def subproof(old: int, start: int, end: int, known: bool) -> list[bytes]:
    """RFC 9162 §2.1.4.1, with ``old`` counted from the first leaf of the whole tree."""
    if old == end:
        return [] if known else [root(start, end)]
    middle = start + largest_power_below(end - start)
    if old <= middle:
        return [*subproof(old, start, middle, known), root(middle, end)]
    return [*subproof(old, middle, end, False), root(start, middle)]


@given(size=st.integers(1, LARGEST), data=st.data())
@settings(max_examples=200, deadline=None)
def test_proofs_in_a_tree_of_any_size_are_those_of_the_recursive_definition(
    size: int, data: st.DataObject
) -> None:
    stored = complete_subtrees()
    index = data.draw(st.integers(0, size - 1), label="index")
    old = data.draw(st.integers(1, size), label="old size")

    def read(nodes: object) -> dict[NodeAt, bytes]:
        return stored

    path = merkle_proofs.inclusion_path(LEDGER_TREE, index, size, read)
    assert path == inclusion(index, 0, size)
    leaf = stored[NodeAt(0, index)]
    assert root_from_inclusion(LEDGER_TREE, leaf, index, size, path) == root(0, size)
    proof = merkle_proofs.consistency_path(LEDGER_TREE, old, size, read)
    assert proof == subproof(old, 0, size, True)
    check_consistency(LEDGER_TREE, old, root(0, old), size, root(0, size), proof)
