"""JSON as a proof file may hold it: whole numbers and text, no key twice, everything bounded.

Bounds are checked on the text before any value is built: its size, how deep it nests and how many
containers and members it has, so that no file can make the parser run deep or out of memory.
"""

import re
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


_FROM_ANCHOR: Final = "Give a file that anchor proof, anchor pack or anchor sample made."
_AGAIN: Final = "Fetch it again: it is not as it was made."
_UTF8: Final = "Save it in UTF-8 and without a byte order mark, or fetch it again."
_BEGINNINGS: Final = (
    (
        b"<",
        Described("a web page", "Fetch the file itself, not a page: anchor proof ID --out FILE."),
    ),
    (b"PK", Described("a zip archive", "Only audit packs are checked whole: unpack any other.")),
    (b"\x1f\x8b", Described("a gzip archive", "Unpack it first.")),
    (b"%PDF", Described("a PDF", _FROM_ANCHOR)),
    (b"\xff\xfe", Described("text in UTF-16", _UTF8)),
    (b"\xfe\xff", Described("text in UTF-16", _UTF8)),
)
REFUSAL: Final = Described("a server's refusal", "Do what it says, and fetch the file again.")
"""What a file is that holds a problem document."""
UNSIGNED: Final = Described(
    "a proof file of version 1, made before the log signed what it anchors",
    "Ask the operator for a new one: it shows less than a proof needs.",
)
"""What a proof file of before the log's signature is (protocol, section 6a)."""
_REMEDIES: Final = {
    "size": "Have an audit pack made of a long period: anchor pack.",
    "format": _FROM_ANCHOR,
    "version": "Check it with a version of Anchor that knows it.",
}


def describe(raw: bytes) -> Described:
    """Return what a file is that cannot be read as JSON, given as its bytes."""
    content = raw.removeprefix(_MARK).strip(_BLANKS)
    if not content:
        return Described("an empty file", "Fetch it again: nothing was written to it.")
    for beginning, described in _BEGINNINGS:
        if content.startswith(beginning):
            return described
    if not content.startswith(b"{"):
        return Described(f"a file that begins with the bytes {content[:_SHOWN].hex(' ')}", _FROM_ANCHOR)
    if not content.endswith(b"}"):
        return Described(f"JSON that is cut off at byte {len(raw)}", "Fetch it again: its end is missing.")
    if raw.startswith(_MARK):
        return Described("JSON after a byte order mark", _UTF8)
    return Described("JSON with a mistake in it", _AGAIN)


def remedy_of(step: str) -> str:
    """Return what to do about a file that is JSON and no proof file. ``step`` is the error's."""
    return _REMEDIES.get(step, _AGAIN)


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
