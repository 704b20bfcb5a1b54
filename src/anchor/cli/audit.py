"""``anchor audit``: recompute the whole record, and ask the chains for every head."""

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from anchor.cli.failures import ExitCode
from anchor.cli.options import DataDirectory, Json
from anchor.cli.output import Bar, Output, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anchor.server.audit.whole_log import Finding
    from anchor.server.chain.settings import ChainSettings
    from anchor.server.service.assembly import OpenLog


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

    It may run beside the server. Exit code 1: something does not fit. 4: the record fits, and a chain could
    not be asked.
    """
    output = Output(json_)
    with output.progress(f"opening {data}", None):
        from anchor.server.audit.whole_log import deltas_on_record
        from anchor.server.service.assembly import open_directory

        opened = open_directory(data, os.environ)
    found: list[Finding] = []
    course = _Course()
    count = deltas_on_record(opened.database)
    with output.progress("recomputing the record", count) as bar:
        for finding in _findings(opened, offline, bar, course):
            found.append(finding)
            course.record_whole &= course.past_record
            output.line(f"[red]✗[/] {plain(finding)}")
            if len(found) == most:
                break
    why = "--offline" if offline else "the audit stopped before"
    not_asked = _not_asked(opened, course, why)
    if json_:
        output.json(
            {
                "whole": False if found else None if course.away else True,
                "recordWhole": course.record_whole,
                "deltaCount": count,
                "chainsAsked": course.asked,
                "chainsNotAsked": [{"name": name, "why": why} for name, why in not_asked],
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
    else:
        _say(output, found, course.asked, not_asked)
    if found:
        raise typer.Exit(ExitCode.NO)
    if course.away:
        raise typer.Exit(ExitCode.UNAVAILABLE)


def _say(output: Output, found: "list[Finding]", asked: list[str], not_asked: list[tuple[str, str]]) -> None:
    if not found:
        output.say("[green]✓[/] everything on record follows from its deltas")
        if asked:
            names = plain(", ".join(asked))
            output.say(f"[green]✓[/] every head on {names} is a batch of this record")
    if not asked:
        output.say("[yellow]![/] no chain was asked" + ("" if not_asked else ": none is set up"))
    for name, why in not_asked:
        output.line(f"[yellow]![/] {plain(name)} was not asked: {plain(why)}")


@dataclass
class _Course:
    """How far an audit came."""

    record_whole: bool = True
    past_record: bool = False
    """Whether what is found from now on is of the chains."""
    asked: list[str] = field(default_factory=list)
    """The chains that were asked to the end."""
    away: dict[str, str] = field(default_factory=dict)
    """The chains that could not be asked, and why."""


def _findings(opened: "OpenLog", offline: bool, bar: Bar, course: _Course) -> "Iterator[Finding]":
    """Yield what the whole audit finds, and note in ``course`` what became of each chain."""
    from anchor.server.audit.sends import audit_anchoring
    from anchor.server.audit.whole_log import audit as recompute

    yield from recompute(opened.database, bar.advance)
    bar.describe("checking what was sent")
    yield from audit_anchoring(opened.database, opened.clock.now_ms())
    course.past_record = True
    if not offline:
        bar.describe("asking the chains")
        yield from _findings_on_chains(opened, course)


def _findings_on_chains(opened: "OpenLog", course: _Course) -> "Iterator[Finding]":
    from anchor.node.endpoint import HttpEndpoint, RpcError
    from anchor.server.audit.chain import audit_on_chain
    from anchor.server.chain.agreement import EndpointsDisagree
    from anchor.server.chain.endpoint_group import WrongChain
    from anchor.server.chain.node import Node
    from anchor.server.chain.values import MalformedAnswer

    for one in opened.settings.chains:
        if one.contract is None:
            continue
        endpoints = [HttpEndpoint(url, timeout=one.timeout) for url in one.rpc]
        node = Node(endpoints, one.chain_id, agreement=one.agreement)
        try:
            yield from audit_on_chain(opened.database, one, node, opened.log.log_id)
        except (RpcError, EndpointsDisagree, MalformedAnswer, WrongChain) as error:
            course.away[one.name] = str(error)
        else:
            course.asked.append(one.name)


def _not_asked(opened: "OpenLog", course: _Course, why: str) -> list[tuple[str, str]]:
    """Return the name of each chain, of the settings or on record, that was not asked, and why.

    ``why`` is told of those of which nothing else is known.
    """
    from anchor.server.audit.send_rows import audited_chains

    left = [
        (one.name, _why_not(one, course, why))
        for one in opened.settings.chains
        if one.name not in course.asked
    ]
    known = {one.name for one in opened.settings.chains}
    with opened.database.read() as connection:
        rows = audited_chains(connection)
    for row in rows:
        if row.retired_at is not None:
            left.append((row.name, f"it is retired (contract 0x{row.contract.hex()})"))
        elif row.name not in known:
            left.append((row.name, "it is on record, and not in the settings"))
    return left


def _why_not(chain: "ChainSettings", course: _Course, why: str) -> str:
    if chain.contract is None:
        return "it has no contract"
    if chain.name in course.away:
        return f"it gives no answer that counts: {course.away[chain.name]}"
    return why
