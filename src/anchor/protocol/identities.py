"""Section 2: which log, and which ledger of it.

``logId = H(0x12 ‖ Y ‖ founder)``, ``alpha = u64(len c) ‖ c ‖ u64(len u) ‖ u`` and
``ledgerId = H(0x10 ‖ beta)``, with ``(pi, beta)`` the verifiable random function of ``alpha``
under the log's identity key.
"""

import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from anchor.protocol import vrf
from anchor.protocol.errors import IdentityError, hex_of
from anchor.protocol.hashing import TAG_LEDGER_ID, TAG_LOG_ID, Bytes32, keccak, u64

FOUNDER_LENGTH: Final = 20
"""A founder is an address: the one that may open the log in the contract (section 6b)."""


@dataclass(frozen=True, slots=True)
class LedgerIdentity:
    """One ledger and the proof that it stands for this customer and unit, and that no other can."""

    customer_id: str
    unit: str
    ledger_id: Bytes32
    proof: bytes
    """``pi``, 80 bytes."""


class IdentityKey:
    """The log's Ed25519 secret: drawn once, private to the operator, never rotated."""

    __slots__ = ("_key",)

    def __init__(self, secret: bytes) -> None:
        self._key = vrf.SecretKey(secret)

    @classmethod
    def generate(cls) -> "IdentityKey":
        """Draw a new key from the operating system's randomness."""
        return cls(secrets.token_bytes(32))

    def __repr__(self) -> str:
        return f"IdentityKey(public_key={hex_of(self.public_key)})"

    @property
    def public_key(self) -> Bytes32:
        """``Y``, 32 bytes (RFC 8032)."""
        return self._key.public_key

    @property
    def secret(self) -> bytes:
        """The 32 secret bytes, for whoever writes them to a key file."""
        return self._key.secret

    def log_id(self, founder: bytes) -> Bytes32:
        """Return the id of this key's log of that founder (20 bytes)."""
        return log_id(self.public_key, founder)

    def sign(self, message: bytes) -> bytes:
        """Return the signature (64 bytes) of a note's text.

        Raises ValueError for a text that is no note of a log's: the key draws its nonces for identity proofs
        from the same secret, over 32 bytes, and must never sign so few.
        """
        if not message.startswith(b"anchor-log/"):
            raise ValueError("the identity key signs notes of a log, and nothing else")
        return self._key.sign(message)

    def ledger_identity(self, customer_id: str, unit: str) -> LedgerIdentity:
        """Return the one ledger id of this customer and unit, with its proof. Takes about 0.25 ms."""
        proof = self._key.prove(alpha(customer_id, unit))
        return LedgerIdentity(customer_id, unit, ledger_id_of(vrf.proof_to_output(proof)), proof)


def log_id(public_key: Bytes32, founder: bytes) -> Bytes32:
    """Return ``H(0x12 ‖ Y ‖ founder)`` of the public key (32 bytes) and the founder's address (20 bytes).

    Raises ValueError for other lengths: the two are joined without a length between them.
    """
    if len(public_key) != 32 or len(founder) != FOUNDER_LENGTH:
        raise ValueError(
            f"a log id is taken of 32 and {FOUNDER_LENGTH} bytes, not {len(public_key)} and {len(founder)}"
        )
    return keccak(TAG_LOG_ID + public_key + founder)


def alpha(customer_id: str, unit: str) -> bytes:
    """Return the function's input for a customer and unit, each preceded by its length in bytes."""
    customer = customer_id.encode()
    unit_bytes = unit.encode()
    return u64(len(customer)) + customer + u64(len(unit_bytes)) + unit_bytes


def ledger_id_of(output: bytes) -> Bytes32:
    """Return ``H(0x10 ‖ beta)`` of the function's 64-byte output."""
    return keccak(TAG_LEDGER_ID + output)


@lru_cache(maxsize=1_024)
def verify_ledger_identity(public_key: Bytes32, proof: bytes, customer_id: str, unit: str) -> Bytes32:
    """Return the only ledger id that this customer and unit can have in the log of ``public_key``.

    Raises IdentityError where ``proof`` (80 bytes) does not show it. What was shown is remembered for a
    while: it takes a third of a millisecond, and a pack has as many proofs as deltas, of one ledger.
    """
    return ledger_id_of(vrf.verify(public_key, alpha(customer_id, unit), proof))


def check_ledger_identity(
    identity: LedgerIdentity, public_key: Bytes32, founder: bytes, expected_log_id: Bytes32
) -> None:
    """Check that key and founder are the log's and that ``identity`` holds in it. Raises IdentityError."""
    found_log = log_id(public_key, founder)
    if found_log != expected_log_id:
        raise IdentityError("log id", hex_of(expected_log_id), hex_of(found_log))
    found = verify_ledger_identity(public_key, identity.proof, identity.customer_id, identity.unit)
    if found != identity.ledger_id:
        raise IdentityError("ledger id", hex_of(identity.ledger_id), hex_of(found))
