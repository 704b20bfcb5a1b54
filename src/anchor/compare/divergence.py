"""Find where one's own ordered books and a record that is elsewhere part, in two round trips.

Both sides cut their entries into blocks of ``2**height`` and hash each block. The first answer holds
the hashes of all of the record's blocks; the first that differs from ours is asked for in the second,
entry by entry. With blocks of about the square root of the length, both answers are short: some 35 KB
together for a million entries.

Two kinds of entries are compared so: what books hold (reference and amount, ``entry_digest``), and what
a replica holds (fingerprints, whose blocks are nodes of the ledger tree, which are stored).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple, Protocol

from sha3 import keccak_256

from anchor.compare.books import Entry, RecordContradictsItself
from anchor.protocol.hashing import Bytes32
from anchor.protocol.merkle import LEDGER_TREE, tree_root

DIGEST_SIZE: Final = 16
"""Half of a hash is enough to find a place: what is found there is then looked at itself."""
FINGERPRINT_HEIGHTS: Final = 4
"""Blocks of fingerprints have a multiple of this height: the ledger tree's stored nodes do."""

# Tags for preimages that are no part of the protocol; all of the protocol's are below 0x20.
_ENTRY_TAG: Final = b"\x22"
_BLOCK_TAG: Final = b"\x23"


class RecordBlocks(NamedTuple):
    """The record's answer: its ``size``, and the digests of its blocks, joined."""

    size: int
    digests: bytes


class OrderedRecord(Protocol):
    """A ledger's record in its order, elsewhere. Every call is one round trip."""

    def blocks(self, height: int, stop: int) -> RecordBlocks:
        """Return the digests of blocks of ``2**height`` entries up to ``stop`` or the record's end.

        The last block may be shorter.
        """
        ...

    def digests(self, start: int, stop: int) -> bytes:
        """Return the digests of the entries from ``start`` up to, not including, ``stop``, joined."""
        ...


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where books and record part.

    The first ``confirmed`` entries are the same on both sides. ``index`` is the first that differs, or
    that only one side has; None where both are the same and equally long. ``received`` counts the bytes
    of digests, before any encoding.
    """

    confirmed: int
    index: int | None
    own_size: int
    record_size: int
    round_trips: int
    received: int


def first_divergence(own: "OwnBlocks", record: OrderedRecord) -> Divergence:
    """Return where ``own`` and ``record`` part. Raises RecordContradictsItself."""
    height = own.best_height()
    answer = record.blocks(height, own.size)
    received = len(answer.digests)
    common = min(own.size, answer.size)
    ours = own.blocks(height, common)
    if len(answer.digests) != len(ours):
        raise RecordContradictsItself(
            f"{len(ours)} bytes of block digests were due, {len(answer.digests)} came"
        )
    different = _first_difference(ours, answer.digests)
    if different is None:
        index = None if own.size == answer.size else common
        return Divergence(common, index, own.size, answer.size, 1, received)
    start = different << height
    stop = min(start + (1 << height), common)
    theirs = record.digests(start, stop)
    received += len(theirs)
    at = _first_difference(own.digests(start, stop), theirs)
    if at is None or len(theirs) != (stop - start) * DIGEST_SIZE:
        raise RecordContradictsItself(f"the block from index {start} differs, and none of its entries does")
    return Divergence(start + at, start + at, own.size, answer.size, 2, received)


class OwnBlocks(Protocol):
    """One's own entries, in order."""

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def best_height(self) -> int:
        """Return the height of blocks with which the least travels."""
        ...

    def blocks(self, height: int, stop: int) -> bytes:
        """Return the digests of blocks of ``2**height`` entries up to ``stop``, joined."""
        ...

    def digests(self, start: int, stop: int) -> bytes:
        """Return the digests of the entries from ``start`` up to ``stop``, joined."""
        ...


class OwnEntries:
    """Books: references and amounts in the order in which they were counted (16 bytes an entry are kept)."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._digests = bytearray()
        for _ in self.through(entries):
            pass

    def through(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield entries on their way to somewhere else, and add each to these books."""
        digests = self._digests
        for entry in entries:
            digests += entry_digest(entry[0], entry[1])
            yield entry

    @property
    def size(self) -> int:
        """How many entries there are."""
        return len(self._digests) // DIGEST_SIZE

    def best_height(self) -> int:
        """Return the height of blocks with which the least travels."""
        return best_height(self.size, 1)

    def blocks(self, height: int, stop: int) -> bytes:
        """Return the digests of blocks of ``2**height`` entries up to ``stop``, joined."""
        step = DIGEST_SIZE << height
        known = bytes(self._digests[: stop * DIGEST_SIZE])
        return b"".join(block_digest(known[at : at + step]) for at in range(0, len(known), step))

    def digests(self, start: int, stop: int) -> bytes:
        """Return the digests of the entries from ``start`` up to ``stop``, joined."""
        return bytes(self._digests[start * DIGEST_SIZE : stop * DIGEST_SIZE])


class OwnFingerprints:
    """A replica: fingerprints in the order of their indices."""

    def __init__(self, fingerprints: Iterable[Bytes32]) -> None:
        self._fingerprints = list(fingerprints)

    @property
    def size(self) -> int:
        """How many fingerprints there are."""
        return len(self._fingerprints)

    def best_height(self) -> int:
        """Return the height of blocks with which the least travels."""
        return best_height(self.size, FINGERPRINT_HEIGHTS)

    def blocks(self, height: int, stop: int) -> bytes:
        """Return the digests of blocks of ``2**height`` fingerprints up to ``stop``, joined."""
        return b"".join(fingerprint_blocks(self._fingerprints[:stop], height))

    def digests(self, start: int, stop: int) -> bytes:
        """Return the digests of the fingerprints from ``start`` up to ``stop``, joined."""
        return b"".join(fingerprint[:DIGEST_SIZE] for fingerprint in self._fingerprints[start:stop])


def best_height(size: int, step: int) -> int:
    """Return the multiple of ``step`` at which the blocks and the entries of one of them are the fewest."""
    heights = range(0, max(size.bit_length(), 1) + step, step)
    return min(heights, key=lambda height: (size >> height) + (1 << height))


def entry_digest(reference_id: str | None, amount: int) -> bytes:
    """Return the digest of one entry of books; amount in units of 10**-18, int128."""
    content = amount.to_bytes(16, "big", signed=True)
    named = b"\x00" if reference_id is None else b"\x01" + reference_id.encode()
    return keccak_256(_ENTRY_TAG + content + named).digest()[:DIGEST_SIZE]  # type: ignore[no-any-return]


def block_digest(entry_digests: bytes) -> bytes:
    """Return the digest of a block of entries, from their joined digests."""
    return keccak_256(_BLOCK_TAG + entry_digests).digest()[:DIGEST_SIZE]  # type: ignore[no-any-return]


def entry_blocks(entries: Iterable[Entry], height: int) -> Iterator[bytes]:
    """Yield the digests of blocks of ``2**height`` entries of a stream; the last may be shorter."""
    stream = iter(entries)
    while block := b"".join(
        [entry_digest(reference_id, amount) for reference_id, amount in islice(stream, 1 << height)]
    ):
        yield block_digest(block)


def fingerprint_blocks(fingerprints: Iterable[Bytes32], height: int) -> Iterator[bytes]:
    """Yield the digests of blocks of ``2**height`` fingerprints of a stream; the last may be shorter.

    A block's digest is the first half of the root of a ledger tree over it: a node of the ledger's tree,
    where the block is whole.
    """
    stream = iter(fingerprints)
    while leaves := [LEDGER_TREE.leaf(fingerprint) for fingerprint in islice(stream, 1 << height)]:
        yield tree_root(LEDGER_TREE, leaves)[:DIGEST_SIZE]


def _first_difference(ours: bytes, theirs: bytes) -> int | None:
    """Return the first digest, counted, that differs; None where none does as far as both go."""
    if ours == theirs:
        return None
    for at in range(0, min(len(ours), len(theirs)), DIGEST_SIZE):
        if ours[at : at + DIGEST_SIZE] != theirs[at : at + DIGEST_SIZE]:
            return at // DIGEST_SIZE
    return None
