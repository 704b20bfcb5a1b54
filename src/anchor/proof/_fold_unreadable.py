"""What a file is that is no proof file, by its first and last bytes, and what to do about it."""

from typing import Final, NamedTuple

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
