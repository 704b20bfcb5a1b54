"""``anchor emit``: one delta into the record."""

from typing import Annotated, Any

import typer

from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import Customer, Data, Json, Key, MetadataNumbers, Unit, Url
from anchor.cli.output import Output, amount, plain
from anchor.cli.server import connect
from anchor.cli.usage.json_rows import read_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    # A delta may begin with a minus sign.
    settings = {"ignore_unknown_options": True}
    app.command("emit", rich_help_panel="Record and read", context_settings=settings)(emit)


def emit(
    customer: Customer,
    delta: Annotated[str, typer.Argument(metavar="DELTA", help="An exact decimal: -182, 0.25.")],
    reference: Annotated[
        str | None,
        typer.Option("--reference", metavar="ID", help="Your name for the event; makes a retry safe."),
    ] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")] = "",
    unit: Unit = "",
    occurred_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When it happened: 2026-04-17T08:30:00Z.")
    ] = None,
    metadata: Annotated[str | None, typer.Option(metavar="JSON", help="A JSON object of yours.")] = None,
    metadata_numbers: Annotated[
        MetadataNumbers,
        typer.Option(
            metavar="exact|text",
            help="text carries numbers of the metadata that a double does not, such as 64-bit ids.",
        ),
    ] = MetadataNumbers.EXACT,
    adjusts: Annotated[
        str | None, typer.Option(metavar="ID", help="The reference of the delta that this one corrects.")
    ] = None,
    url: Url = None,
    key: Key = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Record one delta of CUSTOMER. It is durable when this returns."""
    from anchor.client.readings import recorded
    from anchor.client.transport import idempotency_header

    body: dict[str, Any] = {
        "customerId": customer,
        "delta": delta,
        "reason": reason,
        "referenceId": reference,
        "unit": unit or None,
        "occurredAt": occurred_at,
        "metadata": None if metadata is None else parse_metadata_option(metadata),
        "adjusts": None if adjusts is None else {"referenceId": adjusts},
        "metadataNumbers": None if metadata_numbers is MetadataNumbers.EXACT else metadata_numbers.value,
    }
    output = Output(json_)
    with connect(url, key, data, output, doing="recording") as server:
        answer = server.post(
            "/api/v1/balance/delta",
            recorded,
            body,
            headers=idempotency_header(None, reference is not None),
        )
    if json_:
        output.json(answer)
        return
    again = " [yellow](on record before; nothing was recorded now)[/]" if answer["idempotent"] else ""
    output.say(f"[green]✓[/] {plain(answer['status'])}{again}")
    output.pairs(
        ("receipt", plain(answer["receiptId"])),
        ("index", answer["index"]),
        ("balance", amount(answer["balance"], unit)),
        ("fingerprint", plain(answer["fingerprint"])),
    )
    for note in answer.get("notes", ()):
        output.say(f"[yellow]{plain(note['field'][1:])}[/]: {plain(note['detail'])}")


def parse_metadata_option(text: str) -> Any:
    """Return the value of ``--metadata``. Raises CommandFailed where it is not JSON, or has a key twice."""
    try:
        return read_json(text)
    except ValueError as error:
        raise CommandFailed(
            f"--metadata is not JSON: {error}", """write it as '{"region": "eu"}'""", ExitCode.USAGE, "usage"
        ) from None
