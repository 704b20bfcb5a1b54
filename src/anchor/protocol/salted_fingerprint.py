"""Section 3 in one pass: from a delta's own fields and salts to its fingerprint.

The same as committing to each field and then taking ``fingerprint``, with no call and no value in
between that is not needed: whoever records tens of thousands a second, or recomputes a whole log,
spends most of their time here.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from sha3 import keccak_256

from anchor.protocol.fingerprint import DELTA_TYPEHASH, DELTA_WORDS
from anchor.protocol.hashing import TAG_COMMITMENT, Bytes32

_ABSENT: Final = b"\x00"
_PRESENT: Final = b"\x01"

SaltedFingerprint: TypeAlias = Callable[
    [Bytes32, int, int, int, int, int, bytes, bytes, bytes | None, bytes, bytes | None, bytes, Bytes32],
    Bytes32,
]
"""Takes ledger id, index, amount, balance (units), occurredAt, recordedAt (ms), reason and its salt,
reference and its salt, metadata and its salt (None where absent; salts of 16 bytes), and adjusts."""


def salted_fingerprint(separator: Bytes32) -> SaltedFingerprint:
    """Return the function that takes fingerprints in the log whose domain separator is given."""
    digest, pack, typehash, tag = keccak_256, DELTA_WORDS, DELTA_TYPEHASH, TAG_COMMITMENT
    prefix = b"\x19\x01" + separator

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
        words = pack(
            typehash,
            ledger_id,
            index,
            amount.to_bytes(32, "big", signed=True),
            balance.to_bytes(32, "big", signed=True),
            occurred_at,
            recorded_at,
            digest(tag + reason_salt + _PRESENT + reason).digest(),
            digest(
                tag + reference_salt + _ABSENT
                if reference is None
                else tag + reference_salt + _PRESENT + reference
            ).digest(),
            digest(
                tag + metadata_salt + _ABSENT
                if metadata is None
                else tag + metadata_salt + _PRESENT + metadata
            ).digest(),
            adjusts,
        )
        return digest(prefix + digest(words).digest()).digest()  # type: ignore[no-any-return]

    return fingerprint_of
