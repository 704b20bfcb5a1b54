"""Every error of FastAPI's routes as a problem document."""

import logging
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from msgspec import Raw
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route

from anchor.server.api.asgi import ClientGone
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
from anchor.wire.amounts import amount_json
from anchor.wire.problems import Problem
from anchor.wire.responses import encode

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


_log: Final = logging.getLogger("anchor.api")


def answer_problems(app: FastAPI) -> None:
    """Make an app answer errors as problem documents."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(LedgerError, _refusal)
    app.add_exception_handler(StorageUnavailable, _refusal)
    app.add_exception_handler(RequestValidationError, _invalid_parameter)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientGone, _gone)
    app.add_exception_handler(Exception, _unexpected)


def problem_response(problem: Problem) -> Response:
    """Return a problem as a response."""
    response = Response(encode(problem.document()), problem.kind.status)
    response.raw_headers.extend(problem.headers())
    return response


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error)


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, LedgerError | StorageUnavailable)
    return problem_response(problem_of(error, in_body=request.method == "POST"))


async def _invalid_parameter(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = error.errors()[0]
    field = str(first["loc"][-1])
    code = "missing_field" if first["type"] == "missing" else "invalid_value"
    return problem_response(Problem(code, f"{first['msg']}.", field=field))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problem_response(Problem("no_such_route"))
    if error.status_code == 405:
        response = problem_response(Problem("method_not_allowed"))
        told = (error.headers or {}).get("Allow", "")
        allowed = _methods_of(request) | {method for method in told.split(", ") if method}
        if "GET" in allowed:
            allowed.add("HEAD")
        if allowed:
            response.headers["allow"] = ", ".join(sorted(allowed))
        return response
    return problem_response(Problem("internal_error"))


def _methods_of(request: Request) -> set[str]:
    """Return the methods of a path: those of all its routes, of which Starlette names the first's alone."""
    methods: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return methods | ({"HEAD"} if "GET" in methods else set())


async def _gone(_request: Request, _error: Exception) -> Response:
    # Nobody reads this.
    return Response(status_code=400)


async def _unexpected(request: Request, error: Exception) -> Response:
    route = request.scope.get("route")
    _log.error("a request to %s failed", getattr(route, "path", "an unknown path"), exc_info=error)
    return problem_response(Problem("internal_error"))
