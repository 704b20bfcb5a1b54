"""Sections 4 and 6: append many leaves at once and learn which complete subtrees they finished.

Level by level rather than leaf by leaf: one hash a new node, and nothing before the frontier is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from anchor.protocol.hashing import Bytes32
from anchor.protocol.merkle import Frontier, TreeHash, parent_level


@dataclass(frozen=True, slots=True)
class CompletedNodes:
    """The roots of adjoining complete subtrees of one height, the first at ``first_position``."""

    height: int
    first_position: int
    hashes: list[Bytes32]


@dataclass(frozen=True, slots=True)
class Growth:
    """The frontier after the new leaves, and every subtree of two or more leaves they completed."""

    frontier: Frontier
    completed: tuple[CompletedNodes, ...]


def grow(tree: TreeHash, frontier: Frontier, leaf_hashes: Sequence[Bytes32]) -> Growth:
    """Append ``leaf_hashes`` to the tree that ``frontier`` stands for.

    Memory is that of the new nodes, about twice the leaves: append in chunks where there are many.
    """
    if not leaf_hashes:
        return Growth(frontier, ())
    size, total = frontier.size, frontier.size + len(leaf_hashes)
    old_peaks = dict(zip(_heights(size), frontier.peaks, strict=True))
    new_peaks: list[Bytes32] = []
    completed: list[CompletedNodes] = []
    level: Sequence[Bytes32] = leaf_hashes
    position = size
    for height in range(total.bit_length()):
        if position & 1:
            level = [old_peaks.pop(height), *level]
            position -= 1
        if len(level) & 1:
            new_peaks.append(level[-1])
        parents, position = parent_level(tree, level), position >> 1
        if not parents:
            break
        completed.append(CompletedNodes(height + 1, position, parents))
        level = parents
    # The peaks above the last new node stand as they were.
    untouched = [old_peaks[height] for height in sorted(old_peaks, reverse=True)]
    return Growth(Frontier(total, (*untouched, *reversed(new_peaks))), tuple(completed))


def _heights(size: int) -> list[int]:
    """Return the heights of the complete subtrees of a tree of ``size`` leaves, largest first."""
    return [height for height in range(size.bit_length() - 1, -1, -1) if size >> height & 1]
