"""A usage file into the record: what became of each row, and of all of them."""

import csv
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, Final, TextIO

from anchor.cli.output import Bar, exact_json, json_bytes
from anchor.cli.sinks import BATCH_ROWS, Outcome, Sink
from anchor.cli.usage.alike_ids import CUSTOMER, UNIT, KnownIds
from anchor.cli.usage.mapping import Mapped
from anchor.cli.usage.rows import Row, read_rows
from anchor.cli.usage.source import Reading

SHOWN_REFUSALS: Final = 10
SHOWN_LOOK_ALIKES: Final = 100
# A little less than the batch route reads.
_PART_BYTES: Final = 9 * 1024 * 1024


@dataclass
class Imported:
    """How an import went."""

    reading: Reading = field(default_factory=Reading)
    recorded: int = 0
    idempotent: int = 0
    repeated: int = 0
    """Rows equal to an earlier one of this file, under its reference: they count once."""
    refused: int = 0
    cut: int = 0
    """Rows whose time was cut to the millisecond."""
    seconds: float = 0.0
    look_alikes: list[dict[str, Any]] = field(default_factory=list)
    """The first new ids that look like known ones: line, field, id, known."""
    refusals: list[dict[str, Any]] = field(default_factory=list)
    """The first few rows that were refused or repeated: line, field, code, detail."""
    stopped_at: int | None = None
    """The line from which on the file could not be followed; what is after it was not read."""

    @property
    def rows(self) -> int:
        """Return how many rows there were."""
        return self.recorded + self.idempotent + self.repeated + self.refused

    @property
    def rate(self) -> float:
        """Return the rows a second."""
        return self.rows / self.seconds if self.seconds else 0.0


class Outcomes:
    """Where it is written what became of rows: all that were refused or repeated, and every one."""

    def __init__(self, done: Imported, rejects: TextIO | None, receipts: TextIO | None) -> None:
        self._done = done
        self._rejects = None if rejects is None else csv.writer(rejects)
        self._receipts = None if receipts is None else csv.writer(receipts)
        self._lines: dict[int, int] = {}
        """By a hash of customer, unit and reference: the line in which they stood first."""
        if self._rejects is not None:
            self._rejects.writerow(["line", "code", "field", "detail"])
        if self._receipts is not None:
            self._receipts.writerow(
                [
                    "line",
                    "customerId",
                    "unit",
                    "referenceId",
                    "became",
                    "receiptId",
                    "index",
                    "code",
                    "detail",
                ]
            )

    def refuse(self, row: Row, code: str, place: str, detail: str) -> None:
        """Count a row as refused."""
        self._done.refused += 1
        self._list(row, code, place, detail)
        self._write(row, "refused", Outcome("refused", code, detail, place))

    def take(self, row: Row, outcome: Outcome) -> None:
        """Count what became of a row that was sent."""
        done = self._done
        if outcome.state == "refused":
            self.refuse(row, outcome.code, outcome.field, outcome.detail)
            return
        done.cut += outcome.cut
        first = self._lines.setdefault(_key_of(row), row.line)
        became = outcome.state
        if became == "recorded":
            done.recorded += 1
        elif first != row.line:
            done.repeated += 1
            became = "repeated"
            self._list(
                row,
                "repeated_in_file",
                "/referenceId",
                f"It is line {first:,} again: the same reference and the same content count once.",
            )
        else:
            done.idempotent += 1
            became = "on record before"
        self._write(row, became, outcome)

    def _list(self, row: Row, code: str, place: str, detail: str) -> None:
        if len(self._done.refusals) < SHOWN_REFUSALS:
            self._done.refusals.append({"line": row.line, "code": code, "field": place, "detail": detail})
        if self._rejects is not None:
            self._rejects.writerow([row.line, code, place, detail])

    def _write(self, row: Row, became: str, outcome: Outcome) -> None:
        if self._receipts is None:
            return
        fields = row.fields or {}
        names = [fields.get(name) for name in ("customerId", "unit", "referenceId")]
        self._receipts.writerow(
            [
                row.line,
                *(name.encode(errors="replace").decode() if isinstance(name, str) else "" for name in names),
                became,
                outcome.receipt_id,
                "" if outcome.place is None else outcome.place,
                outcome.code,
                outcome.detail,
            ]
        )


def _key_of(row: Row) -> int:
    fields = row.fields or {}
    names = json.dumps([fields.get(name) or "" for name in ("customerId", "unit", "referenceId")])
    return int.from_bytes(blake2b(names.encode(), digest_size=8).digest())


def import_file(
    file: Path,
    kind: str,
    mapped: Mapped,
    sink: Sink,
    bar: Bar,
    rejects: TextIO | None = None,
    receipts: TextIO | None = None,
    delimiter: str | None = None,
    known: KnownIds | None = None,
) -> Imported:
    """Give every row of a file to a sink. The bar counts bytes.

    ``rejects`` takes refused and repeated lines as CSV, ``receipts`` what became of every line. ``known`` is
    what new ids are held against, and learns them.
    """
    done = Imported()
    known = KnownIds(()) if known is None else known
    became = Outcomes(done, rejects, receipts)
    started = time.monotonic()
    read = 0
    rows = read_rows(file, kind, mapped, done.reading, delimiter)
    while group := list(islice(rows, BATCH_ROWS)):
        good = []
        for row in group:
            if row.stopped:
                done.stopped_at = row.line
            if row.fields is None:
                became.refuse(row, "not_a_row", "", row.problem)
            elif row.fields.get("referenceId") in (None, ""):
                # The emit call takes that, but the next run would record it again.
                became.refuse(
                    row,
                    "no_reference",
                    "/referenceId",
                    "A row needs one, to be recorded once: --reference-from or --reference line can make it.",
                )
            else:
                good.append(row)
        for part in _parts(good):
            for (row, _), outcome in zip(part, sink.record([text for _, text in part]), strict=True):
                became.take(row, outcome)
                if outcome.state == "recorded":
                    _look(row, known, done.look_alikes)
        position = done.reading.bytes_read()
        bar.advance(position - read)
        read = position
    done.cut += done.reading.cut
    done.seconds = time.monotonic() - started
    return done


def _look(row: Row, known: KnownIds, found: list[dict[str, Any]]) -> None:
    """Add what a recorded row's ids look like that are new."""
    for name in (CUSTOMER, UNIT):
        text = (row.fields or {}).get(name)
        other = known.add(name, text) if isinstance(text, str) else None
        if other is not None and len(found) < SHOWN_LOOK_ALIKES:
            found.append({"line": row.line, "field": name, "id": text, "known": other})


def _parts(rows: list[Row]) -> Iterator[list[tuple[Row, bytes]]]:
    """Yield the rows as JSON in groups that fit one request."""
    part: list[tuple[Row, bytes]] = []
    size = 0
    for row in rows:
        assert row.fields is not None
        text = _json_of(row.fields)
        if part and size + len(text) > _PART_BYTES:
            yield part
            part, size = [], 0
        part.append((row, text))
        size += len(text) + 1
    if part:
        yield part


def _json_of(fields: dict[str, Any]) -> bytes:
    """Return a row as JSON with its numbers' own digits."""
    plain = isinstance(fields.get("metadata", ""), str)
    return json_bytes(
        json.dumps(fields, ensure_ascii=False, separators=(",", ":")) if plain else exact_json(fields)
    )
