"""``anchor sample`` and ``anchor check-sample``: a sampled audit, drawn by the anchoring block."""

from pathlib import Path
from typing import Annotated

import typer

from anchor.cli.disputes import require_file
from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import MAX_CHAIN_ID, MAX_INDEX, Customer, Data, Json, Key, Unit, Url, as_url
from anchor.cli.output import Output, counted, plain
from anchor.cli.server import connect
from anchor.cli.verify import EXIT_CODES, show


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("sample", rich_help_panel="Check")(sample)
    app.command("check-sample", rich_help_panel="Check")(check)


def sample(
    customer: Customer,
    from_index: Annotated[int, typer.Option("--from", min=0, max=MAX_INDEX, metavar="INDEX")],
    to_index: Annotated[int, typer.Option("--to", min=0, max=MAX_INDEX, metavar="INDEX", help="Included.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the sample goes.")],
    count: Annotated[
        int, typer.Option("--count", min=1, max=1000, metavar="N", help="How many deltas.")
    ] = 59,
    unit: Unit = "",
    chain_id: Annotated[
        int | None,
        typer.Option(
            "--chain-id",
            min=1,
            max=MAX_CHAIN_ID,
            metavar="ID",
            help="The chain whose block draws; else the primary.",
        ),
    ] = None,
    url: Url = None,
    key: Key = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Prove a period's two balances, and COUNT of its deltas that the anchoring block draws.

    59 deltas without a wrong one: at most 5 % of the period are wrong, with 95 % confidence; 299: 1 %.
    A key for this customer alone is enough.
    """
    output = Output(json_)
    with connect(url, key, data, output, doing="drawing the sample") as server:
        content = server.get_bytes(
            "/api/v1/proofs/sample",
            customerId=customer,
            unit=unit or None,
            fromIndex=from_index,
            toIndex=to_index,
            count=count,
            chainId=chain_id,
        )
    block, drawn = _drawn(content, customer, unit, from_index, to_index, count)
    out.write_bytes(content)
    if json_:
        output.json({"file": str(out), "block": block, "deltas": drawn})
        return
    output.line(f"[green]✓[/] {plain(out)}: {len(drawn)} of {counted(to_index - from_index + 1, 'delta')}")
    output.line(f"  drawn by block {block}, the first that held them")
    output.line(
        f"  Check it: anchor check-sample {plain(out)} --rpc URL --contract ADDRESS "
        f"--from {from_index} --to {to_index} --count {count}"
    )


def _drawn(
    content: bytes, customer: str, unit: str, from_index: int, to_index: int, count: int
) -> tuple[str, list[int]]:
    """Return the block that drew a sample, and the drawn indices.

    Raises CommandFailed where it is not the sample that was asked for: what a chain says is not asked here.
    """
    from anchor.proof.bounds import parse_json
    from anchor.proof.reading import proof_of
    from anchor.protocol.errors import hex_of
    from anchor.verify.results import INVALID
    from anchor.verify.sampling import LARGEST_SAMPLE_FILE, anchoring_block, check_sample

    result = check_sample(
        content,
        None,
        count=count,
        from_index=from_index,
        to_index=to_index,
        expected_customer=customer,
        expected_unit=unit,
    )
    if result.verdict == INVALID:
        raise CommandFailed(
            f"the answer is not the sample that was asked for: {result.statements[-1]}",
            "nothing was written; check that the URL is an Anchor server's",
            ExitCode.UNAVAILABLE,
            "unexpected_answer",
        )
    document = parse_json(content, LARGEST_SAMPLE_FILE)
    drawn = [one["delta"]["index"] for one in document["deltas"]]
    return hex_of(anchoring_block(proof_of(document["period"]))), drawn


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
    from anchor.verify.verifying_files import check_sample_file

    output = Output(json_)
    require_file(file, read_once=True)
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
