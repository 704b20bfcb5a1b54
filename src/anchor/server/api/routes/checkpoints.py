"""Checkpoints: made, listed and found."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from anchor.proof.values import HOW_TO_SHOW
from anchor.server.api.access import Access, body_as, json_response, readable_checkpoint, require_customer
from anchor.server.api.concurrency import Turns
from anchor.server.api.documentation import described
from anchor.server.api.proof_responses import PROOF_EXAMPLE, SHOWING_SCHEMA, proof_response, showing
from anchor.server.api.shaping import checkpoint
from anchor.server.api.values import require_id, require_unit, span_of, whole_number
from anchor.server.ledger.api_keys import ApiKey, Scope
from anchor.server.ledger.checkpoints import (
    CheckpointView,
    checkpoints_page,
    create_checkpoint,
    create_span_checkpoint,
)
from anchor.server.ledger.clock import Clock
from anchor.server.ledger.model import Log
from anchor.server.ledger.proving_periods import prove_period
from anchor.server.storage.database import Database
from anchor.wire.problems import Problem
from anchor.wire.requests import CheckpointRequest
from anchor.wire.responses import CheckpointPage, CheckpointResponse, ProofFileResponse

WHOLE_PERIODS_AT_ONCE: Final = 2
"""How many proof files with all deltas of a period are made at once: each may take 700 MB of memory."""
WAITING: Final = 16

_EXAMPLES: Final = {
    "indices": {"summary": "By indices", "value": {"customerId": "acme", "fromIndex": 0, "toIndex": 0}},
}
ANSWER: Final = {
    "proofToken": "ckpt_zr6pfw7rwnb7gw4tqk2hyvkbuu",
    "proofHash": "0x3d4e4d8b0f1b8a4f0a4cc0a6d2c2f6f9a8a7d6a4a1b5f2f1d0c9b8a7968574a3",
    "deltaCount": 1,
    "status": "QUEUED",
    "customerId": "acme",
    "unit": "",
    "ledgerId": "0x6b0e8e3f9f0a4a3f4d6f1d0b9c8a7e6f5d4c3b2a19080706f5e4d3c2b1a09f8e",
    "fromIndex": 0,
    "toIndex": 0,
    "openingBalance": 0,
    "closingBalance": -182,
    "netChange": -182,
    "openingRoot": "0x" + "00" * 32,
    "closingRoot": "0x1c2b3a495867768594a3b2c1d0efeedcccbbaa99887766554433221100ffeedd",
    "createdAt": 1776412800000,
}
_PROBLEMS: Final = (
    "unknown_customer",
    "index_out_of_range",
    "range_reversed",
    "invalid_period",
    "span_empty",
    "span_not_over",
    "missing_field",
    "duplicate_key",
)


def routes(database: Database, log: Log, clock: Clock, access: Access) -> APIRouter:
    """Return the routes over one database."""
    router = APIRouter()
    turns = Turns(WHOLE_PERIODS_AT_ONCE, WAITING)
    Reader = Annotated[ApiKey, Depends(access.key(Scope.READ))]  # noqa: N806

    @router.post(
        "/api/v1/balance/checkpoint",
        summary="Seal a range of a ledger under one hash",
        tags=["Balances"],
        **described(
            "checkpoint",
            CheckpointResponse,
            ANSWER,
            body=CheckpointRequest,
            body_examples=_EXAMPLES,
            problems=_PROBLEMS,
        ),
    )
    def create(key: Reader, body: Annotated[Any, Depends(body_as(CheckpointRequest))]) -> Response:
        """The same range gives the same token and hash, however often it is asked for."""
        return json_response(checkpoint(_create(database, log, clock, key, body)))

    @router.get(
        "/api/v1/checkpoints",
        summary="The checkpoints of a ledger",
        tags=["Checkpoints"],
        **described(
            "listCheckpoints",
            CheckpointPage,
            {"items": [ANSWER], "next": None},
            problems=("unknown_customer",),
        ),
    )
    def page(
        key: Reader,
        customerId: str,  # noqa: N803
        unit: str = "",
        cursor: str = "0",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        require_customer(key, require_id(customerId, "customerId"))
        found = checkpoints_page(
            database,
            customerId,
            require_unit(unit, "unit"),
            after=whole_number(cursor, "cursor"),
            limit=limit + 1,
        )
        shown = found[:limit]
        return json_response(
            CheckpointPage(
                [checkpoint(view) for view in shown], str(shown[-1].id) if len(found) > limit else None
            )
        )

    @router.get(
        "/api/v1/checkpoints/{proofToken}",
        summary="One checkpoint",
        tags=["Checkpoints"],
        **described("getCheckpoint", CheckpointResponse, ANSWER, problems=("unknown_checkpoint",)),
    )
    def one(key: Reader, proofToken: str) -> Response:  # noqa: N803
        return json_response(checkpoint(readable_checkpoint(database, key, proofToken)))

    @router.get(
        "/api/v1/checkpoints/{proofToken}/proof",
        summary="The proof file of a checkpoint",
        tags=["Checkpoints"],
        **described(
            "getCheckpointProof",
            ProofFileResponse,
            {**PROOF_EXAMPLE, "kind": "period"},
            problems=(
                "unknown_checkpoint",
                "not_sealed_yet",
                "span_not_closed",
                "period_too_large",
                "overloaded",
            ),
        ),
    )
    async def proof(
        key: Reader,
        proofToken: str,  # noqa: N803
        deltas: Annotated[
            str | None,
            Query(
                description=f"Put all deltas of the range in, as much of each as this says: {HOW_TO_SHOW}.",
                json_schema_extra=SHOWING_SCHEMA,
            ),
        ] = None,
    ) -> Response:
        """Check it without asking us: `anchor verify FILE --rpc URL`."""

        shown = None if deltas is None else showing(deltas, "deltas")

        def made() -> Response:
            view = readable_checkpoint(database, key, proofToken)
            with database.read() as connection:
                period = prove_period(
                    connection,
                    log,
                    view.customer_id,
                    view.unit,
                    view.checkpoint.from_index,
                    view.checkpoint.to_index,
                    span=None if view.span is None else (view.span.start, view.span.end),
                    deltas=shown,
                )
            return proof_response(period, proofToken)

        return await (run_in_threadpool(made) if deltas is None else turns.take(made))

    return router


def _create(
    database: Database, log: Log, clock: Clock, key: ApiKey, body: CheckpointRequest
) -> CheckpointView:
    customer_id, unit = require_id(body.customer_id, "/customerId"), require_unit(body.unit, "/unit")
    require_customer(key, customer_id)
    by_index = body.from_index is not None or body.to_index is not None
    by_time = body.period is not None or body.start_date is not None or body.end_date is not None
    if by_index and by_time:
        raise Problem("invalid_value", "Give indices or a time, not both.", field="/fromIndex")
    if by_time:
        span = span_of(body.period, body.start_date, body.end_date)
        return create_span_checkpoint(database, log, clock, customer_id, unit, span)
    for index, field in ((body.from_index, "fromIndex"), (body.to_index, "toIndex")):
        if index is None:
            raise Problem("missing_field", f"{field} is needed, or a period.", field=f"/{field}")
    return create_checkpoint(
        database,
        log,
        clock,
        customer_id,
        unit,
        from_index=body.from_index,
        to_index=body.to_index,
    )
