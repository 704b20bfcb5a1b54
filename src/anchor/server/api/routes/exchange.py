"""Comparisons with books that stay elsewhere: few bytes travel, however long the books are.

The client does this for its user: ``anchor.client.AnchorClient.reconcile`` and ``first_divergence``.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.responses import Response

from anchor.server.api.access import Access, body_as, json_response, require_customer
from anchor.server.api.concurrency import Turns
from anchor.server.api.documentation import described
from anchor.server.api.values import require_id, require_unit
from anchor.server.ledger.api_keys import ApiKey, Scope
from anchor.server.ledger.reconciling import Reconciler
from anchor.wire.amounts import amount_json
from anchor.wire.exchange import (
    BlocksRequest,
    BlocksResponse,
    CellsRequest,
    CellsResponse,
    DigestsRequest,
    DigestsResponse,
    ResolvedDelta,
    ResolveRequest,
    ResolveResponse,
)
from anchor.wire.problems import Problem

AT_ONCE: Final = 2
"""How many comparisons compute at once: each may take seconds on a large ledger."""
WAITING: Final = 32
"""How many may wait for their turn, before more are answered 503."""

_SALT: Final = "AAECAwQFBgcICQoLDA0ODw=="
_PROBLEMS: Final = ("unknown_customer", "exchange_refused", "index_out_of_range", "overloaded", "wrong_type")


def routes(reconciler: Reconciler, access: Access) -> APIRouter:
    """Return the routes over one reconciler."""
    router = APIRouter(tags=["Comparing at scale"])
    turns = Turns(AT_ONCE, WAITING)
    Reader = Annotated[ApiKey, Depends(access.key(Scope.READ))]  # noqa: N806

    @router.post(
        "/api/v1/balance/compare/cells",
        summary="The sketch of a ledger, for finding what differs",
        **described(
            "compareCells",
            CellsResponse,
            {"size": 1, "total": -182, "cells": "AAAA"},
            body=CellsRequest,
            body_examples={
                "first": {"summary": "First", "value": {"customerId": "acme", "salt": _SALT, "level": 5}}
            },
            problems=_PROBLEMS,
        ),
    )
    async def cells(key: Reader, body: Annotated[Any, Depends(body_as(CellsRequest))]) -> Response:
        asked: CellsRequest = body
        customer_id, unit = _ledger(key, asked.customer_id, asked.unit)
        found = await turns.take(
            lambda: reconciler.cells(
                customer_id, unit, asked.salt, asked.level, asked.above, asked.size, asked.start or 0
            )
        )
        return json_response(CellsResponse(found.size, amount_json(found.total), found.cells))

    @router.post(
        "/api/v1/balance/compare/entries",
        summary="The deltas that differ, by the keys found in a sketch",
        **described(
            "resolveEntries",
            ResolveResponse,
            {"entries": []},
            body=ResolveRequest,
            body_examples={
                "none": {
                    "summary": "A key that is not known",
                    "value": {"customerId": "acme", "salt": _SALT, "keys": [_SALT], "size": 1},
                }
            },
            problems=_PROBLEMS,
        ),
    )
    async def entries(key: Reader, body: Annotated[Any, Depends(body_as(ResolveRequest))]) -> Response:
        asked: ResolveRequest = body
        customer_id, unit = _ledger(key, asked.customer_id, asked.unit)
        found = await turns.take(
            lambda: reconciler.resolve(
                customer_id, unit, asked.salt, asked.keys, asked.size, asked.start or 0
            )
        )
        return json_response(
            ResolveResponse(
                [
                    ResolvedDelta(entry.key, entry.index, entry.reference_id, amount_json(entry.amount))
                    for entry in found
                ]
            )
        )

    @router.post(
        "/api/v1/balance/compare/blocks",
        summary="Digests of blocks of a ledger, for finding where two part",
        **described(
            "compareBlocks",
            BlocksResponse,
            {"size": 1, "digests": "HCs6SVhnhndolKOywdDv7g=="},
            body=BlocksRequest,
            body_examples={
                "entries": {
                    "summary": "Blocks of 16 entries",
                    "value": {"customerId": "acme", "kind": "entries", "height": 4, "stop": 1},
                }
            },
            problems=_PROBLEMS,
        ),
    )
    async def blocks(key: Reader, body: Annotated[Any, Depends(body_as(BlocksRequest))]) -> Response:
        asked: BlocksRequest = body
        customer_id, unit = _ledger(key, asked.customer_id, asked.unit)
        read = reconciler.entry_blocks if _entries(asked.kind) else reconciler.fingerprint_blocks
        found = await turns.take(lambda: read(customer_id, unit, asked.height, asked.stop))
        return json_response(BlocksResponse(found.size, found.digests))

    @router.post(
        "/api/v1/balance/compare/digests",
        summary="Digests of single deltas of a ledger",
        **described(
            "compareDigests",
            DigestsResponse,
            {"digests": "HCs6SVhnhndolKOywdDv7g=="},
            body=DigestsRequest,
            body_examples={
                "entries": {
                    "summary": "The first entry",
                    "value": {"customerId": "acme", "kind": "entries", "start": 0, "stop": 1},
                }
            },
            problems=_PROBLEMS,
        ),
    )
    async def digests(key: Reader, body: Annotated[Any, Depends(body_as(DigestsRequest))]) -> Response:
        asked: DigestsRequest = body
        customer_id, unit = _ledger(key, asked.customer_id, asked.unit)
        read = reconciler.entry_digests if _entries(asked.kind) else reconciler.fingerprint_digests
        found = await turns.take(lambda: read(customer_id, unit, asked.start, asked.stop))
        return json_response(DigestsResponse(found))

    return router


def _ledger(key: ApiKey, customer_id: str, unit: str | None) -> tuple[str, str]:
    require_customer(key, require_id(customer_id, "/customerId"))
    return customer_id, require_unit(unit, "/unit")


def _entries(kind: str) -> bool:
    """Return whether entries are meant, not fingerprints. Raises Problem."""
    if kind not in ("entries", "fingerprints"):
        raise Problem("invalid_value", "It is entries or fingerprints.", field="/kind")
    return kind == "entries"
