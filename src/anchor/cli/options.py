"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Url = Annotated[
    str | None,
    typer.Option("--url", envvar="ANCHOR_URL", metavar="URL", help="The server.", rich_help_panel="Where"),
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
Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Your name for the customer.")]
Unit = Annotated[str, typer.Option("--unit", metavar="UNIT", help="What is counted, where you named it.")]
