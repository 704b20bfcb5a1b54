"""Section 3: the fingerprint of a delta is an EIP-712 digest.

``H(0x1901 ‖ domainSeparator ‖ hashStruct(Delta))`` in the domain
``{name: "Anchor", version: "1", salt: logId}``; wallets and every Ethereum library compute it unaided.
"""

import struct
from dataclasses import dataclass
from typing import Final

from anchor.protocol.hashing import Bytes32, int256, keccak

DOMAIN_TYPE: Final = "EIP712Domain(string name,string version,bytes32 salt)"
DELTA_TYPE: Final = (
    "Delta(bytes32 ledgerId,uint64 index,int256 amount,int256 balance,uint64 occurredAt,uint64 recordedAt,"
    "bytes32 reason,bytes32 referenceId,bytes32 metadata,bytes32 adjusts)"
)

_DOMAIN_PREFIX: Final = keccak(DOMAIN_TYPE.encode()) + keccak(b"Anchor") + keccak(b"1")
DELTA_TYPEHASH: Final = keccak(DELTA_TYPE.encode())

# A uint64 occupies the last 8 bytes of a 32-byte word.
_LENGTHS: Final = [32] * 8
DELTA_WORDS: Final = struct.Struct(">32s32s24xQ32s32s24xQ24xQ32s32s32s32s").pack


@dataclass(frozen=True, slots=True)
class Delta:
    """What a fingerprint is taken of.

    ``amount`` and ``balance`` are in units of 10**-18 (int256); times are milliseconds since 1970;
    ``reason``, ``reference_id`` and ``metadata`` are commitments (32 bytes); ``adjusts`` is the
    fingerprint of the delta that this one corrects, or ZERO.
    """

    ledger_id: Bytes32
    index: int
    amount: int
    balance: int
    occurred_at: int
    recorded_at: int
    reason: Bytes32
    reference_id: Bytes32
    metadata: Bytes32
    adjusts: Bytes32


def domain_separator(log_id: Bytes32) -> Bytes32:
    """Return the EIP-712 domain separator of a log, 32 bytes."""
    return keccak(_DOMAIN_PREFIX + log_id)


def typed_data_digest(separator: Bytes32, struct_hash: Bytes32) -> Bytes32:
    """Return ``H(0x1901 ‖ separator ‖ struct_hash)`` (EIP-712)."""
    return keccak(b"\x19\x01" + separator + struct_hash)


def fingerprint(separator: Bytes32, delta: Delta) -> Bytes32:
    """Return the fingerprint of ``delta`` in the log whose domain separator is given.

    Raises OverflowError where an amount does not fit int256, struct.error where a u64 does not fit,
    ValueError where a commitment, an id or ``adjusts`` has not 32 bytes.
    """
    return fingerprint_fields(
        separator,
        delta.ledger_id,
        delta.index,
        int256(delta.amount),
        int256(delta.balance),
        delta.occurred_at,
        delta.recorded_at,
        delta.reason,
        delta.reference_id,
        delta.metadata,
        delta.adjusts,
    )


def fingerprint_fields(
    separator: Bytes32,
    ledger_id: Bytes32,
    index: int,
    amount: Bytes32,
    balance: Bytes32,
    occurred_at: int,
    recorded_at: int,
    reason: Bytes32,
    reference_id: Bytes32,
    metadata: Bytes32,
    adjusts: Bytes32,
) -> Bytes32:
    """Return the fingerprint without building a Delta, for the ingest path.

    ``amount`` and ``balance`` are int256 words (32 bytes) already. Raises ValueError where a word has another
    length: it would be cut or padded, and two records could then have one fingerprint.
    """
    words = (separator, ledger_id, amount, balance, reason, reference_id, metadata, adjusts)
    if list(map(len, words)) != _LENGTHS:
        raise ValueError(f"a fingerprint is taken of words of 32 bytes, not {list(map(len, words))}")
    return typed_data_digest(
        separator,
        keccak(
            DELTA_WORDS(
                DELTA_TYPEHASH,
                ledger_id,
                index,
                amount,
                balance,
                occurred_at,
                recorded_at,
                reason,
                reference_id,
                metadata,
                adjusts,
            )
        ),
    )
