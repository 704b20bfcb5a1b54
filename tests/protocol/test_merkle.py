"""The trees of sections 4 and 6, held against the recursive definitions of RFC 9162."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchor.protocol import merkle_proofs
from anchor.protocol.errors import ProofError
from anchor.protocol.hashing import ZERO, keccak
from anchor.protocol.merkle import (
    HISTORY_TREE,
    LEDGER_TREE,
    Frontier,
    TreeHash,
    check_consistency,
    inclusion_length,
    root_from_inclusion,
    tree_root,
)
from anchor.protocol.merkle_proofs import NodeAt, complete_nodes
from tests.protocol.naive_trees import naive_consistency, naive_inclusion, naive_root

ENTRIES = [keccak(number.to_bytes(4, "big")) for number in range(3000)]
LEAVES = [LEDGER_TREE.leaf(entry) for entry in ENTRIES]
NODES_OF_ENTRIES = merkle_proofs.nodes_from_leaves(LEAVES, LEDGER_TREE)
BOTH_TREES = pytest.mark.parametrize("tree", [LEDGER_TREE, HISTORY_TREE], ids=lambda tree: tree.name)


def leaves_of(tree: TreeHash, size: int) -> list[bytes]:
    return [tree.leaf(entry) for entry in ENTRIES[:size]]


def root_of(size: int) -> bytes:
    return tree_root(LEDGER_TREE, LEAVES[:size])


def path_of(tree: TreeHash, index: int, size: int) -> list[bytes]:
    return merkle_proofs.inclusion_path(
        tree, index, size, merkle_proofs.nodes_from_leaves(leaves_of(tree, size), tree)
    )


def consistency_of(tree: TreeHash, old: int, new: int) -> list[bytes]:
    return merkle_proofs.consistency_path(
        tree, old, new, merkle_proofs.nodes_from_leaves(leaves_of(tree, new), tree)
    )


def flip(value: bytes, bit: int) -> bytes:
    return (int.from_bytes(value, "big") ^ (1 << bit % (8 * len(value)))).to_bytes(len(value), "big")


@BOTH_TREES
def test_every_root_up_to_300_leaves_is_that_of_the_recursive_definition(tree: TreeHash) -> None:
    frontier = Frontier.empty()
    for size in range(301):
        expected = naive_root(tree.leaf_tag, tree.node_tag, ENTRIES[:size])
        assert tree_root(tree, leaves_of(tree, size)) == expected
        assert frontier.root(tree) == expected
        frontier = frontier.append(tree, tree.leaf(ENTRIES[size]))


@pytest.mark.slow
@given(st.data())
@settings(max_examples=3, deadline=None)
def test_inclusion_paths_at_every_size_up_to_300_are_those_of_the_recursive_definition(
    data: st.DataObject,
) -> None:
    indices = data.draw(st.tuples(*(st.integers(0, size - 1) for size in range(1, 301))), label="index")
    for size, index in enumerate(indices, start=1):
        path = merkle_proofs.inclusion_path(LEDGER_TREE, index, size, NODES_OF_ENTRIES)
        assert path == naive_inclusion(b"\x00", b"\x01", index, ENTRIES[:size])
        assert len(path) == inclusion_length(index, size)
        leaf = LEDGER_TREE.leaf(ENTRIES[index])
        assert root_from_inclusion(LEDGER_TREE, leaf, index, size, path) == root_of(size)


@pytest.mark.slow
@given(st.data())
@settings(max_examples=3, deadline=None)
def test_consistency_proofs_at_every_size_up_to_300_are_those_of_the_recursive_definition(
    data: st.DataObject,
) -> None:
    old_sizes = data.draw(st.tuples(*(st.integers(0, size) for size in range(301))), label="old size")
    for new, old in enumerate(old_sizes):
        path = merkle_proofs.consistency_path(LEDGER_TREE, old, new, NODES_OF_ENTRIES)
        assert path == naive_consistency(b"\x00", b"\x01", old, ENTRIES[:new])
        check_consistency(LEDGER_TREE, old, root_of(old), new, root_of(new), path)


@given(size=st.integers(1, 300), data=st.data())
@settings(max_examples=200, deadline=None)
def test_any_tree_up_to_300_leaves_proves_what_the_recursive_definition_does(
    size: int, data: st.DataObject
) -> None:
    proves_as_the_recursive_definition(size, data)


@given(size=st.integers(301, len(ENTRIES)), data=st.data())
@settings(max_examples=40, deadline=None)
def test_larger_trees_prove_inclusion_and_consistency(size: int, data: st.DataObject) -> None:
    proves_as_the_recursive_definition(size, data)
    old = data.draw(st.integers(0, size))
    assert merkle_proofs.root_at(LEDGER_TREE, old, NODES_OF_ENTRIES) == root_of(old)


def proves_as_the_recursive_definition(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1), label="index")
    old = data.draw(st.integers(0, size), label="old size")
    path = merkle_proofs.inclusion_path(LEDGER_TREE, index, size, NODES_OF_ENTRIES)
    assert path == naive_inclusion(b"\x00", b"\x01", index, ENTRIES[:size])
    leaf = LEDGER_TREE.leaf(ENTRIES[index])
    assert root_from_inclusion(LEDGER_TREE, leaf, index, size, path) == root_of(size)
    proof = merkle_proofs.consistency_path(LEDGER_TREE, old, size, NODES_OF_ENTRIES)
    assert proof == naive_consistency(b"\x00", b"\x01", old, ENTRIES[:size])
    check_consistency(LEDGER_TREE, old, root_of(old), size, root_of(size), proof)


@given(first=st.integers(0, 600), second=st.integers(0, 600))
@settings(max_examples=60, deadline=None)
def test_a_stored_frontier_grows_as_if_all_leaves_were_there(first: int, second: int) -> None:
    leaves = leaves_of(LEDGER_TREE, first + second)
    before = Frontier.empty().extend(LEDGER_TREE, leaves[:first])
    restored = Frontier.from_bytes(first, before.to_bytes())
    assert restored == before
    assert restored.extend(LEDGER_TREE, leaves[first:]).root(LEDGER_TREE) == tree_root(LEDGER_TREE, leaves)


@given(size=st.integers(1, 400), data=st.data())
@settings(max_examples=150, deadline=None)
def test_an_altered_inclusion_proof_does_not_lead_to_the_root(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaf = LEDGER_TREE.leaf(ENTRIES[index])
    root = tree_root(LEDGER_TREE, leaves_of(LEDGER_TREE, size))
    path = path_of(LEDGER_TREE, index, size)
    bit = data.draw(st.integers(0, 255))
    assert root_from_inclusion(LEDGER_TREE, flip(leaf, bit), index, size, path) != root
    for at in range(len(path)):
        altered = [*path[:at], flip(path[at], bit), *path[at + 1 :]]
        assert root_from_inclusion(LEDGER_TREE, leaf, index, size, altered) != root
    for at in range(len(path) - 1):
        swapped = [*path[:at], path[at + 1], path[at], *path[at + 2 :]]
        if swapped != path:
            assert root_from_inclusion(LEDGER_TREE, leaf, index, size, swapped) != root


@given(size=st.integers(1, 400), data=st.data())
@settings(max_examples=100, deadline=None)
def test_an_inclusion_path_of_another_length_is_refused(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaf = LEDGER_TREE.leaf(ENTRIES[index])
    path = path_of(LEDGER_TREE, index, size)
    for wrong in ([*path, ZERO], [*path, *path, ZERO], path[:-1]):
        if len(wrong) != len(path):
            with pytest.raises(ProofError, match="ledger tree inclusion"):
                root_from_inclusion(LEDGER_TREE, leaf, index, size, wrong)


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (6, 5), (0, 0), (2**64, 2**64 + 1)])
def test_an_index_outside_the_tree_is_refused(index: int, size: int) -> None:
    with pytest.raises(ProofError, match="ledger tree inclusion"):
        root_from_inclusion(LEDGER_TREE, ZERO, index, size, [])


@given(index=st.integers(0, 400), size=st.integers(1, 400), shown=st.integers(1, 400))
@settings(max_examples=150, deadline=None)
def test_a_proof_does_not_hold_for_another_index(index: int, size: int, shown: int) -> None:
    index, shown = index % size, shown % size
    if index == shown:
        return
    leaf = LEDGER_TREE.leaf(ENTRIES[index])
    root = tree_root(LEDGER_TREE, leaves_of(LEDGER_TREE, size))
    path = path_of(LEDGER_TREE, index, size)
    if len(path) != inclusion_length(shown, size):
        with pytest.raises(ProofError, match="ledger tree inclusion"):
            root_from_inclusion(LEDGER_TREE, leaf, shown, size, path)
    else:
        assert root_from_inclusion(LEDGER_TREE, leaf, shown, size, path) != root


@given(old=st.integers(1, 300), more=st.integers(1, 300), data=st.data())
@settings(max_examples=120, deadline=None)
def test_an_altered_consistency_proof_is_refused(old: int, more: int, data: st.DataObject) -> None:
    new = old + more
    old_root = tree_root(LEDGER_TREE, leaves_of(LEDGER_TREE, old))
    new_root = tree_root(LEDGER_TREE, leaves_of(LEDGER_TREE, new))
    path = consistency_of(LEDGER_TREE, old, new)
    check_consistency(LEDGER_TREE, old, old_root, new, new_root, path)
    bit, at = data.draw(st.integers(0, 255)), data.draw(st.integers(0, len(path) - 1))
    attempts = [
        (old, flip(old_root, bit), new, new_root, path),
        (old, old_root, new, flip(new_root, bit), path),
        (old, old_root, new, new_root, [*path[:at], flip(path[at], bit), *path[at + 1 :]]),
        (old, old_root, new, new_root, [*path, ZERO]),
        (old, old_root, new, new_root, path[:-1]),
        (new, old_root, old, new_root, path),
        (old, old_root, old, new_root, path),
    ]
    for attempt in attempts:
        with pytest.raises(ProofError, match="ledger tree consistency"):
            check_consistency(LEDGER_TREE, *attempt)


def test_consistency_from_nothing_and_with_itself_is_the_empty_path() -> None:
    root = tree_root(LEDGER_TREE, leaves_of(LEDGER_TREE, 7))
    check_consistency(LEDGER_TREE, 0, ZERO, 7, root, [])
    check_consistency(LEDGER_TREE, 7, root, 7, root, [])
    check_consistency(LEDGER_TREE, 0, ZERO, 0, ZERO, [])
    refused: list[tuple[int, bytes, int, bytes, list[bytes]]] = [
        (0, root, 7, root, []),
        (0, ZERO, 7, root, [root]),
        (7, ZERO, 7, root, []),
        (7, root, 7, root, [root]),
        (0, ZERO, 0, root, []),
        (0, root, 0, root, []),
    ]
    for attempt in refused:
        with pytest.raises(ProofError):
            check_consistency(LEDGER_TREE, *attempt)


def test_hashes_of_another_length_are_refused() -> None:
    leaf = LEDGER_TREE.leaf(ENTRIES[0])
    with pytest.raises(ProofError, match="32 bytes"):
        root_from_inclusion(LEDGER_TREE, leaf, 0, 2, [bytes(31)])
    with pytest.raises(ProofError, match="32 bytes"):
        check_consistency(LEDGER_TREE, 1, leaf, 2, leaf, [bytes(33)])
    with pytest.raises(ProofError, match="at most 64"):
        root_from_inclusion(LEDGER_TREE, leaf, 0, 2, [ZERO] * 65)


@given(index=st.integers(0, 10**6), size=st.integers(1, 10**6))
def test_the_ranges_of_a_path_and_its_leaf_cover_the_tree_once(index: int, size: int) -> None:
    index %= size
    covered = sorted([*merkle_proofs.inclusion_ranges(index, size), (index, index + 1)])
    assert covered[0][0] == 0
    assert covered[-1][1] == size
    assert all(before[1] == after[0] for before, after in itertools.pairwise(covered))
    for leaves in covered:
        nodes = complete_nodes(*leaves)
        assert [nodes[0].start, nodes[-1].end] == list(leaves)
        assert all(before.end == after.start for before, after in itertools.pairwise(nodes))


def test_a_range_that_no_proof_shows_is_refused() -> None:
    with pytest.raises(ValueError, match="not one that a proof shows"):
        complete_nodes(1, 3)
    assert complete_nodes(4, 7) == [NodeAt(1, 2), NodeAt(0, 6)]


def test_a_frontier_with_the_wrong_peaks_is_refused() -> None:
    with pytest.raises(ValueError, match="2 peaks"):
        Frontier(5, (ZERO,))
    with pytest.raises(ValueError, match="32 bytes"):
        Frontier.from_bytes(1, bytes(31))
