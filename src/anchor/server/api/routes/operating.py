"""For those who operate the service: liveness, readiness, status and metrics."""

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import Response

from anchor.server.api.access import Access, json_response, refuse_unknown_parameters
from anchor.server.api.documentation import described, described_text
from anchor.server.ledger.api_keys import ApiKey, Scope
from anchor.server.ledger.log import open_log
from anchor.server.storage.database import Database
from anchor.wire.problems import Problem
from anchor.wire.responses import HealthResponse
from anchor.wire.status import StatusResponse

_EXAMPLE: Final[dict[str, Any]] = {
    "at": 1776412800000,
    "deltaCount": 1,
    "ledgerCount": 1,
    "newestBatch": 0,
    "newestSealedAt": None,
    "unsealedSince": 1776412799000,
    "lagMs": 1000,
    "worker": None,
    "workerRenewedAt": None,
    "chains": [],
    "alarms": [],
}


def routes(
    database: Database, read_status: Callable[[], StatusResponse], registry: CollectorRegistry, access: Access
) -> APIRouter:
    """Return the routes of one app."""
    router = APIRouter(tags=["Operating"])
    Reader = Annotated[ApiKey, Depends(access.key(Scope.READ))]  # noqa: N806

    @router.get(
        "/healthz",
        summary="Whether the process answers",
        **described("healthz", HealthResponse, {"status": "ok"}, scope=None),
    )
    async def healthy(request: Request) -> Response:
        refuse_unknown_parameters(request)
        return json_response(HealthResponse("ok"))

    @router.get(
        "/readyz",
        summary="Whether the database can be used",
        **described("readyz", HealthResponse, {"status": "ready"}, scope=None),
    )
    def ready(request: Request) -> Response:
        refuse_unknown_parameters(request)
        open_log(database)
        return json_response(HealthResponse("ready"))

    @router.get(
        "/api/v1/status",
        summary="How the log and its anchoring stand",
        **described("getStatus", StatusResponse, _EXAMPLE),
    )
    def status(key: Reader) -> Response:
        _require_all_customers(key)
        return json_response(read_status())

    @router.get(
        "/metrics",
        summary="Figures for Prometheus",
        **described_text("metrics", "The figures, in Prometheus' text format.", "text/plain"),
    )
    def metrics(key: Reader) -> Response:
        _require_all_customers(key)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _require_all_customers(key: ApiKey) -> None:
    if key.customer_id is not None:
        raise Problem("customer_not_allowed", "This is about all customers.")
