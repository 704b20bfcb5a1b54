"""The OpenAPI document and ``/docs``.

The types of requests and answers are ``requests`` and ``answers``: FastAPI routes and documents the
parameters, the bodies' schemas are those types' own. Every example is sent to a server by a test.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from anchor.server.ledger.api_keys import Scope
from anchor.wire import answers, requests
from anchor.wire import answers as erasure_messages
from anchor.wire import comparing as compare_answers
from anchor.wire import exchange as exchange_messages
from anchor.wire.problems import KINDS, MEDIA_TYPE, ProblemDocument

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

_SECURITY: Final[list[dict[str, list[str]]]] = [{"ApiKey": []}, {"Bearer": []}]
_SECURITY_SCHEMES: Final = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "Bearer": {"type": "http", "scheme": "bearer", "description": "The same API key."},
}

_ANY_READER: Final = ("key_missing", "key_not_accepted", "scope_missing")
_ALWAYS: Final = ("storage_unavailable",)


def described(
    answer: type[Any],
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

    ``also`` names further statuses with the same answer; ``body_examples`` maps names to
    ``{"summary": ..., "value": ...}``; ``problems`` are the route's own codes; ``scope`` is the scope that
    a key needs, None where none is needed.
    """
    reference = {"$ref": _SCHEMAS.format(name=answer.__name__)}
    content = {"application/json": {"schema": reference, "example": example}}
    summary = (answer.__doc__ or "").partition("\n")[0]
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
    return {"status_code": status, "responses": responses, "openapi_extra": extra, "response_model": None}


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
        tags=app.openapi_tags,
    )
    _restore_examples(document, routers)
    components = document.setdefault("components", {})
    components["schemas"] = _schemas()
    components["securitySchemes"] = _SECURITY_SCHEMES
    return document


def _restore_examples(document: dict[str, Any], routers: Sequence[APIRouter]) -> None:
    """Put the answers' examples in as they were given: FastAPI leaves out what is null in them."""
    for route in (route for router in routers for route in router.routes):
        if not isinstance(route, APIRoute):
            continue
        for method in route.methods or ():
            described = document["paths"][route.path_format][method.lower()]["responses"]
            for status, answer in route.responses.items():
                if "content" in answer:
                    described[str(status)]["content"] = answer["content"]


def _schemas() -> dict[str, Any]:
    types = [
        kind
        for module in (requests, answers, compare_answers, exchange_messages, erasure_messages)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct
    ]
    _, components = msgspec.json.schema_components([*types, ProblemDocument], ref_template=_SCHEMAS)
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
