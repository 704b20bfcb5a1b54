"""``anchor``: the command line. Each group of commands is a file of its own beside this one.

Commands import what they need when they run, so that ``anchor --help`` is quick and so that the
verifier's commands work where nothing but the base install is there.
"""

import gc
import os
import sys
from typing import Annotated, Any, Final

import typer

from anchor.cli import (
    audit,
    checkpoint,
    compare,
    compare_books,
    conformance,
    deploy,
    derive,
    dev,
    doctor,
    emit,
    erase,
    follow,
    import_,
    keys,
    logs,
    ownership,
    pack,
    proof,
    repair,
    replica,
    sample,
    serve,
    status,
    verify,
    watch,
)
from anchor.cli.demo import command as demo
from anchor.cli.failures import DEBUG_VARIABLE, CommandFailed, ExitCode, failure_of, internal_failure
from anchor.cli.hammer import command as hammer

app = typer.Typer(
    name="anchor",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="A private, append-only usage ledger that anyone can check against a public chain.",
    epilog=(
        "Exit codes: 0 yes or done, 1 the answer is no, 2 typed wrongly, 3 refused, "
        "4 could not be found out, 5 not strict, 70 a fault of Anchor's own, 130 interrupted. "
        "Every command takes --json."
    ),
)

for group in (
    demo,
    dev,
    emit,
    import_,
    derive,
    checkpoint,
    proof,
    compare,
    compare_books,
    verify,
    pack,
    sample,
    logs,
    conformance,
    watch,
    follow,
    replica,
    serve,
    keys,
    deploy,
    doctor,
    ownership,
    repair,
    audit,
    erase,
    status,
    hammer,
):
    group.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        from anchor import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


YOUNG_OBJECTS: Final = 50_000
"""How many objects more than before make Python look for cycles among the newest ones.

A batch of emits makes tens of thousands that live until it is answered and form no cycle. At Python's own
700 the collector would walk through them, and through all that was loaded, for a sixth of a server's time.
"""

_UsageError: Final[Any] = typer.BadParameter.__mro__[1]
"""What typer raises for a command that is typed wrongly; BadParameter is one kind of it."""


def look_for_cycles_seldom() -> None:
    """Set this process's collector as every command has it."""
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)


def main() -> None:
    """Run the command line and exit with a code of ``anchor.cli.failures``."""
    as_json = "--json" in sys.argv[1:]
    look_for_cycles_seldom()
    try:
        # Left to itself, typer tells in a box of text what is typed wrongly.
        code = app(prog_name="anchor", standalone_mode=not as_json)
    except BaseException as error:
        failure = _typed_wrongly(error) or failure_of(error)
        if failure is None:
            if not isinstance(error, Exception):
                raise
            if os.environ.get(DEBUG_VARIABLE) == "1":
                import traceback

                traceback.print_exception(error)
            failure = internal_failure(error)
        from anchor.cli.output import show_failure

        show_failure(failure, as_json=as_json)
        sys.exit(failure.exit_code)
    sys.exit(code if isinstance(code, int) else ExitCode.OK)


def _typed_wrongly(error: Any) -> CommandFailed | None:
    if not isinstance(error, _UsageError):
        return None
    command = "anchor" if error.ctx is None else error.ctx.command_path
    return CommandFailed(error.format_message(), f"see {command} --help", ExitCode.USAGE, "usage")


__all__ = ["ExitCode", "app", "look_for_cycles_seldom", "main"]
