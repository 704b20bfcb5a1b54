"""From what the ledger refuses to problems."""

from typing import Any

from msgspec import Raw

from anchor.server.api.values import amount_json
from anchor.server.ledger.checkpoints import SpanEmpty
from anchor.server.ledger.erasing import EraserMissing, NotErasable
from anchor.server.ledger.errors import (
    AdjustedDeltaMissing,
    IdempotencyKeyConflict,
    IndexOutOfRange,
    LedgerError,
    Overloaded,
    ReferenceConflict,
    UnknownBatch,
    UnknownCustomer,
)
from anchor.server.ledger.model import Emission, Receipt
from anchor.server.ledger.ranges import RangeReversed
from anchor.server.ledger.reconciling import ExchangeRefused
from anchor.server.storage.database import StorageUnavailable
from anchor.wire.problems import Problem

RETRY_AFTER_SECONDS = 1
"""After which a caller may ask a database again that was not to be used."""


def problem_of(error: LedgerError | StorageUnavailable, *, in_body: bool = True) -> Problem:
    """Return the problem that an error of the ledger's is answered with.

    ``in_body`` tells whether the request named things in its body, or in its path and query.
    """
    match error:
        case StorageUnavailable():
            return Problem(
                "storage_unavailable",
                f"{error.reason[:1].upper()}{error.reason[1:]}.",
                retry_after=RETRY_AFTER_SECONDS,
            )
        case ReferenceConflict():
            return Problem(
                error.code,
                _sentence(error),
                field="/referenceId",
                existing=_existing(error.existing),
                offered=_offered(error.offered),
            )
        case IdempotencyKeyConflict():
            return Problem(
                error.code,
                _sentence(error),
                field="Idempotency-Key",
                existing=_existing(error.existing),
                offered=_offered(error.offered),
            )
        case AdjustedDeltaMissing():
            return Problem(error.code, _sentence(error), field="/adjusts/referenceId")
        case Overloaded():
            return Problem(error.code, _sentence(error), retry_after=error.retry_after_seconds)
        case SpanEmpty():
            return Problem(
                error.code, _sentence(error), previous_index=error.previous_index, next_index=error.next_index
            )
        case NotErasable():
            return Problem(error.code, _sentence(error), field="/fields")
        case EraserMissing():
            return Problem(error.code, _sentence(error), field="/by")
        case ExchangeRefused():
            return Problem(error.code, _sentence(error), field=f"/{error.field}")
        case UnknownCustomer() | UnknownBatch() | IndexOutOfRange() | RangeReversed():
            return Problem(error.code, _sentence(error), field=_asked_for(error, in_body))
        case _:
            return Problem(error.code, _sentence(error))


def _asked_for(
    error: UnknownCustomer | UnknownBatch | IndexOutOfRange | RangeReversed, in_body: bool
) -> str | None:
    """Return the place of what a request asked for: a pointer into its body, or a parameter."""
    match error:
        case UnknownCustomer():
            name: str | None = "customerId"
        case RangeReversed():
            name = "toIndex"
        case UnknownBatch() | IndexOutOfRange():
            name = error.name
    return f"/{name}" if in_body and name is not None else name


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _existing(receipt: Receipt) -> dict[str, Any]:
    """Return what is on record, with what leads to it."""
    return {
        "receiptId": receipt.receipt_id,
        "index": receipt.index,
        "fingerprint": "0x" + receipt.fingerprint.hex(),
        "recordedAt": receipt.recorded_at,
        **_content(receipt),
        "adjusts": None if receipt.adjusts is None else "0x" + receipt.adjusts.hex(),
    }


def _offered(emission: Emission) -> dict[str, Any]:
    """Return what the request said."""
    adjusts = None if emission.adjusts is None else {"referenceId": emission.adjusts}
    return {**_content(emission), "adjusts": adjusts}


def _content(delta: Receipt | Emission) -> dict[str, Any]:
    return {
        "customerId": delta.customer_id,
        "unit": delta.unit,
        "delta": amount_json(delta.amount),
        "reason": delta.reason,
        "referenceId": delta.reference_id,
        "metadata": None if delta.metadata is None else Raw(delta.metadata),
        "occurredAt": delta.occurred_at,
    }
