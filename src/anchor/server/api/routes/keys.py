"""API keys: made, listed and revoked by a key that may administer."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from anchor.server.api.access import Access, body_as, json_response
from anchor.server.api.documentation import described
from anchor.server.api.shaping import api_key
from anchor.server.api.values import require_id, whole_number
from anchor.server.ledger.api_keys import ApiKey, Scope, create_key, list_keys, revoke_key
from anchor.server.ledger.clock import Clock
from anchor.server.storage.database import Database
from anchor.wire.problems import Problem, shown
from anchor.wire.requests import KeyRequest
from anchor.wire.responses import KeyPage, KeyResponse

_LISTED: Final = {
    "id": 2,
    "name": "billing system",
    "scopes": ["read", "write"],
    "createdAt": 1776412800000,
}
_MADE: Final = {**_LISTED, "key": "ak_7Yb0xq3m2kq9VfKs1n8rP4tWcZ5uHdJgLaEoXiQyBMN"}
_EXAMPLES: Final = {
    "service": {"summary": "For a service", "value": {"name": "billing system", "scopes": ["write", "read"]}},
    "customer": {
        "summary": "For one customer, reading only",
        "value": {"name": "acme's auditor", "customerId": "acme"},
    },
}


def routes(database: Database, clock: Clock, access: Access) -> APIRouter:
    """Return the routes over one database."""
    router = APIRouter(tags=["API keys"])
    Admin = Annotated[ApiKey, Depends(access.key(Scope.ADMIN))]  # noqa: N806

    @router.post(
        "/api/v1/keys",
        summary="Make an API key",
        **described(
            "createKey",
            KeyResponse,
            _MADE,
            status=201,
            body=KeyRequest,
            body_examples=_EXAMPLES,
            problems=("invalid_id", "missing_field"),
            scope=Scope.ADMIN,
        ),
    )
    def create(_key: Admin, body: Annotated[Any, Depends(body_as(KeyRequest))]) -> Response:
        """The key itself is in this answer and nowhere else: only its hash is kept."""
        issued = create_key(
            database,
            clock,
            require_id(body.name, "/name"),
            _scopes(body),
            customer_id=None if body.customer_id is None else require_id(body.customer_id, "/customerId"),
        )
        response = json_response(api_key(issued.key, issued.text), 201)
        response.headers["cache-control"] = "no-store"
        return response

    @router.get(
        "/api/v1/keys",
        summary="List API keys",
        **described("listKeys", KeyPage, {"items": [_LISTED], "next": None}, scope=Scope.ADMIN),
    )
    def page(_key: Admin, cursor: str = "0", limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        found = list_keys(database, after=whole_number(cursor, "cursor"), limit=limit + 1)
        listed = found[:limit]
        return json_response(
            KeyPage([api_key(key) for key in listed], str(listed[-1].id) if len(found) > limit else None)
        )

    @router.delete(
        "/api/v1/keys/{keyId}",
        summary="Revoke an API key",
        **described(
            "revokeKey",
            KeyResponse,
            {**_LISTED, "revokedAt": 1776499200000},
            problems=("unknown_key",),
            scope=Scope.ADMIN,
        ),
    )
    def revoke(_key: Admin, keyId: Annotated[int, Path(ge=0, le=2**63 - 1)]) -> Response:  # noqa: N803
        """It is refused within a second, everywhere. Revoking it again changes nothing."""
        return json_response(api_key(revoke_key(database, clock, keyId)))

    return router


def _scopes(body: KeyRequest) -> frozenset[Scope]:
    if body.scopes is None:
        return frozenset({Scope.READ})
    scopes: set[Scope] = set()
    for place, text in enumerate(body.scopes):
        try:
            scopes.add(Scope(text))
        except ValueError:
            raise Problem(
                "invalid_value",
                f"{shown(text)} is none of write, read and admin.",
                field=f"/scopes/{place}",
            ) from None
    if not scopes:
        raise Problem("invalid_value", "A key has one scope at least.", field="/scopes")
    if body.customer_id is not None and Scope.ADMIN in scopes:
        raise Problem("invalid_value", "A key for one customer cannot administer.", field="/scopes")
    return frozenset(scopes)
