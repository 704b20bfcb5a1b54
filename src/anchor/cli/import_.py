"""``anchor import``: a usage file into the record, row by row, as often as it takes.

Every row has a reference, and a reference is recorded once: whatever was recorded before a kill, a lost
connection or a full disk is found on record by the next run, which goes on from there.
"""

import csv
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final, TextIO

import typer

from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import Data, Json, Key, Url
from anchor.cli.output import Bar, Output, counted, exact_json, json_bytes, plain
from anchor.cli.rows import Counted, Mapped, Row, kind_of, parse_mapping, read_rows
from anchor.cli.server import connect
from anchor.cli.sinks import BATCH_ROWS, LocalSink, ServerSink, Sink

SHOWN_REFUSALS: Final = 10


@dataclass
class Imported:
    """How an import went."""

    recorded: int = 0
    idempotent: int = 0
    refused: int = 0
    seconds: float = 0.0
    refusals: list[dict[str, Any]] = field(default_factory=list)
    """The first few rows that were refused: line, field, code, detail."""
    stopped_at: int | None = None
    """The line from which on the file could not be followed; what is after it was not read."""

    @property
    def rows(self) -> int:
        """Return how many rows there were."""
        return self.recorded + self.idempotent + self.refused

    @property
    def rate(self) -> float:
        """Return the rows a second."""
        return self.rows / self.seconds if self.seconds else 0.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import", rich_help_panel="Record and read")(import_)


def import_(
    file: Annotated[Path, typer.Argument(help="A CSV or NDJSON file, one usage event a row.")],
    format_: Annotated[
        str | None, typer.Option("--format", metavar="csv|ndjson", help="Where the name does not say it.")
    ] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="Where a column has another name than the field."),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="One value for all rows.")
    ] = None,
    negate: Annotated[
        bool, typer.Option("--negate", help="The file counts usage: record each amount with its sign turned.")
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every refused line, and why, to this CSV file.")
    ] = None,
    url: Url = None,
    key: Key = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Record every row of FILE. Run it again after anything went wrong: it goes on where it was.

    The fields are customerId, delta, referenceId (these three are needed), reason, unit, occurredAt,
    metadata (JSON) and adjusts (the reference of the delta that the row corrects).

    Exit code 1: some rows were refused, or the file could not be followed to its end; all others are on
    record.
    """
    output = Output(json_)
    mapped = parse_mapping(map_ or [], set_ or [], negate)
    kind = kind_of(file, format_)
    size = file.stat().st_size
    if rejects is not None and rejects.exists() and rejects.samefile(file):
        raise CommandFailed(
            "--rejects names the file that is read", "name another one", ExitCode.USAGE, "usage"
        )
    with ExitStack() as stack:
        with output.progress("opening the data directory" if data else "connecting", None):
            sink = stack.enter_context(closing(_sink(url, key, data)))
        written = None if rejects is None else stack.enter_context(rejects.open("w", newline=""))
        bar = stack.enter_context(output.progress(f"importing {file.name}", size, "bytes"))
        try:
            done = import_file(file, kind, mapped, sink, bar, written)
        except KeyboardInterrupt:
            raise CommandFailed(
                "interrupted", "run it again: it goes on where it was", ExitCode.INTERRUPTED, "interrupted"
            ) from None
    if json_:
        output.json(
            {
                "rows": done.rows,
                "recorded": done.recorded,
                "onRecordBefore": done.idempotent,
                "refused": done.refused,
                "stoppedAtLine": done.stopped_at,
                "seconds": round(done.seconds, 3),
                "rowsPerSecond": round(done.rate),
                "refusals": done.refusals,
            }
        )
    else:
        _tell(output, done)
    if done.refused:
        raise typer.Exit(ExitCode.NO)


def import_file(
    file: Path, kind: str, mapped: Mapped, sink: Sink, bar: Bar, rejects: TextIO | None = None
) -> Imported:
    """Give every row of a file to a sink. The bar counts bytes; ``rejects`` takes refused lines as CSV."""
    done = Imported()
    counted = Counted()
    writer = None if rejects is None else csv.writer(rejects)
    if writer is not None:
        writer.writerow(["line", "code", "field", "detail"])
    started = time.monotonic()
    read = 0

    def refuse(line: int, code: str, place: str, detail: str) -> None:
        done.refused += 1
        if len(done.refusals) < SHOWN_REFUSALS:
            done.refusals.append({"line": line, "code": code, "field": place, "detail": detail})
        if writer is not None:
            writer.writerow([line, code, place, detail])

    rows = read_rows(file, kind, mapped, counted)
    while group := list(islice(rows, BATCH_ROWS)):
        good = []
        for row in group:
            if row.stopped:
                done.stopped_at = row.line
            if row.fields is None:
                refuse(row.line, "not_a_row", "", row.problem)
            elif row.fields.get("referenceId") in (None, ""):
                # The emit call takes that, but the next run would record it again.
                refuse(row.line, "no_reference", "/referenceId", "A row needs one, to be recorded once.")
            else:
                good.append(row)
        for part in _parts(good):
            for (row, _), outcome in zip(part, sink.record([text for _, text in part]), strict=True):
                if outcome.state == "recorded":
                    done.recorded += 1
                elif outcome.state == "idempotent":
                    done.idempotent += 1
                else:
                    refuse(row.line, outcome.code, outcome.field, outcome.detail)
        position = counted.bytes_read()
        bar.advance(position - read)
        read = position
    done.seconds = time.monotonic() - started
    return done


# A little less than the batch route reads.
_PART_BYTES: Final = 9 * 1024 * 1024


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


def _sink(url: str | None, key: str | None, data: Path | None) -> Sink:
    if data is not None:
        return LocalSink(data, os.environ)
    return ServerSink(connect(url, key, None))


def _tell(output: Output, done: Imported) -> None:
    mark = "[red]✗[/]" if done.refused else "[green]✓[/]"
    told = f"{done.recorded:,} recorded"
    if done.idempotent:
        told += f", {done.idempotent:,} were on record before"
    if done.refused:
        told += f", [red]{done.refused:,} refused[/]"
    output.say(f"{mark} {counted(done.rows, 'row')} in {done.seconds:.1f} s ({done.rate:,.0f}/s): {told}")
    for refusal in done.refusals:
        place = f" {refusal['field']}" if refusal["field"] else ""
        output.line(f"  line {refusal['line']}{plain(place)}: {plain(refusal['detail'])}")
    if done.refused > len(done.refusals):
        output.say(f"  … and {done.refused - len(done.refusals):,} more; --rejects FILE writes them all")
    if done.stopped_at is not None:
        output.say(
            f"[red]Nothing after line {done.stopped_at:,} was read.[/] "
            "Correct that row and run the same command again: what is on record is skipped."
        )
