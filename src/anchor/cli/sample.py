"""``anchor sample``: a sampled audit, drawn by the anchoring block."""

from pathlib import Path
from typing import Annotated

import typer

from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import MAX_CHAIN_ID, MAX_INDEX, Customer, Data, Json, Key, Unit, Url
from anchor.cli.output import Output, counted, plain
from anchor.cli.server import connect


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sample", rich_help_panel="Check")(sample)


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
        f"  Check it: anchor verify {plain(out)} --rpc URL --contract ADDRESS "
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
