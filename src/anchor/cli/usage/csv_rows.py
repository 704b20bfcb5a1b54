"""The rows of a CSV file. What is wrong with one costs that row, where it is clear where the next begins."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

from anchor.cli.failures import CommandFailed
from anchor.cli.usage.found import Found
from anchor.cli.usage.mapping import FIELDS, REQUIRED, Mapped
from anchor.cli.usage.source import BROKEN, Reading

MAX_VALUE: Final = 128 * 1024
"""Characters: a longer value costs its row."""
_MAX_QUOTED: Final = 8 * 1024 * 1024
"""Characters: where a quoted value has more, its quote was never closed."""
DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
NULLS: Final = frozenset(("null", "NULL", "\\N"))
"""What databases write where there is no value; an empty value is none either."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SEPARATOR_LINE: Final = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_TAKEN_OUT: Final = re.compile(r"[\s_]+")


def csv_values(
    path: Path, raw: io.BufferedReader, mapped: Mapped, reading: Reading, delimiter: str | None
) -> Iterator[Found]:
    """Yield every row. Raises CommandFailed where the file is no CSV, or lacks a column that is needed."""
    # The bound of Python's csv is the process's; ours is looked at below.
    csv.field_size_limit(_MAX_QUOTED)
    # Closing the text layer would close the file under the counter.
    # What is not UTF-8 comes as surrogates, so that it costs the row that it is in and no other.
    encoding = "utf-16" if raw.peek(2)[:2] in _UTF16 else "utf-8-sig"
    text = io.TextIOWrapper(raw, encoding, errors="surrogateescape", newline="")
    skipped = 0
    try:
        first = text.readline()
        if stated := _SEPARATOR_LINE.fullmatch(first):
            # Excel's own way of saying it.
            delimiter, first, skipped = delimiter or stated[1], text.readline(), 1
        reading.delimiter = delimiter or _guessed(first, mapped)
        rows = csv.reader(chain((first,), text), strict=True, delimiter=reading.delimiter)
        header = next(rows, None) if first else None
    except csv.Error as error:
        raise CommandFailed(f"{path} is not CSV: {error}", "check the file", code="csv") from None
    except (UnicodeError, *BROKEN) as error:
        raise CommandFailed(f"{path} cannot be read: {error}", "check the file", code="csv") from None
    if header is None:
        raise CommandFailed(
            f"{path} is empty", "its first line names the columns, separated by commas", code="csv"
        )
    if not _is_text(header):
        raise CommandFailed(f"{path} is not CSV in UTF-8", "save it as UTF-8", code="csv")
    places, named_by = _places(path, header, mapped)
    while True:
        line = skipped + rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            # Where a quote is out of place, no one can tell where the next row begins.
            last = skipped + rows.line_num
            reached = "" if last <= line else f", read up to line {last:,}"
            yield Found(
                line,
                f"the row that begins here is not CSV ({error}{reached}); nothing after it was read",
                stopped=True,
            )
            return
        except (UnicodeError, *BROKEN) as error:
            yield Found(line, f"the file ends here or is damaged ({error})", stopped=True)
            return
        if not row:
            continue
        if len(row) != len(header):
            last = skipped + rows.line_num
            lines = "this line" if last == line else f"the row from here to line {last:,}"
            yield Found(line, f"{lines} has {len(row)} values, the first line names {len(header)}")
        elif not _is_text(row):
            yield Found(line, "this is not UTF-8")
        elif max(map(len, row)) > MAX_VALUE:
            yield Found(line, f"a value of it has more than {MAX_VALUE:,} characters")
        else:
            yield Found(line, _values(row, places, named_by))


def _values(row: list[str], places: list[tuple[str, int]], named_by: list[int]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field, place in places:
        value = row[place]
        if (value and value not in NULLS) or (field == "reason" and not value):
            values[field] = value
    if named_by:
        values["referenceId"] = [None if row[place] in NULLS else row[place] for place in named_by]
    return values


def _is_text(row: list[str]) -> bool:
    return all(value.isascii() or _SURROGATE.search(value) is None for value in row)


def _guessed(first: str, mapped: Mapped) -> str:
    """Return what the first line separates its names with: what makes all columns that are needed of it."""
    needed = [
        _folded(mapped.column_of(field))
        for field in REQUIRED
        if field not in mapped.constants and not (field == "referenceId" and mapped.names_rows)
    ]
    needed += map(_folded, mapped.reference_from)
    counts = {}
    for delimiter in DELIMITERS:
        try:
            names = next(csv.reader((first,), delimiter=delimiter), [])
        except csv.Error:
            continue
        folded = [_folded(name) for name in names]
        counts[delimiter] = (sum(name in folded for name in needed), delimiter == ",")
    return max(counts, key=lambda delimiter: counts[delimiter], default=",")


def _folded(name: str) -> str:
    """Return a column's name without what people write differently: case, blanks, underscores."""
    return _TAKEN_OUT.sub("", name).casefold()


def _places(path: Path, header: list[str], mapped: Mapped) -> tuple[list[tuple[str, int]], list[int]]:
    """Return each field's column, and those that name a row. Raises CommandFailed where one is not there."""
    places = []
    for field in FIELDS:
        if field in mapped.constants or (field == "referenceId" and mapped.names_rows):
            continue
        column = mapped.column_of(field)
        place = _place(path, header, column)
        if place is not None:
            places.append((field, place))
        elif field in REQUIRED or field in mapped.columns:
            raise CommandFailed(
                f"{path} has no column {column!r}, which {field} comes from",
                f"name one with --map {field}=COLUMN; the columns are {', '.join(header)}",
                code="columns",
            )
    named_by = []
    for column in mapped.reference_from:
        place = _place(path, header, column)
        if place is None:
            raise CommandFailed(
                f"{path} has no column {column!r}, which names a row",
                f"the columns are {', '.join(header)}",
                code="columns",
            )
        named_by.append(place)
    return places, named_by


def _place(path: Path, header: list[str], column: str) -> int | None:
    """Return where a column is: by its name as it stands, else whatever its case and blanks."""
    for names, wanted in ((header, column), ([_folded(name) for name in header], _folded(column))):
        found = [at for at, name in enumerate(names) if name == wanted]
        if len(found) > 1:
            raise CommandFailed(f"{path} has {len(found)} columns {column!r}", "rename them", code="columns")
        if found:
            return found[0]
    return None
