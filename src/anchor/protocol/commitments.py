"""Section 3: a text field hides behind its own salt.

``commit(salt, value) = H(0x11 ‖ salt ‖ 0x01 ‖ bytes)``, or ``H(0x11 ‖ salt ‖ 0x00)`` where the value
is absent. To disclose a field, show value and salt; to withhold it, show the commitment; to erase
it, delete value and salt.
"""

from typing import Final

from anchor.protocol.hashing import TAG_COMMITMENT, Bytes32, keccak

SALT_LENGTH: Final = 16


def commit(salt: bytes, value: bytes | None) -> Bytes32:
    """Return the commitment to ``value`` (UTF-8 text, JCS metadata, or None where absent).

    ``salt`` is 16 random bytes, drawn for this one field of this one delta. Raises ValueError
    where it has another length, since two preimages could then read the same.
    """
    if len(salt) != SALT_LENGTH:
        raise ValueError(f"a salt has {SALT_LENGTH} bytes, not {len(salt)}")
    if value is None:
        return keccak(TAG_COMMITMENT + salt + b"\x00")
    return keccak(TAG_COMMITMENT + salt + b"\x01" + value)
