"""``anchor sample`` and ``anchor check-sample``: a sampled audit, drawn by the anchoring block."""

import os
from pathlib import Path
from typing import Annotated

import typer

from anchor.cli.chains import ChainName, chosen_chain
from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import MAX_INDEX, Customer, DataDirectory, Json, Unit, as_url
from anchor.cli.output import Output, counted, plain
from anchor.cli.verifying import EXIT_CODES, show


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
    output.say(
        f"[green]✓[/] {plain(out)}: {len(made.drawn)} of {counted(to_index - from_index + 1, 'delta')}"
    )
    output.line(f"  drawn by block {hex_of(made.block)}, the first that held them")


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What anchor sample made.")],
    rpc: Annotated[
        list[str] | None,
        typer.Option(
            "--rpc",
            metavar="URL",
            callback=as_url,
            help="A node of the chain; several are held against each other.",
        ),
    ] = None,
    contract: Annotated[str | None, typer.Option(metavar="ADDRESS", help="The agreed contract.")] = None,
    customer: Annotated[str | None, typer.Option(metavar="CUSTOMER", help="Whose ledger it must be.")] = None,
    unit: Annotated[str | None, typer.Option(metavar="UNIT", help="The unit that it must be in.")] = None,
    ledger_id: Annotated[
        str | None, typer.Option("--ledger", metavar="ID", help="The ledger id that it must be.")
    ] = None,
    from_index: Annotated[
        int | None, typer.Option("--from", min=0, max=MAX_INDEX, metavar="INDEX", help="You asked from here.")
    ] = None,
    to_index: Annotated[
        int | None, typer.Option("--to", min=0, max=MAX_INDEX, metavar="INDEX", help="To here, included.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, max=1000, metavar="N", help="How many you asked for.")
    ] = None,
    finality: Annotated[
        str, typer.Option(metavar="RULE", help="finalized, safe, latest or N.")
    ] = "finalized",
    json_: Json = False,
) -> None:
    """Check a sample: the period on the chain, the drawing, and each delta.

    A confidence is stated where you name the range and the count:
    agree on both before the period is anchored.

    Exit code 0: valid. 1: not valid. 4: not checked against a chain.
    """
    from anchor.verify.sample_files import check_sample_file

    output = Output(json_)
    try:
        with output.progress(f"checking {file.name}", None):
            result = check_sample_file(
                file,
                rpc=rpc or (),
                contract=contract,
                customer=customer,
                unit=unit,
                ledger_id=ledger_id,
                count=count,
                from_index=from_index,
                to_index=to_index,
                finality=finality,
            )
    except ValueError as error:
        raise CommandFailed(str(error), "see anchor check-sample --help", ExitCode.USAGE, "usage") from None
    if json_:
        output.json(result.to_json())
    else:
        show(output, result, file.name)
    raise typer.Exit(EXIT_CODES[result.verdict])
