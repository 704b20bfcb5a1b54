"""Sections 4 and 6: which subtrees a proof shows, and how their roots come from stored nodes.

Every hash of an inclusion or consistency proof is the root over a range of leaves. A range is cut
into complete subtrees (``complete_nodes``), which a store can hold one by one: a complete subtree
never changes again.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from anchor.protocol.hashing import Bytes32
from anchor.protocol.merkle import TreeHash, fold_right, parent_level


class NodeAt(NamedTuple):
    """A complete subtree: the ``position``-th (from 0) of those with ``2**height`` leaves."""

    height: int
    position: int

    @property
    def start(self) -> int:
        """The index of its first leaf."""
        return self.position << self.height

    @property
    def end(self) -> int:
        """The index after its last leaf."""
        return (self.position + 1) << self.height


class LeafRange(NamedTuple):
    """The leaves ``start`` up to, not including, ``end``."""

    start: int
    end: int


ReadNodes = Callable[[Sequence[NodeAt]], Mapping[NodeAt, Bytes32]]
"""Gives the roots of the complete subtrees asked for, all of them."""


def inclusion_ranges(index: int, size: int) -> list[LeafRange]:
    """Return the ranges whose roots are the inclusion path of ``index``, from the leaf up.

    Raises ValueError where the index is outside the tree.
    """
    if not 0 <= index < size:
        raise ValueError(f"index {index} is outside a tree of {size} leaves")
    ranges: list[LeafRange] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append(LeafRange(middle, end))
            end = middle
        else:
            ranges.append(LeafRange(start, middle))
            start = middle
    ranges.reverse()
    return ranges


def consistency_ranges(old_size: int, new_size: int) -> list[LeafRange]:
    """Return the ranges whose roots prove that ``new_size`` extends ``old_size``, in path order.

    Raises ValueError where the sizes are reversed.
    """
    if not 0 <= old_size <= new_size:
        raise ValueError(f"a tree of {new_size} leaves does not extend one of {old_size}")
    if old_size in (0, new_size):
        return []
    ranges: list[LeafRange] = []
    start, end, whole = 0, new_size, True
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            ranges.append(LeafRange(middle, end))
            end = middle
        else:
            ranges.append(LeafRange(start, middle))
            start, whole = middle, False
    if not whole:
        ranges.append(LeafRange(start, end))
    ranges.reverse()
    return ranges


def complete_nodes(start: int, end: int) -> list[NodeAt]:
    """Cut a range that a proof shows into complete subtrees, largest first.

    ``start`` must be aligned to the largest of them, as it is for every range of a proof.
    """
    nodes: list[NodeAt] = []
    while start < end:
        height = (end - start).bit_length() - 1
        if start & ((1 << height) - 1):
            raise ValueError(f"the range from {start} to {end} is not one that a proof shows")
        nodes.append(NodeAt(height, start >> height))
        start += 1 << height
    return nodes


def range_roots(tree: TreeHash, ranges: Sequence[LeafRange], read_nodes: ReadNodes) -> list[Bytes32]:
    """Return the root of each range, asking the store once for all complete subtrees."""
    cuts = [complete_nodes(*leaves) for leaves in ranges]
    stored = read_nodes([node for cut in cuts for node in cut])
    return [fold_right(tree, [stored[node] for node in cut]) for cut in cuts]


def complete_root(tree: TreeHash, hashes: Sequence[Bytes32]) -> Bytes32:
    """Return the root over a power of two of adjoining subtrees of one height."""
    if not hashes or len(hashes) & (len(hashes) - 1):
        raise ValueError(f"{len(hashes)} subtrees do not make a complete one")
    level = hashes
    while len(level) > 1:
        level = parent_level(tree, level)
    return level[0]


def nodes_from_leaves(leaf_hashes: Sequence[Bytes32], tree: TreeHash) -> ReadNodes:
    """Return a reader over leaves held in memory, for small trees and for tests."""

    def read(nodes: Sequence[NodeAt]) -> dict[NodeAt, Bytes32]:
        return {node: complete_root(tree, leaf_hashes[node.start : node.end]) for node in nodes}

    return read


def inclusion_path(tree: TreeHash, index: int, size: int, read_nodes: ReadNodes) -> list[Bytes32]:
    """Return the inclusion path of leaf ``index`` in the tree of ``size`` leaves (RFC 9162 §2.1.3.1)."""
    return range_roots(tree, inclusion_ranges(index, size), read_nodes)


def consistency_path(tree: TreeHash, old_size: int, new_size: int, read_nodes: ReadNodes) -> list[Bytes32]:
    """Return the proof that ``new_size`` extends ``old_size`` (RFC 9162 §2.1.4.1)."""
    return range_roots(tree, consistency_ranges(old_size, new_size), read_nodes)


def root_at(tree: TreeHash, size: int, read_nodes: ReadNodes) -> Bytes32:
    """Return the root that the tree had at ``size`` leaves; ZERO at 0."""
    return range_roots(tree, [LeafRange(0, size)], read_nodes)[0]


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    split: int = 1 << ((size - 1).bit_length() - 1)
    return split
