"""Sections 4, 6 and 6a: the tree of RFC 9162 §2.1.

One shape: with Keccak-256 the ledger tree over fingerprints and the history over anchored roots, told apart
by their tags; with SHA-256 the tree over anchored roots that the log signs (``signed_checkpoint``).
A tree of n leaves splits at the largest power of two below n; the root of an empty tree is ZERO.
Making proofs is in ``merkle_proofs``; this module holds roots, the growing frontier, and the checks
that a verifier makes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sha3 import keccak_256

from anchor.protocol.errors import ProofError, hex_of
from anchor.protocol.hashing import (
    TAG_HISTORY_LEAF,
    TAG_HISTORY_NODE,
    TAG_LEDGER_LEAF,
    TAG_LEDGER_NODE,
    ZERO,
    Bytes32,
)

MAX_PATH_LENGTH: Final = 64
"""No tree of at most 2**64 leaves has a longer path."""
MAX_CONSISTENCY_LENGTH: Final = 65
"""A consistency proof may show one subtree root more than a path."""


class Digest(Protocol):
    """A hash function's state, as hashlib's."""

    def digest(self) -> bytes:
        """Return the hash, 32 bytes here."""
        ...


@dataclass(frozen=True, slots=True)
class TreeHash:
    """The two tags, and the hash function, that set one kind of tree apart from another."""

    name: str
    leaf_tag: bytes
    node_tag: bytes
    hash: Callable[[bytes], Digest] = keccak_256

    def leaf(self, entry: Bytes32) -> Bytes32:
        """Return the leaf hash of a 32-byte entry."""
        return self.hash(self.leaf_tag + entry).digest()

    def node(self, left: Bytes32, right: Bytes32) -> Bytes32:
        """Return the hash of two subtrees."""
        return self.hash(self.node_tag + left + right).digest()


LEDGER_TREE: Final = TreeHash("ledger tree", TAG_LEDGER_LEAF, TAG_LEDGER_NODE)
HISTORY_TREE: Final = TreeHash("history", TAG_HISTORY_LEAF, TAG_HISTORY_NODE)


def tree_root(tree: TreeHash, leaf_hashes: Sequence[Bytes32]) -> Bytes32:
    """Return the root over leaf hashes in order; ZERO where there are none."""
    return Frontier.empty().extend(tree, leaf_hashes).root(tree)


def leaf_level(tree: TreeHash, entries: Iterable[Bytes32]) -> list[Bytes32]:
    """Return the leaf hashes of 32-byte entries, in order."""
    tag, digest = tree.leaf_tag, tree.hash
    return [digest(tag + entry).digest() for entry in entries]


def parent_level(tree: TreeHash, hashes: Sequence[Bytes32]) -> list[Bytes32]:
    """Return the parents of complete pairs of ``hashes``; an odd last one is left out."""
    tag, digest = tree.node_tag, tree.hash
    pairs = iter(hashes)
    return [digest(tag + left + right).digest() for left, right in zip(pairs, pairs, strict=False)]


def fold_right(tree: TreeHash, hashes: Sequence[Bytes32]) -> Bytes32:
    """Return the root over adjoining complete subtrees, largest first: the right edge folded up."""
    if not hashes:
        return ZERO
    accumulated = hashes[-1]
    for left in reversed(hashes[:-1]):
        accumulated = tree.node(left, accumulated)
    return accumulated


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that is needed to append to a tree: its size and the roots of its complete subtrees.

    ``peaks`` are ordered from the largest (leftmost) to the smallest; there is one for each bit set
    in ``size``.
    """

    size: int
    peaks: tuple[Bytes32, ...]

    def __post_init__(self) -> None:
        if len(self.peaks) != self.size.bit_count():
            raise ValueError(
                f"a tree of {self.size} leaves has {self.size.bit_count()} peaks, not {len(self.peaks)}"
            )

    @classmethod
    def empty(cls) -> "Frontier":
        """The frontier of a tree without leaves."""
        return cls(0, ())

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> "Frontier":
        """Read the peaks that ``to_bytes`` wrote for a tree of ``size`` leaves."""
        if len(data) % 32:
            raise ValueError(f"peaks have 32 bytes each, not {len(data)} together")
        return cls(size, tuple(data[at : at + 32] for at in range(0, len(data), 32)))

    def to_bytes(self) -> bytes:
        """Return the peaks, joined."""
        return b"".join(self.peaks)

    def root(self, tree: TreeHash) -> Bytes32:
        """Return the root of the whole tree; ZERO where it is empty."""
        return fold_right(tree, self.peaks)

    def append(self, tree: TreeHash, leaf_hash: Bytes32) -> "Frontier":
        """Return the frontier after one more leaf."""
        peaks = list(self.peaks)
        size = self.size
        carried = leaf_hash
        while size & 1:
            carried = tree.node(peaks.pop(), carried)
            size >>= 1
        peaks.append(carried)
        return Frontier(self.size + 1, tuple(peaks))

    def extend(self, tree: TreeHash, leaf_hashes: Iterable[Bytes32]) -> "Frontier":
        """Return the frontier after these leaves, without reading any earlier leaf."""
        tag, digest = tree.node_tag, tree.hash
        peaks = list(self.peaks)
        total = self.size
        for leaf_hash in leaf_hashes:
            carried = leaf_hash
            size = total
            while size & 1:
                carried = digest(tag + peaks.pop() + carried).digest()
                size >>= 1
            peaks.append(carried)
            total += 1
        return Frontier(total, tuple(peaks))


def root_from_inclusion(
    tree: TreeHash, leaf_hash: Bytes32, index: int, size: int, path: Sequence[Bytes32]
) -> Bytes32:
    """Return the root that an inclusion path leads to (RFC 9162 §2.1.3.2).

    ``index`` is the leaf's place in a tree of ``size`` leaves. Raises ProofError where the index is
    outside the tree or the path is not exactly as long as such a leaf's.
    """
    step = f"{tree.name} inclusion"
    if not 0 <= index < size <= 2**64:
        raise ProofError(step, f"an index below the size {size}", str(index))
    _require_hashes(step, path, MAX_PATH_LENGTH)
    wanted = inclusion_length(index, size)
    if len(path) != wanted:
        raise ProofError(step, f"a path of {wanted} hashes", f"{len(path)} hashes")
    node, last, root = index, size - 1, leaf_hash
    for sibling in path:
        if node & 1 or node == last:
            root = tree.node(sibling, root)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            root = tree.node(root, sibling)
        node >>= 1
        last >>= 1
    return root


def inclusion_length(index: int, size: int) -> int:
    """Return how many hashes the path of leaf ``index`` has in a tree of ``size`` leaves."""
    inner = (index ^ (size - 1)).bit_length()
    return inner + (index >> inner).bit_count()


def check_consistency(
    tree: TreeHash,
    old_size: int,
    old_root: Bytes32,
    new_size: int,
    new_root: Bytes32,
    path: Sequence[Bytes32],
) -> None:
    """Check that the tree of ``new_root`` extends the one of ``old_root`` (RFC 9162 §2.1.4.2).

    From size 0 and between equal sizes the path is empty, and the old root must be ZERO, or equal
    to the new one. Raises ProofError with the values that disagree.
    """
    step = f"{tree.name} consistency"
    if not 0 <= old_size <= new_size <= 2**64:
        raise ProofError(step, f"an old size of at most {new_size}", str(old_size))
    _require_hashes(step, path, MAX_CONSISTENCY_LENGTH)
    if old_size in (0, new_size):
        if path:
            raise ProofError(step, "an empty path", f"{len(path)} hashes")
        expected = ZERO if old_size == 0 else new_root
        if old_root != expected:
            raise ProofError(f"{step}: old root", hex_of(expected), hex_of(old_root))
        if new_size == 0 and new_root != ZERO:
            raise ProofError(f"{step}: new root", hex_of(ZERO), hex_of(new_root))
        return
    hashes = list(path)
    if old_size & (old_size - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes:
        raise ProofError(step, "a path", "none")
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node >>= 1
        last >>= 1
    found_old = found_new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise ProofError(step, "a shorter path", f"{len(path)} hashes")
        if node & 1 or node == last:
            found_old = tree.node(sibling, found_old)
            found_new = tree.node(sibling, found_new)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            found_new = tree.node(found_new, sibling)
        node >>= 1
        last >>= 1
    if last != 0:
        raise ProofError(step, "a longer path", f"{len(path)} hashes")
    if found_old != old_root:
        raise ProofError(f"{step}: old root", hex_of(old_root), hex_of(found_old))
    if found_new != new_root:
        raise ProofError(f"{step}: new root", hex_of(new_root), hex_of(found_new))


def _require_hashes(step: str, path: Sequence[Bytes32], longest: int) -> None:
    if len(path) > longest:
        raise ProofError(step, f"a path of at most {longest} hashes", f"{len(path)} hashes")
    for sibling in path:
        if len(sibling) != 32:
            raise ProofError(step, "hashes of 32 bytes", f"{len(sibling)} bytes")
