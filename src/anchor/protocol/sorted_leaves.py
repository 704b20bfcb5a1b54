"""The map of ledgers from its leaves alone, in the order of their keys: no node is read, few are held."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from anchor.protocol.hashing import ZERO, Bytes32
from anchor.protocol.ledger_map import MAX_DEPTH, MapLeaf, MapPath, bit_of, map_node


def path_among(leaves: Iterable[MapLeaf], ledger_id: Bytes32) -> MapPath:
    """Return the way of a key in the map of these leaves, as ``map_path`` does of a stored one.

    ``leaves`` ascend by ledger id and are read once; memory does not grow with their number.
    """
    found: MapLeaf | None = None
    # By the depth at which they part from the key's way: the subtree there, and its leaf if it is the only.
    beside: dict[int, tuple[Bytes32, MapLeaf | None]] = {}
    for shared, group in groupby(leaves, lambda leaf: _shared_bits(leaf.ledger_id, ledger_id)):
        if shared == MAX_DEPTH:
            (found,) = group
        else:
            beside[shared] = _subtree(group, shared + 1)
    if found is None and beside:
        # The way ends where no more than one leaf is left below it.
        deepest = max(beside)
        found = beside[deepest][1]
        if found is not None:
            del beside[deepest]
    siblings = (beside[at][0] if at in beside else ZERO for at in range(max(beside, default=-1) + 1))
    return MapPath(tuple(siblings), found)


@dataclass(frozen=True, slots=True)
class _Subtree:
    """A subtree that ends at some key. A leaf is the same at whatever depth: its own is the deepest."""

    hash: Bytes32
    depth: int
    last: Bytes32

    def raised(self, depth: int) -> Bytes32:
        """Return the hash of the subtree further up that has nothing else below it."""
        node = self.hash
        if self.depth < MAX_DEPTH:
            for above in range(self.depth - 1, depth - 1, -1):
                node = map_node(ZERO, node) if bit_of(self.last, above) else map_node(node, ZERO)
        return node


def _subtree(leaves: Iterable[MapLeaf], top: int) -> tuple[Bytes32, MapLeaf | None]:
    """Return the hash of the subtree at depth ``top`` over these leaves, and its leaf if it is the only one.

    There is one at least, and all share their first ``top`` bits.
    """
    waiting: list[tuple[int, Bytes32]] = []
    """Depths of branches, ascending, with what is on their left; their right side is not whole yet."""
    whole: _Subtree | None = None
    only: MapLeaf | None = None
    for leaf in leaves:
        only = leaf if whole is None else None
        if whole is not None:
            branch = _shared_bits(whole.last, leaf.ledger_id)
            whole = _close(waiting, whole, branch)
            waiting.append((branch, whole.raised(branch + 1)))
        whole = _Subtree(leaf.hash, MAX_DEPTH, leaf.ledger_id)
    assert whole is not None
    return _close(waiting, whole, top - 1).raised(top), only


def _close(waiting: list[tuple[int, Bytes32]], right: _Subtree, depth: int) -> _Subtree:
    """Take the branches below ``depth`` off: what is to come is on the right of none of them."""
    while waiting and waiting[-1][0] > depth:
        branch, left = waiting.pop()
        right = _Subtree(map_node(left, right.raised(branch + 1)), branch, right.last)
    return right


def _shared_bits(one: Bytes32, other: Bytes32) -> int:
    return MAX_DEPTH - (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_length()
