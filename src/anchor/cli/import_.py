"""``anchor import``: a usage file into the record, row by row, as often as it takes.

Every row has a reference, and a reference is recorded once: whatever was recorded before a kill, a lost
connection or a full disk is found on record by the next run, which goes on from there.
"""

import os
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, TextIO

import typer

from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import Data, Json, Key, MetadataNumbers, Url
from anchor.cli.output import Output, counted, plain, shown_id
from anchor.cli.server import connect
from anchor.cli.sinks import LocalSink, ServerSink, Sink
from anchor.cli.usage.alike_ids import KnownIds
from anchor.cli.usage.amounts import DecimalSign
from anchor.cli.usage.csv_rows import DELIMITERS
from anchor.cli.usage.intake import Imported, import_file
from anchor.cli.usage.mapping import Mapped, TimeReading, of_format, parse_mapping, zone_of
from anchor.cli.usage.rows import kind_of
from anchor.cli.usage.source import STANDARD_INPUT, size_of
from anchor.wire.times import TimeUnit

_VALUES: Final = "How values are written"
_NAMES: Final = "Rows without a name of their own"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import", rich_help_panel="Record and read")(import_)


def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="A CSV or JSON file, one usage event a row, packed with gzip or not; - is standard input."
        ),
    ],
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="csv, ndjson or json, where the name does not say it; or events of"
            " cloudevents, lago, openmeter or stripe.",
        ),
    ] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN",
            help="Where a column has another name than the field; data.tokens or /data/tokens in JSON.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="One value for all rows.")
    ] = None,
    negate: Annotated[
        bool, typer.Option("--negate", help="The file counts usage: record each amount with its sign turned.")
    ] = False,
    delimiter: Annotated[
        str | None,
        typer.Option(
            metavar="SIGN", help="Between the values of a CSV; else the first line tells. tab is a word."
        ),
    ] = None,
    decimal: Annotated[
        DecimalSign | None,
        typer.Option(
            metavar="point|comma",
            help="The decimal sign of amounts, where 1,234 could be two numbers.",
            rich_help_panel=_VALUES,
        ),
    ] = None,
    round_: Annotated[
        int | None,
        typer.Option(
            "--round",
            min=0,
            max=18,
            metavar="DIGITS",
            help="Round amounts to so many fractional digits, half to even: for the noise of doubles.",
            rich_help_panel=_VALUES,
        ),
    ] = None,
    time_unit: Annotated[
        TimeUnit | None,
        typer.Option(
            metavar="UNIT",
            help="What a time counts that is a number: seconds, milliseconds, microseconds, nanoseconds.",
            rich_help_panel=_VALUES,
        ),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            help="Where times without an offset are local: Europe/Berlin.",
            rich_help_panel=_VALUES,
        ),
    ] = None,
    time_format: Annotated[
        str | None,
        typer.Option(
            metavar="FORM",
            help="How times are written, as strptime has it: %m/%d/%y.",
            rich_help_panel=_VALUES,
        ),
    ] = None,
    metadata_numbers: Annotated[
        MetadataNumbers,
        typer.Option(
            metavar="exact|text",
            help="text carries numbers of the metadata that a double does not, such as 64-bit ids.",
            rich_help_panel=_VALUES,
        ),
    ] = MetadataNumbers.EXACT,
    reference_from: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN,COLUMN", help="Columns that together name a row.", rich_help_panel=_NAMES
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="line",
            help="Name a row by its file's name and its line, where nobody alters the file but at its end.",
            rich_help_panel=_NAMES,
        ),
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every refused or repeated line, and why, to this CSV file."),
    ] = None,
    receipts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write what became of every row, and its receipt, to this CSV file."
        ),
    ] = None,
    url: Url = None,
    key: Key = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Record every row of FILE. Run it again after anything went wrong: it goes on where it was.

    The fields are customerId, delta, referenceId (these three are needed), reason, unit, occurredAt,
    metadata (JSON) and adjusts (the reference of the delta that the row corrects).

    Exit code 1: some rows were refused, or stand in the file twice under one reference and count once, or
    the file could not be followed to its end; all others are on record.
    """
    output = Output(json_)
    mapped = _mapping(map_, set_, negate, reference_from, reference, file)
    mapped = replace(
        mapped,
        times=TimeReading(time_unit, None if time_zone is None else zone_of(time_zone), time_format),
        decimal=decimal,
        round_to=round_,
        numbers_as_text=metadata_numbers is MetadataNumbers.TEXT,
    )
    mapped = of_format(mapped, format_)
    kind = kind_of(file, format_)
    size = size_of(file)
    with ExitStack() as stack:
        with output.progress("opening the data directory" if data else "connecting", None):
            sink = stack.enter_context(closing(_sink(url, key, data)))
        refused = _opened(stack, file, "--rejects", rejects)
        became = _opened(stack, file, "--receipts", receipts)
        bar = stack.enter_context(output.progress(f"importing {file.name}", size, "bytes"))
        try:
            known = KnownIds(sink.ledgers())
            done = import_file(file, kind, mapped, sink, bar, refused, became, _delimiter(delimiter), known)
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
                "repeatedInFile": done.repeated,
                "refused": done.refused,
                "cutToMillisecond": done.cut,
                "rounded": done.reading.rounded,
                "delimiter": done.reading.delimiter,
                "stoppedAtLine": done.stopped_at,
                "seconds": round(done.seconds, 3),
                "rowsPerSecond": round(done.rate),
                "refusals": done.refusals,
                "lookAlikes": done.look_alikes,
            }
        )
    else:
        _tell(output, done)
    if done.refused or done.repeated:
        raise typer.Exit(ExitCode.NO)


def _mapping(
    columns: list[str] | None,
    constants: list[str] | None,
    negate: bool,
    reference_from: str | None,
    reference: str | None,
    file: Path,
) -> Mapped:
    mapped = parse_mapping(columns or [], constants or [], negate)
    named = [
        name
        for name, given in (
            ("--reference-from", reference_from),
            ("--reference", reference),
            ("--map referenceId", mapped.columns.get("referenceId")),
            ("--set referenceId", mapped.constants.get("referenceId")),
        )
        if given is not None
    ]
    if len(named) > 1:
        raise CommandFailed(
            f"{' and '.join(named)} each name the rows", "give one of them", ExitCode.USAGE, "usage"
        )
    if reference is not None and (reference != "line" or file == STANDARD_INPUT):
        raise CommandFailed(
            "--reference takes the word line, and a file with a name",
            "or name columns with --reference-from",
            ExitCode.USAGE,
            "usage",
        )
    names = tuple(filter(None, (reference_from or "").split(",")))
    if reference_from is not None and not names:
        raise CommandFailed("--reference-from names no column", "", ExitCode.USAGE, "usage")
    return replace(mapped, reference_from=names, reference_line=reference is not None)


def _delimiter(stated: str | None) -> str | None:
    sign = {"tab": "\t", "\\t": "\t"}.get(stated or "", stated)
    if sign is not None and (len(sign) != 1 or sign in '"\r\n'):
        raise CommandFailed(
            f"--delimiter {sign!a} is not one sign", "as in --delimiter ';'", ExitCode.USAGE, "usage"
        )
    return sign


def _opened(stack: ExitStack, file: Path, option: str, path: Path | None) -> TextIO | None:
    """Return a file to write to, readable by its owner alone: a receipt is the key to its delta."""
    if path is None:
        return None
    if path.exists() and file != STANDARD_INPUT and path.samefile(file):
        raise CommandFailed(
            f"{option} names the file that is read", "name another one", ExitCode.USAGE, "usage"
        )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return stack.enter_context(os.fdopen(descriptor, "w", newline="", encoding="utf-8"))


def _sink(url: str | None, key: str | None, data: Path | None) -> Sink:
    if data is not None:
        return LocalSink(data, os.environ)
    return ServerSink(connect(url, key, None))


def _tell(output: Output, done: Imported) -> None:
    mark = "[red]✗[/]" if done.refused or done.repeated else "[green]✓[/]"
    told = f"{done.recorded:,} recorded"
    if done.idempotent:
        told += f", {done.idempotent:,} were on record before"
    if done.repeated:
        told += f", [red]{done.repeated:,} stand in the file before[/]"
    if done.refused:
        told += f", [red]{done.refused:,} refused[/]"
    output.say(f"{mark} {counted(done.rows, 'row')} in {done.seconds:.1f} s ({done.rate:,.0f}/s): {told}")
    for refusal in done.refusals:
        place = f" {refusal['field']}" if refusal["field"] else ""
        output.line(f"  line {refusal['line']}{plain(place)}: {plain(refusal['detail'])}")
    if done.refused + done.repeated > len(done.refusals):
        more = done.refused + done.repeated - len(done.refusals)
        output.say(f"  … and {more:,} more; --rejects FILE writes them all")
    if done.reading.delimiter not in (None, ","):
        sign = done.reading.delimiter or ""
        output.say(f"[dim]the values are separated by a {plain(DELIMITERS.get(sign, repr(sign)))}[/]")
    if done.cut:
        output.say(f"[dim]{counted(done.cut, 'time')} cut to the millisecond[/]")
    if done.reading.rounded:
        output.say(f"[dim]{counted(done.reading.rounded, 'amount')} rounded[/]")
    for one in done.look_alikes:
        output.line(
            f"[yellow]![/] line {one['line']}: the new {one['field']} “{shown_id(one['id'])}” differs from "
            f"“{shown_id(one['known'])}” only by case, width, blanks or normal form: see that it is meant"
        )
    if done.stopped_at is not None:
        output.say(
            f"[red]Nothing after line {done.stopped_at:,} was read.[/] "
            "Correct that row and run the same command again: what is on record is skipped."
        )
