"""The reader's own list of logs: which log is whose, and on which chains it was agreed to be anchored.

A log's id says nothing to a person, and a file names the id that its maker likes. Whoever checks files of
several operators writes each one's id down once, from a source that is not the file (a contract, an
invoice, the operator's own word), and names it from then on.
"""

import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anchor.proof.bounds import ProofFileError, parse_json, shown
from anchor.proof.members import Members, hash32, list_of, text, u64
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import Bytes32
from anchor.protocol.visible_text import alike, id_fault

FORMAT: Final = "anchor-known-logs"
VERSION: Final = 1
LARGEST_FILE: Final = 4 * 2**20
LONGEST_NAME: Final = 100


class KnownLogsError(ValueError):
    """The list cannot be read, or a log cannot be put into it. The message says why."""


@dataclass(frozen=True, slots=True)
class KnownLog:
    """A log that the reader knows. ``chains``: the ids agreed on; none means that no chain was agreed."""

    name: str
    log_id: Bytes32
    chains: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in the file."""
        return {"name": self.name, "logId": hex_of(self.log_id), "chains": list(self.chains)}


@dataclass(frozen=True, slots=True)
class KnownLogs:
    """All of them, in the order in which they were added. No two have one id, or names that look alike."""

    logs: tuple[KnownLog, ...] = ()

    def of_id(self, log_id: Bytes32) -> KnownLog | None:
        """Return the log of an id (bytes32), None where it is not known."""
        return next((log for log in self.logs if log.log_id == log_id), None)

    def named(self, name: str) -> KnownLog | None:
        """Return the log of a name, as it was given."""
        return next((log for log in self.logs if log.name == name), None)

    def with_log(self, log: KnownLog) -> "KnownLogs":
        """Return the list with one more. Raises KnownLogsError where its name or id cannot be told apart."""
        _require_name(log.name)
        if log.name.startswith("0x"):
            raise KnownLogsError(f"{log.name!a} begins like an id: choose a name that does not")
        same = next((one for one in self.logs if alike(one.name) == alike(log.name)), None)
        if same is not None:
            raise KnownLogsError(f"{same.name!a} is on the list already: remove it first, or choose another")
        if (known := self.of_id(log.log_id)) is not None:
            raise KnownLogsError(f"the log {hex_of(log.log_id)} is on the list already, as {known.name!a}")
        if len(set(log.chains)) != len(log.chains):
            raise KnownLogsError("a chain is named twice")
        return KnownLogs((*self.logs, log))

    def without(self, name: str) -> "KnownLogs":
        """Return the list without a log. Raises KnownLogsError where there is none of this name."""
        if self.named(name) is None:
            raise KnownLogsError(f"there is no log {name!a} on the list")
        return KnownLogs(tuple(log for log in self.logs if log.name != name))

    @classmethod
    def of(cls, logs: Iterable[KnownLog]) -> "KnownLogs":
        """Return the list of these. Raises KnownLogsError as ``with_log`` does."""
        found = cls()
        for log in logs:
            found = found.with_log(log)
        return found


NO_LOGS: Final = KnownLogs()


def _require_name(name: str) -> None:
    if not 0 < len(name) <= LONGEST_NAME:
        raise KnownLogsError(f"a name has 1 to {LONGEST_NAME} characters")
    if (fault := id_fault(name)) is not None:
        raise KnownLogsError(f"the name {name!a} could be taken for another: {fault}")


def read_known_logs(path: Path) -> KnownLogs:
    """Return the list in a file; an empty one where there is no file.

    Raises KnownLogsError, which names the file and the place, and OSError where it cannot be read.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        return KnownLogs()
    try:
        return parse_known_logs(raw)
    except (ProofFileError, KnownLogsError) as error:
        raise KnownLogsError(f"{path}: {error}") from None


def parse_known_logs(raw: bytes) -> KnownLogs:
    """Return the list that a file holds. Raises ProofFileError or KnownLogsError."""
    top = Members.of(parse_json(raw, LARGEST_FILE), "")
    for key, expected in (("format", FORMAT), ("version", VERSION)):
        found = top.take(key, lambda value, _place: value)
        if found != expected:
            raise ProofFileError(key, f"/{key}", f"is {shown(found)}, not {shown(expected)}")
    logs = top.take("logs", list_of(_known_log, LARGEST_FILE))
    top.done()
    return KnownLogs.of(logs)


def _known_log(value: object, place: str) -> KnownLog:
    members = Members.of(value, place)
    found = KnownLog(
        members.take("name", text),
        members.take("logId", hash32),
        tuple(members.take("chains", list_of(u64, 1_000))),
    )
    members.done()
    return found


def write_known_logs(path: Path, known: KnownLogs) -> None:
    """Write the list whole, or leave the file as it was. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"format": FORMAT, "version": VERSION, "logs": [log.to_json() for log in known.logs]}
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        json.dump(document, file, indent=2, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)
