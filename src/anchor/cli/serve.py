"""``anchor init``, ``serve`` and ``worker``: what an operator runs."""

import os
import re
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import typer

from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import MAX_CHAIN_ID, MAX_PORT, DataDirectory, Json, JsonLines, as_url
from anchor.cli.output import Output, plain

_CHAIN_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("init", rich_help_panel="Operate")(init)
    app.command("serve", rich_help_panel="Operate")(serve)
    app.command("worker", rich_help_panel="Operate")(worker)


def init(
    directory: Annotated[Path, typer.Argument(help="The data directory to make.")],
    database: Annotated[
        str | None, typer.Option(metavar="URL", help="postgresql://…; SQLite in the directory unless given.")
    ] = None,
    rpc: Annotated[
        str | None, typer.Option(metavar="URL", callback=as_url, help="A node of the chain to anchor on.")
    ] = None,
    chain_id: Annotated[
        int | None, typer.Option(min=1, max=MAX_CHAIN_ID, metavar="NUMBER", help="That chain's id.")
    ] = None,
    chain: Annotated[str, typer.Option(metavar="NAME", help="What the settings call it.")] = "main",
    json_: Json = False,
) -> None:
    """Make a data directory: settings, keys, database, and the first API key, which is shown once."""
    output = Output(json_)
    if (rpc is None) != (chain_id is None):
        raise CommandFailed(
            "--rpc and --chain-id belong together",
            "give both, or fill in anchor.toml later",
            ExitCode.USAGE,
            "usage",
        )
    if _CHAIN_NAME.fullmatch(chain) is None:
        raise CommandFailed(
            f"{chain!r} cannot name a chain",
            "a name is made of letters, digits, - and _",
            ExitCode.USAGE,
            "usage",
        )
    with output.progress(f"making {directory}", None):
        from anchor.server.chain.values import address_text
        from anchor.server.service.initializing import FirstChain, initialise

        first = None if rpc is None or chain_id is None else FirstChain(chain, chain_id, rpc)
        made = initialise(directory, database_url=database, chain=first)
    if json_:
        output.json(
            {
                "directory": str(directory),
                "logId": made.log_id,
                "founder": address_text(made.founder),
                "signer": made.signer,
                "adminKey": made.admin_key,
            }
        )
        return
    where = plain(directory)
    output.line(f"[green]✓[/] made [bold]{where}[/]")
    output.pairs(
        ("log id", "0x" + made.log_id.hex()),
        ("signs as", f"{made.signer}  [dim](send it funds for gas)[/]"),
        ("admin key", f"[bold]{made.admin_key}[/]  [dim](shown this once)[/]"),
    )
    output.say("Keep copies of identity.key and of the signing key offline. Next:")
    if first is None:
        output.line(f"  1. fill in a chain in {plain(directory / 'anchor.toml')}")
    else:
        output.line(f"  1. send funds to {made.signer}")
    output.line(f"  2. anchor deploy --data {where}")
    output.line(f"  3. anchor doctor --data {where}")
    output.line(f"  4. anchor serve --data {where}, and anchor worker --data {where} beside it")


def serve(
    data: DataDirectory,
    host: Annotated[str | None, typer.Option(help="In place of [server] host.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=MAX_PORT, help="In place of [server] port; 0 takes any.")
    ] = None,
    json_: JsonLines = False,
) -> None:
    """Answer the HTTP API, until SIGTERM. What happens is logged to standard error."""
    output = Output(json_)
    with ExitStack() as stack:
        stack.enter_context(output.progress("starting", None))
        from anchor.server.service.serve import run_server

        def announce(url: str) -> None:
            if json_:
                output.json_line({"url": url, "directory": str(data)})
            else:
                output.note(f"[green]✓[/] answers at [bold]{url}[/]")

        run_server(data, os.environ, host=host, port=port, opened_now=stack.close, announce=announce)


def worker(data: DataDirectory, json_: JsonLines = False) -> None:
    """Seal, send and confirm: one JSON line for each change, until SIGTERM.

    The lines go to standard output; with --json, where one document says what runs, to standard error.
    """
    output = Output(json_)
    with ExitStack() as stack:
        stack.enter_context(output.progress("starting", None))
        from anchor.server.service.worker import run_worker

        def announce(chains: Sequence[str]) -> None:
            stack.close()
            if json_:
                output.json_line({"directory": str(data), "chains": chains})

        run_worker(data, os.environ, lines=sys.stderr if json_ else sys.stdout, announce=announce)
