"""Every error of FastAPI's routes as a problem document."""

import logging
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from anchor.server.api._fold_refusals import problem_of
from anchor.server.api.asgi import ClientGone
from anchor.server.ledger.errors import LedgerError
from anchor.server.storage.database import StorageUnavailable
from anchor.wire.answers import encode
from anchor.wire.problems import Problem

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


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problem_response(Problem("no_such_route"))
    if error.status_code == 405:
        response = problem_response(Problem("method_not_allowed"))
        if error.headers and "allow" in {name.lower() for name in error.headers}:
            allowed = error.headers.get("Allow") or error.headers["allow"]
            head = ", HEAD" if "GET" in allowed and "HEAD" not in allowed else ""
            response.headers["allow"] = allowed + head
        return response
    return problem_response(Problem("internal_error"))


async def _gone(_request: Request, _error: Exception) -> Response:
    # Nobody reads this.
    return Response(status_code=400)


async def _unexpected(request: Request, error: Exception) -> Response:
    route = request.scope.get("route")
    _log.error("a request to %s failed", getattr(route, "path", "an unknown path"), exc_info=error)
    return problem_response(Problem("internal_error"))
