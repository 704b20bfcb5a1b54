"""``anchor hammer``: a load on one's own deployment, every receipt of which is then verified."""

import secrets
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import MAX_INDEX, Json, as_url, within
from anchor.cli.output import Output, plain

if TYPE_CHECKING:
    from anchor.cli.hammer.findings import HammerReport, Timings

_TITLES = {"emit": "emitting", "anchor": "waiting for the chain", "prove": "verifying receipts"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("hammer", rich_help_panel="Operate")(hammer)


def hammer(
    urls: Annotated[
        list[str],
        typer.Argument(metavar="URL...", callback=as_url, help="The server, or several of one log."),
    ],
    key: Annotated[
        str, typer.Option("--key", envvar="ANCHOR_API_KEY", metavar="KEY", help="An API key: write and read.")
    ],
    rpc: Annotated[
        list[str], typer.Option("--rpc", metavar="URL", callback=as_url, help="A node of the chain.")
    ],
    contract: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="The contract that must hold the log.")
    ] = None,
    deltas: Annotated[
        int,
        typer.Option(
            min=1, max=10**7, metavar="N", help="How many deltas to send; each takes 0.6 KB of memory here."
        ),
    ] = 10_000,
    batch: Annotated[
        int, typer.Option(min=1, max=1_000, metavar="N", help="Deltas of a request; 1 is the single call.")
    ] = 500,
    customers: Annotated[
        int, typer.Option(min=1, max=10**6, metavar="N", help="How many customers to send them for.")
    ] = 100,
    hot: Annotated[
        float,
        typer.Option(metavar="SHARE", callback=within(0, 1), help="Of all deltas: into one hot ledger."),
    ] = 0.2,
    skew: Annotated[
        float,
        typer.Option(
            metavar="S",
            callback=within(0, 10),
            help="The n-th customer has 1/n^S of the load; 0: all the same.",
        ),
    ] = 1.0,
    retries: Annotated[
        float,
        typer.Option(
            metavar="SHARE", callback=within(0, 1), help="Of all requests: sent twice, half of them at once."
        ),
    ] = 0.1,
    connections: Annotated[
        int, typer.Option(min=1, max=1_000, metavar="N", help="Requests under way at once.")
    ] = 8,
    wait: Annotated[
        float,
        typer.Option(metavar="SECONDS", callback=within(0, 86_400), help="How long anchoring may take."),
    ] = 300.0,
    finality: Annotated[
        str, typer.Option(metavar="RULE", help="finalized, safe, latest, or a number of confirmations.")
    ] = "finalized",
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_INDEX, metavar="N", help="The same seed sends the same load.")
    ] = 1,
    json_: Json = False,
) -> None:
    """Load a deployment, wait until the chain holds it all, and verify every receipt that was given.

    It writes for customers of its own, named hammer-..., in the unit hammer: they stay on record.

    Before it writes, it asks every server and the chain whether they are what they have to be.

    Exit code 0: nothing lost, nothing twice, every proof valid. 1: a promise is broken. 4: some deltas
    were not anchored in time, or could not be held against the chain.
    """
    from anchor.cli.hammer.load import HammerPlan
    from anchor.cli.hammer.preflight import SECONDS, check_before
    from anchor.cli.hammer.proofs import ProofCheck
    from anchor.cli.hammer.run import Hammer
    from anchor.client.client import AnchorClient
    from anchor.node.reader import open_chain
    from anchor.node.view import ChainUnavailable, Finality
    from anchor.verify.verifying_files import parse_contract

    output = Output(json_)
    try:
        run = f"hammer-{secrets.token_hex(4)}"
        plan = HammerPlan(run, deltas, batch, customers, hot, skew, retries, seed)
        rule = Finality.parse(finality)
        address = None if contract is None else parse_contract(contract)
    except ValueError as error:
        raise CommandFailed(str(error), "see anchor hammer --help", ExitCode.USAGE, "usage") from None
    with ExitStack() as stack:
        hasty = [
            (url, stack.enter_context(AnchorClient(url, key, attempts=1, timeout=SECONDS))) for url in urls
        ]
        try:
            check_before(hasty, open_chain(stack, rpc, timeout=SECONDS), address)
        except ChainUnavailable as error:
            raise CommandFailed(
                f"the chain cannot be asked: {error}",
                "check --rpc; nothing was written",
                ExitCode.UNAVAILABLE,
                "chain_unavailable",
            ) from None
        clients = [stack.enter_context(AnchorClient(url, key, attempts=10)) for url in urls]
        bar = stack.enter_context(output.progress(_TITLES["emit"], 3 * deltas))
        stages: set[str] = set()

        def progress(stage: str, steps: int) -> None:
            if stage not in stages:
                stages.add(stage)
                bar.describe(_TITLES[stage])
            bar.advance(steps)

        report = Hammer(
            clients,
            plan,
            ProofCheck(open_chain(stack, rpc), contract=address, finality=rule),
            connections=connections,
            wait=wait,
            progress=progress,
        ).run()
    if json_:
        output.json(report.to_json())
    else:
        show(output, report)
    if not report.passed:
        raise typer.Exit(ExitCode.NO if report.findings.broken else ExitCode.UNAVAILABLE)


def show(output: Output, report: "HammerReport") -> None:
    """Show the rates, the percentiles and what was found."""

    table = output.table("", "requests", "a second", "p50", "p90", "p99", "p99.9", right=_FIGURES)
    table.add_row("emit", *_figures(report.emitting))
    table.add_row("fetch and verify", *_figures(report.proving))
    output.console.print(table)
    wall = report.emitting.wall
    output.pairs(
        ("run", report.run),
        ("deltas", f"{report.deltas:,}, {report.acknowledged / wall:,.0f} a second" if wall else "none"),
        ("acknowledged", f"{report.acknowledged:,}"),
        ("sent twice", f"{report.retried:,}, {report.together:,} of them at the same time"),
        ("anchored", f"{report.anchoring_seconds:.1f} s after the last answer"),
        ("proven", f"{report.verified:,} receipts, each from its proof file and the chain"),
    )
    output.say()
    for one in report.findings.first:
        output.line(
            f"[bold red]{one.fault}[/] {plain(one.subject)}\n"
            f"  expected  {plain(one.expected)}\n  found     {plain(one.found)}"
        )
    for fault, count in sorted(report.findings.counts.items()):
        output.say(f"[bold]{fault}[/]: {count:,}")
    if report.passed:
        output.say("[bold green]PASSED[/]  nothing lost, nothing twice, every proof valid")
    elif report.findings.broken:
        output.say("[bold red]FAILED[/]")
    else:
        output.say("[bold yellow]NOT FOUND OUT[/]  nothing is wrong so far, and not everything is proven")


_FIGURES = ("requests", "a second", "p50", "p90", "p99", "p99.9")


def _figures(timings: "Timings") -> list[str]:
    rate = len(timings.seconds) / timings.wall if timings.wall else 0.0
    parts = [f"{timings.percentile(part) * 1e3:,.1f} ms" for part in (0.5, 0.9, 0.99, 0.999)]
    return [f"{len(timings.seconds):,}", f"{rate:,.0f}", *parts]
