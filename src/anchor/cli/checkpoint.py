"""``anchor checkpoint``: a range of a ledger under one hash."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from anchor.cli.options import MAX_INDEX, Customer, Data, Json, Key, Unit, Url
from anchor.cli.output import Output, amount, counted, plain
from anchor.cli.server import connect

if TYPE_CHECKING:
    pass


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("checkpoint", rich_help_panel="Record and read")(checkpoint)


def checkpoint(
    customer: Customer,
    unit: Unit = "",
    from_index: Annotated[int | None, typer.Option("--from", min=0, max=MAX_INDEX, metavar="INDEX")] = None,
    to_index: Annotated[
        int | None, typer.Option("--to", min=0, max=MAX_INDEX, metavar="INDEX", help="Included.")
    ] = None,
    period: Annotated[
        str | None, typer.Option(metavar="PERIOD", help="Of recording: 2026, 2026-Q2, 2026-04, 2026-04-17.")
    ] = None,
    start: Annotated[str | None, typer.Option(metavar="DATE", help="Of recording: from this day.")] = None,
    end: Annotated[str | None, typer.Option(metavar="DATE", help="Of recording: to the end of it.")] = None,
    url: Url = None,
    key: Key = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Seal a range of CUSTOMER's ledger under one hash: the same range gives the same hash, for ever."""
    from anchor.client.readings import checkpoint as reading

    body = {
        "customerId": customer,
        "unit": unit or None,
        "fromIndex": from_index,
        "toIndex": to_index,
        "period": period,
        "startDate": start,
        "endDate": end,
    }
    output = Output(json_)
    with connect(url, key, data, output, doing="sealing the range") as server:
        answer = server.post("/api/v1/balance/checkpoint", reading, body)
    if json_:
        output.json(answer)
        return
    show_checkpoint(output, answer)


def show_checkpoint(output: Output, answer: dict[str, Any]) -> None:
    """Show a checkpoint as the server answered it."""
    unit = answer["unit"]
    count = counted(answer["deltaCount"], "delta")
    colour = "green" if answer["status"] == "VERIFIED" else "yellow"
    output.pairs(
        ("range", f"index {answer['fromIndex']:,} to {answer['toIndex']:,}, {count}"),
        ("opening balance", amount(answer["openingBalance"], unit)),
        ("closing balance", amount(answer["closingBalance"], unit)),
        ("net change", f"[bold]{amount(answer['netChange'], unit)}[/]"),
        ("proof hash", plain(answer["proofHash"])),
        ("proof token", plain(answer["proofToken"])),
        ("status", f"[{colour}]{plain(answer['status'])}[/]"),
    )
