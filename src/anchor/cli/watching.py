"""``anchor watch``: follow a contract's heads from outside, with no account and no database."""

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import Json
from anchor.cli.output import Output

if TYPE_CHECKING:
    from anchor.chain.finality import FinalityRule

_LONGEST_PAUSE: Final = 60.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("watch", rich_help_panel="Check")(watch)


def watch(
    rpc: Annotated[
        list[str],
        typer.Option(
            "--rpc", metavar="URL", help="A node of the chain; several are held against each other."
        ),
    ],
    contract: Annotated[str, typer.Option(metavar="ADDRESS", help="The contract to follow.")],
    finality: Annotated[
        str, typer.Option(metavar="RULE", help="finalized, safe, or a number of confirmations.")
    ] = "finalized",
    from_block: Annotated[
        int, typer.Option(min=0, metavar="NUMBER", help="Where to begin; the contract's first block is best.")
    ] = 0,
    every: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="How often to look.")] = 12.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    json_: Json = False,
) -> None:
    """Follow a contract's heads and alarm on one that does not extend the history known so far.

    With --json one document a line. Exit code with --once: 0 all is well, 1 there was an alarm.
    """
    from rich.markup import escape

    from anchor.chain.contract import AnchorLog
    from anchor.chain.node import Node
    from anchor.chain.rpc import HttpEndpoint, RpcError
    from anchor.chain.values import address_text, parse_address, quantity
    from anchor.chain.watch import ALARMS, Watcher

    try:
        address = parse_address(contract)
    except ValueError as error:
        raise CommandFailed(str(error), "give the contract's address", code="not_an_address") from None
    output = Output(json_)
    endpoints = [HttpEndpoint(url) for url in rpc]
    chain_id = quantity(endpoints[0].call("eth_chainId", []), "chain id")
    log = AnchorLog(Node(endpoints, chain_id), address)
    log_id = log.deployed_log_id()
    if log_id is None:
        raise CommandFailed(
            f"there is no AnchorLog at {address_text(address)} on chain {chain_id}",
            "check the address and the chain",
            code="no_contract",
        )
    watcher = Watcher(log, log_id=log_id, first_block=from_block, finality=_rule(finality))
    output.say(f"log 0x{log_id.hex()} on chain {chain_id}")
    alarmed, failures = False, 0
    while True:
        try:
            sightings = watcher.look()
            failures = 0
        except RpcError as error:
            if once:
                raise
            failures += 1
            output.note(f"[yellow]![/] {escape(str(error))}")
            time.sleep(min(_LONGEST_PAUSE, every * 2**failures))
            continue
        for sighting in sightings:
            alarmed = alarmed or sighting.is_alarm
            if json_:
                said = {
                    "kind": sighting.kind,
                    "alarm": sighting.is_alarm,
                    "batch": sighting.number,
                    "head": "0x" + sighting.head.hex(),
                    "block": sighting.block_number,
                    "detail": sighting.detail,
                }
                sys.stdout.write(json.dumps(said) + "\n")
                sys.stdout.flush()
            elif sighting.is_alarm:
                output.say(f"[bold red]✗ {sighting.kind}[/]: {ALARMS[sighting.kind]}")
                output.say(f"  block {sighting.block_number}: {escape(sighting.detail)}")
            else:
                output.say(
                    f"[green]✓[/] batch {sighting.number} in block {sighting.block_number}  "
                    f"[dim]0x{sighting.head.hex()}[/]"
                )
        if once:
            if not sightings:
                output.say("nothing was anchored yet")
            if alarmed:
                raise typer.Exit(ExitCode.NO)
            return
        time.sleep(every)


def _rule(text: str) -> "FinalityRule":
    from anchor.chain.finality import FinalityRule

    try:
        return FinalityRule(None, int(text)) if text.isdecimal() else FinalityRule(text)
    except ValueError as error:
        raise CommandFailed(str(error), "correct --finality", ExitCode.USAGE, "usage") from None
