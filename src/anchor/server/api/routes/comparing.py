"""``POST /api/v1/balance/compare``: two sides' balances, or lists, against the record."""

from collections.abc import Iterable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from anchor.compare.books import Entry
from anchor.compare.lists import Side
from anchor.server.api.access import Access, body_as, json_response, require_customer
from anchor.server.api.concurrency import Turns
from anchor.server.api.documentation import described
from anchor.server.api.values import amount_units, balance_units, is_given, require_id, require_unit, span_of
from anchor.server.ledger.api_keys import ApiKey, Scope
from anchor.server.ledger.comparing import compare_balances_with_record, compare_deltas_with_record
from anchor.server.ledger.periods import Span
from anchor.server.storage.database import Database
from anchor.wire.comparing import CompareResponse, compared_balances, compared_deltas
from anchor.wire.problems import Problem
from anchor.wire.requests import CompareRequest, EntryRequest

_EXAMPLES: Final = {
    "balances": {
        "summary": "Two balances",
        "value": {"customerId": "acme", "yourBalance": -182, "counterpartyBalance": -150},
    },
    "lists": {
        "summary": "Two lists of deltas",
        "value": {
            "customerId": "acme",
            "yourDeltas": [{"referenceId": "run-7781", "amount": -182}],
            "counterpartyDeltas": [{"referenceId": "run-7781", "amount": "-150"}],
        },
    },
}
_ANSWER: Final = {
    "compared": "balances",
    "match": False,
    "discrepancies": [
        {
            "side": "counterparty",
            "balance": -150,
            "recordBalance": -182,
            "offBy": 32,
            "behind": None,
            "candidates": [],
            "candidateCount": 0,
            "explanation": "The counterparty's balance is 32 above the record's. No single delta and no "
            "earlier balance of the record explains it.",
        }
    ],
    "agreeing": ["yours"],
    "sidesAgree": False,
    "record": {
        "balance": -182,
        "which": "recorded",
        "asOfIndex": 0,
        "recorded": {"balance": -182, "deltaCount": 1},
        "verified": {"balance": 0, "deltaCount": 0},
    },
    "searchedFrom": 0,
}
_PROBLEMS: Final = (
    "unknown_customer",
    "index_out_of_range",
    "range_reversed",
    "range_too_long",
    "amount_not_a_number",
    "amount_too_precise",
    "amount_out_of_range",
    "invalid_period",
    "missing_field",
    "duplicate_key",
    "body_too_large",
    "body_too_slow",
    "overloaded",
)

LONGEST_RECORD: Final = 250_000
"""Deltas of the record that lists are compared with: ten times as many as a body has room for."""
AT_ONCE: Final = 2
"""How many comparisons of lists compute at once."""
WAITING: Final = 32
"""How many may wait for their turn, before more are answered 503."""


def routes(database: Database, access: Access) -> APIRouter:
    """Return the route over one database."""
    router = APIRouter(tags=["Balances"])
    turns = Turns(AT_ONCE, WAITING)

    @router.post(
        "/api/v1/balance/compare",
        summary="Compare balances, or lists of deltas, with the record",
        **described(
            "compare",
            CompareResponse,
            _ANSWER,
            body=CompareRequest,
            body_examples=_EXAMPLES,
            problems=_PROBLEMS,
        ),
    )
    async def compare(
        key: Annotated[ApiKey, Depends(access.key(Scope.READ))],
        body: Annotated[Any, Depends(body_as(CompareRequest))],
    ) -> Response:
        # Lists take the time and the memory that the ledger has deltas.
        of_lists = body.your_deltas is not None or body.counterparty_deltas is not None
        run = turns.take if of_lists else run_in_threadpool
        return json_response(await run(lambda: _compare(database, key, body)))

    return router


def _compare(database: Database, key: ApiKey, body: CompareRequest) -> CompareResponse:
    customer_id, unit = require_id(body.customer_id, "/customerId"), require_unit(body.unit, "/unit")
    require_customer(key, customer_id)
    figures = {
        side: balance_units(figure, field)
        for side, figure, field in (
            (Side.YOURS, body.your_balance, "/yourBalance"),
            (Side.COUNTERPARTY, body.counterparty_balance, "/counterpartyBalance"),
        )
        if is_given(figure)
    }
    lists: dict[Side, Iterable[Entry]] = {
        side: _entries(entries, field)
        for side, entries, field in (
            (Side.YOURS, body.your_deltas, "/yourDeltas"),
            (Side.COUNTERPARTY, body.counterparty_deltas, "/counterpartyDeltas"),
        )
        if entries is not None
    }
    if figures and lists:
        raise Problem("invalid_value", "Send balances or lists, not both.", field="/yourBalance")
    if figures:
        _refuse(body, "balances", "from_index", "to_index", "period", "start_date", "end_date")
        return compared_balances(
            compare_balances_with_record(database, customer_id, unit, figures, as_of_index=body.as_of_index)
        )
    if not lists:
        raise Problem("missing_field", "A balance, or a list of deltas, is needed.", field="/yourBalance")
    _refuse(body, "lists", "as_of_index")
    span = _span(body)
    if span is not None:
        _refuse(body, "a period", "from_index", "to_index")
    return compared_deltas(
        compare_deltas_with_record(
            database,
            customer_id,
            unit,
            lists,
            from_index=body.from_index,
            to_index=body.to_index,
            span=span,
            most=LONGEST_RECORD,
        )
    )


def _entries(entries: list[EntryRequest], field: str) -> list[Entry]:
    return [
        Entry(
            None
            if entry.reference_id is None
            else require_id(entry.reference_id, f"{field}/{place}/referenceId"),
            amount_units(entry.amount, f"{field}/{place}/amount"),
        )
        for place, entry in enumerate(entries)
    ]


def _span(body: CompareRequest) -> Span | None:
    if body.period is None and body.start_date is None and body.end_date is None:
        return None
    return span_of(body.period, body.start_date, body.end_date)


def _refuse(body: CompareRequest, beside: str, *fields: str) -> None:
    """Raise Problem where one of these fields was sent: it means nothing beside the others."""
    for name in fields:
        if getattr(body, name) is not None:
            field = (
                "/" + CompareRequest.__struct_encode_fields__[CompareRequest.__struct_fields__.index(name)]
            )
            raise Problem("invalid_value", f"It means nothing beside {beside}.", field=field)
