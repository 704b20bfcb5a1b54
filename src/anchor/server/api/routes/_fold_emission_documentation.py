"""The hot routes as FastAPI knows them: for the OpenAPI document, and for every method but POST."""

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from anchor.server.api.documentation import described
from anchor.server.api.routes.emitting import BATCH_PATH, DELTA_PATH, Emitting
from anchor.server.ledger.api_keys import Scope
from anchor.wire.answers import BatchAnswer, RecordedAnswer
from anchor.wire.requests import BatchRequest, DeltaRequest

_DELTA: Final[dict[str, Any]] = {
    "customerId": "acme",
    "delta": -182,
    "reason": "182 gpu hours",
    "referenceId": "run-7781",
}
_FULL: Final[dict[str, Any]] = {
    "customerId": "acme",
    "delta": "-0.25",
    "reason": "inference",
    "referenceId": "call-90117",
    "unit": "gpu-hour",
    "metadata": {"region": "eu-west", "model": "m-7b"},
    "occurredAt": "2026-03-17T08:30:00Z",
}
_CORRECTION: Final[dict[str, Any]] = {
    "customerId": "acme",
    "delta": 12,
    "reason": "counted 12 hours too many",
    "referenceId": "run-7781-correction",
    "adjusts": {"referenceId": "run-7781"},
}
_RECORDED: Final[dict[str, Any]] = {
    "receiptId": "rcpt_gy3tmojvgq2dknzyha4wcytbmi",
    "status": "QUEUED",
    "fingerprint": "0x8f0d2b6a1c3e5f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8",
    "customerId": "acme",
    "unit": "",
    "ledgerId": "0x6b0e8e3f9f0a4a3f4d6f1d0b9c8a7e6f5d4c3b2a19080706f5e4d3c2b1a09f8e",
    "index": 0,
    "delta": -182,
    "balance": -182,
    "recordedAt": 1776412800000,
    "idempotent": False,
}
_VALUE_PROBLEMS: Final = (
    "duplicate_key",
    "body_too_large",
    "body_too_slow",
    "wrong_type",
    "missing_field",
    "unknown_field",
    "amount_not_a_number",
    "amount_too_precise",
    "amount_out_of_range",
    "invalid_id",
    "invalid_text",
    "invalid_time",
    "time_in_future",
    "invalid_metadata",
    "customer_not_allowed",
    "overloaded",
)
_IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes a retry safe where there is no referenceId: 1 to 200 printable characters.",
    "schema": {"type": "string", "maxLength": 200},
}


def routes(emitting: Emitting) -> APIRouter:
    """Return the routes; a POST never comes here, since the app answers it before."""
    router = APIRouter(tags=["Balances"])

    @router.post(
        DELTA_PATH,
        summary="Emit: record one delta",
        **described(
            RecordedAnswer,
            _RECORDED,
            status=201,
            also={200: "It was on record: the first receipt."},
            body=DeltaRequest,
            body_examples={
                "simple": {"summary": "One usage event", "value": _DELTA},
                "full": {"summary": "Every field", "value": _FULL},
                "correction": {"summary": "Correct an earlier delta", "value": _CORRECTION},
            },
            problems=(
                *_VALUE_PROBLEMS,
                "reference_conflict",
                "idempotency_key_conflict",
                "adjusted_delta_missing",
                "balance_overflow",
            ),
            scope=Scope.WRITE,
            parameters=[_IDEMPOTENCY_KEY],
        ),
    )
    async def delta(request: Request) -> Response:
        """Answered when it is durable. The same content under the same reference gives the first receipt;
        other content under it is a conflict that shows both.
        """
        return await _asgi(emitting.delta, request)

    @router.post(
        BATCH_PATH,
        summary="Emit: record up to 1,000 deltas",
        **described(
            BatchAnswer,
            {"recorded": 1, "idempotent": 0, "refused": 0, "results": [_RECORDED]},
            body=BatchRequest,
            body_examples={"two": {"summary": "Two deltas", "value": {"deltas": [_DELTA, _FULL]}}},
            problems=(*_VALUE_PROBLEMS, "too_many_items"),
            scope=Scope.WRITE,
            parameters=[_IDEMPOTENCY_KEY],
        ),
    )
    async def batch(request: Request) -> Response:
        """A result for each, in order: a receipt, or the problem of the one that was refused."""
        return await _asgi(emitting.batch, request)

    return router


async def _asgi(handle: Any, request: Request) -> Response:
    """Return what a plain ASGI handler sends, as a response."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await handle(request.scope, request.receive, send)
    start, body = sent
    response = Response(body["body"], start["status"])
    response.raw_headers = list(start["headers"])
    return response
