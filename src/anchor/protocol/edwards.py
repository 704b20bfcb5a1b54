"""Sections 2 and 6a: the group that keys, identity proofs and signatures live in.

The operations are libsodium's; points are their 32-byte encodings (RFC 8032 §5.1.2), scalars integers.
"""

from functools import lru_cache
from typing import Final

from nacl import bindings

ORDER: Final = 2**252 + 27742317777372353535851937790883648493
IDENTITY_POINT: Final = b"\x01" + bytes(31)


@lru_cache(maxsize=256)
def is_of_prime_order(point: bytes) -> bool:
    """Whether these are the canonical bytes of a point of prime order: not the identity, no cofactor.

    Remembered, since the same few public keys are asked for again and again and it takes 0.05 ms.
    """
    return len(point) == 32 and bindings.crypto_core_ed25519_is_valid_point(point)


def multiply(scalar: int, point: bytes) -> bytes:
    """Return ``scalar`` times a point of prime order."""
    # libsodium refuses a product that is the identity; it is a legitimate intermediate value here.
    if scalar % ORDER == 0:
        return IDENTITY_POINT
    return bytes(bindings.crypto_scalarmult_ed25519_noclamp(scalar.to_bytes(32, "little"), point))


def multiply_base(scalar: int) -> bytes:
    """Return ``scalar`` times the base point."""
    if scalar % ORDER == 0:
        return IDENTITY_POINT
    return bytes(bindings.crypto_scalarmult_ed25519_base_noclamp(scalar.to_bytes(32, "little")))


def subtract(left: bytes, right: bytes) -> bytes:
    """Return the difference of two points."""
    return bytes(bindings.crypto_core_ed25519_sub(left, right))
