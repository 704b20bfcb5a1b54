"""``anchor erase``: remove text fields of a delta for good; its proofs stay valid."""

from typing import Annotated, Final

import typer

from anchor.cli.failures import CommandFailed
from anchor.cli.options import Data, Json, Key, Url
from anchor.cli.output import Output, plain
from anchor.cli.server import connect

_ERASABLE: Final = ("reason", "referenceId", "metadata")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("erase", rich_help_panel="Operate")(erase)


def erase(
    receipt: Annotated[str, typer.Argument(metavar="RECEIPT", help="The delta's receipt id.")],
    fields: Annotated[
        list[str], typer.Argument(metavar="FIELD...", help="Of reason, referenceId and metadata.")
    ],
    by: Annotated[
        str, typer.Option("--by", metavar="NAME", help="Who erases, for the record: better an office.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: it cannot be undone.")] = False,
    url: Url = None,
    key: Key = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Erase FIELDs of the delta with RECEIPT: text and salt are gone, every proof stays valid.

    A server asks for a key that may administer. Amounts, indexes and times cannot be erased.
    docs/erasure.md says what is left.
    """
    from anchor.client.readings import erased

    for field in fields:
        if field not in _ERASABLE:
            raise CommandFailed(
                f"{field!r} cannot be erased", f"choose of {', '.join(_ERASABLE)}", code="not_erasable"
            )
    output = Output(json_)
    with connect(url, key, data, output, doing="erasing") as server:
        if not yes and not _confirmed(f"Erase {', '.join(fields)} of {receipt}? It cannot be undone."):
            raise CommandFailed("nothing was erased", "say yes, or add --yes", code="not_confirmed")
        answer = server.post("/api/v1/erasures", erased, {"receiptId": receipt, "fields": fields, "by": by})
    if json_:
        output.json(answer)
        return
    for one in answer["erasures"]:
        was = "had been erased" if one["already"] else "is erased"
        output.line(
            f"[green]✓[/] {plain(one['field'])} {was}; its commitment stays: {plain(one['commitment'])}"
        )
    if not answer["oldPagesRemoved"]:
        output.note(
            "[yellow]a reader still needs old pages of the database, which hold it:[/] "
            "run the same again later"
        )


def _confirmed(question: str) -> bool:
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        # Nobody answered, and the line of the question still stands open.
        typer.echo(err=True)
        return False
