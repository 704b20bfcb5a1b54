"""JSON read strictly: UTF-8, no key twice in an object, bounded, and every number in its own digits.

Python's parser takes NaN, drops one of two equal keys, makes binary fractions of numbers, and recurses as
deep as a text nests. Nothing that is hashed, proven or recorded may be read so: proof files, packs, metadata,
vectors and rows are read here, and each room turns ``StrictJsonError`` into the error of its own. (Answers
of nodes and servers are bounded and read member by member; the API's bodies share ``repeated_key``.)
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any, Final, NoReturn

from anchor.protocol.errors import ProtocolError

DEEPEST: Final = 128
"""Levels, unless told. Python's parser takes some hundreds before it runs out of its stack."""

# An unclosed string runs to the end of the text, so that no part of it is looked at twice; and what was
# matched is never given back (``*+``), so that nothing has to be remembered of a string of many escapes.
_STRING: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_SPLIT_AT_ONCE: Final = 4 * 1024 * 1024
"""Characters: a longer text could be of so many strings that its pieces fill the memory."""
_NO_BRACKETS: Final = re.compile(r"[^\[\]{}]++")
_STEPS: Final = {"[": 1, "{": 1, "]": -1, "}": -1}


class NumberText(str):
    """A JSON number in its own digits."""

    __slots__ = ()


@dataclass(eq=False)
class StrictJsonError(ProtocolError):
    """A text that is no JSON as Anchor takes it.

    ``code`` is ``too_large``, ``not_utf8``, ``not_json``, ``too_deep`` or ``duplicate_key``; ``reason`` goes
    on after the name of what was read ('the file …'); ``key`` is the one that stands twice.
    """

    code: str
    reason: str
    key: str = ""

    def __str__(self) -> str:
        return f"it {self.reason}"


def parse_strict(
    raw: bytes | str,
    *,
    number: Callable[[str], Any] = NumberText,
    largest: int | None = None,
    deepest: int = DEEPEST,
    bounded: Callable[[str], None] | None = None,
) -> Any:
    """Return the value of a JSON text: dict, list, str, bool, None, and what ``number`` makes of a number.

    ``largest`` is in bytes (characters, where ``raw`` is text). ``bounded`` looks at what is left of the text
    without its strings, before any value is made of it; it raises what it likes. Texts may hold the escape of
    a lone surrogate: whoever encodes them has to look. Raises StrictJsonError, and what ``number`` raises (a
    ValueError of it is ``not_json``).
    """
    if largest is not None and len(raw) > largest:
        raise StrictJsonError("too_large", f"is larger than {largest} bytes")
    try:
        text = raw if isinstance(raw, str) else raw.decode()
    except UnicodeDecodeError as error:
        raise StrictJsonError("not_utf8", f"is not UTF-8 at byte {error.start}") from error
    deep = text.count("[") + text.count("{") > deepest
    if deep or bounded is not None:
        bones = _without_strings(text)
        if bounded is not None:
            bounded(bones)
        _check_depth(bones, deepest)
    try:
        if text.startswith("\ufeff"):
            raise json.JSONDecodeError("Unexpected UTF-8 BOM (decode using utf-8-sig)", text, 0)
        return _decoder(number).decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        what = error.msg.removesuffix(" at")
        raise StrictJsonError("not_json", f"is not JSON: {what} at {place}") from error
    except ValueError as error:
        raise StrictJsonError("not_json", f"is not JSON: {error}") from error
    except RecursionError as error:
        raise StrictJsonError("too_deep", f"nests deeper than {deepest} levels") from error


@cache
def _decoder(number: Callable[[str], Any]) -> json.JSONDecoder:
    """Return the decoder that makes this of numbers: there are few, and packs are read line by line."""
    return json.JSONDecoder(
        object_pairs_hook=_object, parse_int=number, parse_float=number, parse_constant=_no_constant
    )


def _without_strings(text: str) -> str:
    if "\\" in text or len(text) > _SPLIT_AT_ONCE:
        return _STRING.sub("", text)
    # Without an escape, each quote opens or closes a string.
    return "".join(text.split('"')[::2])


def _check_depth(bones: str, deepest: int) -> None:
    steps = map(_STEPS.__getitem__, _NO_BRACKETS.sub("", bones))
    if max(accumulate(steps), default=0) > deepest:
        raise StrictJsonError("too_deep", f"nests deeper than {deepest} levels")


def repeated_key(pairs: Iterable[tuple[str, Any]]) -> str | None:
    """Return the first key of an object that stands in it a second time."""
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return key
        seen.add(key)
    return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        key = repeated_key(pairs)
        assert key is not None
        # ascii: a key may be half of a surrogate pair, which no terminal takes.
        shown = ascii(key if len(key) <= 60 else key[:57] + "...")
        raise StrictJsonError("duplicate_key", f"holds the key {shown} twice in one object", key)
    return fields


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
