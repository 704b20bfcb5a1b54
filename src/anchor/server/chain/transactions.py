"""Transactions: what is to be signed, the signed bytes, and reading these back.

EIP-1559 (type 2) and, for chains without it, legacy with EIP-155. Signed bytes are always decoded
again and compared with what was asked before they are stored or sent (``SignedDiffers``): a signer
in another process may return anything.
"""

from dataclasses import dataclass
from typing import Any, Final

import rlp
from eth_keys.constants import SECPK1_N
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError as BadKeyValue

from anchor.protocol.hashing import Bytes32, keccak

DYNAMIC_FEE: Final = 2


@dataclass(frozen=True, slots=True)
class Fees:
    """What a transaction offers for a unit of gas, in wei. Legacy: one price, in both fields."""

    max_fee: int
    max_tip: int
    legacy: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.max_tip <= self.max_fee:
            raise ValueError(f"a tip of {self.max_tip} wei is above the fee of {self.max_fee} wei")


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction to be signed. ``to`` is 20 bytes, or None where a contract is created."""

    chain_id: int
    nonce: int
    to: bytes | None
    value: int
    data: bytes
    gas_limit: int
    fees: Fees

    def signing_hash(self) -> Bytes32:
        """Return the 32 bytes that a signer signs."""
        if self.fees.legacy:
            return keccak(rlp.encode([*self._legacy_fields(), _int(self.chain_id), b"", b""]))
        return keccak(bytes([DYNAMIC_FEE]) + rlp.encode(self._dynamic_fields()))

    def signed(self, r: int, s: int, y_parity: int) -> "SignedTransaction":
        """Return the signed transaction for a signature. Raises UnreadableTransaction."""
        if self.fees.legacy:
            v = self.chain_id * 2 + 35 + y_parity
            raw = rlp.encode([*self._legacy_fields(), _int(v), _int(r), _int(s)])
        else:
            raw = bytes([DYNAMIC_FEE]) + rlp.encode(
                [*self._dynamic_fields(), _int(y_parity), _int(r), _int(s)]
            )
        return decode_signed(raw)

    def encoded_with_placeholder(self) -> bytes:
        """Return bytes as long as the signed ones, for asking what their publication costs."""
        filler = [b"\x01", b"\xff" * 32, b"\x7f" * 32]
        if self.fees.legacy:
            return bytes(rlp.encode([*self._legacy_fields(), *filler]))
        return bytes([DYNAMIC_FEE]) + bytes(rlp.encode([*self._dynamic_fields(), *filler]))

    def _legacy_fields(self) -> list[Any]:
        return [
            _int(self.nonce),
            _int(self.fees.max_fee),
            _int(self.gas_limit),
            self.to or b"",
            _int(self.value),
            self.data,
        ]

    def _dynamic_fields(self) -> list[Any]:
        return [
            _int(self.chain_id),
            _int(self.nonce),
            _int(self.fees.max_tip),
            _int(self.fees.max_fee),
            _int(self.gas_limit),
            self.to or b"",
            _int(self.value),
            self.data,
            [],
        ]


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """Signed bytes, what they say, and who signed them."""

    raw: bytes
    hash: Bytes32
    sender: bytes
    transaction: Transaction


@dataclass(eq=False)
class UnreadableTransaction(Exception):
    """Bytes that are no signed transaction of a kind that Anchor sends."""

    reason: str

    def __str__(self) -> str:
        return f"not a signed transaction: {self.reason}"


@dataclass(eq=False)
class SignedDiffers(Exception):
    """A signer returned another transaction than it was asked to sign, or used another key."""

    field: str
    asked: str
    returned: str

    def __str__(self) -> str:
        return f"the signer returned another {self.field}: asked for {self.asked}, got {self.returned}"


def decode_signed(raw: bytes) -> SignedTransaction:
    """Return what signed bytes say. Raises UnreadableTransaction, also for a high ``s``."""
    try:
        transaction, y_parity, r, s = _decode(raw)
    except (rlp.exceptions.RLPException, ValueError, TypeError) as error:
        raise UnreadableTransaction(str(error)[:200]) from None
    if s > SECPK1_N // 2:
        raise UnreadableTransaction("its signature has a high s, which nodes refuse (EIP-2)")
    try:
        key = Signature(vrs=(y_parity, r, s)).recover_public_key_from_msg_hash(transaction.signing_hash())
    except (BadSignature, BadKeyValue) as error:
        raise UnreadableTransaction(f"its signature is invalid ({error})") from None
    return SignedTransaction(raw, keccak(raw), key.to_canonical_address(), transaction)


def check_signed(raw: bytes, asked: Transaction, sender: bytes) -> SignedTransaction:
    """Return the decoded ``raw``. Raises SignedDiffers where it is not ``asked``, signed by ``sender``."""
    signed = decode_signed(raw)
    for field in ("chain_id", "nonce", "to", "value", "data", "gas_limit", "fees"):
        wanted, found = getattr(asked, field), getattr(signed.transaction, field)
        if wanted != found:
            raise SignedDiffers(field, _shown(wanted), _shown(found))
    if signed.sender != sender:
        raise SignedDiffers("sender", _shown(sender), _shown(signed.sender))
    return signed


def _decode(raw: bytes) -> tuple[Transaction, int, int, int]:
    if raw[:1] == bytes([DYNAMIC_FEE]):
        fields = _list_of(rlp.decode(raw[1:]), 12)
        if fields[8] != []:
            raise ValueError("it has an access list")
        numbers = [_number(fields[i]) for i in (0, 1, 2, 3, 4, 6, 9, 10, 11)]
        chain_id, nonce, tip, fee, gas_limit, value, y_parity, r, s = numbers
        transaction = Transaction(
            chain_id, nonce, _receiver(fields[5]), value, bytes(fields[7]), gas_limit, Fees(fee, tip)
        )
    elif raw[:1] >= b"\xc0":
        fields = _list_of(rlp.decode(raw), 9)
        numbers = [_number(fields[i]) for i in (0, 1, 2, 4, 6, 7, 8)]
        nonce, price, gas_limit, value, v, r, s = numbers
        if v < 35:
            raise ValueError("it names no chain (EIP-155)")
        chain_id, y_parity = divmod(v - 35, 2)
        fees = Fees(price, price, legacy=True)
        transaction = Transaction(
            chain_id, nonce, _receiver(fields[3]), value, bytes(fields[5]), gas_limit, fees
        )
    else:
        raise ValueError(f"type {raw[:1].hex() or 'none'}")
    if y_parity > 1:
        raise ValueError("its recovery id is neither 0 nor 1")
    return transaction, y_parity, r, s


def _list_of(fields: Any, length: int) -> list[Any]:
    if not isinstance(fields, list) or len(fields) != length:
        raise ValueError(f"it has not {length} fields")
    return fields


def _receiver(field: Any) -> bytes | None:
    if not isinstance(field, bytes) or len(field) not in (0, 20):
        raise ValueError("its receiver is no address")
    return field or None


def _number(field: Any) -> int:
    if not isinstance(field, bytes) or field[:1] == b"\x00" or len(field) > 32:
        raise ValueError("a number in it is not in its shortest form")
    return int.from_bytes(field, "big")


def _int(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _shown(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
