"""Usage files: CSV and JSON, a row at a time, as the fields that the emit call takes.

Numbers keep their digits: nothing here is ever a float. A field can come from a column of another name
(``--map delta=miles``) or be the same for all rows (``--set unit=mile``).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from anchor.cli.failures import CommandFailed
from anchor.cli.usage.csv_rows import csv_values
from anchor.cli.usage.finishing import Finishing
from anchor.cli.usage.json_rows import json_values
from anchor.cli.usage.mapping import EVENT_FORMATS, Mapped
from anchor.cli.usage.source import STANDARD_INPUT, Reading, name_of, opened

KINDS: Final = ("csv", "ndjson", "json")
_ENDINGS: Final = {"csv": "csv", "tsv": "csv", "ndjson": "ndjson", "jsonl": "ndjson", "json": "json"}


class Row(NamedTuple):
    """One row: its line in the file, counted from 1, and its fields, or why it has none."""

    line: int
    fields: dict[str, Any] | None
    problem: str = ""
    stopped: bool = False
    """The file cannot be followed from here on: nothing after this line was read."""


def read_rows(
    path: Path, kind: str, mapped: Mapped, reading: Reading, delimiter: str | None = None
) -> Iterator[Row]:
    """Yield every row of a file, or of standard input where it is ``-``. ``kind``: csv, json or ndjson.

    Raises CommandFailed where the file is neither.
    """
    finishing = Finishing(mapped, reading, name_of(path))
    with opened(path, reading) as raw:
        if kind == "csv":
            values = csv_values(path, raw, mapped, reading, delimiter)
        else:
            values = json_values(raw, mapped)
        for found in values:
            if isinstance(found.values, str):
                yield Row(found.line, None, found.values, found.stopped)
                continue
            fields = finishing.fields_of(found.line, found.values)
            yield Row(found.line, None, fields) if isinstance(fields, str) else Row(found.line, fields)


def kind_of(path: Path, stated: str | None) -> str:
    """Return the format of a file, ``csv``, ``json`` or ``ndjson``: as stated, else by its name.

    Raises CommandFailed.
    """
    named = _ENDINGS.get(Path(name_of(path)).suffix.lstrip(".").lower())
    if stated is None:
        kind = named
    elif stated.lower() in EVENT_FORMATS:
        kind = named or "json"
    else:
        kind = _ENDINGS.get(stated.lower())
    if kind is None:
        what = "standard input" if path == STANDARD_INPUT else str(path)
        raise CommandFailed(
            f"{what} does not say whether it is CSV or NDJSON",
            f"add --format csv or --format ndjson ({', '.join((*KINDS, *EVENT_FORMATS))} are known)",
            code="unknown_format",
        )
    return kind
