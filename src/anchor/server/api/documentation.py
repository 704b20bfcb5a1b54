"""The OpenAPI document and ``/docs``.

The document is made from the structs of ``anchor.wire``: FastAPI routes and documents the parameters, the
bodies' schemas are those types' own. Every example is sent to a server by a test, and public tools make
clients of it.
"""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Final, cast, get_args

import msgspec
from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from anchor.server.ledger.api_keys import Scope
from anchor.wire import comparing, exchange, problems, requests, responses
from anchor.wire import status as status_response
from anchor.wire.amounts import Number
from anchor.wire.problems import KINDS, MEDIA_TYPE
from anchor.wire.responses import EmitRefusal, EmitResponse, EmitResult, Page

OPENAPI_PATH: Final = "/openapi.json"
DOCS_PATH: Final = "/docs"
_ASSETS_PATH: Final = "/docs/assets"
_SCHEMAS: Final = "#/components/schemas/{name}"

_DESCRIPTION: Final = """\
The record between two sides who each count usage: private, append-only, exact, and anchored on a public
chain, so that either side can check it without asking.

Amounts are decimals with up to 18 fractional digits; send them as numbers or as texts of their digits. Times
are milliseconds since 1970. Every refusal is a problem document (RFC 9457) with a stable `code`, the
`field` at fault and a `remedy`.

Authorize with an API key to try the calls here.
"""

_SERVERS: Final = [{"url": "/", "description": "The server that this document comes from."}]
_TAGS: Final = {
    "Balances": "The four calls: emit, derive, compare, checkpoint.",
    "Checkpoints": "Ranges of a ledger under one hash, and their proof files.",
    "Receipts": "What became of a delta, and its proof file.",
    "Ledgers": "What is on record of a customer, in each unit.",
    "Batches": "What was sealed together, and the transactions that anchored it.",
    "Proofs": "Proof files about a ledger: anybody can check them without asking a server.",
    "Comparing at scale": "Long books against the record, without sending them.",
    "The log": "What every anchored root is made of; for anybody.",
    "Verifying": "Checks of a receipt or a checkpoint; for anybody who holds its id.",
    "Erasing": "Text of a delta removed for good.",
    "API keys": "Who may use this API.",
    "Operating": "Liveness, readiness, status and metrics.",
}
_WIRE: Final[tuple[ModuleType, ...]] = (requests, responses, comparing, exchange, status_response, problems)

_SECURITY: Final[list[dict[str, list[str]]]] = [{"ApiKey": []}, {"Bearer": []}]
_SECURITY_SCHEMES: Final = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "Bearer": {"type": "http", "scheme": "bearer", "description": "The same API key."},
}

_ANY_READER: Final = ("key_missing", "key_not_accepted", "scope_missing")
_ALWAYS: Final = ("storage_unavailable",)


def described(
    operation_id: str,
    response: Any,
    example: Any,
    *,
    status: int = 200,
    also: Mapping[int, str] | None = None,
    body: type[Any] | None = None,
    body_examples: Mapping[str, Mapping[str, Any]] | None = None,
    problems: Sequence[str] = (),
    scope: Scope | None = Scope.READ,
    parameters: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return what a route's decorator is given, so that the OpenAPI document describes it.

    ``operation_id`` is what generated clients call it. ``response`` is a struct of ``anchor.wire``, or a
    union of tagged ones. ``also`` names further statuses with the same response; ``body_examples`` maps
    names to ``{"summary": ..., "value": ...}``; ``problems`` are the route's own codes; ``scope`` is the
    scope that a key needs, None where none is needed.
    """
    content = {"application/json": {"schema": _schema_of(response), "example": example}}
    summary = ((get_args(response) or (response,))[0].__doc__ or "").partition("\n")[0]
    responses: dict[int | str, dict[str, Any]] = {status: {"description": summary, "content": content}}
    for another, meaning in (also or {}).items():
        responses[another] = {"description": meaning, "content": content}
    codes = (*problems, *(_ANY_READER if scope else ()), *(("not_json",) if body else ()), *_ALWAYS)
    responses |= _problem_responses(codes)
    extra: dict[str, Any] = {}
    if scope is not None:
        extra["security"] = _SECURITY
    if parameters:
        extra["parameters"] = list(parameters)
    if body is not None:
        extra["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": _SCHEMAS.format(name=body.__name__)},
                    "examples": dict(body_examples or {}),
                }
            },
        }
    return {
        "operation_id": operation_id,
        "status_code": status,
        "responses": responses,
        "openapi_extra": extra,
        "response_model": None,
    }


def described_text(operation_id: str, meaning: str, media_type: str) -> dict[str, Any]:
    """Return the like for a route that reads with a key and answers with a text that is no JSON."""
    content = {media_type: {"schema": {"type": "string"}}}
    return {
        "operation_id": operation_id,
        "responses": {200: {"description": meaning, "content": content}}
        | _problem_responses((*_ANY_READER, *_ALWAYS)),
        "openapi_extra": {"security": _SECURITY},
        "response_model": None,
    }


def _schema_of(response: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([response], schema_hook=_schema, ref_template=_SCHEMAS)
    # Each of a tagged union fits its own schema alone.
    return {("oneOf" if name == "anyOf" else name): value for name, value in schema.items()}


def _schema(kind: type[Any]) -> dict[str, Any]:
    """Return the schema of what is no type of msgspec's."""
    if kind is Number:
        return {"type": "number", "description": "Exact."}
    if kind is cast(Any, EmitResult):
        return {
            "oneOf": [{"$ref": _SCHEMAS.format(name=one.__name__)} for one in (EmitResponse, EmitRefusal)]
        }
    raise NotImplementedError


def _problem_responses(codes: Sequence[str]) -> dict[int | str, dict[str, Any]]:
    by_status: dict[int, list[str]] = {}
    # FastAPI would describe a 422 of its own where there is none.
    for code in dict.fromkeys((*codes, "invalid_value")):
        by_status.setdefault(KINDS[code].status, []).append(code)
    return {
        status: {
            "description": ", ".join(f"`{code}`" for code in sorted(group)),
            "content": {MEDIA_TYPE: {"schema": {"$ref": _SCHEMAS.format(name="ProblemDocument")}}},
        }
        for status, group in sorted(by_status.items())
    }


def openapi_of(app: FastAPI, routers: Sequence[APIRouter]) -> dict[str, Any]:
    """Return the OpenAPI document of an app and the routers that it includes."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=_DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": meaning} for name, meaning in _TAGS.items()],
        servers=_SERVERS,
    )
    _restore_examples(document, routers)
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                _without_null(parameter["schema"])
    components = document.setdefault("components", {})
    # FastAPI's are those of parameters that are one of several values.
    components["schemas"] = components.get("schemas", {}) | _schemas()
    components["securitySchemes"] = _SECURITY_SCHEMES
    return document


def _without_null(schema: dict[str, Any]) -> None:
    """Make a parameter's schema say what it is where it is given: in a URL there is no null."""
    given = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(given) == 1:
        del schema["anyOf"]
        schema |= given[0]


def _restore_examples(document: dict[str, Any], routers: Sequence[APIRouter]) -> None:
    """Put the answers' examples in as they were given: FastAPI leaves out what is null in them."""
    for route in (route for router in routers for route in router.routes):
        if not isinstance(route, APIRoute):
            continue
        for method in route.methods or ():
            described = document["paths"][route.path_format][method.lower()]["responses"]
            for code, response in route.responses.items():
                if "content" in response:
                    described[str(code)]["content"] = response["content"]


def _schemas() -> dict[str, Any]:
    types = [
        kind
        for module in _WIRE
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in (msgspec.Struct, Page)
    ]
    _, components = msgspec.json.schema_components(types, schema_hook=_schema, ref_template=_SCHEMAS)
    return components


def serve_documentation(app: FastAPI) -> None:
    """Add ``/openapi.json`` and ``/docs``, whose scripts are served from here: it works without a network."""

    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=OPENAPI_PATH,
            title=app.title,
            swagger_js_url=f"{_ASSETS_PATH}/swagger-ui-bundle.js",
            swagger_css_url=f"{_ASSETS_PATH}/swagger-ui.css",
            swagger_favicon_url=f"{_ASSETS_PATH}/favicon.png",
            swagger_ui_parameters={"persistAuthorization": True, "displayRequestDuration": True},
        )

    app.mount(_ASSETS_PATH, StaticFiles(packages=[("fastapi_offline", "static")]), name="docs-assets")
    app.add_api_route(DOCS_PATH, docs, include_in_schema=False)
