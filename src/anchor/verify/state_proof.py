"""What a block's state holds, by Merkle Patricia proofs (EIP-1186) against a block hash one trusts.

``head`` and pins of an AnchorLog are read without any node: header, account and storage slots are each
tied to the next by their hash.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from anchor.protocol.errors import ProofError, hex_of
from anchor.protocol.hashing import Bytes32, keccak, uint256
from anchor.verify.rlp import Item, RlpError, decode, decode_list

HEAD_SLOT: Final = uint256(0)
PINNED_AT_SLOT: Final = uint256(4)
"""Where AnchorLog keeps its head, and the base of its mapping of pins."""

EMPTY_TRIE: Final = keccak(b"\x80")
LONGEST_PROOF: Final = 128
LARGEST_NODE: Final = 4096

_STATE_ROOT, _NUMBER, _TIMESTAMP = 3, 8, 11
# Of the fields that every header of Ethereum's kind begins with; numbers have no length of their own.
_HEADER_LENGTHS: Final = (32, 32, 20, 32, 32, 32, 256, *(None,) * 6, 32, 8)


@dataclass(frozen=True, slots=True)
class Header:
    """What is needed of a block's header; ``timestamp`` is in seconds."""

    hash: Bytes32
    state_root: Bytes32
    number: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class Account:
    """What the state holds of a contract."""

    storage_root: Bytes32
    code_hash: Bytes32


def pinned_slot(root: Bytes32) -> Bytes32:
    """Return the slot of ``pinnedAt[root]``."""
    return keccak(root + PINNED_AT_SLOT)


def read_header(encoded: bytes, trusted_hash: Bytes32) -> Header:
    """Read a header whose hash is the trusted one. Raises ProofError."""
    step = "block header"
    found = keccak(encoded)
    if found != trusted_hash:
        raise ProofError(step, hex_of(trusted_hash), hex_of(found))
    try:
        fields = decode_list(encoded)
        if not _is_known_kind(fields):
            raise ProofError(step, "a block header of Ethereum's kind", "one of another kind of chain")
        return Header(
            found,
            _word(fields[_STATE_ROOT]),
            _integer(fields[_NUMBER]),
            _integer(fields[_TIMESTAMP]),
        )
    except (RlpError, IndexError) as error:
        raise ProofError(step, "a block header", "something else") from error


def _is_known_kind(fields: Sequence[Item]) -> bool:
    """Whether the fields that every header of Ethereum's kind has are there, each in its length."""
    return len(fields) >= len(_HEADER_LENGTHS) and all(
        isinstance(field, bytes) and length in (None, len(field))
        for field, length in zip(fields, _HEADER_LENGTHS, strict=False)
    )


def read_account(state_root: Bytes32, address: bytes, proof: Sequence[bytes]) -> Account | None:
    """Return a contract's account, or None where the state holds none. Raises ProofError."""
    value = trie_value("account proof", state_root, address, proof)
    if value is None:
        return None
    try:
        _, _, storage_root, code_hash = decode_list(value)
        return Account(_word(storage_root), _word(code_hash))
    except (RlpError, ValueError) as error:
        raise ProofError("account proof", "an account", hex_of(value)) from error


def read_slot(storage_root: Bytes32, slot: Bytes32, proof: Sequence[bytes]) -> Bytes32:
    """Return the word in a storage slot; zero where nothing was ever written. Raises ProofError."""
    value = trie_value("storage proof", storage_root, slot, proof)
    if value is None:
        return bytes(32)
    try:
        word = decode(value)
    except RlpError as error:
        raise ProofError("storage proof", "a word", hex_of(value)) from error
    if not isinstance(word, bytes) or len(word) > 32:
        raise ProofError("storage proof", "a word", hex_of(value))
    return word.rjust(32, b"\x00")


def trie_value(step: str, root: Bytes32, key: bytes, proof: Sequence[bytes]) -> bytes | None:
    """Return what a secure trie holds under ``key``; None where the proof shows that it holds nothing.

    ``proof`` lists the nodes from the root down. Raises ProofError where they do not belong together.
    """
    if len(proof) > LONGEST_PROOF:
        raise ProofError(step, f"at most {LONGEST_PROOF} nodes", f"{len(proof)} nodes")
    if root == EMPTY_TRIE:
        # An empty trie needs no node, or its only one.
        if list(proof) not in ([], [b"\x80"]):
            raise ProofError(step, "no nodes, since the trie is empty", f"{len(proof)} nodes")
        return None
    path = keccak(key).hex()
    nodes = list(proof)
    wanted: Item = root
    while True:
        node = _node(step, wanted, nodes)
        if len(node) == 17:
            if not path:
                raise ProofError(step, "a path that ends in a leaf", "one that ends in a branch")
            below = node[int(path[0], 16)]
            path = path[1:]
        else:
            is_leaf, part = _compact(step, node[0])
            if is_leaf or not path.startswith(part):
                found = node[1] if is_leaf and part == path else None
                return _end(step, found, nodes)
            path = path[len(part) :]
            below = node[1]
        if below == b"":
            return _end(step, None, nodes)
        wanted = below


def _node(step: str, wanted: Item, nodes: list[bytes]) -> list[Item]:
    """Return the node that its parent names: by hash the next of the proof, or held within the parent."""
    if isinstance(wanted, list):
        node = wanted
    else:
        if not nodes:
            raise ProofError(step, f"the node {hex_of(wanted)}", "no more nodes")
        encoded = nodes.pop(0)
        if len(encoded) > LARGEST_NODE:
            raise ProofError(step, f"a node of at most {LARGEST_NODE} bytes", f"{len(encoded)} bytes")
        if keccak(encoded) != wanted:
            raise ProofError(step, hex_of(wanted), hex_of(keccak(encoded)))
        try:
            node = decode_list(encoded)
        except RlpError as error:
            raise ProofError(step, "a trie node", hex_of(encoded[:64])) from error
    if len(node) not in (2, 17):
        raise ProofError(step, "a node of 2 or 17 items", f"{len(node)} items")
    return node


def _compact(step: str, encoded: Item) -> tuple[bool, str]:
    """Read a hex-prefix encoded part of a path: whether it ends in a leaf, and its digits."""
    if not isinstance(encoded, bytes) or not encoded:
        raise ProofError(step, "a part of a path", "something else")
    digits = encoded.hex()
    flag = int(digits[0], 16)
    if flag > 3 or (not flag & 1 and digits[1] != "0"):
        raise ProofError(step, "a part of a path", hex_of(encoded))
    return bool(flag & 2), digits[1:] if flag & 1 else digits[2:]


def _end(step: str, found: Item | None, rest: Sequence[bytes]) -> bytes | None:
    if rest:
        raise ProofError(step, "no further nodes", f"{len(rest)} more")
    if found is not None and not isinstance(found, bytes):
        raise ProofError(step, "a value", "a list")
    return found


def _word(item: Item) -> Bytes32:
    if not isinstance(item, bytes) or len(item) != 32:
        raise RlpError("not 32 bytes")
    return item


def _integer(item: Item) -> int:
    if not isinstance(item, bytes) or len(item) > 8 or item[:1] == b"\x00":
        raise RlpError("not a number")
    return int.from_bytes(item, "big")
