"""``GET /api/v1/balance/derive/{customerId}``."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from anchor.server.api.access import Access, json_response, require_customer
from anchor.server.api.concurrency import Turns
from anchor.server.api.documentation import described
from anchor.server.api.shaping import derived
from anchor.server.api.values import require_id, require_unit, time_parameter
from anchor.server.ledger.api_keys import ApiKey, Scope
from anchor.server.ledger.clock import Clock
from anchor.server.ledger.deriving import derive
from anchor.server.storage.database import Database
from anchor.wire.problems import Problem
from anchor.wire.responses import DeriveResponse

_EXAMPLE: Final[dict[str, Any]] = {
    "customerId": "acme",
    "unit": "",
    "ledgerId": "0x6b0e8e3f9f0a4a3f4d6f1d0b9c8a7e6f5d4c3b2a19080706f5e4d3c2b1a09f8e",
    "balance": -182,
    "deltaCount": 1,
    "lastVerifiedIndex": 0,
    "pending": {"balance": 0, "deltaCount": 0},
    "recorded": {"balance": -182, "deltaCount": 1},
    "audit": None,
}

AT_ONCE: Final = 2
"""How many logs are added up again at once: each may take seconds."""
WAITING: Final = 32
"""How many may wait for their turn, before more are answered 503."""


def routes(database: Database, clock: Clock, access: Access) -> APIRouter:
    """Return the route over one database; ``clock`` tells which times are still to come."""
    router = APIRouter(tags=["Balances"])
    turns = Turns(AT_ONCE, WAITING)

    @router.get(
        "/api/v1/balance/derive/{customerId:path}",
        summary="Derive a customer's balance",
        **described(
            "derive",
            DeriveResponse,
            _EXAMPLE,
            problems=(
                "unknown_customer",
                "index_out_of_range",
                "invalid_id",
                "invalid_time",
                "time_in_future",
                "overloaded",
            ),
        ),
    )
    async def derive_balance(
        key: Annotated[ApiKey, Depends(access.key(Scope.READ))],
        customerId: Annotated[str, Path(examples=["acme"])],  # noqa: N803
        unit: str = "",
        asOfIndex: Annotated[  # noqa: N803
            int | None,
            Query(ge=0, le=2**63 - 1, description="Count the deltas up to and including this one."),
        ] = None,
        asOfTime: Annotated[  # noqa: N803
            str | None,
            Query(description="Count what was recorded at or before: milliseconds, or an instant."),
        ] = None,
        audit: Annotated[bool, Query(description="Add the log up again; takes longer.")] = False,
    ) -> Response:
        """Verified deltas are counted; what is pending stands beside them."""
        require_customer(key, require_id(customerId, "customerId"))
        require_unit(unit, "unit")
        if asOfIndex is not None and asOfTime is not None:
            raise Problem("invalid_value", "Give an index or a time, not both.", field="asOfTime")
        time = None if asOfTime is None else time_parameter(asOfTime, clock.now_ms(), "asOfTime")
        run = turns.take if audit else run_in_threadpool
        found = await run(
            lambda: derive(database, customerId, unit, as_of_index=asOfIndex, as_of_time=time, audit=audit)
        )
        return json_response(derived(found))

    return router
