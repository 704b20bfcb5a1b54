"""Which batches may bound a time span: sealed, and on a chain, on the right side of a moment (section 7)."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, func, select

from anchor.protocol.checkpoint import SEALED_BEHIND
from anchor.server.storage.schema import batches, checkpoints
from anchor.server.storage.schema_sending import anchors, chains


class ClosingBatch(NamedTuple):
    """The batch that closes a span: None where none does yet, and then ``missing`` says what is missing."""

    number: int | None
    missing: str


def opening_batch(connection: Connection, start: int) -> int | None:
    """Return the newest batch that was sealed, and in a final block, at ``start`` (ms) or before.

    On the primary chain; of a log that is on none, by when it was sealed alone.
    """
    if primary_chain_id(connection) is None:
        found = select(func.max(batches.c.number)).where(batches.c.sealed_at <= start)
    else:
        found = _final(func.max(batches.c.number)).where(
            batches.c.sealed_at <= start, anchors.c.block_time <= start
        )
    number: int | None = connection.execute(found).scalar_one()
    return number


def closing_batch(connection: Connection, end: int) -> ClosingBatch:
    """Return the first batch sealed a minute after ``end`` (ms) whose root is in a final block of then."""
    sealed = connection.execute(
        select(func.min(batches.c.number)).where(batches.c.sealed_at >= end + SEALED_BEHIND)
    ).scalar_one()
    if sealed is None:
        return ClosingBatch(None, "no batch was sealed a minute after its end yet")
    if primary_chain_id(connection) is None:
        return ClosingBatch(sealed, "")
    number = connection.execute(
        _final(func.min(batches.c.number)).where(
            batches.c.sealed_at >= end + SEALED_BEHIND, anchors.c.block_time >= end
        )
    ).scalar_one()
    return ClosingBatch(number, f"batch {sealed} or a later one is not in a final block yet")


def newest_span_end(connection: Connection, latest: int) -> int | None:
    """Return the latest end (ms) of the spans that were asked for and ended at ``latest`` or before."""
    found: int | None = connection.execute(
        select(func.max(checkpoints.c.span_end)).where(checkpoints.c.span_end <= latest)
    ).scalar_one()
    return found


def primary_chain_id(connection: Connection) -> int | None:
    """Return the chain id of the primary chain; None where the log is on none."""
    found: int | None = connection.execute(
        select(chains.c.chain_id).where(chains.c.is_primary, chains.c.retired_at.is_(None)).limit(1)
    ).scalar_one_or_none()
    return found


def _final(what: ColumnElement[Any]) -> Select[Any]:
    return (
        select(what)
        .select_from(anchors)
        .join(chains, chains.c.id == anchors.c.chain)
        .join(batches, batches.c.number == anchors.c.batch)
        .where(chains.c.is_primary, chains.c.retired_at.is_(None), anchors.c.state == "final")
    )
