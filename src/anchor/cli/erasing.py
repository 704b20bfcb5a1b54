"""``anchor erase``: remove a text field of a delta for good; its proofs stay valid."""

import os
from typing import Annotated

import typer

from anchor.cli.failures import CommandFailed
from anchor.cli.options import DataDirectory, Json
from anchor.cli.output import Output

_FIELDS = {"reason": "reason", "referenceId": "reference_id", "metadata": "metadata"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("erase", rich_help_panel="Operate")(erase)


def erase(
    receipt: Annotated[str, typer.Argument(metavar="RECEIPT", help="The delta's receipt id.")],
    field: Annotated[str, typer.Argument(metavar="FIELD", help="reason, referenceId or metadata.")],
    data: DataDirectory,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who erases, for the record.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: it cannot be undone.")] = False,
    json_: Json = False,
) -> None:
    """Erase FIELD of the delta with RECEIPT: the text and its salt are gone, every proof stays valid.

    Amounts, indexes and times cannot be erased. docs/erasure.md says what is left.
    """
    from anchor.ledger.erasing import ErasableField, erase_field
    from anchor.protocol.errors import hex_of
    from anchor.service.assembly import open_directory

    if field not in _FIELDS:
        raise CommandFailed(
            f"{field!r} cannot be erased", f"choose one of {', '.join(_FIELDS)}", code="not_erasable"
        )
    opened = open_directory(data, os.environ)
    if not yes and not typer.confirm(f"Erase {field} of {receipt}? It cannot be undone.", err=True):
        raise CommandFailed("nothing was erased", code="not_confirmed")
    erasure = erase_field(
        opened.database, opened.log, opened.clock, receipt, ErasableField(_FIELDS[field]), by
    )
    output = Output(json_)
    if json_:
        output.json(
            {
                "receiptId": receipt,
                "field": field,
                "commitment": hex_of(erasure.commitment),
                "erasedAt": erasure.erased_at,
                "erasedBy": erasure.erased_by,
                "already": erasure.already,
                "oldPagesRemoved": erasure.pages_dropped,
            }
        )
        return
    was = "had been erased" if erasure.already else "is erased"
    output.say(f"[green]✓[/] {field} of {receipt} {was}; its commitment stays: {hex_of(erasure.commitment)}")
    if not erasure.pages_dropped:
        output.note("[yellow]a reader still needs old pages of the database:[/] run the same again later")
