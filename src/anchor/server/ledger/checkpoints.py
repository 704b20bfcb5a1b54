"""Checkpoints: a range of one ledger sealed under one hash (docs/protocol.md, section 7).

The same range gives the same checkpoint, whoever asks and however often. A checkpoint of a time span
is made only when nothing can be recorded in that span any more: its end is past, and the ledger's
fence (no later delta is recorded before it) stands at it or beyond.
"""

import base64
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from sqlalchemy import Connection

from anchor.protocol.checkpoint import Checkpoint, checkpoint_hash
from anchor.protocol.fingerprint import domain_separator
from anchor.protocol.hashing import Bytes32
from anchor.server.ledger.clock import Clock
from anchor.server.ledger.errors import LedgerError
from anchor.server.ledger.ledger_tree import ledger_root
from anchor.server.ledger.model import Log
from anchor.server.ledger.periods import Span
from anchor.server.ledger.ranges import range_of_indices, range_of_span, standing_of
from anchor.server.storage import checkpoints as stored_checkpoints
from anchor.server.storage.checkpoints import StoredCheckpoint
from anchor.server.storage.comparing import LedgerStanding, balance_after
from anchor.server.storage.database import Database
from anchor.server.storage.fence import nothing_more_before, raise_fence, shared_time
from anchor.server.storage.span_batches import closing_batch
from anchor.server.storage.verified import verified_batch, verified_head

TOKEN_PREFIX: Final = "ckpt_"


class CheckpointStatus(StrEnum):
    """How far a checkpoint has come. Derived, never stored."""

    QUEUED = "QUEUED"
    """Not all that it states can be shown against a final anchor yet."""
    VERIFIED = "VERIFIED"
    """All its deltas are final on the primary chain; for a span, the end of the span as well."""


@dataclass(frozen=True, slots=True)
class CheckpointView:
    """A checkpoint as it is now. ``span`` is None where it was asked for by its indices."""

    id: int
    proof_token: str
    proof_hash: Bytes32
    customer_id: str
    unit: str
    checkpoint: Checkpoint
    span: Span | None
    status: CheckpointStatus
    created_at: int

    @property
    def delta_count(self) -> int:
        """How many deltas the range holds."""
        return self.checkpoint.to_index - self.checkpoint.from_index + 1

    @property
    def net_change(self) -> int:
        """The sum of the range's amounts, in units of 10**-18."""
        return self.checkpoint.closing_balance - self.checkpoint.opening_balance


@dataclass(eq=False)
class SpanEmpty(LedgerError):
    """No delta was recorded in the span, so there is nothing to seal.

    ``previous_index`` and ``next_index`` are the neighbours that show it (None where there is none).
    """

    code: ClassVar[str] = "span_empty"
    span: Span
    previous_index: int | None
    next_index: int | None

    def __str__(self) -> str:
        return "no delta of this ledger was recorded in this time"


@dataclass(eq=False)
class SpanNotOver(LedgerError):
    """The span has not ended: deltas may still be recorded in it."""

    code: ClassVar[str] = "span_not_over"
    span: Span
    now: int

    def __str__(self) -> str:
        return f"this time is not over yet: it ends at {self.span.end} ms, and now it is {self.now} ms"


@dataclass(eq=False)
class UnknownCheckpoint(LedgerError):
    """No checkpoint has this token or hash."""

    code: ClassVar[str] = "unknown_checkpoint"
    proof: str

    def __str__(self) -> str:
        return "there is no such checkpoint"


def create_checkpoint(
    database: Database,
    log: Log,
    clock: Clock,
    customer_id: str,
    unit: str,
    *,
    from_index: int | None = None,
    to_index: int | None = None,
) -> CheckpointView:
    """Return the checkpoint of the deltas from one index to another, both included; made if need be.

    Raises UnknownCustomer, IndexOutOfRange and RangeReversed.
    """
    with database.read() as connection:
        ledger = standing_of(connection, customer_id, unit)
        indices = range_of_indices(ledger.size, from_index, to_index)
    return _made(database, log, clock, ledger, indices, None)


def create_span_checkpoint(
    database: Database, log: Log, clock: Clock, customer_id: str, unit: str, span: Span
) -> CheckpointView:
    """Return the checkpoint of all deltas that were recorded in a span; made if need be.

    Raises UnknownCustomer, SpanNotOver and SpanEmpty.
    """
    with database.read() as connection:
        ledger = standing_of(connection, customer_id, unit)
        fenced = nothing_more_before(connection, ledger.ledger, span.end)
        now = clock.now_ms(shared_time(connection))
    if not fenced:
        if now < span.end:
            raise SpanNotOver(span, now)
        with database.write() as connection:
            raise_fence(connection, span.end)
        with database.read() as connection:
            ledger = standing_of(connection, customer_id, unit)
    with database.read() as connection:
        indices = range_of_span(connection, ledger, span)
    if not indices:
        before, after = indices.start - 1, indices.start
        raise SpanEmpty(span, before if before >= 0 else None, after if after < ledger.size else None)
    return _made(database, log, clock, ledger, indices, span)


def find_checkpoint(database: Database, proof_token: str) -> CheckpointView:
    """Return the checkpoint with this token. Raises UnknownCheckpoint."""
    with database.read() as connection:
        stored = stored_checkpoints.checkpoint_of_token(connection, proof_token)
        if stored is None:
            raise UnknownCheckpoint(proof_token)
        return _view(connection, stored)


def find_checkpoints_of_hash(database: Database, proof_hash: Bytes32) -> list[CheckpointView]:
    """Return the checkpoints with this hash, oldest first: one range, asked for in several ways.

    Raises UnknownCheckpoint where there is none.
    """
    with database.read() as connection:
        found = stored_checkpoints.checkpoints_of_hash(connection, proof_hash)
        if not found:
            raise UnknownCheckpoint("0x" + proof_hash.hex())
        return [_view(connection, stored) for stored in found]


def checkpoints_page(
    database: Database, customer_id: str, unit: str, *, after: int = 0, limit: int = 100
) -> list[CheckpointView]:
    """Return up to ``limit`` checkpoints of a ledger with an id above ``after``, oldest first.

    Raises UnknownCustomer.
    """
    with database.read() as connection:
        ledger = standing_of(connection, customer_id, unit)
        found = stored_checkpoints.checkpoints_of_ledger(connection, ledger.ledger, after, limit)
        return [_view(connection, stored) for stored in found]


def _made(
    database: Database, log: Log, clock: Clock, ledger: LedgerStanding, indices: range, span: Span | None
) -> CheckpointView:
    """Return the checkpoint of a range, made unless there is one."""
    wanted = (
        ledger.ledger,
        indices.start,
        indices.stop - 1,
        span.start if span else None,
        span.end if span else None,
    )
    with database.read() as connection:
        stored = stored_checkpoints.checkpoint_of_range(connection, *wanted)
        if stored is not None:
            return _view(connection, stored)
        checkpoint = Checkpoint(
            ledger_id=ledger.ledger_id,
            from_index=indices.start,
            to_index=indices.stop - 1,
            opening_balance=balance_after(connection, ledger.ledger, indices.start - 1),
            closing_balance=balance_after(connection, ledger.ledger, indices.stop - 1),
            opening_root=ledger_root(connection, ledger.ledger, indices.start),
            closing_root=ledger_root(connection, ledger.ledger, indices.stop),
        )
    created_at = clock.now_ms()
    with database.write() as connection:
        stored_checkpoints.insert_checkpoint(
            connection,
            proof_token=_new_token(),
            proof_hash=checkpoint_hash(domain_separator(log.log_id), checkpoint),
            ledger=ledger.ledger,
            from_index=checkpoint.from_index,
            to_index=checkpoint.to_index,
            opening_balance=checkpoint.opening_balance,
            closing_balance=checkpoint.closing_balance,
            opening_root=checkpoint.opening_root,
            closing_root=checkpoint.closing_root,
            span_start=span.start if span else None,
            span_end=span.end if span else None,
            created_at=created_at,
        )
    # Read again: another process may have been first, and then its token is the one.
    with database.read() as connection:
        stored = stored_checkpoints.checkpoint_of_range(connection, *wanted)
        assert stored is not None, "checkpoints are never deleted"
        return _view(connection, stored)


def _view(connection: Connection, stored: StoredCheckpoint) -> CheckpointView:
    span = None
    if stored.span_start is not None and stored.span_end is not None:
        span = Span(stored.span_start, stored.span_end)
    return CheckpointView(
        id=stored.id,
        proof_token=stored.proof_token,
        proof_hash=stored.proof_hash,
        customer_id=stored.customer_id,
        unit=stored.unit,
        checkpoint=Checkpoint(
            ledger_id=stored.ledger_id,
            from_index=stored.from_index,
            to_index=stored.to_index,
            opening_balance=stored.opening_balance,
            closing_balance=stored.closing_balance,
            opening_root=stored.opening_root,
            closing_root=stored.closing_root,
        ),
        span=span,
        status=_status(connection, stored, span),
        created_at=stored.created_at,
    )


def _status(connection: Connection, stored: StoredCheckpoint, span: Span | None) -> CheckpointStatus:
    batch = verified_batch(connection)
    head = verified_head(connection, stored.ledger, batch)
    if batch is None or head.size <= stored.to_index:
        return CheckpointStatus.QUEUED
    # That a span leaves nothing out is shown by a batch that was sealed, and in a block, after its end.
    if span is not None and closing_batch(connection, span.end).number is None:
        return CheckpointStatus.QUEUED
    return CheckpointStatus.VERIFIED


def _new_token() -> str:
    return TOKEN_PREFIX + base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
