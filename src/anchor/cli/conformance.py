"""``anchor conformance``: hold an implementation's values against the protocol."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from anchor.cli.disputes import require_file
from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import Json
from anchor.cli.output import Output, plain
from anchor.protocol.strict_json import StrictJsonError, parse_strict

LARGEST_BYTES: Final = 64 * 1024 * 1024
DEEPEST: Final = 64


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("conformance", rich_help_panel="Check")(conformance)


def conformance(
    file: Annotated[Path, typer.Argument(help="A vector file in the format of protocol-v1.json.")],
    json_: Json = False,
) -> None:
    """Recompute every value of a vector FILE and list those that differ (exit 1)."""
    from anchor.protocol.conformance import check_vectors

    output = Output(json_)
    with output.progress(f"recomputing {file.name}", None):
        result = check_vectors(_vectors(file))
    if json_:
        output.json(
            {
                "conforms": not result.mismatches,
                "checked": result.checked,
                "mismatches": [
                    {"place": one.place, "stated": one.stated, "recomputed": one.recomputed}
                    for one in result.mismatches
                ],
            }
        )
    elif not result.mismatches:
        output.say(f"[green]✓[/] all {result.checked:,} values are what the protocol gives")
    else:
        table = output.table("place", "in the file", "recomputed")
        for one in result.mismatches:
            table.add_row(
                plain(one.place), f"[red]{plain(one.stated)}[/]", f"[green]{plain(one.recomputed)}[/]"
            )
        output.console.print(table)
        output.say(f"[red]✗[/] {len(result.mismatches):,} of {result.checked:,} values differ")
    if result.mismatches:
        raise typer.Exit(ExitCode.NO)


def _vectors(file: Path) -> dict[str, Any]:
    require_file(file, read_once=True)
    if file.stat().st_size > LARGEST_BYTES:
        raise CommandFailed(
            f"{file} is larger than {LARGEST_BYTES:,} bytes", "give a vector file", code="too_large"
        )
    try:
        vectors = parse_strict(file.read_bytes(), number=_number, deepest=DEEPEST)
    except StrictJsonError as error:
        raise CommandFailed(f"{file} {error.reason}", "give a vector file", code="not_json") from None
    if not isinstance(vectors, dict):
        raise CommandFailed(f"{file} holds no JSON object", "give a vector file", code="not_vectors")
    return vectors


def _number(token: str) -> int | float:
    # Metadata in a vector may hold any number that a double carries; no amount is written as a number.
    return float(token) if any(letter in token for letter in ".eE") else int(token)
