"""``anchor doctor``: everything that can be checked before the first send."""

import os
from typing import TYPE_CHECKING

import typer

from anchor.cli.failures import ExitCode
from anchor.cli.options import DataDirectory, Json
from anchor.cli.output import Output, plain

if TYPE_CHECKING:
    pass
from anchor.cli.chain_options import ChainName, chosen_chain, configured_chains


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", rich_help_panel="Operate")(doctor)


def doctor(data: DataDirectory, chain: ChainName = None, json_: Json = False) -> None:
    """Check everything that can be checked before the first send. Nothing is sent."""

    output = Output(json_)
    with output.progress(f"opening {data}", None):
        from anchor.server.anchoring.doctor import Doctor
        from anchor.server.service.assembly import connect_chain, open_directory

        opened = open_directory(data, os.environ)
    chosen = [chosen_chain(opened.settings, chain)] if chain else configured_chains(opened.settings)
    verdicts = {}
    for one in chosen:
        connection = connect_chain(one, os.environ)
        with output.progress(f"examining {one.name}", None):
            verdicts[one.name] = Doctor(
                connection, log_id=opened.log.log_id, database=opened.database, clock=opened.clock
            ).examine()
    good = all(verdict.outcome != "bad" for found in verdicts.values() for verdict in found)
    if json_:
        output.json(
            {
                "ready": good,
                "chains": {
                    name: [
                        {
                            "check": verdict.check,
                            "outcome": verdict.outcome,
                            "found": verdict.found,
                            "remedy": verdict.remedy,
                        }
                        for verdict in found
                    ]
                    for name, found in verdicts.items()
                },
            }
        )
    else:
        marks = {"good": "[green]✓[/]", "warning": "[yellow]![/]", "bad": "[bold red]✗[/]"}
        for name, found in verdicts.items():
            table = output.table("", "check", "found", title=f"[bold]{plain(name)}[/]")
            for verdict in found:
                told = plain(verdict.found)
                if verdict.remedy:
                    told += f"\n[dim]→ {plain(verdict.remedy)}[/]"
                table.add_row(marks[verdict.outcome], plain(verdict.check), told)
            output.console.print(table)
        output.say("[green]Ready to send.[/]" if good else "[red]Not ready: nothing would be sent.[/]")
    if not good:
        raise typer.Exit(ExitCode.NO)
