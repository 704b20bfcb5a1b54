"""For those who operate the service: liveness, readiness, status and metrics."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import Response

from anchor.server.anchoring.status import Status
from anchor.server.api.access import Access, json_answer, refuse_unknown_parameters
from anchor.server.api.documentation import described
from anchor.server.ledger.api_keys import ApiKey, Scope
from anchor.server.ledger.log import open_log
from anchor.server.storage.database import Database
from anchor.wire.answers import HealthAnswer, StatusAnswer
from anchor.wire.problems import Problem

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
    database: Database, read_status: Callable[[], Status], registry: CollectorRegistry, access: Access
) -> APIRouter:
    """Return the routes of one app."""
    router = APIRouter(tags=["Operating"])
    Reader = Annotated[ApiKey, Depends(access.key(Scope.READ))]  # noqa: N806

    @router.get(
        "/healthz",
        summary="Whether the process answers",
        **described(HealthAnswer, {"status": "ok"}, scope=None),
    )
    async def healthy(request: Request) -> Response:
        refuse_unknown_parameters(request)
        return json_answer(HealthAnswer("ok"))

    @router.get(
        "/readyz",
        summary="Whether the database can be used",
        **described(HealthAnswer, {"status": "ready"}, scope=None),
    )
    def ready(request: Request) -> Response:
        refuse_unknown_parameters(request)
        open_log(database)
        return json_answer(HealthAnswer("ready"))

    @router.get(
        "/api/v1/status",
        summary="How the log and its anchoring stand",
        **described(StatusAnswer, _EXAMPLE),
    )
    def status(key: Reader) -> Response:
        _require_all_customers(key)
        return json_answer(as_json(read_status()))

    @router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
    def metrics(key: Reader) -> Response:
        _require_all_customers(key)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _require_all_customers(key: ApiKey) -> None:
    if key.customer_id is not None:
        raise Problem("customer_not_allowed", "This is about all customers.")


def as_json(value: Any) -> Any:
    """Return status values as JSON values: names in camel case, bytes as hex."""
    if is_dataclass(value) and not isinstance(value, type):
        return {_camel(field.name): as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple | list):
        return [as_json(item) for item in value]
    return value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
