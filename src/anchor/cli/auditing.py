"""``anchor audit``: recompute the whole record, and ask the chains for every head."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from anchor.cli.failures import ExitCode
from anchor.cli.options import DataDirectory, Json
from anchor.cli.output import Bar, Output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anchor.ledger.auditing import Finding
    from anchor.service.assembly import OpenLog


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("audit", rich_help_panel="Operate")(audit)


def audit(
    data: DataDirectory,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the chains for their heads.")
    ] = False,
    most: Annotated[
        int, typer.Option("--most", min=1, max=10**9, metavar="N", help="Stop after N mismatches.")
    ] = 1_000,
    json_: Json = False,
) -> None:
    """Recompute everything from the deltas, hold the chains' heads against it, and name each mismatch.

    It may run beside the server. Exit code 1: something does not fit.
    """
    output = Output(json_)
    with output.progress(f"opening {data}", None):
        from anchor.ledger.auditing import deltas_on_record
        from anchor.service.assembly import open_directory

        opened = open_directory(data, os.environ)
    found: list[Finding] = []
    with output.progress("recomputing the record", deltas_on_record(opened.database)) as bar:
        for finding in _findings(opened, offline, bar):
            found.append(finding)
            output.line(f"[red]✗[/] {_escaped(finding)}")
            if len(found) == most:
                break
    if json_:
        output.json(
            {
                "whole": not found,
                "chainsAsked": not offline,
                "findings": [
                    {
                        "table": one.table,
                        "key": [part.hex() if isinstance(part, bytes) else part for part in one.key],
                        "column": one.column,
                        "stated": one.stated,
                        "recomputed": one.recomputed,
                    }
                    for one in found
                ],
            }
        )
    elif not found:
        output.say("[green]✓[/] everything on record follows from its deltas")
        if not offline:
            output.say("[green]✓[/] every head on the chains is a batch of this record")
    if found:
        raise typer.Exit(ExitCode.NO)


def _findings(opened: "OpenLog", offline: bool, bar: Bar) -> "Iterator[Finding]":
    from anchor.anchoring.auditing_sends import audit_anchoring
    from anchor.ledger.auditing import audit as recompute

    yield from recompute(opened.database, bar.advance)
    bar.describe("checking what was sent")
    yield from audit_anchoring(opened.database, opened.clock.now_ms())
    if not offline:
        bar.describe("asking the chains")
        yield from _findings_on_chains(opened)


def _findings_on_chains(opened: "OpenLog") -> "Iterator[Finding]":
    from anchor.anchoring.auditing import audit_on_chain
    from anchor.chain.node import Node
    from anchor.chain.rpc import HttpEndpoint

    for one in opened.settings.chains:
        if one.contract is None:
            continue
        endpoints = [HttpEndpoint(url, timeout=one.timeout) for url in one.rpc]
        node = Node(endpoints, one.chain_id, agreement=one.agreement)
        yield from audit_on_chain(opened.database, one, node, opened.log.log_id)


def _escaped(finding: "Finding") -> str:
    from rich.markup import escape

    return escape(str(finding))
