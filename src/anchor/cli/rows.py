"""Usage files: CSV and NDJSON, a row at a time, as the fields that the emit call takes.

Numbers keep their digits: nothing here is ever a float. A field can come from a column of another name
(``--map delta=miles``) or be the same for all rows (``--set unit=mile``).
"""

import csv
import io
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from anchor.cli.failures import CommandFailed
from anchor.protocol.amounts import parse_amount
from anchor.protocol.errors import AmountError
from anchor.protocol.strict_json import NumberText, StrictJsonError, parse_strict

FIELDS: Final = (
    "customerId",
    "delta",
    "reason",
    "referenceId",
    "unit",
    "occurredAt",
    "metadata",
    "adjusts",
)
REQUIRED: Final = ("customerId", "delta", "referenceId")

MAX_LINE_BYTES: Final = 1024 * 1024

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Row(NamedTuple):
    """One row: its line in the file, counted from 1, and its fields, or why it has none."""

    line: int
    fields: dict[str, Any] | None
    problem: str = ""
    stopped: bool = False
    """The file cannot be followed from here on: nothing after this line was read."""


@dataclass(frozen=True)
class Mapped:
    """Where each field of a row comes from."""

    columns: Mapping[str, str]
    """Field to column, for those whose names differ."""
    constants: Mapping[str, str]
    """Field to one value for all rows."""
    negate: bool = False
    """Charge what the file counts: a usage of 3 becomes a delta of -3."""

    def column_of(self, field: str) -> str:
        """Return the column that holds a field."""
        return self.columns.get(field, field)


def parse_mapping(columns: list[str], constants: list[str], negate: bool) -> Mapped:
    """Parse ``--map FIELD=COLUMN`` and ``--set FIELD=VALUE``. Raises CommandFailed."""
    pairs: dict[str, dict[str, str]] = {"--map": {}, "--set": {}}
    for option, texts in (("--map", columns), ("--set", constants)):
        for text in texts:
            field, equals, value = text.partition("=")
            if not equals or field not in FIELDS:
                raise CommandFailed(
                    f"{option} {text} names no field",
                    f"write {option} FIELD=..., with a field of {', '.join(FIELDS)}",
                    code="unknown_field",
                )
            pairs[option][field] = value
    both = pairs["--map"].keys() & pairs["--set"].keys()
    if both:
        raise CommandFailed(
            f"{min(both)} is both mapped and set", "leave one of the two out", code="unknown_field"
        )
    return Mapped(pairs["--map"], pairs["--set"], negate)


def read_rows(path: Path, kind: str, mapped: Mapped, counted: "Counted") -> Iterator[Row]:
    """Yield every row of a file. ``kind``: csv or ndjson. Raises CommandFailed where the file is neither."""
    with path.open("rb") as raw:
        counted.file = raw
        if kind == "csv":
            yield from _csv_rows(path, raw, mapped)
        else:
            yield from _ndjson_rows(raw, mapped)


def kind_of(path: Path, stated: str | None) -> str:
    """Return the format of a file: as stated, else by its name. Raises CommandFailed."""
    kind = (stated or path.suffix.lstrip(".")).lower()
    kind = "ndjson" if kind == "jsonl" else kind
    if kind not in ("csv", "ndjson"):
        raise CommandFailed(
            f"{path} does not say whether it is CSV or NDJSON",
            "add --format csv or --format ndjson",
            code="unknown_format",
        )
    return kind


class Counted:
    """How far a file has been read, in bytes."""

    file: BinaryIO | None = None

    def bytes_read(self) -> int:
        """Return the position in the file, read-ahead included."""
        return 0 if self.file is None or self.file.closed else self.file.tell()


def _csv_rows(path: Path, raw: BinaryIO, mapped: Mapped) -> Iterator[Row]:
    # Closing the text layer would close the file under the counter.
    # What is not UTF-8 comes as surrogates, so that it costs the row that it is in and no other.
    text = io.TextIOWrapper(raw, "utf-8-sig", errors="surrogateescape", newline="")
    rows = csv.reader(text, strict=True)
    try:
        header = next(rows, None)
    except csv.Error as error:
        raise CommandFailed(f"{path} is not CSV: {error}", "check the file", code="csv") from None
    if header is not None and not _is_text(header):
        raise CommandFailed(f"{path} is not CSV in UTF-8", "save it as UTF-8", code="csv")
    if header is None:
        raise CommandFailed(
            f"{path} is empty", "its first line names the columns, separated by commas", code="csv"
        )
    places = _places(path, header, mapped)
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            # Where a quote is out of place, no one can tell where the next row begins.
            reached = "" if rows.line_num <= line else f", read up to line {rows.line_num:,}"
            yield Row(
                line,
                None,
                f"the row that begins here is not CSV ({error}{reached}); nothing after it was read",
                stopped=True,
            )
            return
        if not row:
            continue
        if len(row) != len(header):
            lines = "this line" if rows.line_num == line else f"the row from here to line {rows.line_num:,}"
            yield Row(line, None, f"{lines} has {len(row)} values, the first line names {len(header)}")
            continue
        if not _is_text(row):
            yield Row(line, None, "this is not UTF-8")
            continue
        fields: dict[str, Any] = dict(mapped.constants)
        for field, place in places:
            value = row[place]
            if value or field == "reason":
                fields[field] = value
        yield _finished(line, fields, mapped)


def _is_text(row: list[str]) -> bool:
    return all(value.isascii() or _SURROGATE.search(value) is None for value in row)


def _places(path: Path, header: list[str], mapped: Mapped) -> list[tuple[str, int]]:
    """Return each field's column. Raises CommandFailed where one that is needed is not there."""
    places = []
    for field in FIELDS:
        if field in mapped.constants:
            continue
        column = mapped.column_of(field)
        found = [at for at, name in enumerate(header) if name == column]
        if len(found) > 1:
            raise CommandFailed(f"{path} has {len(found)} columns {column!r}", "rename them", code="columns")
        if found:
            places.append((field, found[0]))
        elif field in REQUIRED or field in mapped.columns:
            raise CommandFailed(
                f"{path} has no column {column!r}, which {field} comes from",
                f"name one with --map {field}=COLUMN; the columns are {', '.join(header)}",
                code="columns",
            )
    return places


def _ndjson_rows(raw: BinaryIO, mapped: Mapped) -> Iterator[Row]:
    names = {mapped.column_of(field): field for field in FIELDS if field not in mapped.constants}
    line = 0
    while text := raw.readline(MAX_LINE_BYTES + 1):
        line += 1
        if len(text) > MAX_LINE_BYTES:
            yield Row(line, None, f"this line is longer than {MAX_LINE_BYTES:,} bytes")
            while text and not text.endswith(b"\n"):
                text = raw.readline(MAX_LINE_BYTES)
            continue
        if not text.strip():
            continue
        try:
            value = read_json(text)
        except ValueError as error:
            yield Row(line, None, f"this is not JSON: {error}")
            continue
        if not isinstance(value, dict):
            yield Row(line, None, "this is no JSON object")
            continue
        fields = dict(mapped.constants)
        fields |= {names[name]: entry for name, entry in value.items() if name in names}
        missing = [field for field in REQUIRED if field not in fields]
        if missing:
            yield Row(line, None, f"there is no {mapped.column_of(missing[0])}")
            continue
        yield _finished(line, fields, mapped)


def _finished(line: int, fields: dict[str, Any], mapped: Mapped) -> Row:
    delta = fields.get("delta")
    if isinstance(delta, int | NumberText) and not isinstance(delta, bool):
        delta = fields["delta"] = str(delta)
    if mapped.negate and isinstance(delta, str):
        fields["delta"] = _turned(delta)
    adjusts = fields.get("adjusts")
    if isinstance(adjusts, str):
        fields["adjusts"] = {"referenceId": adjusts}
    metadata = fields.get("metadata")
    if isinstance(metadata, str):
        # A column of JSON.
        try:
            fields["metadata"] = read_json(metadata)
        except ValueError as error:
            return Row(line, None, f"metadata is not a JSON object: {error}")
    return Row(line, fields)


def _turned(amount: str) -> str:
    """Return an amount with its sign turned. What is none stays as it is, to be refused as that."""
    try:
        parse_amount(amount)
    except AmountError:
        return amount
    return amount[1:] if amount.startswith("-") else f"-{amount}"


def read_json(text: str | bytes) -> Any:
    """Return a JSON text's value, whole numbers as int and others with their digits as they stand.

    Raises ValueError where it is not JSON, nests too deep, or has a key twice in one object.
    """
    try:
        # Some programs begin a file with a byte order mark.
        return parse_strict(text.removeprefix(BOM_UTF8) if isinstance(text, bytes) else text, number=_number)
    except StrictJsonError as error:
        raise ValueError(_reason(error)) from error


def _number(token: str) -> int | NumberText:
    return NumberText(token) if any(letter in token for letter in ".eE") else int(token)


def _reason(error: StrictJsonError) -> str:
    if error.code == "duplicate_key":
        return f"the key {error.key[:60]!a} is given twice"
    return error.reason.removeprefix("is not JSON: ")
