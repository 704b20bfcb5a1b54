"""Section 7: a checkpoint seals a range of one ledger under one hash.

The hash is an EIP-712 digest in the log's domain: the same range gives the same hash, whoever
computes it.
"""

from dataclasses import dataclass
from typing import Final

from anchor.protocol.fingerprint import typed_data_digest
from anchor.protocol.hashing import Bytes32, int256, keccak, u64

CHECKPOINT_TYPE: Final = (
    "Checkpoint(bytes32 ledgerId,uint64 fromIndex,uint64 toIndex,int256 openingBalance,"
    "int256 closingBalance,bytes32 openingRoot,bytes32 closingRoot)"
)
SEALED_BEHIND: Final = 60_000
"""Milliseconds after a time span's end before which the batch that closes it is not sealed."""

_TYPEHASH: Final = keccak(CHECKPOINT_TYPE.encode())
_PAD: Final = bytes(24)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The range ``from_index..to_index`` (both included) of one ledger.

    Balances are in units of 10**-18, before ``from_index`` and after ``to_index``;
    ``opening_root`` is the ledger root at size ``from_index`` (ZERO at 0), ``closing_root`` at
    size ``to_index + 1``.
    """

    ledger_id: Bytes32
    from_index: int
    to_index: int
    opening_balance: int
    closing_balance: int
    opening_root: Bytes32
    closing_root: Bytes32


def checkpoint_hash(separator: Bytes32, checkpoint: Checkpoint) -> Bytes32:
    """Return ``proofHash`` of a checkpoint in the log whose domain separator is given, 32 bytes."""
    return typed_data_digest(
        separator,
        keccak(
            _TYPEHASH
            + checkpoint.ledger_id
            + _PAD
            + u64(checkpoint.from_index)
            + _PAD
            + u64(checkpoint.to_index)
            + int256(checkpoint.opening_balance)
            + int256(checkpoint.closing_balance)
            + checkpoint.opening_root
            + checkpoint.closing_root
        ),
    )
