"""Section 2: ECVRF-EDWARDS25519-SHA512-TAI (RFC 9381 §5, suite 0x03).

Written here since no kept package does it: forty lines over libsodium's group operations (``edwards``),
put together as the RFC says.
"""

import hashlib
from typing import Final

from nacl import bindings, exceptions

from anchor.protocol.edwards import (
    IDENTITY_POINT,
    ORDER,
    is_of_prime_order,
    multiply,
    multiply_base,
    subtract,
)
from anchor.protocol.errors import IdentityError, hex_of

PROOF_LENGTH: Final = 80
OUTPUT_LENGTH: Final = 64

_SUITE: Final = b"\x03"


class SecretKey:
    """An Ed25519 secret of 32 bytes, expanded once (RFC 8032 §5.1.5).

    The secret never appears in ``repr``.
    """

    __slots__ = ("_nonce_prefix", "_scalar", "public_key", "secret")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 32:
            raise ValueError(f"an Ed25519 secret has 32 bytes, not {len(secret)}")
        expanded = hashlib.sha512(secret).digest()
        clamped = bytearray(expanded[:32])
        clamped[0] &= 248
        clamped[31] = (clamped[31] & 127) | 64
        self.secret = secret
        self._scalar = int.from_bytes(clamped, "little") % ORDER
        self._nonce_prefix = expanded[32:]
        self.public_key: bytes = multiply_base(self._scalar)

    def __repr__(self) -> str:
        return f"SecretKey(public_key={hex_of(self.public_key)})"

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature (RFC 8032 §5.1.6, 64 bytes) of ``message``."""
        nonce = _hash_to_scalar(self._nonce_prefix, message)
        commitment = multiply_base(nonce)
        challenge = _hash_to_scalar(commitment, self.public_key, message)
        response = (nonce + challenge * self._scalar) % ORDER
        return commitment + response.to_bytes(32, "little")

    def prove(self, alpha: bytes) -> bytes:
        """Return the proof ``pi`` (80 bytes) for ``alpha`` (RFC 9381 §5.1)."""
        candidate = _encode_to_curve(self.public_key, alpha)
        gamma = multiply(self._scalar, candidate)
        nonce = _hash_to_scalar(self._nonce_prefix, candidate)
        challenge = _challenge(
            self.public_key, candidate, gamma, multiply_base(nonce), multiply(nonce, candidate)
        )
        response = (nonce + challenge * self._scalar) % ORDER
        return gamma + challenge.to_bytes(16, "little") + response.to_bytes(32, "little")


def proof_to_output(proof: bytes) -> bytes:
    """Return ``beta`` (64 bytes) of a proof that was made here or has been verified (RFC 9381 §5.2)."""
    gamma = proof[:32]
    # Multiplying by the cofactor, 8, is three doublings.
    for _ in range(3):
        gamma = bindings.crypto_core_ed25519_add(gamma, gamma)
    return hashlib.sha512(_SUITE + b"\x03" + gamma + b"\x00").digest()


def verify(public_key: bytes, alpha: bytes, proof: bytes) -> bytes:
    """Check a proof and return ``beta`` (64 bytes) (RFC 9381 §5.3).

    ``public_key`` (32 bytes) and the proof's ``Gamma`` must be of prime order and ``s`` below the
    group order. Raises IdentityError, naming what is wrong.
    """
    if len(proof) != PROOF_LENGTH:
        raise IdentityError("identity proof length", f"{PROOF_LENGTH} bytes", f"{len(proof)} bytes")
    gamma = proof[:32]
    challenge = int.from_bytes(proof[32:48], "little")
    response = int.from_bytes(proof[48:], "little")
    if response >= ORDER:
        raise IdentityError("identity proof scalar", "s below the group order", hex_of(proof[48:]))
    _require_prime_order("identity public key", public_key)
    _require_prime_order("identity proof point", gamma)
    candidate = _encode_to_curve(public_key, alpha)
    commitment = subtract(multiply_base(response), multiply(challenge, public_key))
    image = subtract(multiply(response, candidate), multiply(challenge, gamma))
    found = _challenge(public_key, candidate, gamma, commitment, image)
    if found != challenge:
        raise IdentityError(
            "identity proof challenge",
            hex_of(challenge.to_bytes(16, "little")),
            hex_of(found.to_bytes(16, "little")),
        )
    return proof_to_output(proof)


def _require_prime_order(step: str, point: bytes) -> None:
    if not is_of_prime_order(point):
        raise IdentityError(step, "a canonical point of prime order", hex_of(point))


def _encode_to_curve(salt: bytes, alpha: bytes) -> bytes:
    """Try and increment (RFC 9381 §5.4.1.1), cofactor cleared."""
    prefix = _SUITE + b"\x01" + salt + alpha
    for counter in range(256):
        candidate = hashlib.sha512(prefix + bytes((counter,)) + b"\x00").digest()[:32]
        try:
            # add() decodes its points without a subgroup check, so p + p both decodes and doubles.
            point = bindings.crypto_core_ed25519_add(candidate, candidate)
        except exceptions.RuntimeError:
            continue
        for _ in range(2):
            point = bindings.crypto_core_ed25519_add(point, point)
        if point != IDENTITY_POINT:
            return bytes(point)
    raise ArithmeticError("no curve point in 256 attempts")


def _challenge(*points: bytes) -> int:
    digest = hashlib.sha512(_SUITE + b"\x02" + b"".join(points) + b"\x00").digest()
    return int.from_bytes(digest[:16], "little")


def _hash_to_scalar(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ORDER
