"""Section 6a: the one reading of an Ed25519 signature.

Written here, over libsodium's group operations, since libraries differ in what they accept: some multiply by
the cofactor, and an operator who can choose between two readings can repudiate what it signed.
"""

import hashlib
from functools import lru_cache

from anchor.protocol.edwards import (
    IDENTITY_POINT,
    ORDER,
    is_of_prime_order,
    multiply,
    multiply_base,
    subtract,
)
from anchor.protocol.hashing import Bytes32


@lru_cache(maxsize=1_024)
def is_signed(public_key: Bytes32, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is the key's for ``message``, by the reading that refuses most.

    It has 64 bytes ``R ‖ s``, ``s`` is below the group's order, the key is of prime order, ``R`` is not of
    small order, and ``s·B − SHA-512(R ‖ Y ‖ message)·Y`` is encoded as ``R``, byte for byte. Takes about
    0.1 ms, and is remembered for a while: many proofs carry the same signature.
    """
    if len(signature) != 64 or not is_of_prime_order(public_key):
        return False
    commitment, response = signature[:32], int.from_bytes(signature[32:], "little")
    if response >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(commitment + public_key + message).digest(), "little") % ORDER
    found = subtract(multiply_base(response), multiply(challenge, public_key))
    # Both terms are multiples of points of prime order: of small order, their difference is the identity.
    return found == commitment and found != IDENTITY_POINT
