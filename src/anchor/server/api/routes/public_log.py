"""What the log shows everybody, so that whoever watches the chain can recompute every root.

A batch's four values are all that its root is made of. They name no customer and count nothing; they tell
when batches were sealed.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from anchor.protocol.errors import hex_of
from anchor.server.api.access import json_response, refuse_unknown_parameters
from anchor.server.api.concurrency import Turns
from anchor.server.api.documentation import described
from anchor.server.api.values import whole_number
from anchor.server.ledger.model import Log
from anchor.server.ledger.views import batches_from
from anchor.server.storage.database import Database
from anchor.wire.responses import LogResponse, ShownBatch, ShownBatchPage

AT_ONCE: Final = 2
WAITING: Final = 60

_HASH: Final = "0x8f0d2b6a1c3e5f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8"
_LOG: Final[dict[str, Any]] = {
    "logId": _HASH,
    "identityPublicKey": "0x" + "1d" * 32,
    "founder": "0x" + "5b" * 20,
}
_BATCH: Final[dict[str, Any]] = {
    "number": 1,
    "historyRoot": "0x" + "00" * 32,
    "mapRoot": _HASH,
    "sealedAt": 1776412810000,
}


def routes(database: Database, log: Log) -> APIRouter:
    """Return the routes over one database."""
    router = APIRouter(tags=["The log"])
    turns = Turns(AT_ONCE, WAITING)

    @router.get(
        "/api/v1/log",
        summary="Which log this is",
        **described("getLog", LogResponse, _LOG, scope=None),
    )
    async def which_log(request: Request) -> Response:
        """Needs no key. The contract of the log holds the same `logId`."""
        refuse_unknown_parameters(request)
        named = LogResponse(hex_of(log.log_id), hex_of(log.identity_public_key), hex_of(log.founder))
        return json_response(named)

    @router.get(
        "/api/v1/log/batches",
        summary="What every anchored root is made of, oldest first",
        **described(
            "listLogBatches",
            ShownBatchPage,
            {"items": [_BATCH], "next": None},
            problems=("invalid_value", "overloaded"),
            scope=None,
        ),
    )
    async def shown_batches(
        request: Request,
        cursor: Annotated[str, Query(description="The number of the batch to begin with.")] = "1",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        """Needs no key. `anchor watch` recomputes every root and every history from these."""
        refuse_unknown_parameters(request)
        first = whole_number(cursor, "cursor")
        found = await turns.take(lambda: batches_from(database, first, limit + 1))
        items = [
            ShownBatch(row.number, hex_of(row.history_root), hex_of(row.map_root), row.sealed_at)
            for row in found[:limit]
        ]
        return json_response(ShownBatchPage(items, str(found[limit].number) if len(found) > limit else None))

    return router
