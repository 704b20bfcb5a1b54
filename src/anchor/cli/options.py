"""Options that several commands share, and the bounds of numbers."""

import math
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

MAX_INDEX: Final = 2**63 - 1
MAX_PORT: Final = 65_535
MAX_CHAIN_ID: Final = 2**63 - 1


class MetadataNumbers(StrEnum):
    """What becomes of a number of the metadata that a double does not carry."""

    EXACT = "exact"
    TEXT = "text"


def within(least: float, most: float) -> Callable[[float], float]:
    """Return what refuses a number outside these bounds, and NaN, which lies in none."""

    def check(value: float) -> float:
        if not (math.isfinite(value) and least <= value <= most):
            raise typer.BadParameter(f"{value:g} is not in the range {least:g} to {most:g}.")
        return value

    return check


def as_url(value: Any) -> Any:
    """Refuse what is no URL of HTTP: one value, or a list. None is repeated, for it may hold a key."""
    from anchor.node.http import names_a_host

    for one in value if isinstance(value, list) else [value]:
        if one is not None and not names_a_host(one):
            raise typer.BadParameter("a URL begins with http:// or https:// and names a host.")
    return value


def as_text(value: str) -> str:
    """Refuse what is not Unicode: bytes that are no UTF-8, which Python hands on as lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise typer.BadParameter(f"{value!a} is not Unicode text: write it in UTF-8.") from None
    return value


OldestBlock = Annotated[
    int,
    typer.Option(
        min=1,
        max=1_000_000_000,
        metavar="SECONDS",
        help="With an older final block the node stands still: then nothing is called the newest.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
JsonLines = Annotated[bool, typer.Option("--json", help="Answer in JSON, one document a line.")]
Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="ANCHOR_URL",
        metavar="URL",
        callback=as_url,
        help="The server.",
        rich_help_panel="Where",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="ANCHOR_API_KEY",
        metavar="KEY",
        help="Its API key; better in the environment, where no process list shows it.",
        rich_help_panel="Where",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        envvar="ANCHOR_DATA",
        metavar="DIR",
        help="A data directory on this machine, in place of a server.",
        rich_help_panel="Where",
    ),
]
DataDirectory = Annotated[
    Path,
    typer.Option("--data", envvar="ANCHOR_DATA", metavar="DIR", help="The data directory."),
]
Customer = Annotated[
    str, typer.Argument(metavar="CUSTOMER", callback=as_text, help="Your name for the customer.")
]
Unit = Annotated[
    str,
    typer.Option("--unit", metavar="UNIT", callback=as_text, help="What is counted, where you named it."),
]

# What the commands that compare have in common.
YourBalance = Annotated[
    str | None, typer.Option("--yours", metavar="BALANCE", help="The balance that you have.")
]
TheirBalance = Annotated[
    str | None, typer.Option("--theirs", metavar="BALANCE", help="The balance that the other side has.")
]
YourBooks = Annotated[
    Path | None, typer.Option("--your-books", metavar="FILE", help="Your deltas: CSV or NDJSON.")
]
TheirBooks = Annotated[
    Path | None, typer.Option("--their-books", metavar="FILE", help="The other side's deltas.")
]
BookColumns = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=COLUMN", help="For books: where referenceId and delta stand."),
]
BookFormat = Annotated[
    str | None,
    typer.Option("--format", metavar="csv|ndjson", help="Of books whose names do not say it."),
]
CountUsage = Annotated[bool, typer.Option("--negate", help="The books count usage: turn the sign.")]
FirstIndex = Annotated[
    int | None, typer.Option("--from", min=0, max=MAX_INDEX, metavar="INDEX", help="For books.")
]
LastIndex = Annotated[
    int | None, typer.Option("--to", min=0, max=MAX_INDEX, metavar="INDEX", help="For books; included.")
]
