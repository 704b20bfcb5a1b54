"""What a counterparty's replica is made of: the deltas with their salts, page by page."""

import json
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from anchor.proof.writing import ledger_json, log_json, record_json
from anchor.protocol.errors import hex_of
from anchor.server.api.access import Access, require_customer
from anchor.server.api.documentation import described
from anchor.server.api.values import require_id, require_unit, whole_number
from anchor.server.ledger.api_keys import ApiKey, Scope
from anchor.server.ledger.model import Log
from anchor.server.ledger.replicating import ReplicaPage, replica_page
from anchor.server.storage.database import Database
from anchor.wire.responses import RecordsResponse

MOST_DELTAS: Final = 1_000
_HASH: Final = "0x8f0d2b6a1c3e5f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8"
_EXAMPLE: Final[dict[str, Any]] = {
    "log": {"logId": _HASH, "identityPublicKey": _HASH, "founder": "0x" + "5b" * 20},
    "ledger": {"ledgerId": _HASH, "customerId": "acme", "unit": "", "identityProof": "0x" + "3c" * 80},
    "size": 1,
    "items": [
        {
            "fingerprint": _HASH,
            "delta": {
                "index": 0,
                "amount": "-182",
                "balance": "-182",
                "occurredAt": 1776412800000,
                "recordedAt": 1776412800000,
                "reason": {"value": "182 gpu hours", "salt": "0xdf6af1d8303e61cdc4bb86c3d1c42710"},
                "referenceId": {"value": "run-7781", "salt": "0x3c344c4189eb2f1e7bd5d47e446fcec2"},
                "metadata": {"commitment": _HASH},
                "adjusts": None,
            },
        }
    ],
    "next": None,
}


def routes(database: Database, log: Log, access: Access) -> APIRouter:
    """Return the routes over one database."""
    router = APIRouter(tags=["Ledgers"])
    Reader = Annotated[ApiKey, Depends(access.key(Scope.READ))]  # noqa: N806

    @router.get(
        "/api/v1/records",
        summary="The deltas of a customer's ledger, with all that their fingerprints are made of",
        **described(
            "listRecords",
            RecordsResponse,
            _EXAMPLE,
            problems=("unknown_customer", "invalid_value", "invalid_id"),
        ),
    )
    def records(
        key: Reader,
        customerId: str,  # noqa: N803
        unit: str = "",
        cursor: Annotated[str, Query(description="The index to begin with.")] = "0",
        limit: Annotated[int, Query(ge=1, le=MOST_DELTAS)] = MOST_DELTAS,
    ) -> Response:
        """Deltas have the form that they have in proof files. `anchor follow` keeps a copy of them."""
        require_id(customerId, "customerId")
        require_unit(unit, "unit")
        require_customer(key, customerId)
        start = whole_number(cursor, "cursor")
        page = replica_page(database, log, customerId, unit, start=start, limit=limit)
        return Response(_json(page, start), media_type="application/json")

    return router


def _json(page: ReplicaPage, start: int) -> bytes:
    stop = start + len(page.entries)
    answer = {
        "log": log_json(page.log),
        "ledger": ledger_json(page.ledger),
        "size": page.size,
        "items": [
            {"fingerprint": hex_of(fingerprint), "delta": record_json(record)}
            for fingerprint, record in page.entries
        ],
        "next": str(stop) if stop < page.size else None,
    }
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
