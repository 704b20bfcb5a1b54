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

from anchor.server.ledger.errors import UnknownReceipt

PREFIX: Final = "rcpt_"
_PLACE: Final = Struct(">QQ")
_TEXT: Final = re.compile(r"rcpt_[a-z2-7]{26}", re.ASCII)
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
# Three digits at once, and the last two: a third of what the standard library's base32 takes.
_THREE: Final = [a + b + c for a in _ALPHABET for b in _ALPHABET for c in _ALPHABET]
_TWO: Final = [a + b for a in _ALPHABET for b in _ALPHABET]
_15_BITS: Final = 0x7FFF


class ReceiptIds:
    """Makes and reads the receipt ids of one log. ``key`` has 16 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = Cipher(AES(key), ECB())

    def make(self, places: Sequence[tuple[int, int]]) -> list[str]:
        """Return the receipt ids of these (ledger number, index)."""
        pack, three, two, mask = _PLACE.pack, _THREE, _TWO, _15_BITS
        encryptor = self._cipher.encryptor()
        blocks = encryptor.update(b"".join([pack(ledger, index) for ledger, index in places]))
        return [
            f"rcpt_{three[high >> 49]}{three[high >> 34 & mask]}{three[high >> 19 & mask]}"
            f"{three[high >> 4 & mask]}{three[(high & 15) << 11 | low >> 53]}{three[low >> 38 & mask]}"
            f"{three[low >> 23 & mask]}{three[low >> 8 & mask]}{two[(low & 255) << 2]}"
            for high, low in _PLACE.iter_unpack(blocks)
        ]

    def read(self, receipt_id: str) -> tuple[int, int]:
        """Return the (ledger number, index) of a receipt id. Raises UnknownReceipt for any other text."""
        if _TEXT.fullmatch(receipt_id) is None:
            raise UnknownReceipt(receipt_id)
        padded = base64.b32decode(receipt_id[len(PREFIX) :].upper() + "======")
        ledger, index = _PLACE.unpack(self._cipher.decryptor().update(padded))
        if max(ledger, index) >= 2**63 or self.make([(ledger, index)]) != [receipt_id]:
            raise UnknownReceipt(receipt_id)
        return ledger, index
