"""The members of an answer, each with the type that it must have: what listens there may be anything."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any
"""None, bool, int, Decimal, str, list or dict of these."""

_NAMES: Final = {
    str: "a text",
    bool: "true or false",
    list: "a list",
    Decimal: "a number",
}
_LARGEST: Final = Decimal(10) ** 60
"""No amount and no balance, nor the difference of two, is as large."""
_MOST_DIGITS: Final = 400
"""Before or after the point: a number of a caller's metadata, a double, has at most so many."""
_DEEPEST: Final = 64
_LONGEST_PLACE: Final = 200

Shape: TypeAlias = Any
"""What a value must be: one of the types above, a Maybe, a Whole, Digits, ``[Shape]`` for a list of such
values, or a mapping of names to Shapes for an object that has these members, and perhaps more. ``int`` is a
Whole of 63 bits."""


@dataclass(frozen=True)
class Whole:
    """A whole number from 0 up to ``most``."""

    most: int


@dataclass(frozen=True)
class Digits:
    """A text of a decimal number that is not negative, ``most`` digits on each side of the point at most."""

    most: int


_WHOLE: Final = Whole(2**63 - 1)
"""Every count, index, id and time (ms)."""


@dataclass(frozen=True)
class Maybe:
    """A shape, or null; ``left_out``: or nothing at all."""

    shape: Shape
    left_out: bool = False


class MemberError(ValueError):
    """A member is missing or of a wrong type; says which, by its place in the answer."""


class Members:
    """An object of an answer. Every method raises MemberError. ``place`` is a JSON pointer."""

    def __init__(self, answer: Json, place: str = "") -> None:
        if not isinstance(answer, dict):
            raise MemberError(f"{place or 'the answer'} is not an object")
        self.answer: Final = answer
        self.place: Final = place

    def __contains__(self, name: str) -> bool:
        return name in self.answer

    def any(self, name: str) -> Json:
        """Return a member of any type."""
        if name not in self.answer:
            raise MemberError(f"{self.place}/{name} is missing")
        return self.answer[name]

    def text(self, name: str) -> str:
        """Return a text."""
        return self._typed(name, str)  # type: ignore[no-any-return]

    def text_or_none(self, name: str) -> str | None:
        """Return a text, or None where it is null or missing."""
        return None if self.answer.get(name) is None else self.text(name)

    def whole(self, name: str) -> int:
        """Return a whole number."""
        return self._typed(name, int)  # type: ignore[no-any-return]

    def whole_or_none(self, name: str) -> int | None:
        """Return a whole number, or None where it is null or missing."""
        return None if self.answer.get(name) is None else self.whole(name)

    def flag(self, name: str) -> bool:
        """Return true or false."""
        return self._typed(name, bool)  # type: ignore[no-any-return]

    def number(self, name: str) -> Decimal:
        """Return a number as it was written."""
        return Decimal(self._typed(name, Decimal))

    def part(self, name: str) -> "Members":
        """Return an object."""
        return Members(self.any(name), f"{self.place}/{name}")

    def items(self, name: str) -> list[Json]:
        """Return a list."""
        return self._typed(name, list)  # type: ignore[no-any-return]

    def parts(self, name: str) -> list["Members"]:
        """Return a list of objects."""
        return [Members(item, f"{self.place}/{name}/{at}") for at, item in enumerate(self.items(name))]

    def _typed(self, name: str, kind: type) -> Any:
        value = self.any(name)
        require(value, kind, f"{self.place}/{name}")
        return value


def require(value: Json, shape: Shape, place: str = "") -> None:
    """Raise MemberError where a value is not of this shape. ``place``: its JSON pointer in the answer."""
    if isinstance(shape, Maybe):
        if value is not None:
            require(value, shape.shape, place)
    elif isinstance(shape, Mapping):
        members = Members(value, place)
        for name, of in shape.items():
            if name in members or not (isinstance(of, Maybe) and of.left_out):
                require(members.any(name), of, f"{place}/{name}")
    elif isinstance(shape, list):
        require(value, list, place)
        for at, item in enumerate(value):
            require(item, shape[0], f"{place}/{at}")
    elif isinstance(shape, Whole):
        if type(value) is not int:
            raise MemberError(f"{place} is not a whole number")
        if not 0 <= value <= shape.most:
            raise MemberError(f"{place} is not a number from 0 to {shape.most}")
    elif isinstance(shape, Digits):
        require(value, str, place)
        if re.fullmatch(f"[0-9]{{1,{shape.most}}}(\\.[0-9]{{1,{shape.most}}})?", value, re.ASCII) is None:
            raise MemberError(f"{place} is not a text of a number's digits")
    elif shape is Decimal and type(value) in (int, Decimal):
        if not abs(value) < _LARGEST:
            raise MemberError(f"{place} is not a number that an amount can be")
    elif shape is int:
        require(value, _WHOLE, place)
    elif type(value) is not shape:
        raise MemberError(f"{place} is not {_NAMES[shape]}")


def parse_answer(content: bytes) -> Json:
    """Return an answer's JSON; numbers with a fraction are Decimal. Raises ValueError, RecursionError.

    Raises MemberError, a ValueError, for what no Anchor server says, wherever it stands: numbers that are
    none or of more digits than any, halves of characters, and what lies deeper than anything.
    """
    try:
        value = json.loads(content, parse_float=_decimal, parse_constant=_decimal)
        suspect = b"\\ud" in content or b"\\uD" in content
    except ValueError:
        # Read again as leniently as can be, to say where it stands.
        value = json.loads(content, parse_int=_lenient, parse_float=Decimal)
        suspect = True
    _require_sayable(value, suspect)
    return value


def _decimal(digits: str) -> Decimal:
    number = Decimal(digits)
    if not _is_sayable(number):
        raise ValueError(digits)
    return number


def _is_sayable(number: Decimal) -> bool:
    if not number.is_finite():
        return False
    return number.adjusted() < _MOST_DIGITS and int(number.as_tuple().exponent) >= -_MOST_DIGITS


def _lenient(digits: str) -> int | Decimal:
    # Python reads no longer ones as int.
    return int(digits) if len(digits) <= _MOST_DIGITS else Decimal(digits)


def _require_sayable(answer: Json, suspect: bool) -> None:
    """Raise MemberError where an answer is too deep; where it is ``suspect``, for every value in it."""
    waiting: list[tuple[Json, str, int]] = [(answer, "", 0)]
    while waiting:
        value, place, depth = waiting.pop()
        if isinstance(value, dict | list):
            if depth == _DEEPEST:
                raise MemberError(f"{_named(place)} is too deep")
            inside = value.items() if isinstance(value, dict) else enumerate(value)
            waiting += [
                (one, f"{place}/{name}", depth + 1)
                for name, one in inside
                if suspect or isinstance(one, dict | list)
            ]
            if suspect and isinstance(value, dict):
                waiting += [(name, f"{place}/{name}", depth + 1) for name in value]
        elif isinstance(value, str):
            if not _is_text(value):
                raise MemberError(f"{_named(place)} holds half of a surrogate pair")
        elif isinstance(value, float):
            raise MemberError(f"{_named(place)} is not a number")
        elif isinstance(value, Decimal) and not _is_sayable(value):
            raise MemberError(f"{_named(place)} has more digits than any number has")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _named(place: str) -> str:
    return ascii(place)[1:-1][:_LONGEST_PLACE] or "the answer"
