"""JSON as a proof file may hold it: whole numbers and text, no key twice, everything bounded.

Bounds are checked on the text before any value is built: its size, how deep it nests and how many
containers and members it has, so that no file can make the parser run deep or out of memory.
"""

import json
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

from anchor.protocol.hashing import MAX_U64
from anchor.protocol.strict_json import StrictJsonError, parse_strict

_MARK: Final = b"\xef\xbb\xbf"
_BLANKS: Final = b" \t\r\n"
_SHOWN: Final = 4


class Described(NamedTuple):
    """What a file is, and a sentence that says what to do."""

    found: str
    remedy: str


# What the page says too: it is bundled with the same file.
_SAID: Final = json.loads(Path(__file__).with_name("unreadable.json").read_bytes())


def _described(name: str, **values: object) -> Described:
    said = _SAID[name]
    return Described(said["found"].format(**values), said["remedy"])


_BEGINNINGS: Final = tuple(
    (bytes.fromhex(one["bytes"]), Described(one["found"], one["remedy"])) for one in _SAID["beginnings"]
)
REFUSAL: Final = _described("refusal")
"""What a file is that holds a problem document."""
UNSIGNED: Final = _described("unsigned")
"""What a proof file of before the log's signature is (protocol, section 6a)."""
_MISTAKEN: Final = _described("mistaken")


def describe(raw: bytes) -> Described:
    """Return what a file is that cannot be read as JSON, given as its bytes."""
    content = raw.removeprefix(_MARK).strip(_BLANKS)
    if not content:
        return _described("empty")
    for beginning, described in _BEGINNINGS:
        if content.startswith(beginning):
            return described
    if not content.startswith(b"{"):
        return _described("other", bytes=content[:_SHOWN].hex(" "))
    if not content.endswith(b"}"):
        return _described("cut", length=len(raw))
    return _described("marked") if raw.startswith(_MARK) else _MISTAKEN


def remedy_of(step: str) -> str:
    """Return what to do about a file that is JSON and no proof file. ``step`` is the error's."""
    remedy: str = _SAID["remedies"].get(step, _MISTAKEN.remedy)
    return remedy


DEEPEST: Final = 16
_SHORTEST_CONTAINER: Final = 24
"""Fewer bytes than this for each container, and the file is not a proof file. Likewise for members."""
_SHORTEST_MEMBER: Final = 8
_ALLOWANCE: Final = 64

_WHOLE_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,19}", re.ASCII)


class ProofFileError(Exception):
    """A file that is not a proof file of a version that this verifier knows.

    ``step`` is one of ``size``, ``json``, ``format``, ``version`` and ``shape``; ``place`` is a JSON
    pointer (RFC 6901), empty for the whole file; ``reason`` is a sentence for people. ``described`` says of a
    file that is no JSON what it is.
    """

    def __init__(self, step: str, place: str, reason: str, described: Described | None = None) -> None:
        super().__init__(step, place, reason)
        self.described = described
        self.step = step
        self.place = place
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.step}: {self.place or 'the file'}: {self.reason}"


def parse_json(raw: bytes, largest: int) -> Any:
    """Return the value of a JSON text of at most ``largest`` bytes: dict, list, str, int, bool or None.

    Numbers are whole, from 0 to 2**64-1, and written plainly (no ``1.0``, no ``1e3``, no ``-0``).
    Raises ProofFileError with step ``size`` or ``json``.
    """
    try:
        return parse_strict(
            raw,
            number=_whole_number,
            largest=largest,
            deepest=DEEPEST,
            bounded=lambda bones: _check_members(bones, len(raw)),
        )
    except StrictJsonError as error:
        if error.code == "too_large":
            raise ProofFileError("size", "", error.reason) from error
        raise ProofFileError("json", "", error.reason, describe(raw)) from error
    except ProofFileError as error:
        error.described = describe(raw)
        raise


def _check_members(bones: str, size: int) -> None:
    containers = bones.count("[") + bones.count("{")
    if containers > _ALLOWANCE + size // _SHORTEST_CONTAINER:
        raise ProofFileError("json", "", f"has {containers} lists and objects, too many for its size")
    members = bones.count(",")
    if members > _ALLOWANCE + size // _SHORTEST_MEMBER:
        raise ProofFileError("json", "", f"has {members} members, too many for its size")


def _whole_number(token: str) -> int:
    # Nearly every number is short: nothing below 10**19 is beyond u64.
    if len(token) < 20 and token.isascii() and token.isdigit() and (token[0] != "0" or len(token) == 1):
        return int(token)
    if _WHOLE_NUMBER.fullmatch(token) is None or int(token) > MAX_U64:
        raise ProofFileError("json", "", f"holds the number {shown(token)}, not a whole one below 2**64")
    return int(token)


def shown(value: object) -> str:
    """Return a value of a file as a short piece of ASCII for an error message."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    if value is None:
        return "missing or null"
    text = ascii(value[:60] if isinstance(value, str) else value)
    return text if len(text) <= 60 else text[:57] + "..."
