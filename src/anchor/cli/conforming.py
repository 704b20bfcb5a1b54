"""``anchor conformance``: hold an implementation's values against the protocol."""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import Json
from anchor.cli.output import Output
from anchor.cli.rows import no_constant, no_duplicates

LARGEST_BYTES: Final = 64 * 1024 * 1024
DEEPEST: Final = 64

# An unclosed string runs to the end of the text, so that no part of it is looked at twice.
_STRINGS: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_BRACKETS: Final = re.compile(r"[\[\]{}]")


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
        from rich.markup import escape

        table = output.table("place", "in the file", "recomputed")
        for one in result.mismatches:
            table.add_row(
                escape(one.place), f"[red]{escape(one.stated)}[/]", f"[green]{escape(one.recomputed)}[/]"
            )
        output.console.print(table)
        output.say(f"[red]✗[/] {len(result.mismatches):,} of {result.checked:,} values differ")
    if result.mismatches:
        raise typer.Exit(ExitCode.NO)


def _vectors(file: Path) -> dict[str, Any]:
    if file.stat().st_size > LARGEST_BYTES:
        raise CommandFailed(
            f"{file} is larger than {LARGEST_BYTES:,} bytes", "give a vector file", code="too_large"
        )
    try:
        text = file.read_bytes().decode()
        _check_depth(text)
        vectors = json.loads(text, parse_constant=no_constant, object_pairs_hook=no_duplicates)
    except (ValueError, RecursionError) as error:
        raise CommandFailed(f"{file} is not JSON: {error}", "give a vector file", code="not_json") from None
    if not isinstance(vectors, dict):
        raise CommandFailed(f"{file} holds no JSON object", "give a vector file", code="not_vectors")
    return vectors


def _check_depth(text: str) -> None:
    depth = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub("", text)):
        depth += 1 if bracket.group() in "[{" else -1
        if depth > DEEPEST:
            raise ValueError(f"it nests deeper than {DEEPEST} levels")
