"""Prove a time span by the two batches that bound it (docs/protocol.md, section 7)."""

from dataclasses import dataclass, replace
from typing import ClassVar, Final

from sqlalchemy import Connection

from anchor.proof.values import AnchoredBatch, DeltaRecord, Edge, LedgerAbsence, LedgerHead, Span, withhold
from anchor.protocol.merkle_proofs import complete_nodes
from anchor.server.ledger.errors import LedgerError
from anchor.server.ledger.ledger_tree import ledger_nodes
from anchor.server.ledger.past_heads import past_absence, past_head
from anchor.server.ledger.proving import delta_record
from anchor.server.storage.proving import head_at, provable_deltas
from anchor.server.storage.reading import LedgerRow
from anchor.server.storage.span_batches import closing_batch, opening_batch, primary_chain_id
from anchor.verify.span_claim import MOST_SHOWN

AT_ONCE: Final = 5_000
"""Deltas that are read at once."""


@dataclass(eq=False)
class SpanNotClosed(LedgerError):
    """No batch bounds the span's end yet; ``missing`` says what is missing."""

    code: ClassVar[str] = "span_not_closed"
    missing: str

    def __str__(self) -> str:
        return f"the span cannot be proven whole yet: {self.missing}"


@dataclass(eq=False)
class SpanEdgesTooLarge(LedgerError):
    """More deltas lie between the span's two blocks and its range than verifiers check."""

    code: ClassVar[str] = "period_too_large"
    count: int

    def __str__(self) -> str:
        return (
            f"{self.count:,} deltas lie between the batches that bound the span and the span itself, "
            f"and verifiers check at most {MOST_SHOWN:,}: choose a span that begins and ends near batches"
        )


def closing_head(connection: Connection, ledger: LedgerRow, end: int) -> LedgerHead:
    """Return the ledger in the batch that closes a span at ``end`` (ms). Raises SpanNotClosed."""
    closing = closing_batch(connection, end)
    if closing.number is None:
        raise SpanNotClosed(closing.missing)
    head = past_head(connection, ledger, closing.number)
    return replace(head, batch=_bounding(connection, head.batch))


def _bounding(connection: Connection, batch: AnchoredBatch) -> AnchoredBatch:
    """Return the batch with its place on the primary chain alone: on others it may be too late."""
    chain_id = primary_chain_id(connection)
    return replace(batch, anchors=tuple(one for one in batch.anchors if one.chain_id == chain_id))


def prove_span(
    connection: Connection,
    ledger: LedgerRow,
    from_index: int,
    to_index: int,
    span: tuple[int, int],
    head: LedgerHead,
) -> Span:
    """Return what shows that a range, both ends included, is all of a span (ms, end excluded) under a head.

    Raises SpanEdgesTooLarge.
    """
    opening, size = _opening(connection, ledger, span[0])
    first = max(0, size - 1)
    count = from_index - first + head.size - to_index - 1
    if count > MOST_SHOWN:
        raise SpanEdgesTooLarge(count)
    return Span(
        *span,
        opening,
        before=_edge(connection, ledger, first, from_index),
        after=_edge(connection, ledger, to_index + 1, head.size),
    )


def _opening(
    connection: Connection, ledger: LedgerRow, start: int
) -> tuple[LedgerHead | LedgerAbsence | None, int]:
    """Return the ledger in the batch that opens a span, and its size there."""
    number = opening_batch(connection, start)
    if number is None:
        return None, 0
    if head_at(connection, ledger.id, number) is not None:
        head = past_head(connection, ledger, number)
        return replace(head, batch=_bounding(connection, head.batch)), head.size
    absence = past_absence(connection, ledger, number)
    return replace(absence, batch=_bounding(connection, absence.batch)), 0


def _edge(connection: Connection, ledger: LedgerRow, start: int, stop: int) -> Edge:
    nodes = complete_nodes(0, start)
    peaks = ledger_nodes(connection, ledger.id)(nodes)
    records: list[DeltaRecord] = []
    for first in range(start, stop, AT_ONCE):
        some = provable_deltas(connection, ledger.id, first, min(stop, first + AT_ONCE))
        records += (withhold(delta_record(delta)) for delta in some)
    return Edge(tuple(peaks[node] for node in nodes), tuple(records))
