"""``anchor erase``: remove a text field of a delta for good; its proofs stay valid."""

import os
from typing import Annotated

import typer

from anchor.cli.failures import CommandFailed
from anchor.cli.options import DataDirectory, Json
from anchor.cli.output import Output


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
    from anchor.ledger.erasing import erasable_field, erase_fields
    from anchor.protocol.errors import hex_of
    from anchor.service.assembly import open_directory

    chosen = erasable_field(field)
    opened = open_directory(data, os.environ)
    if not yes and not typer.confirm(f"Erase {field} of {receipt}? It cannot be undone.", err=True):
        raise CommandFailed("nothing was erased", code="not_confirmed")
    erased = erase_fields(opened.database, opened.log, opened.clock, receipt, [chosen], by)
    (erasure,) = erased.erasures
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
                "oldPagesRemoved": erased.pages_dropped,
            }
        )
        return
    was = "had been erased" if erasure.already else "is erased"
    output.say(f"[green]✓[/] {field} of {receipt} {was}; its commitment stays: {hex_of(erasure.commitment)}")
    if not erased.pages_dropped:
        output.note(
            "[yellow]a reader still needs old pages of the database, which hold it:[/] "
            "run the same again later"
        )
