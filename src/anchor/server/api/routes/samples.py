"""Sampled audits: the proof of a period, and of some of its deltas that the anchoring block draws."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from anchor.server.api.access import Access, require_customer
from anchor.server.api.concurrency import Turns
from anchor.server.api.documentation import described
from anchor.server.api.proof_responses import PROOF_EXAMPLE
from anchor.server.api.values import require_id, require_unit
from anchor.server.ledger.api_keys import ApiKey, Scope
from anchor.server.ledger.model import Log
from anchor.server.ledger.sampling import make_sample
from anchor.server.storage.database import Database
from anchor.verify.sampling import FORMAT, LARGEST_SAMPLE, VERSION
from anchor.wire.responses import SampleFileResponse

AT_ONCE: Final = 2
"""A sample of a thousand deltas has a thousand paths to read."""
WAITING: Final = 8
_EXAMPLE: Final[dict[str, Any]] = {
    "format": FORMAT,
    "version": VERSION,
    "period": {**PROOF_EXAMPLE, "kind": "period"},
    "before": None,
    "deltas": [PROOF_EXAMPLE],
}


def routes(database: Database, log: Log, access: Access) -> APIRouter:
    """Return the routes over one database."""
    router = APIRouter(tags=["Proofs"])
    turns = Turns(AT_ONCE, WAITING)
    Reader = Annotated[ApiKey, Depends(access.key(Scope.READ))]  # noqa: N806
    Index = Annotated[int, Query(ge=0, le=2**63 - 1)]  # noqa: N806

    @router.get(
        "/api/v1/proofs/sample",
        summary="Draw a sample of a period",
        **described(
            "getSample",
            SampleFileResponse,
            _EXAMPLE,
            problems=(
                "unknown_customer",
                "index_out_of_range",
                "range_reversed",
                "not_anchored",
                "invalid_id",
                "invalid_value",
                "sample_unsound",
                "overloaded",
            ),
        ),
    )
    async def sample(
        key: Reader,
        customerId: str,  # noqa: N803
        fromIndex: Index,  # noqa: N803
        toIndex: Index,  # noqa: N803
        unit: str = "",
        count: Annotated[int, Query(ge=1, le=LARGEST_SAMPLE, description="How many deltas.")] = 59,
        chainId: Annotated[  # noqa: N803
            int | None,
            Query(ge=1, le=2**63 - 1, description="The chain whose block draws; else the primary."),
        ] = None,
    ) -> Response:
        """Both ends are included. The hash of the first block that holds the period draws: nobody can choose.

        Check it without asking us: `anchor verify FILE --rpc URL`.
        """
        require_id(customerId, "customerId")
        require_unit(unit, "unit")
        require_customer(key, customerId)

        def made() -> Response:
            drawn = make_sample(database, log, chainId, customerId, unit, fromIndex, toIndex, count)
            headers = {"content-disposition": f'attachment; filename="{fromIndex}-{toIndex}.sample.json"'}
            return Response(drawn.file, media_type="application/json", headers=headers)

        return await turns.take(made)

    return router
