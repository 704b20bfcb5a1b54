"""What ``anchor verify`` makes of a dispute: a file of ``anchor follow`` that says what did not fit.

It is one side's word, and no proof by itself. What can be checked of it are the proof files saved with it.
"""

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anchor.cli.failures import CommandFailed
from anchor.cli.output import Output, plain
from anchor.protocol.strict_json import StrictJsonError, parse_strict

_KINDS: Final = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a directory"),
)
_SHELL_PIPES: Final = ("/dev/fd/", "/proc/self/fd/", "/dev/stdin")
"""What a shell hands over for ``<(…)`` and ``|``: somebody writes there."""


def require_file(path: Path, *, read_once: bool = False) -> None:
    """Raise CommandFailed for what is there and no file, and OSError where nothing is.

    ``read_once``: what a shell pipes in will do as well, for no part of it is read twice.
    """
    mode = path.stat().st_mode
    if stat.S_ISREG(mode):
        return
    if read_once and stat.S_ISFIFO(mode) and str(path).startswith(_SHELL_PIPES):
        return
    kind = next((name for is_one, name in _KINDS if is_one(mode)), "something else")
    raise CommandFailed(
        f"{path} is {kind}, and no file", "name a file; save what comes through a pipe first", code="no_file"
    )


SUFFIX: Final = ".dispute.json"
_FORMAT: Final = "anchor-dispute"
_LARGEST: Final = 16 * 1024 * 1024
_BEGINNING: Final = 4_096
_TEXTS: Final = ("kind", "statement", "expected", "found")


@dataclass(frozen=True)
class Dispute:
    """A dispute's file, what it says, and the names of the proof files that were saved with it."""

    file: Path
    kind: str
    statement: str
    expected: str
    found: str
    proofs: tuple[str, ...]

    def beside(self) -> list[Path]:
        """Return the proof files that are there. Their names may be anybody's: they lead nowhere else."""
        paths = [self.file.with_name(name) for name in self.proofs if name and Path(name).name == name]
        return [path for path in paths if path.is_file()]

    def to_json(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        return {
            "file": str(self.file),
            "kind": "dispute",
            "verdict": "not_checked_against_a_chain",
            "dispute": {name: getattr(self, name) for name in _TEXTS},
            "proofs": [str(path) for path in self.beside()],
        }

    def show(self, output: Output) -> None:
        """Show it for a person."""
        output.line(f"[bold]{plain(self.file.name)}[/]")
        output.say()
        output.line(f"[yellow]![/] {plain(self.kind)}: {plain(self.statement)}")
        output.line(f"     expected  [green]{plain(self.expected)}[/]")
        output.line(f"     found     [red]{plain(self.found)}[/]")
        output.say()
        output.say(
            "This is a dispute, as anchor follow saves it: the word of who follows a ledger, and no proof."
        )
        there = self.beside()
        if there:
            output.say("What can be checked of it are the proof files that were saved with it:\n")
        elif self.proofs:
            names = plain(", ".join(self.proofs))
            output.say(f"What can be checked of it was saved with it, and is not here: {names}")
        else:
            output.say("Nothing was saved with it that can be checked.")


def read_dispute(file: Path) -> Dispute | None:
    """Return the dispute in a file; None where it is another file. Raises OSError."""
    with file.open("rb") as opened:
        raw = opened.read(_BEGINNING)
        if f'"{_FORMAT}"'.encode() not in raw:
            return None
        raw += opened.read(_LARGEST)
    try:
        value = parse_strict(raw, largest=_LARGEST)
    except StrictJsonError:
        return None
    if not isinstance(value, dict) or value.get("format") != _FORMAT:
        return None
    texts = [value.get(name) for name in _TEXTS]
    proofs = value.get("proofs")
    if not isinstance(proofs, list) or not all(isinstance(text, str) for text in (*texts, *proofs)):
        return None
    kind, statement, expected, found = map(str, texts)
    return Dispute(file, kind, statement, expected, found, tuple(map(str, proofs)))
