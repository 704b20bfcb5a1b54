"""Section 3 for those who take fingerprints by the thousand.

The same values as ``commitments.commit`` and ``fingerprint.fingerprint``, with no call and no object in
between that is not needed: whoever records tens of thousands a second, or recomputes a whole log,
spends most of their time here. The two halves stand apart because the fields can be committed to before
anybody knows which index and balance a delta will have.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from sha3 import keccak_256

from anchor.protocol.fingerprint import DELTA_TYPEHASH, DELTA_WORDS
from anchor.protocol.hashing import TAG_COMMITMENT, Bytes32

_ABSENT: Final = b"\x00"
_PRESENT: Final = b"\x01"

CommittedFingerprint: TypeAlias = Callable[
    [Bytes32, int, int, int, int, int, Bytes32, Bytes32, Bytes32, Bytes32], Bytes32
]
"""Takes ledger id, index, amount, balance (units), occurredAt, recordedAt (ms), the commitments to reason,
reference and metadata, and adjusts."""

SaltedFingerprint: TypeAlias = Callable[
    [Bytes32, int, int, int, int, int, bytes, bytes, bytes | None, bytes, bytes | None, bytes, Bytes32],
    Bytes32,
]
"""Takes ledger id, index, amount, balance (units), occurredAt, recordedAt (ms), reason and its salt,
reference and its salt, metadata and its salt (None where absent; salts of 16 bytes), and adjusts."""


def commit_fields(
    reason: bytes,
    reason_salt: bytes,
    reference: bytes | None,
    reference_salt: bytes,
    metadata: bytes | None,
    metadata_salt: bytes,
) -> tuple[Bytes32, Bytes32, Bytes32]:
    """Return the commitments to a delta's three fields. Every salt has 16 bytes; None is an absent field."""
    digest, tag = keccak_256, TAG_COMMITMENT
    return (
        digest(tag + reason_salt + _PRESENT + reason).digest(),
        digest(
            tag + reference_salt + _ABSENT
            if reference is None
            else tag + reference_salt + _PRESENT + reference
        ).digest(),
        digest(
            tag + metadata_salt + _ABSENT if metadata is None else tag + metadata_salt + _PRESENT + metadata
        ).digest(),
    )


def committed_fingerprint(separator: Bytes32) -> CommittedFingerprint:
    """Return the function that takes fingerprints in the log whose domain separator is given."""
    digest, pack, typehash = keccak_256, DELTA_WORDS, DELTA_TYPEHASH
    prefix = b"\x19\x01" + separator

    def fingerprint_of(
        ledger_id: Bytes32,
        index: int,
        amount: int,
        balance: int,
        occurred_at: int,
        recorded_at: int,
        reason: Bytes32,
        reference: Bytes32,
        metadata: Bytes32,
        adjusts: Bytes32,
    ) -> Bytes32:
        words = pack(
            typehash,
            ledger_id,
            index,
            amount.to_bytes(32, "big", signed=True),
            balance.to_bytes(32, "big", signed=True),
            occurred_at,
            recorded_at,
            reason,
            reference,
            metadata,
            adjusts,
        )
        return digest(prefix + digest(words).digest()).digest()  # type: ignore[no-any-return]

    return fingerprint_of


def salted_fingerprint(separator: Bytes32) -> SaltedFingerprint:
    """Return the function that takes fingerprints of deltas whose fields and salts are known."""
    committed = committed_fingerprint(separator)

    def fingerprint_of(
        ledger_id: Bytes32,
        index: int,
        amount: int,
        balance: int,
        occurred_at: int,
        recorded_at: int,
        reason: bytes,
        reason_salt: bytes,
        reference: bytes | None,
        reference_salt: bytes,
        metadata: bytes | None,
        metadata_salt: bytes,
        adjusts: Bytes32,
    ) -> Bytes32:
        return committed(
            ledger_id,
            index,
            amount,
            balance,
            occurred_at,
            recorded_at,
            *commit_fields(reason, reason_salt, reference, reference_salt, metadata, metadata_salt),
            adjusts,
        )

    return fingerprint_of
