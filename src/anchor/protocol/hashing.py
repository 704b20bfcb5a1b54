"""Section 1: Keccak-256, the tags, and how integers become bytes.

``H`` is Keccak-256 (the EVM's). Every preimage of our own begins with a one-byte tag, one tag a
meaning, so that no preimage has two readings. All of Anchor hashes through this module.
"""

from typing import Final, TypeAlias

from sha3 import keccak_256

Bytes32: TypeAlias = bytes
"""Exactly 32 bytes: a hash, an id or a root."""

ZERO: Final[Bytes32] = bytes(32)
"""An empty tree, an empty subtree, 'no previous root'."""

TAG_LEDGER_LEAF: Final = b"\x00"
TAG_LEDGER_NODE: Final = b"\x01"
TAG_LEDGER_HEAD: Final = b"\x02"
TAG_MAP_LEAF: Final = b"\x03"
TAG_MAP_NODE: Final = b"\x04"
TAG_ANCHORED_ROOT: Final = b"\x05"
TAG_HISTORY_LEAF: Final = b"\x06"
TAG_HISTORY_NODE: Final = b"\x07"
TAG_LEDGER_ID: Final = b"\x10"
TAG_COMMITMENT: Final = b"\x11"
TAG_LOG_ID: Final = b"\x12"

MAX_U64: Final = 2**64 - 1


def keccak(data: bytes) -> Bytes32:
    """Return the Keccak-256 digest (32 bytes) of ``data``."""
    return keccak_256(data).digest()  # type: ignore[no-any-return]


def u64(number: int) -> bytes:
    """Return ``number`` as 8 bytes, big-endian. Raises OverflowError outside 0..2**64-1."""
    return number.to_bytes(8, "big")


def int256(number: int) -> Bytes32:
    """Return ``number`` as a 32-byte two's complement word. Raises OverflowError outside int256."""
    return number.to_bytes(32, "big", signed=True)


def uint256(number: int) -> Bytes32:
    """Return ``number`` as a 32-byte unsigned word. Raises OverflowError outside uint256."""
    return number.to_bytes(32, "big")
