"""The two hot routes, as plain ASGI: authenticate, read, parse, record, answer.

They stand in front of FastAPI's routing, which costs as much as the recording itself; the OpenAPI
document describes them with the others.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, Final, Protocol

from fastapi import APIRouter, Request
from starlette.responses import Response

from anchor.server.api.asgi import (
    MAX_BATCH_BODY_BYTES,
    MAX_BODY_BYTES,
    BodyMemory,
    BodyShare,
    ClientGone,
    Headers,
    Receive,
    Scope,
    Send,
    read_body,
)
from anchor.server.api.authentication import Authenticator
from anchor.server.api.documentation import described
from anchor.server.api.emissions import MAX_IDEMPOTENCY_KEY, Caller, parse_batch, parse_emission
from anchor.server.api.errors import problem_of
from anchor.server.api.metrics import IngestFigures
from anchor.server.api.shaping import batch_response, recorded
from anchor.server.ledger import api_keys
from anchor.server.ledger.clock import Clock
from anchor.server.ledger.errors import LedgerError
from anchor.server.ledger.model import Emission, Receipt
from anchor.server.storage.database import StorageUnavailable
from anchor.wire.problems import Problem
from anchor.wire.requests import EmitBatchRequest, EmitRequest
from anchor.wire.responses import EmitBatchResponse, EmitResponse, encode

DELTA_PATH: Final = "/api/v1/balance/delta"
BATCH_PATH: Final = "/api/v1/balance/delta/batch"

_JSON: Final = (b"content-type", b"application/json")
_log = logging.getLogger("anchor.api")


class Recording(Protocol):
    """Where emissions go: ``ledger.group_commit.GroupCommit``."""

    async def submit(self, emissions: Sequence[Emission]) -> list[Receipt | LedgerError]:
        """Return what became of each, once it is durable. Raises Overloaded and StorageUnavailable."""
        ...


class Emitting:
    """The hot routes over one place of recording."""

    def __init__(
        self,
        recording: Recording,
        authenticator: Authenticator,
        clock: Clock,
        figures: IngestFigures,
        bodies: BodyMemory,
    ) -> None:
        self._recording = recording
        self._authenticator = authenticator
        self._clock = clock
        self._figures = figures
        self._bodies = bodies
        self.routes: Final[dict[str, Callable[[Scope, Receive, Send], Awaitable[None]]]] = {
            DELTA_PATH: self.delta,
            BATCH_PATH: self.batch,
        }

    async def delta(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record one delta: 201 where it is new, 200 where it was on record, else a problem."""
        await answer(self._delta, scope, receive, send, self._figures, self._bodies)

    async def batch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record up to 1,000 deltas: 200 with a result for each, or the problem of the whole."""
        await answer(self._batch, scope, receive, send, self._figures, self._bodies)

    async def _delta(self, headers: Headers, receive: Receive, share: BodyShare) -> tuple[int, bytes]:
        caller = await self._caller(headers)
        body = await read_body(headers, receive, MAX_BODY_BYTES, share)
        started = perf_counter()
        try:
            emission = parse_emission(body, caller, self._clock.now_ms())
        except Problem:
            self._figures.count(0, 0, 1)
            raise
        del body  # Not kept while it waits.
        (result,) = await self._recording.submit((emission,))
        if not isinstance(result, Receipt):
            self._figures.count(0, 0, 1)
            raise problem_of(result)
        self._figures.count(not result.idempotent, result.idempotent, 0)
        self._figures.single_seconds.observe(perf_counter() - started)
        return 200 if result.idempotent else 201, encode(recorded(result, emission.notes))

    async def _batch(self, headers: Headers, receive: Receive, share: BodyShare) -> tuple[int, bytes]:
        caller = await self._caller(headers)
        body = await read_body(headers, receive, MAX_BATCH_BODY_BYTES, share)
        started = perf_counter()
        parsed = parse_batch(body, caller, self._clock.now_ms())
        del body  # Not kept while they wait.
        emissions = [item for item in parsed if isinstance(item, Emission)]
        results = await self._recording.submit(emissions) if emissions else []
        batch = batch_response(parsed, results)
        self._figures.count(batch.recorded, batch.idempotent, batch.refused)
        self._figures.batch_seconds.observe(perf_counter() - started)
        return 200, encode(batch)

    async def _caller(self, headers: Headers) -> Caller:
        key = await self._authenticator.key_of(headers, api_keys.Scope.WRITE)
        return Caller(key.id, key.customer_id, _idempotency_key(headers))


def _idempotency_key(headers: Headers) -> str | None:
    key: str | None = None
    for name, value in headers:
        if name == b"idempotency-key":
            if key is not None:
                raise Problem("invalid_value", "It is there twice.", field="Idempotency-Key")
            key = value.decode("latin-1")
            if not 0 < len(key) <= MAX_IDEMPOTENCY_KEY or not key.isprintable():
                raise Problem(
                    "invalid_value",
                    f"It has 1 to {MAX_IDEMPOTENCY_KEY} printable characters.",
                    field="Idempotency-Key",
                )
    return key


async def answer(
    handle: Callable[[Headers, Receive, BodyShare], Awaitable[tuple[int, bytes]]],
    scope: Scope,
    receive: Receive,
    send: Send,
    figures: IngestFigures,
    bodies: BodyMemory,
) -> None:
    """Send what ``handle`` returns, or the problem that it raises; its body's share is given back before."""
    try:
        if scope["query_string"]:
            raise Problem("unknown_field", "There is no query parameter here.", field="query")
        with bodies.share() as share:
            status, body = await handle(scope["headers"], receive, share)
        headers = [_JSON]
    except ClientGone:
        return
    except (Problem, LedgerError, StorageUnavailable) as error:
        problem = error if isinstance(error, Problem) else problem_of(error)
        if problem.kind.status == 503:
            figures.turned_away(problem.kind.code)
        status, body, headers = problem.kind.status, encode(problem.document()), problem.headers()
    except Exception:
        _log.exception("a request to %s failed", scope["path"])
        problem = Problem("internal_error")
        status, body, headers = problem.kind.status, encode(problem.document()), problem.headers()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, (b"content-length", b"%d" % len(body))],
        }
    )
    await send({"type": "http.response.body", "body": body})


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
    "time_unit_suspected",
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
            "emit",
            EmitResponse,
            _RECORDED,
            status=201,
            also={200: "It was on record: the first receipt."},
            body=EmitRequest,
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
            scope=api_keys.Scope.WRITE,
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
            "emitBatch",
            EmitBatchResponse,
            {"recorded": 1, "idempotent": 0, "refused": 0, "results": [_RECORDED]},
            body=EmitBatchRequest,
            body_examples={"two": {"summary": "Two deltas", "value": {"deltas": [_DELTA, _FULL]}}},
            problems=(*_VALUE_PROBLEMS, "too_many_items"),
            scope=api_keys.Scope.WRITE,
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
