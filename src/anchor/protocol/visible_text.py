"""Section 8, last lines: a text as a person can tell it from others.

What cannot be seen is written out, by one table for Python and the verifier page
(``visible_characters.json``; made by ``scripts/visible_characters.mjs`` from one version of Unicode).
"""

import json
import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import Final

_OURS: Final = ("\\u{", "(UTF-8 ")
_SWALLOWED: Final = re.compile(r"\A +| +\Z|(?<= ) +")


@dataclass(frozen=True, slots=True)
class _Table:
    """Where runs of code points begin, alternately outside and inside each class; the first is outside."""

    unseen: list[int]
    marks: list[int]
    bases: list[int]


@cache
def _table() -> _Table:
    read = json.loads(files("anchor.protocol").joinpath("visible_characters.json").read_bytes())
    return _Table(*(list(accumulate(read[name][:-1], initial=0)) for name in ("unseen", "marks", "bases")))


def _within(starts: list[int], character: str) -> bool:
    return bisect_right(starts, ord(character)) % 2 == 0


def unseen_at(text: str, keep: str = "") -> list[int]:
    """Return the places (from 0) of the characters that cannot be seen or told from others.

    Those are controls, format characters, surrogates, private and unassigned code points, blanks other than
    U+0020, what may be drawn as nothing (variation selectors, tags, fillers), and combining marks that follow
    no letter or digit. Characters of ``keep`` are not among them.
    """
    if text.isascii() and text.isprintable():
        return []
    table = _table()
    places = []
    has_base = False
    for place, character in enumerate(text):
        if _within(table.unseen, character):
            has_base = False
            if character not in keep:
                places.append(place)
        elif _within(table.marks, character):
            if not has_base:
                places.append(place)
        else:
            has_base = _within(table.bases, character)
    return places


def visible(text: str, keep: str = "\n") -> str:
    """Return the text with what ``unseen_at`` finds written out: ``\\u{200b}``."""
    places = unseen_at(text, keep)
    if not places:
        return text
    letters = list(text)
    for place in places:
        letters[place] = f"\\u{{{ord(letters[place]):x}}}"
    return "".join(letters)


def visible_id(text: str) -> str:
    """Return an id as people are shown it: no two are shown alike.

    Where it is not printable ASCII, or looks like what is written here, its UTF-8 bytes stand beside it.
    Blanks at its ends, and those after another, are written out: a page or a table would swallow them.
    """
    shown = _SWALLOWED.sub(lambda blanks: "\\u{20}" * len(blanks[0]), visible(text, keep=""))
    if text.isascii() and text.isprintable() and not any(mark in text for mark in _OURS):
        return shown
    return f"{shown} (UTF-8 {text.encode('utf-8', 'surrogatepass').hex()})"


def id_fault(text: str) -> str | None:
    """Return why an id could be taken for another, naming the place; None where it is well formed.

    Refused are blanks at an end, and what ``unseen_at`` finds.
    """
    blanks = (text.startswith(" "), text.endswith(" "))
    if any(blanks):
        return f"Its {'first' if blanks[0] else 'last'} character is a blank (U+0020)."
    for place in unseen_at(text):
        return f"Character {place + 1}, U+{ord(text[place]):04X}, cannot be seen or told from others."
    return None


def alike(text: str) -> str:
    """Return what two ids share that differ by case, width, blanks or normal form only (NFKC, by Python's
    own Unicode data: this warns, and decides nothing)."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(character for character in folded if not character.isspace() and not unseen_at(character))
