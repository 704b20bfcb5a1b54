"""What FastAPI's routes depend on: the caller's key, the whole body, and no parameter that is not known."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from anchor.protocol.hashing import Bytes32
from anchor.server.api.asgi import MAX_BODY_BYTES, BodyMemory, read_body
from anchor.server.api.authentication import Authenticator
from anchor.server.api.strict_json import decode
from anchor.server.api.values import require_id
from anchor.server.ledger.api_keys import ApiKey, Scope
from anchor.server.ledger.checkpoints import CheckpointView, find_checkpoint
from anchor.server.ledger.errors import UnknownCustomer
from anchor.server.ledger.model import Log
from anchor.server.ledger.views import ReceiptView, UnknownLedger, find_ledger, find_receipt
from anchor.server.storage.database import Database
from anchor.server.storage.reading import LedgerRow
from anchor.wire.problems import Problem, shown
from anchor.wire.responses import encode


def require_customer(key: ApiKey, customer_id: str) -> None:
    """Raise UnknownCustomer where the key is for another one."""
    if key.customer_id is not None and key.customer_id != customer_id:
        raise UnknownCustomer(customer_id, "")


def readable_receipt(database: Database, log: Log, key: ApiKey, receipt_id: str) -> ReceiptView:
    """Return what a receipt leads to. Raises UnknownReceipt, or the Problem that says the same."""
    view = find_receipt(database, log, require_id(receipt_id, "receiptId"))
    if key.customer_id is not None and key.customer_id != view.ledger.customer_id:
        raise Problem("unknown_receipt", "No delta has this receipt.")
    return view


def readable_ledger(database: Database, key: ApiKey, ledger_id: Bytes32) -> LedgerRow:
    """Return a ledger. Raises UnknownLedger."""
    row = find_ledger(database, ledger_id)
    if key.customer_id is not None and key.customer_id != row.customer_id:
        raise UnknownLedger(ledger_id)
    return row


def readable_checkpoint(database: Database, key: ApiKey, proof_token: str) -> CheckpointView:
    """Return a checkpoint. Raises UnknownCheckpoint, or the Problem that says the same."""
    view = find_checkpoint(database, require_id(proof_token, "proofToken"))
    if key.customer_id is not None and key.customer_id != view.customer_id:
        raise Problem("unknown_checkpoint", "There is no such checkpoint.")
    return view


T = TypeVar("T")


class Access:
    """Makes the dependencies of one app's routes."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    def key(self, scope: Scope) -> Callable[[Request], Awaitable[ApiKey]]:
        """Return the dependency that gives the caller's key, which may do what ``scope`` says."""

        async def key_of(request: Request) -> ApiKey:
            key = await self._authenticator.key_of(request.scope["headers"], scope)
            refuse_unknown_parameters(request)
            return key

        return key_of


def refuse_unknown_parameters(request: Request) -> None:
    """Raise Problem for a query parameter that the route does not have, or that is given twice."""
    route = request.scope.get("route")
    if not request.scope["query_string"] or not isinstance(route, APIRoute):
        return
    known = {field.alias for field in route.dependant.query_params}
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known:
            raise Problem("unknown_field", f"{shown(name)} is no parameter here.", field=name[:60])
        if given.count(name) > 1:
            raise Problem("invalid_value", "It is given more than once.", field=name)


def body_as(kind: type[T]) -> Callable[[Request], AsyncIterator[T]]:
    """Return the dependency that gives the body as ``kind``, read strictly; ``app.state.bodies`` bounds it.

    Dependencies run in the order of a route's parameters: the key's comes first.
    """
    decoder = msgspec.json.Decoder(kind)

    async def body(request: Request) -> AsyncIterator[T]:
        bodies: BodyMemory = request.app.state.bodies
        with bodies.share() as share:
            headers = request.scope["headers"]
            yield decode(decoder, await read_body(headers, request.receive, MAX_BODY_BYTES, share))

    return body


def json_response(answer: Any, status: int = 200) -> Response:
    """Return an answer as a response."""
    return Response(encode(answer), status, media_type="application/json")
