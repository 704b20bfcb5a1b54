"""Receipt ids: they lead to their delta without an index, and cannot be guessed.

``rcpt_`` and the base32 (lower case, no padding) of one AES block: the ledger's number and the
delta's index, 8 bytes each, under the log's receipt key. A text that was not made here decrypts to a
place that is not there.
"""

import base64
import re
from collections.abc import Sequence
from struct import Struct
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from anchor.ledger.errors import UnknownReceipt

PREFIX: Final = "rcpt_"
_PLACE: Final = Struct(">QQ")
_TEXT: Final = re.compile(r"rcpt_[a-z2-7]{26}", re.ASCII)
_BLOCK: Final = 16
# A block of 16 bytes makes 26 base32 digits; padded to 20 bytes it makes exactly 32.
_PADDING: Final = bytes(4)
_DIGITS: Final = 26
_DIGITS_PADDED: Final = 32


class ReceiptIds:
    """Makes and reads the receipt ids of one log. ``key`` has 16 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = Cipher(AES(key), ECB())

    def make(self, places: Sequence[tuple[int, int]]) -> list[str]:
        """Return the receipt ids of these (ledger number, index)."""
        pack = _PLACE.pack
        encryptor = self._cipher.encryptor()
        blocks = encryptor.update(b"".join([pack(ledger, index) for ledger, index in places]))
        padded = b"".join([blocks[at : at + _BLOCK] + _PADDING for at in range(0, len(blocks), _BLOCK)])
        digits = base64.b32encode(padded).decode().lower()
        return [PREFIX + digits[at : at + _DIGITS] for at in range(0, len(digits), _DIGITS_PADDED)]

    def read(self, receipt_id: str) -> tuple[int, int]:
        """Return the (ledger number, index) of a receipt id. Raises UnknownReceipt for any other text."""
        if _TEXT.fullmatch(receipt_id) is None:
            raise UnknownReceipt(receipt_id)
        padded = base64.b32decode(receipt_id[len(PREFIX) :].upper() + "======")
        ledger, index = _PLACE.unpack(self._cipher.decryptor().update(padded))
        if max(ledger, index) >= 2**63 or self.make([(ledger, index)]) != [receipt_id]:
            raise UnknownReceipt(receipt_id)
        return ledger, index
