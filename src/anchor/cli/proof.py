"""``anchor proof``: the file that shows a delta or a checkpoint to anyone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.options import Data, Json, Key, Url
from anchor.cli.output import Output, plain
from anchor.cli.server import Server, connect, segment

if TYPE_CHECKING:
    from anchor.verify import Showing


_BEGINNING: Final = 64


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("proof", rich_help_panel="Record and read")(proof)


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
    from anchor.proof.bounds import ProofFileError, describe
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
