"""``anchor derive``, ``checkpoint`` and ``proof``: what the record says, and files that show it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import MAX_INDEX, Customer, Data, Json, Key, Unit, Url
from anchor.cli.output import Output, amount, counted, plain
from anchor.cli.server import Server, connect, segment

if TYPE_CHECKING:
    from anchor.verify import Showing


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("derive", rich_help_panel="Record and read")(derive)
    app.command("checkpoint", rich_help_panel="Record and read")(checkpoint)
    app.command("proof", rich_help_panel="Record and read")(proof)


def derive(
    customer: Customer,
    unit: Unit = "",
    as_of_index: Annotated[
        int | None,
        typer.Option(min=0, max=MAX_INDEX, metavar="INDEX", help="The balance after this delta."),
    ] = None,
    as_of_time: Annotated[
        str | None, typer.Option(metavar="TIME", help="The balance at this instant.")
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Recompute every balance from the log, and compare.")
    ] = False,
    url: Url = None,
    key: Key = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Show the balance of CUSTOMER: what is final on the chain, and what is pending beside it.

    Exit code 1: the audit found that the log does not add up.
    """
    from anchor.client.readings import derived

    output = Output(json_)
    with connect(url, key, data, output, doing="deriving the balance") as server:
        answer = server.get(
            f"/api/v1/balance/derive/{segment(customer)}",
            derived,
            unit=unit or None,
            asOfIndex=as_of_index,
            asOfTime=as_of_time,
            audit="true" if audit else None,
        )
    audited = answer.get("audit")
    if json_:
        output.json(answer)
    else:
        show_balance(output, answer, unit, as_of=as_of_index is not None or as_of_time is not None)
    if audited is not None and not audited["agrees"]:
        raise typer.Exit(ExitCode.NO)


def show_balance(output: Output, answer: dict[str, Any], unit: str, *, as_of: bool) -> None:
    """Show a balance as the server answered it."""
    audited = answer.get("audit")
    pending, recorded = answer["pending"], answer["recorded"]
    last = answer.get("lastVerifiedIndex")
    if as_of:
        then = f"after {counted(recorded['deltaCount'], 'delta')}"
        output.pairs(("balance then", f"[bold]{amount(recorded['balance'], unit)}[/] {then}"))
    output.pairs(
        ("balance", f"[bold]{amount(answer['balance'], unit)}[/]"),
        (
            "verified",
            counted(answer["deltaCount"], "delta") + ("" if last is None else f", up to index {last:,}"),
        ),
        ("pending", f"{amount(pending['balance'], unit)} in {counted(pending['deltaCount'], 'delta')}"),
    )
    if audited is None:
        return
    if audited["agrees"]:
        output.say(
            f"[green]✓[/] added up again from {counted(audited['deltaCount'], 'delta')}: the balance agrees"
        )
    else:
        first = audited["firstMismatch"]
        where = "" if first is None else f": it first differs at index {first:,}"
        output.say(f"[red]✗[/] the log adds up to {amount(audited['balance'], unit)}{where}")


def checkpoint(
    customer: Customer,
    unit: Unit = "",
    from_index: Annotated[int | None, typer.Option("--from", min=0, max=MAX_INDEX, metavar="INDEX")] = None,
    to_index: Annotated[
        int | None, typer.Option("--to", min=0, max=MAX_INDEX, metavar="INDEX", help="Included.")
    ] = None,
    period: Annotated[
        str | None, typer.Option(metavar="PERIOD", help="Of recording: 2026, 2026-Q2, 2026-04, 2026-04-17.")
    ] = None,
    start: Annotated[str | None, typer.Option(metavar="DATE", help="Of recording: from this day.")] = None,
    end: Annotated[str | None, typer.Option(metavar="DATE", help="Of recording: to the end of it.")] = None,
    url: Url = None,
    key: Key = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Seal a range of CUSTOMER's ledger under one hash: the same range gives the same hash, for ever."""
    from anchor.client.readings import checkpoint as reading

    body = {
        "customerId": customer,
        "unit": unit or None,
        "fromIndex": from_index,
        "toIndex": to_index,
        "period": period,
        "startDate": start,
        "endDate": end,
    }
    output = Output(json_)
    with connect(url, key, data, output, doing="sealing the range") as server:
        answer = server.post("/api/v1/balance/checkpoint", reading, body)
    if json_:
        output.json(answer)
        return
    show_checkpoint(output, answer)


def show_checkpoint(output: Output, answer: dict[str, Any]) -> None:
    """Show a checkpoint as the server answered it."""
    unit = answer["unit"]
    count = counted(answer["deltaCount"], "delta")
    colour = "green" if answer["status"] == "VERIFIED" else "yellow"
    output.pairs(
        ("range", f"index {answer['fromIndex']:,} to {answer['toIndex']:,}, {count}"),
        ("opening balance", amount(answer["openingBalance"], unit)),
        ("closing balance", amount(answer["closingBalance"], unit)),
        ("net change", f"[bold]{amount(answer['netChange'], unit)}[/]"),
        ("proof hash", plain(answer["proofHash"])),
        ("proof token", plain(answer["proofToken"])),
        ("status", f"[{colour}]{plain(answer['status'])}[/]"),
    )


def proof(
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="A receipt id (rcpt_…) or a proof token (ckpt_…).")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to write it; else to standard output."),
    ] = None,
    show: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="full, amounts, fingerprints, or texts by name (reason,referenceId,metadata): how much of a "
            "delta is in the file (else full); of a checkpoint all its deltas, this much of each (else its "
            "two ends alone).",
        ),
    ] = None,
    url: Url = None,
    key: Key = None,
    data: Data = None,
    json_: Json = False,
) -> None:
    """Fetch the proof file of a delta or of a checkpoint. Anyone can check it with anchor verify."""
    output = Output(json_)
    with connect(url, key, data, output, doing="making the proof") as server:
        content = fetch_proof(server, id_, show)
    if out is None:
        output.bytes(content)
        return
    out.write_bytes(content)
    if json_:
        output.json({"file": str(out), "bytes": len(content)})
    else:
        say_written(output, out, len(content))


def say_written(output: Output, out: Path, size: int) -> None:
    """Say where a proof file of so many bytes is, and how it is checked."""
    name = plain(out)
    output.line(f"[green]✓[/] {name} ({size:,} bytes). Check it:")
    output.line(f"  anchor verify {name} --rpc URL")


def parse_show(text: str) -> "Showing":
    """Return how much of a delta ``--show`` asks for. Raises CommandFailed, which lists the choices."""
    from anchor.proof.parts import HOW_TO_SHOW, parse_showing

    try:
        return parse_showing(text)
    except ValueError:
        raise CommandFailed(
            f"{text!r} is no way to show a delta", f"choose {HOW_TO_SHOW}", ExitCode.USAGE, "usage"
        ) from None


def fetch_proof(server: Server, id_: str, show: str | None = None) -> bytes:
    """Return the proof file of a receipt or a checkpoint. ``show``: of its delta, or of all its deltas.

    Raises CommandFailed.
    """
    if show is not None:
        parse_show(show)
    for prefix, path, parameter in (
        ("rcpt_", "receipts", "disclosure"),
        ("ckpt_", "checkpoints", "deltas"),
    ):
        if id_.startswith(prefix):
            content = server.get_bytes(f"/api/v1/{path}/{segment(id_)}/proof", **{parameter: show})
            _require_proof_file(content)
            return content
    raise CommandFailed(
        f"{id_!r} is no id of a proof",
        "give a receipt id (rcpt_…) or a proof token (ckpt_…)",
        ExitCode.USAGE,
        "usage",
    )


def _require_proof_file(content: bytes) -> None:
    """Raise CommandFailed where a server answered with no proof file. A long period is not read whole."""
    from anchor.proof._fold_unreadable import describe
    from anchor.proof.bounds import ProofFileError
    from anchor.proof.reading import LARGEST_FILE, parse_proof_file
    from anchor.proof.values import FORMAT

    if len(content) > LARGEST_FILE:
        if content.startswith(b"{") and FORMAT.encode() in content[:_BEGINNING]:
            return
        found = describe(content).found
    else:
        try:
            parse_proof_file(content)
            return
        except ProofFileError as error:
            found = str(error) if error.described is None else error.described.found
    raise CommandFailed(
        f"the server answered with no proof file: {found}",
        "nothing was written; check that the URL is an Anchor server's",
        ExitCode.UNAVAILABLE,
        "unexpected_answer",
    )


_BEGINNING: Final = 64
