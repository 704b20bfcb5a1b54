"""``anchor repair`` and ``anchor cancel``: what Anchor does on the operator's word only."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anchor.cli.chain_options import ChainName, chosen_chain
from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import DataDirectory, Json
from anchor.cli.output import Output
from anchor.cli.worker_lease import no_worker

if TYPE_CHECKING:
    from anchor.server.anchoring.repair import Repair
    from anchor.server.chain.contract import Anchored


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("repair", rich_help_panel="Operate")(repair)
    app.command("cancel", rich_help_panel="Operate")(cancel)


def repair(
    data: DataDirectory,
    chain: ChainName = None,
    accept_head: Annotated[
        str | None,
        typer.Option(
            metavar="HEAD", help="Go on upon a head that is not ours: after a leaked key, or lost batches."
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Hold the contract's heads against the database: adopt what is ours, list what is missing.

    Stop the worker first. Exit code 1: there are heads that are not ours, not adopted yet, or that no
    endpoint shows.
    """
    output = Output(json_)
    with output.progress(f"opening {data}", None):
        from anchor.server.anchoring.repair import go_on_upon
        from anchor.server.anchoring.repair import repair as compare
        from anchor.server.anchoring.sending_chain import open_chain
        from anchor.server.chain.node import Node
        from anchor.server.service.assembly import connect_chain, open_directory

        opened = open_directory(data, os.environ)
    wanted = chosen_chain(opened.settings, chain)
    connection = connect_chain(wanted, os.environ)
    with no_worker(opened) as lease:
        with output.progress(f"reading the heads on {wanted.name}", None):
            opened_chain = open_chain(
                connection,
                log_id=opened.log.log_id,
                lease=lease,
                clock=opened.clock,
                node=Node(connection.endpoints, wanted.chain_id, agreement=wanted.agreement),
            )
            found = compare(opened_chain)
        if accept_head is not None:
            if accept_head.lower() != "0x" + found.head.hex():
                raise CommandFailed(
                    f"the contract's head is 0x{found.head.hex()}, not {accept_head}",
                    "accept the head that is there, having looked at it",
                    code="not_the_head",
                )
            go_on_upon(opened.database, wanted.name, found.head, opened.clock)
    if json_:
        output.json(_document(found, accept_head is not None))
    else:
        _show(output, found, accept_head is not None)
    if not found.whole and accept_head is None:
        raise typer.Exit(ExitCode.NO)


def cancel(data: DataDirectory, chain: ChainName = None, json_: Json = False) -> None:
    """Let the worker replace what is in flight by a transaction that does nothing.

    The original may still be mined first; then it counts. The batch is sent again either way.
    """
    output = Output(json_)
    with output.progress(f"opening {data}", None):
        from anchor.server.anchoring.repair import cancel_send
        from anchor.server.service.assembly import open_directory

        opened = open_directory(data, os.environ)
        wanted = chosen_chain(opened.settings, chain)
        send = cancel_send(opened.database, wanted.name, opened.clock)
    if json_:
        output.json({"chain": wanted.name, "batch": send.batch, "nonce": send.nonce})
        return
    output.say(f"the worker will cancel batch {send.batch} (nonce {send.nonce}) on {wanted.name}")


def _document(found: "Repair", accepted: bool) -> dict[str, Any]:
    return {
        "whole": found.whole,
        "head": "0x" + found.head.hex(),
        "newestBatch": found.newest_batch,
        "adopted": list(found.adopted),
        "postponed": [_event(event) for event in found.postponed],
        "missing": [_event(event) for event in found.missing],
        "foreign": [_event(event) for event in found.foreign],
        "repeated": [_event(event) for event in found.repeated],
        "broken": [_event(event) for event in found.broken],
        "unreadFrom": None if found.unread_from is None else "0x" + found.unread_from.hex(),
        "headAccepted": accepted,
    }


def _event(event: "Anchored") -> dict[str, Any]:
    return {
        "batch": event.number,
        "head": "0x" + event.new_head.hex(),
        "transaction": "0x" + event.transaction_hash.hex(),
        "block": event.block_number,
    }


def _show(output: Output, found: "Repair", accepted: bool) -> None:
    if found.adopted:
        output.say(f"[green]✓[/] adopted the anchors of batches {', '.join(map(str, found.adopted))}")
    if found.whole:
        output.say("[green]✓[/] every head on the chain is a batch of this database")
    told = (
        ("not adopted yet, as its block or receipt cannot be had: run it again", found.postponed),
        ("missing here", found.missing),
        ("not of this log", found.foreign),
        ("anchored again after a newer one", found.repeated),
        ("not upon the one before it", found.broken),
    )
    for what, events in told:
        for event in events:
            output.line(
                f"[red]✗[/] batch {event.number} is {what}: block {event.block_number}, "
                f"transaction 0x{event.transaction_hash.hex()}"
            )
    if found.unread_from is not None:
        output.line(
            f"[red]✗[/] no event leads to head 0x{found.unread_from.hex()}: what is before it was not read; "
            "add an endpoint that keeps all events"
        )
    if accepted:
        output.line(f"the worker will go on upon 0x{found.head.hex()}")
