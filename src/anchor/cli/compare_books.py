"""``anchor compare-books``: long books that stay here against the record; only digests travel."""

import time
from array import array
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import CountUsage, Customer, Data, Json, Key, Unit, Url
from anchor.cli.output import Bar, Output, amount, counted, plain, shown_id
from anchor.cli.server import connect
from anchor.cli.usage.mapping import Mapped, parse_mapping
from anchor.cli.usage.rows import Row, kind_of, read_rows
from anchor.cli.usage.source import Reading

if TYPE_CHECKING:
    from anchor.client.exchange import HttpOrderedRecord, HttpRecord
    from anchor.compare.books import Discrepancy, Entry
    from anchor.compare.divergence import Divergence
    from anchor.compare.reconciliation import Reconciliation

_COLOURS: Final = {"missing": "red", "extra": "yellow", "altered": "magenta", "duplicated": "yellow"}
SHOWN: Final = 20
"""So many entries that differ are listed for a person."""
_ROWS_A_STEP: Final = 4_096


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare-books", rich_help_panel="Record and read")(compare_books)


def compare_books(
    customer: Customer,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Your books: CSV or NDJSON, an entry a row.")],
    unit: Unit = "",
    format_: Annotated[
        str | None, typer.Option("--format", metavar="csv|ndjson", help="Where the name does not say it.")
    ] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="Where referenceId and delta stand."),
    ] = None,
    negate: CountUsage = False,
    url: Url = None,
    key: Key = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Compare books of any length with the whole record of CUSTOMER, entry by entry. The books stay here.

    Tells every entry that is missing, extra, altered or duplicated, by reference and whatever the order,
    in traffic that grows with the differences; and the first index at which the two part, in two requests.

    Exit code 1: something differs. Entries in another order are no difference.
    """
    from anchor.client.exchange import HttpOrderedRecord, HttpRecord
    from anchor.compare.divergence import OwnEntries, first_divergence
    from anchor.compare.reconciliation import TooManyDifferences, reconcile

    mapped = parse_mapping(map_ or [], ["customerId=-"], negate=False)
    kind = kind_of(file, format_)
    output = Output(json_)
    lines = array("Q")
    in_order = OwnEntries()
    started = time.monotonic()
    with connect(url, key, data, output) as server:
        record = HttpRecord(server.transport, customer, unit)
        ordered = HttpOrderedRecord(server.transport, customer, unit, "entries")
        with output.progress(f"reading {file.name}", file.stat().st_size, "bytes") as bar:
            books = _entries(file, kind, mapped, negate, lines, bar)
            try:
                found = reconcile(in_order.through(books), record)
            except TooManyDifferences as error:
                raise CommandFailed(
                    f"about {error.estimate:,} entries differ, too many to list",
                    "check the file, its unit and its sign (--negate)",
                    ExitCode.NO,
                    "too_many_differences",
                ) from None
            bar.describe("finding where they part")
            parted = first_divergence(in_order, ordered)
    seconds = time.monotonic() - started
    if json_:
        output.json(_document(found, parted, lines, (record, ordered), seconds))
    else:
        _tell(output, found, parted, lines, (record, ordered), seconds, unit)
    if not found.match:
        raise typer.Exit(ExitCode.NO)


def _entries(
    file: Path, kind: str, mapped: Mapped, negate: bool, lines: "array[int]", bar: Bar
) -> Iterator["Entry"]:
    """Yield a file's entries, and note the line of each. Raises CommandFailed at a line that has none."""
    from anchor.compare.books import Entry

    counted, reached = Reading(), 0
    for place, row in enumerate(read_rows(file, kind, mapped, counted)):
        reference_id, units = entry_of(file, row)
        lines.append(row.line)
        yield Entry(reference_id, -units if negate else units)
        if place % _ROWS_A_STEP == 0:
            read = counted.bytes_read()
            bar.advance(read - reached)
            reached = read
    bar.describe("comparing with the record")


def entry_of(file: Path, row: Row) -> tuple[str | None, int]:
    """Return a row's reference (None where it is empty) and amount (units). Raises CommandFailed."""
    from anchor.protocol.amounts import parse_amount
    from anchor.protocol.errors import AmountError

    if row.fields is None:
        raise _refused(file, row.line, row.problem)
    reference, stated = row.fields.get("referenceId"), row.fields.get("delta")
    if reference is not None:
        if not isinstance(reference, str):
            raise _refused(file, row.line, "the reference is not a text")
        try:
            reference.encode()
        except UnicodeEncodeError:
            raise _refused(file, row.line, "the reference is not Unicode text") from None
    if not isinstance(stated, str):
        raise _refused(file, row.line, "there is no amount" if stated is None else "the amount is no number")
    try:
        return reference or None, parse_amount(stated)
    except AmountError as error:
        raise _refused(file, row.line, str(error)) from None


def _refused(file: Path, line: int, problem: str) -> CommandFailed:
    return CommandFailed(f"{file} line {line}: {problem}", "correct the line", code="books")


def _line(lines: "array[int]", position: int | None) -> int | None:
    return None if position is None or position >= len(lines) else lines[position]


def _decimal(units: int | None) -> Decimal | None:
    from anchor.protocol.amounts import decimal_from_units

    return None if units is None else decimal_from_units(units)


_Asked = tuple["HttpRecord", "HttpOrderedRecord"]


def _document(
    found: "Reconciliation", parted: "Divergence", lines: "array[int]", asked: _Asked, seconds: float
) -> dict[str, Any]:
    return {
        "match": found.match,
        "record": {"deltaCount": found.size, "total": _decimal(found.record_total)},
        "books": {"entryCount": len(lines), "total": _decimal(found.books_total)},
        "offBy": _decimal(found.off_by),
        "firstDivergence": {
            "index": parted.index,
            "confirmed": parted.confirmed,
            "line": _line(lines, parted.index),
        },
        "discrepancyCount": len(found.discrepancies),
        "discrepancies": [
            {
                "kind": one.kind,
                "referenceId": one.reference_id,
                "index": one.index,
                "line": _line(lines, one.position),
                "recordAmount": _decimal(one.record_amount),
                "listedAmount": _decimal(one.listed_amount),
                "offBy": _decimal(one.off_by),
            }
            for one in found.discrepancies
        ],
        "traffic": {
            name: {"roundTrips": one.round_trips, "bytesSent": one.sent, "bytesReceived": one.received}
            for name, one in zip(("differences", "firstDivergence"), asked, strict=True)
        },
        "seconds": round(seconds, 3),
    }


def _tell(
    output: Output,
    found: "Reconciliation",
    parted: "Divergence",
    lines: "array[int]",
    asked: _Asked,
    seconds: float,
    unit: str,
) -> None:
    from anchor.protocol.amounts import decimal_from_units

    total = amount(decimal_from_units(found.record_total), unit)
    output.say(f"The record: {counted(found.size, 'delta')}, {total}")
    total = amount(decimal_from_units(found.books_total), unit)
    listed = f"{counted(len(lines), 'entry', 'entries')}, {total}"
    if found.match:
        output.say(f"[green]✓[/] your books: {listed}: the same, entry by entry")
    else:
        off_by = amount(decimal_from_units(found.off_by), unit)
        output.say(f"[red]✗[/] your books: {listed}: [bold]off by {off_by}[/]")
    if parted.index is not None:
        line = _line(lines, parted.index)
        place = "where your books end" if line is None else f"line {line:,} of your books"
        order = ": the same entries, in another order from here on" if found.match else ""
        output.say(f"  the first difference in order is at index {parted.index:,}, {place}{order}")
    if found.discrepancies:
        counts = Counter(one.kind.value for one in found.discrepancies)
        output.say("  " + ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())))
        output.console.print(_table(output, found.discrepancies[:SHOWN], lines))
        if len(found.discrepancies) > SHOWN:
            output.say(f"… and {len(found.discrepancies) - SHOWN:,} more; --json lists all")
    for what, one in zip(("every difference", "where they part"), asked, strict=True):
        trips = counted(one.round_trips, "round trip")
        output.say(f"[dim]{what}: {trips}, {one.sent:,} bytes sent, {one.received:,} received[/]")
    output.say(f"[dim]{seconds:.1f} s[/]")


def kind_shown(kind: str) -> str:
    """Return how an entry differs, in its colour."""
    return f"[{_COLOURS.get(kind, 'bold')}]{plain(kind)}[/]"


def _table(output: Output, found: "tuple[Discrepancy, ...]", lines: "array[int]") -> Any:
    from anchor.protocol.amounts import decimal_from_units

    figures = ("index", "line", "record", "yours", "off by")
    table = output.table("", "reference", *figures, right=figures)
    table.columns[1].overflow = "fold"
    for one in found:
        line = _line(lines, one.position)
        table.add_row(
            kind_shown(one.kind.value),
            shown_id(one.reference_id) if one.reference_id else "–",
            "–" if one.index is None else f"{one.index:,}",
            "–" if line is None else f"{line:,}",
            "–" if one.record_amount is None else amount(decimal_from_units(one.record_amount)),
            "–" if one.listed_amount is None else amount(decimal_from_units(one.listed_amount)),
            amount(decimal_from_units(one.off_by)),
        )
    return table
