"""``anchor pack``: a period of one customer's ledger in an archive that an auditor checks alone."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anchor.cli.chain_options import ChainName, chosen_chain
from anchor.cli.failures import CommandFailed
from anchor.cli.options import MAX_INDEX, Customer, DataDirectory, Json, Unit
from anchor.cli.output import Output, counted, plain
from anchor.cli.proof import parse_show

if TYPE_CHECKING:
    from anchor.proof.values import Anchor
    from anchor.verify import ProofFile
    from anchor.verify.evidence import ChainEvidence


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("pack", rich_help_panel="Check")(pack)


def pack(
    customer: Customer,
    data: DataDirectory,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the archive goes.")],
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
    show: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="Of each delta: full, amounts, fingerprints, or texts of it (reason,referenceId,metadata).",
        ),
    ] = "full",
    chain: ChainName = None,
    json_: Json = False,
) -> None:
    """Pack a period of CUSTOMER's ledger for an auditor: every delta, the proofs, the chain's evidence.

    `anchor verify FILE` checks all of it, with a node or offline.
    """
    output = Output(json_)
    with output.progress("starting", None):
        from anchor.protocol.errors import hex_of
        from anchor.server.ledger.packing import packed_range, write_pack
        from anchor.server.ledger.periods import PeriodError, parse_span
        from anchor.server.service.assembly import open_directory
        from anchor.server.service.http_app import verifier_page

    disclosure = parse_show(show)
    try:
        dated = period is not None or start is not None or end is not None
        span = parse_span(period=period, start_date=start, end_date=end) if dated else None
    except (PeriodError, ValueError) as error:
        raise CommandFailed(str(error), "see anchor pack --help", code="usage") from None
    if span is not None and (from_index is not None or to_index is not None):
        raise CommandFailed("a range of indexes and one of time", "name one of the two", code="usage")
    with output.progress(f"opening {data}", None):
        opened = open_directory(data, os.environ)
        indices = packed_range(
            opened.database, customer, unit, from_index=from_index, to_index=to_index, span=span
        )
    if not indices:
        raise CommandFailed("nothing was recorded in this span", "choose another", code="span_empty")
    url = chosen_chain(opened.settings, chain).rpc[0] if opened.settings.chains else None
    with output.progress("packing", len(indices)) as bar:
        parts = write_pack(
            opened.database,
            opened.log,
            out,
            customer,
            unit,
            indices,
            made_at=opened.clock.now_ms(),
            span=span,
            disclosure=disclosure,
            find_evidence=lambda proof: (None, None) if url is None else _evidence(proof, url, output),
            page=verifier_page(),
            progress=bar.advance,
        )
    if json_:
        block = None if parts.evidence is None else hex_of(parts.evidence.block_hash)
        output.json({"file": str(out), "deltas": len(indices), "evidenceBlock": block})
        return
    output.line(f"[green]✓[/] {plain(out)}: {counted(len(indices), 'delta')}, {out.stat().st_size:,} bytes")
    if parts.evidence is not None:
        output.line(f"  evidence of block {hex_of(parts.evidence.block_hash)}")
    output.line(f"  check it: [bold]anchor verify {plain(out)} --rpc URL --contract ADDRESS[/]")


def _evidence(
    proof: "ProofFile", url: str, output: Output
) -> tuple["ChainEvidence | None", dict[str, Any] | None]:
    """Ask the node for the evidence of the block that anchored the proof; say so where it gives none."""
    from anchor.node.reader import JsonRpcChain
    from anchor.node.view import ChainUnavailable
    from anchor.protocol.errors import hex_of
    from anchor.verify.evidence import collect_evidence

    node = JsonRpcChain(url)
    try:
        anchor = _anchor_on(proof, node.chain_id())
        if anchor is None or anchor.location is None:
            return None, None
        place = anchor.location
        chain = {
            "transaction": node.call("eth_getTransactionByHash", hex_of(place.transaction_hash)),
            "receipt": node.call("eth_getTransactionReceipt", hex_of(place.transaction_hash)),
            "block": node.call("eth_getBlockByHash", hex_of(place.block_hash), False),
        }
        try:
            return collect_evidence(node, anchor.contract, block=place.block_number), chain
        except ChainUnavailable as unavailable:
            output.note(f"[yellow]no evidence for offline checks:[/] {plain(unavailable.reason)}")
            return None, chain
    except ChainUnavailable as unavailable:
        output.note(f"[yellow]nothing from the chain:[/] {plain(unavailable.reason)}")
        return None, None
    finally:
        node.close()


def _anchor_on(proof: "ProofFile", chain_id: int) -> "Anchor | None":
    """Return where the period's batch is on this chain."""
    from anchor.proof.values import PeriodClaim

    assert isinstance(proof.claim, PeriodClaim)
    anchors = proof.claim.head.batch.anchors
    return next((anchor for anchor in anchors if anchor.chain_id == chain_id), None)
