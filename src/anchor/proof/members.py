"""The members of a JSON object, taken one by one, and the values that they may have."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from anchor.proof.bounds import ProofFileError, shown
from anchor.protocol.amounts import format_units, parse_amount, parse_balance
from anchor.protocol.commitments import SALT_LENGTH
from anchor.protocol.errors import AmountError
from anchor.protocol.ledger_map import MAX_DEPTH
from anchor.protocol.merkle import MAX_CONSISTENCY_LENGTH, MAX_PATH_LENGTH
from anchor.protocol.vrf import PROOF_LENGTH

Value = TypeVar("Value")
Read = Callable[[Any, str], Value]
"""Reads one value; the text is its place in the file, a JSON pointer."""


class Members:
    """The members of one JSON object, taken one by one; what is left over is refused."""

    __slots__ = ("fields", "place", "taken")

    def __init__(self, fields: dict[str, Any], place: str) -> None:
        self.fields = fields
        self.place = place
        self.taken: set[str] = set()

    @classmethod
    def of(cls, value: Any, place: str) -> "Members":
        if not isinstance(value, dict):
            raise ProofFileError("shape", place, f"is {_named(value)}, not an object")
        return cls(value, place)

    def take(self, key: str, read: Read[Value]) -> Value:
        place = f"{self.place}/{key}"
        if key not in self.fields:
            raise ProofFileError("shape", place, "is missing")
        self.taken.add(key)
        return read(self.fields[key], place)

    def optional(self, key: str, read: Read[Value]) -> Value | None:
        return self.take(key, read) if key in self.fields else None

    def nullable(self, key: str, read: Read[Value]) -> Value | None:
        return self.take(key, lambda value, place: None if value is None else read(value, place))

    def has(self, *keys: str) -> bool:
        """Whether one of the members is there. (Then all have to be: whoever takes them sees to it.)"""
        return any(key in self.fields for key in keys)

    def done(self) -> None:
        """Refuse the object where it holds anything that nobody took."""
        for key in self.fields:
            if key not in self.taken:
                raise ProofFileError("shape", self.place, f"holds {shown(key)}, which does not belong there")


# Values


def _named(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return {int: "a number", str: "text", list: "a list", dict: "an object"}[type(value)]


def text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise ProofFileError("shape", place, f"is {_named(value)}, not text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ProofFileError("shape", place, "holds half of a surrogate pair") from error
    return value


def u64(value: Any, place: str) -> int:
    # parse_json lets through no number but u64; bool is an int to Python.
    if type(value) is not int:
        raise ProofFileError("shape", place, f"is {_named(value)}, not a number")
    return value


def bytes_of(length: int) -> Read[bytes]:
    digits = frozenset("0123456789abcdef")

    def read(value: Any, place: str) -> bytes:
        if not isinstance(value, str):
            raise ProofFileError("shape", place, f"is {_named(value)}, not text")
        if len(value) != 2 + 2 * length or value[:2] != "0x" or not digits.issuperset(value[2:]):
            raise ProofFileError(
                "shape", place, f"is {shown(value)}, not 0x and {2 * length} lower-case digits"
            )
        return bytes.fromhex(value[2:])

    return read


def bytes_up_to(most: int) -> Read[bytes]:
    def read(value: Any, place: str) -> bytes:
        if not isinstance(value, str):
            raise ProofFileError("shape", place, f"is {_named(value)}, not text")
        length = len(value) // 2 - 1
        if length > most:
            raise ProofFileError("shape", place, f"has more than {most} bytes")
        return bytes_of(max(0, length))(value, place)

    return read


hash32: Final = bytes_of(32)
salt: Final = bytes_of(SALT_LENGTH)
address: Final = bytes_of(20)
identity_proof: Final = bytes_of(PROOF_LENGTH)


def list_of(read: Read[Value], most: int | None) -> Read[tuple[Value, ...]]:
    def read_list(value: Any, place: str) -> tuple[Value, ...]:
        if not isinstance(value, list):
            raise ProofFileError("shape", place, f"is {_named(value)}, not a list")
        if most is not None and len(value) > most:
            raise ProofFileError("shape", place, f"has {len(value)} entries; at most {most} are possible")
        return tuple(read(entry, f"{place}/{at}") for at, entry in enumerate(value))

    return read_list


inclusion_path: Final = list_of(hash32, MAX_PATH_LENGTH)
consistency_path: Final = list_of(hash32, MAX_CONSISTENCY_LENGTH)
map_siblings: Final = list_of(hash32, MAX_DEPTH)


def decimal(parse: Callable[[str], int]) -> Read[int]:
    def read(value: Any, place: str) -> int:
        written = text(value, place)
        try:
            units = parse(written)
        except AmountError as error:
            raise ProofFileError("shape", place, str(error)) from error
        if format_units(units) != written:
            raise ProofFileError("shape", place, f"is {shown(written)}, and is written {format_units(units)}")
        return units

    return read


amount: Final = decimal(parse_amount)
balance: Final = decimal(parse_balance)
