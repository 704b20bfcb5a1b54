"""``anchor derive``: the balance of a customer, as the record says it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from anchor.cli.failures import ExitCode
from anchor.cli.options import MAX_INDEX, Customer, Data, Json, Key, Unit, Url
from anchor.cli.output import Output, amount, counted
from anchor.cli.server import connect, segment

if TYPE_CHECKING:
    pass


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("derive", rich_help_panel="Record and read")(derive)


def derive(
    customer: Customer,
    unit: Unit = "",
    as_of_index: Annotated[
        int | None,
        typer.Option(min=0, max=MAX_INDEX, metavar="INDEX", help="The balance after this delta."),
    ] = None,
    as_of_time: Annotated[
        str | None, typer.Option(metavar="TIME", help="The balance at this instant.")
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Recompute every balance from the log, and compare.")
    ] = False,
    url: Url = None,
    key: Key = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Show the balance of CUSTOMER: what is final on the chain, and what is pending beside it.

    Exit code 1: the audit found that the log does not add up.
    """
    from anchor.client.readings import derived

    output = Output(json_)
    with connect(url, key, data, output, doing="deriving the balance") as server:
        answer = server.get(
            f"/api/v1/balance/derive/{segment(customer)}",
            derived,
            unit=unit or None,
            asOfIndex=as_of_index,
            asOfTime=as_of_time,
            audit="true" if audit else None,
        )
    audited = answer.get("audit")
    if json_:
        output.json(answer)
    else:
        show_balance(output, answer, unit, as_of=as_of_index is not None or as_of_time is not None)
    if audited is not None and not audited["agrees"]:
        raise typer.Exit(ExitCode.NO)


def show_balance(output: Output, answer: dict[str, Any], unit: str, *, as_of: bool) -> None:
    """Show a balance as the server answered it."""
    audited = answer.get("audit")
    pending, recorded = answer["pending"], answer["recorded"]
    last = answer.get("lastVerifiedIndex")
    if as_of:
        then = f"after {counted(recorded['deltaCount'], 'delta')}"
        output.pairs(("balance then", f"[bold]{amount(recorded['balance'], unit)}[/] {then}"))
    output.pairs(
        ("balance", f"[bold]{amount(answer['balance'], unit)}[/]"),
        (
            "verified",
            counted(answer["deltaCount"], "delta") + ("" if last is None else f", up to index {last:,}"),
        ),
        ("pending", f"{amount(pending['balance'], unit)} in {counted(pending['deltaCount'], 'delta')}"),
    )
    if audited is None:
        return
    if audited["agrees"]:
        output.say(
            f"[green]✓[/] added up again from {counted(audited['deltaCount'], 'delta')}: the balance agrees"
        )
    else:
        first = audited["firstMismatch"]
        where = "" if first is None else f": it first differs at index {first:,}"
        output.say(f"[red]✗[/] the log adds up to {amount(audited['balance'], unit)}{where}")
