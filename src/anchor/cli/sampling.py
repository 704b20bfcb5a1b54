"""``anchor sample`` and ``anchor check-sample``: a sampled audit, drawn by the anchoring block."""

import os
from pathlib import Path
from typing import Annotated

import typer

from anchor.cli.chains import ChainName, chosen_chain
from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import MAX_INDEX, Customer, DataDirectory, Json, Unit
from anchor.cli.output import Output


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("sample", rich_help_panel="Check")(sample)
    app.command("check-sample", rich_help_panel="Check")(check)


def sample(
    customer: Customer,
    data: DataDirectory,
    from_index: Annotated[int, typer.Option("--from", min=0, max=MAX_INDEX, metavar="INDEX")],
    to_index: Annotated[int, typer.Option("--to", min=0, max=MAX_INDEX, metavar="INDEX", help="Included.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the sample goes.")],
    count: Annotated[
        int, typer.Option("--count", min=1, max=1000, metavar="N", help="How many deltas.")
    ] = 59,
    unit: Unit = "",
    chain: ChainName = None,
    json_: Json = False,
) -> None:
    """Prove a period's two balances, and COUNT of its deltas that the anchoring block draws.

    59 deltas without a wrong one: at most 5 % of the period are wrong, with 95 % confidence; 299: 1 %.
    """
    output = Output(json_)
    with output.progress("drawing the sample", None):
        from anchor.ledger.sampling import make_sample
        from anchor.protocol.errors import hex_of
        from anchor.service.assembly import open_directory

        opened = open_directory(data, os.environ)
        chain_id = chosen_chain(opened.settings, chain).chain_id
        made = make_sample(opened.database, opened.log, chain_id, customer, unit, from_index, to_index, count)
        out.write_bytes(made.file)
    if json_:
        output.json({"file": str(out), "block": hex_of(made.block), "deltas": list(made.drawn)})
        return
    output.say(f"[green]✓[/] {out}: {len(made.drawn)} of {to_index - from_index + 1:,} deltas")
    output.line(f"  drawn by block {hex_of(made.block)}, the first that held them")


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What anchor sample made.")],
    rpc: Annotated[list[str] | None, typer.Option("--rpc", metavar="URL", help="A node.")] = None,
    contract: Annotated[str | None, typer.Option(metavar="ADDRESS", help="The agreed contract.")] = None,
    customer: Annotated[str | None, typer.Option(metavar="CUSTOMER", help="Whose ledger it must be.")] = None,
    count: Annotated[
        int | None, typer.Option(min=1, max=1000, metavar="N", help="What you asked for.")
    ] = None,
    finality: Annotated[
        str, typer.Option(metavar="RULE", help="finalized, safe, latest or N.")
    ] = "finalized",
    json_: Json = False,
) -> None:
    """Check a sample: the period on the chain, the drawing, and each delta. Exit code 1: not valid."""
    from anchor.verify.sample_files import check_sample_file

    output = Output(json_)
    try:
        with output.progress(f"checking {file.name}", None):
            result = check_sample_file(
                file, rpc=rpc or (), contract=contract, customer=customer, count=count, finality=finality
            )
    except ValueError as error:
        raise CommandFailed(str(error), "see anchor check-sample --help", code="usage") from None
    if json_:
        output.json(result.to_json())
    else:
        from rich.markup import escape

        output.say("[green]✓ valid[/]" if result.valid else f"[red]✗ {escape(result.verdict)}[/]")
        if result.failed is not None:
            output.say(f"  {escape(result.failed.name)}: {escape(result.failed.explanation)}")
        for statement in result.statements:
            output.say(f"  {escape(statement)}")
    if not result.valid:
        raise typer.Exit(ExitCode.NO)
