"""Erasing a text field of a delta, for a key that may administer."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.responses import Response

from anchor.protocol.errors import hex_of
from anchor.server.api.access import Access, body_as, json_response
from anchor.server.api.documentation import described
from anchor.server.api.values import require_id, require_unit
from anchor.server.ledger.api_keys import ApiKey, Scope
from anchor.server.ledger.clock import Clock
from anchor.server.ledger.erasing import ErasableField, erasable_field, erase_fields, receipt_at
from anchor.server.ledger.model import Log
from anchor.server.storage.database import Database
from anchor.wire.problems import Problem
from anchor.wire.requests import EraseRequest
from anchor.wire.responses import EraseResponse, FieldErasure

_ERASED: Final = {
    "receiptId": "rcpt_aqgpnbxkbvofu2iwlnlwt5h2ha",
    "ledgerId": "0x" + "a4" * 32,
    "index": 41,
    "erasures": [
        {
            "field": "metadata",
            "commitment": "0x" + "3c" * 32,
            "erasedAt": 1776499200000,
            "erasedBy": "data protection office",
            "already": False,
        }
    ],
    "oldPagesRemoved": True,
}
_PLACE: Final = {
    "fields": ["reason", "metadata"],
    "by": "data protection office",
    "customerId": "acme",
    "index": 0,
}
_MOST_FIELDS: Final = 3


def routes(database: Database, log: Log, clock: Clock, access: Access) -> APIRouter:
    """Return the route over one database."""
    router = APIRouter(tags=["Erasing"])
    Admin = Annotated[ApiKey, Depends(access.key(Scope.ADMIN))]  # noqa: N806

    @router.post(
        "/api/v1/erasures",
        summary="Erase text of a delta for good",
        **described(
            "erase",
            EraseResponse,
            _ERASED,
            body=EraseRequest,
            body_examples={"place": {"summary": "By customer and index", "value": _PLACE}},
            problems=(
                "eraser_missing",
                "index_out_of_range",
                "invalid_id",
                "missing_field",
                "not_erasable",
                "unknown_customer",
                "unknown_receipt",
            ),
            scope=Scope.ADMIN,
        ),
    )
    def erase(_key: Admin, body: Annotated[Any, Depends(body_as(EraseRequest))]) -> Response:
        """Text and salt are gone; the commitment stays, and with it every proof. Again changes nothing.

        Amounts, balances, indices and times cannot be erased.
        """
        asked: EraseRequest = body
        fields = _fields(asked)
        erased = erase_fields(database, log, clock, _receipt(database, log, asked), fields, asked.by)
        return json_response(
            EraseResponse(
                erased.receipt_id,
                hex_of(erased.ledger_id),
                erased.index,
                [
                    FieldErasure(
                        one.field.public_name,
                        hex_of(one.commitment),
                        one.erased_at,
                        one.erased_by,
                        one.already,
                    )
                    for one in erased.erasures
                ],
                erased.pages_dropped,
            )
        )

    return router


def _fields(asked: EraseRequest) -> list[ErasableField]:
    if not 1 <= len(asked.fields) <= _MOST_FIELDS or len(set(asked.fields)) != len(asked.fields):
        raise Problem("invalid_value", "It names one to three fields, each once.", field="/fields")
    return [erasable_field(name) for name in asked.fields]


def _receipt(database: Database, log: Log, asked: EraseRequest) -> str:
    """Return the receipt of the delta that is meant. Raises Problem, UnknownCustomer, IndexOutOfRange."""
    place = (asked.customer_id, asked.unit, asked.index)
    if asked.receipt_id is not None:
        if any(part is not None for part in place):
            raise Problem("invalid_value", "Name the receipt or the place, not both.", field="/receiptId")
        return require_id(asked.receipt_id, "/receiptId")
    if asked.customer_id is None:
        raise Problem(
            "missing_field", "Name the delta: receiptId, or customerId and index.", field="/receiptId"
        )
    if asked.index is None:
        raise Problem("missing_field", field="/index")
    customer_id = require_id(asked.customer_id, "/customerId")
    return receipt_at(database, log, customer_id, require_unit(asked.unit, "/unit"), asked.index)
