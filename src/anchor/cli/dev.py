"""``anchor dev``: everything in one process, for a laptop."""

import os
import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anchor.cli.options import MAX_PORT, JsonLines, within
from anchor.cli.output import Output, plain

if TYPE_CHECKING:
    from anchor.server.service.development import Development


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("dev", rich_help_panel="Begin")(dev)


def dev(
    directory: Annotated[Path, typer.Argument(help="The data directory; made where it is not there.")] = Path(
        "anchor-dev"
    ),
    port: Annotated[
        int, typer.Option(min=0, max=MAX_PORT, metavar="PORT", help="Of the API; 0 takes any.")
    ] = 8440,
    rpc_port: Annotated[
        int, typer.Option(min=0, max=MAX_PORT, metavar="PORT", help="Of the chain; 0 takes any.")
    ] = 8545,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", callback=within(0.1, 86_400), help="Between batches.")
    ] = 2.0,
    json_: JsonLines = False,
) -> None:
    """Run API, anchoring loop and a development chain in one process, until Ctrl-C.

    The chain is forgotten at the end; the records stay, and are anchored anew at the next start.
    """
    output = Output(json_)
    with ExitStack() as stack:
        with output.progress("starting", None):
            from anchor.server.service.development import Development, Ports
            from anchor.server.service.worker import stop_on_signals

            stop = stop_on_signals()
            running = stack.enter_context(
                Development(directory, os.environ, ports=Ports(port, rpc_port), anchor_every=every)
            )
        announce(output, running)
        stop.wait()
        output.say("\nStopping.")


def announce(output: Output, running: "Development") -> None:
    """Say where everything is."""
    if output.as_json:
        output.json_line(
            {
                "url": running.url,
                "key": running.admin_key,
                "rpc": running.rpc_url,
                "chainId": running.chain.chain_id,
                "contract": running.contract,
                "directory": str(running.directory),
                "anchoredAnew": running.anchored_elsewhere,
            }
        )
        return
    if running.anchored_elsewhere:
        output.say(
            "[yellow]This log was anchored on a development chain that is gone.[/] "
            "It is anchored anew on a new one; proof files made before name the old chain."
        )
    output.say("[bold green]Anchor is running.[/]")
    output.pairs(
        ("API", f"[bold]{running.url}[/]   try it by hand: {running.url}/docs"),
        ("key", f"[bold]{running.admin_key or 'the one that anchor init printed'}[/]"),
        ("verifier", f"{running.url}/verify   drop a proof file on it"),
        ("chain", f"{running.rpc_url}   chain id {running.chain.chain_id}"),
        ("contract", running.contract),
        ("data", plain(running.directory)),
    )
    output.say("\nIn another terminal:\n")
    output.line(f"  export ANCHOR_URL={running.url}")
    output.line(f"  export ANCHOR_API_KEY=$(cat {plain(shlex.quote(str(running.directory / 'admin.key')))})")
    output.line("  anchor emit acme -182 --reason 'gpu hours' --reference run-7781")
    output.line("  anchor derive acme\n")
    output.say("[dim]Ctrl-C stops it.[/]")
