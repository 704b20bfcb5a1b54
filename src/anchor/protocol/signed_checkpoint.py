"""Section 6a: what the log signs when it seals a batch.

A standard transparency log's checkpoint (C2SP tlog-checkpoint): the size and the root of a tree with
SHA-256 (RFC 9162 §2.1) whose entry ``n − 1`` is the anchored root of batch ``n``.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from anchor.protocol.errors import NoteError, ProofError, hex_of
from anchor.protocol.hashing import Bytes32
from anchor.protocol.identities import IdentityKey
from anchor.protocol.merkle import TreeHash, check_consistency, root_from_inclusion, tree_root
from anchor.protocol.signed_note import STEP, canonical_base64, decimal, origin_of, read_note, sign_note

SIGNED_TREE: Final = TreeHash("signed tree", b"\x00", b"\x01", hashlib.sha256)


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A tree of the batches 1 to ``size`` (at least 1), by its root."""

    size: int
    root: Bytes32

    def text(self, log_id: Bytes32) -> str:
        """Return the three lines that are signed."""
        return f"{origin_of(log_id)}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def sign(self, key: IdentityKey, log_id: Bytes32) -> str:
        """Return the signed note."""
        return sign_note(key, log_id, self.text(log_id))


def read_checkpoint(note: str, log_id: Bytes32, public_key: Bytes32) -> SignedCheckpoint:
    """Return what a signed checkpoint of the log says. Raises NoteError for anything else."""
    _, size, root = read_note(note, log_id, public_key, lines=3).lines
    checkpoint = SignedCheckpoint(decimal(size, "size", least=1), canonical_base64(root, "root"))
    if len(checkpoint.root) != 32:
        raise NoteError(STEP, "root: 32 bytes", f"{len(checkpoint.root)} bytes")
    return checkpoint


def check_signed_batch(
    checkpoint: SignedCheckpoint, number: int, anchor_root: Bytes32, path: Sequence[Bytes32]
) -> None:
    """Check that the checkpoint's tree holds the root of batch ``number`` (from 1) in its place.

    Raises ProofError with the values that disagree.
    """
    found = signed_root(number, anchor_root, checkpoint.size, path)
    if found != checkpoint.root:
        raise ProofError(f"{SIGNED_TREE.name} root", hex_of(checkpoint.root), hex_of(found))


def signed_root(number: int, anchor_root: Bytes32, size: int, path: Sequence[Bytes32]) -> Bytes32:
    """Return the root of a tree of ``size`` batches that the path of batch ``number`` leads to.

    Raises ProofError where the path cannot be one of that batch.
    """
    return root_from_inclusion(SIGNED_TREE, SIGNED_TREE.leaf(anchor_root), number - 1, size, path)


def path_of_earlier(
    anchor_roots: Sequence[Bytes32], size: int, path: Sequence[Bytes32], number: int
) -> tuple[Bytes32, ...]:
    """Return the path of batch ``number`` in a tree of ``size`` batches, from that of a later batch.

    ``anchor_roots`` are those of the batches from 1 to the later one, ``path`` is the later one's: what
    stands behind it in the tree need not be known. Raises ProofError where ``path`` has another length than
    that batch's, and ValueError where ``number`` is none of theirs.
    """
    leaves = [SIGNED_TREE.leaf(root) for root in anchor_roots]
    last = len(leaves) - 1
    if not 1 <= number <= len(leaves):
        raise ValueError(f"batch {number} is none of {len(leaves)}")
    signed_root(last + 1, anchor_roots[last], size, path)
    beside = dict(zip(_beside(last, 0, size), path, strict=True))

    def root(start: int, stop: int) -> Bytes32:
        if stop <= len(leaves):
            return tree_root(SIGNED_TREE, leaves[start:stop])
        if (start, stop) in beside:
            return beside[start, stop]
        middle = start + _largest_power_below(stop - start)
        return SIGNED_TREE.node(root(start, middle), root(middle, stop))

    return tuple(root(*each) for each in _beside(number - 1, 0, size))


def _beside(index: int, start: int, stop: int) -> list[tuple[int, int]]:
    """Return the ranges of leaves whose roots make a leaf's path, from the leaf up (RFC 9162 §2.1.3.1)."""
    found = []
    while stop - start > 1:
        middle = start + _largest_power_below(stop - start)
        if index < middle:
            found.append((middle, stop))
            stop = middle
        else:
            found.append((start, middle))
            start = middle
    return found[::-1]


def _largest_power_below(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


def check_extends(old: SignedCheckpoint, new: SignedCheckpoint, path: Sequence[Bytes32]) -> None:
    """Check that the newer checkpoint's tree begins with the older one's. Raises ProofError."""
    check_consistency(SIGNED_TREE, old.size, old.root, new.size, new.root, path)
