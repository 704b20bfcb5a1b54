"""The path of an earlier batch in a signed tree follows from a later batch's, whatever stands behind that."""

import pytest

from anchor.protocol.errors import ProofError
from anchor.protocol.hashing import keccak, u64
from anchor.protocol.merkle_proofs import inclusion_path, nodes_from_leaves
from anchor.protocol.signed_checkpoint import SIGNED_TREE, path_of_earlier

ROOTS = [keccak(u64(number)) for number in range(1, 20)]


def path(index: int, size: int) -> tuple[bytes, ...]:
    leaves = [SIGNED_TREE.leaf(root) for root in ROOTS[:size]]
    return tuple(inclusion_path(SIGNED_TREE, index, size, nodes_from_leaves(leaves, SIGNED_TREE)))


def test_every_earlier_batch_gets_the_path_that_the_whole_tree_gives() -> None:
    for size in range(1, len(ROOTS) + 1):
        for later in range(1, size + 1):
            for number in range(1, later + 1):
                found = path_of_earlier(ROOTS[:later], size, path(later - 1, size), number)
                assert found == path(number - 1, size), (size, later, number)


def test_a_path_of_another_length_is_refused() -> None:
    with pytest.raises(ProofError):
        path_of_earlier(ROOTS[:5], 9, path(4, 9)[:-1], 2)


@pytest.mark.parametrize("number", [0, 6])
def test_a_batch_that_is_not_among_them_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=f"batch {number}"):
        path_of_earlier(ROOTS[:5], 9, path(4, 9), number)
