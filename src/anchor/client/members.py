"""The members of an answer, each with the type that it must have: what listens there may be anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any
"""None, bool, int, Decimal, str, list or dict of these."""

_NAMES: Final = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    Decimal: "a number",
}

Shape: TypeAlias = Any
"""What a value must be: one of the types above, a Maybe, ``[Shape]`` for a list of such values, or a
mapping of names to Shapes for an object that has these members, and perhaps more."""


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
    elif type(value) is not shape and not (shape is Decimal and type(value) is int):
        raise MemberError(f"{place} is not {_NAMES[shape]}")
