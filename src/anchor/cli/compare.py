"""``anchor compare``: where our books, theirs and the record part."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from anchor.cli.compare_books import SHOWN, entry_of, kind_shown
from anchor.cli.failures import ExitCode
from anchor.cli.options import (
    MAX_INDEX,
    BookColumns,
    BookFormat,
    CountUsage,
    Customer,
    Data,
    FirstIndex,
    Json,
    Key,
    LastIndex,
    TheirBalance,
    TheirBooks,
    Unit,
    Url,
    YourBalance,
    YourBooks,
)
from anchor.cli.output import Output, amount, counted, plain, shown_id
from anchor.cli.server import connect
from anchor.cli.usage.mapping import parse_mapping
from anchor.cli.usage.rows import kind_of, read_rows
from anchor.cli.usage.source import Reading

_NAMES: Final = {"yours": "your side", "counterparty": "the counterparty"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    settings = {"ignore_unknown_options": True}
    app.command("compare", rich_help_panel="Record and read", context_settings=settings)(compare)


def compare(
    customer: Customer,
    unit: Unit = "",
    yours: YourBalance = None,
    theirs: TheirBalance = None,
    your_books: YourBooks = None,
    their_books: TheirBooks = None,
    map_: BookColumns = None,
    format_: BookFormat = None,
    negate: CountUsage = False,
    as_of_index: Annotated[
        int | None,
        typer.Option(
            min=0, max=MAX_INDEX, metavar="INDEX", help="For balances: the record's after this delta."
        ),
    ] = None,
    from_index: FirstIndex = None,
    to_index: LastIndex = None,
    period: Annotated[
        str | None,
        typer.Option(metavar="PERIOD", help="For books, by the time of recording: 2026, 2026-Q2, 2026-04."),
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="DATE", help="For books, by the time of recording: from this day.")
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="For books, by the time of recording: to the end of it."),
    ] = None,
    url: Url = None,
    key: Key = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Compare two balances, or two sides' books, with the record of CUSTOMER.

    Exit code 1: something differs.
    """
    from anchor.client.readings import compared

    body: dict[str, Any] = {
        "customerId": customer,
        "unit": unit or None,
        "yourBalance": yours,
        "counterpartyBalance": theirs,
        "yourDeltas": None if your_books is None else entries_of(your_books, map_ or [], negate, format_),
        "counterpartyDeltas": None
        if their_books is None
        else entries_of(their_books, map_ or [], negate, format_),
        "fromIndex": from_index,
        "toIndex": to_index,
        "period": period,
        "startDate": start,
        "endDate": end,
        "asOfIndex": as_of_index,
    }
    output = Output(json_)
    with connect(url, key, data, output, doing="comparing") as server:
        answer = server.post("/api/v1/balance/compare", compared, body)
    if json_:
        output.json(answer)
    elif "sides" in answer:
        show_books(output, answer, unit)
    else:
        show_balances(output, answer, unit)
    if not answer["match"]:
        raise typer.Exit(ExitCode.NO)


def entries_of(file: Path, columns: list[str], negate: bool, kind: str | None = None) -> list[dict[str, Any]]:
    """Return a file's entries as the compare call takes them. ``kind``: csv or ndjson, else by its name.

    Raises CommandFailed.
    """
    from anchor.protocol.amounts import decimal_from_units

    mapped = parse_mapping(columns, ["customerId=-"], negate=False)
    entries = []
    for row in read_rows(file, kind_of(file, kind), mapped, Reading()):
        reference_id, units = entry_of(file, row)
        entries.append(
            {"referenceId": reference_id, "amount": decimal_from_units(-units if negate else units)}
        )
    return entries


def show_books(output: Output, answer: dict[str, Any], unit: str) -> None:
    """Show what the comparison of lists of deltas found."""
    compared = answer["record"]
    first, last = compared["fromIndex"], compared["toIndex"]
    where = "" if last is None else f" [dim](index {first:,} to {last:,})[/]"
    output.say(
        f"The record: {counted(compared['deltaCount'], 'delta')}, {amount(compared['total'], unit)}{where}"
    )
    for side in answer["sides"]:
        name = _side(side["side"])
        listed = f"{counted(side['count'], 'delta')}, {amount(side['total'], unit)}"
        if side["agrees"]:
            output.say(f"[green]✓[/] {name}: {listed}: the same, entry by entry")
            continue
        output.say(f"[red]✗[/] {name}: {listed}: [bold]off by {amount(side['offBy'], unit)}[/]")
        confirmed = side["confirmed"]
        if confirmed is not None:
            upto = amount(confirmed["balance"], unit)
            output.say(f"  the books agree up to index {confirmed['index']:,}, at {upto}")
    found = answer["discrepancies"]
    if found:
        table = output.table(
            "",
            "reference",
            "index",
            "record",
            "listed",
            "off by",
            right=("index", "record", "listed", "off by"),
        )
        for one in found[:SHOWN]:
            table.add_row(
                kind_shown(one["kind"]),
                shown_id(one["referenceId"]) if one["referenceId"] else "–",
                "–" if one["index"] is None else f"{one['index']:,}",
                "–" if one["recordAmount"] is None else amount(one["recordAmount"]),
                "–" if one["listedAmount"] is None else amount(one["listedAmount"]),
                amount(one["offBy"]),
            )
        output.console.print(table)
        total = sum(side["discrepancyCount"] for side in answer["sides"])
        if total > SHOWN:
            output.say(f"… and {total - SHOWN:,} more; --json lists up to 1,000")


def _side(name: str) -> str:
    return _NAMES.get(name, plain(name))


def show_balances(output: Output, answer: dict[str, Any], unit: str) -> None:
    """Show what the comparison of balances found."""
    record = answer["record"]
    output.say(f"The record ({plain(record['which'])}): [bold]{amount(record['balance'], unit)}[/]")
    for side in answer["agreeing"]:
        output.say(f"[green]✓[/] {_side(side)} agrees")
    for one in answer["discrepancies"]:
        output.say(f"[red]✗[/] {plain(one['explanation'])}")
