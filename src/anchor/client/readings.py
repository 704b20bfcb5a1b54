"""Answers that are handed on as they stand, once the members that their readers count on are there."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from anchor.client.members import Digits, Json, Maybe, MemberError, Members, Shape, Whole, require
from anchor.client.values import Checkpoint, Derived, Page, Recorded


def whole(shape: Mapping[str, Shape]) -> Callable[[Members], Json]:
    """Return what reads an answer as it stands. It raises MemberError where it is not of this shape."""

    def reading(answer: Members) -> Json:
        require(answer.answer, shape)
        return answer.answer

    return reading


API_KEY: Final = {
    "id": int,
    "name": str,
    "scopes": [str],
    "createdAt": int,
    "customerId": Maybe(str, left_out=True),
    "revokedAt": Maybe(int, left_out=True),
}
_WEI: Final = Whole(2**256 - 1)
_CHAIN: Final = {
    "name": str,
    "chainId": int,
    "contract": str,
    "anchoredBatch": int,
    "finalBatch": int,
    "lastAnchor": Maybe({"transactionHash": str, "blockNumber": int}),
    "lagMs": int,
    "inFlight": Maybe({"batch": int, "state": str, "attempts": list}),
    "sender": Maybe(str, left_out=True),
    "balance": Maybe(_WEI),
    "gasPrice": Maybe(_WEI),
    "spentLastDay": _WEI,
    "anchorsLastDay": int,
    "anchorsOfUnknownCost": Maybe(int, left_out=True),
    "costPerAnchor": Maybe(_WEI),
    "costPerDelta": Maybe(Digits(80)),
    "daysLeft": Maybe(Decimal),
}
_ALARM: Final = {
    "name": str,
    "chain": str,
    "detail": str,
    "since": int,
    "remedy": str,
    "stopsSending": bool,
}
_OF_BALANCES: Final = {
    "match": bool,
    "discrepancies": [{"explanation": str}],
    "agreeing": [str],
    "record": {"which": str, "balance": Decimal},
}
_OF_LISTS: Final = {
    "match": bool,
    "discrepancies": [
        {
            "kind": str,
            "referenceId": Maybe(str),
            "index": Maybe(int),
            "recordAmount": Maybe(Decimal),
            "listedAmount": Maybe(Decimal),
            "offBy": Decimal,
        }
    ],
    "sides": [
        {
            "side": str,
            "agrees": bool,
            "count": int,
            "total": Decimal,
            "offBy": Decimal,
            "discrepancyCount": int,
            "confirmed": Maybe({"index": int, "balance": Decimal}),
        }
    ],
    "record": {"fromIndex": int, "toIndex": Maybe(int), "deltaCount": int, "total": Decimal},
}

api_key: Final = whole(API_KEY)
new_api_key: Final = whole({"key": str, **API_KEY})
page: Final = whole({"items": list, "next": Maybe(str)})
LEDGER: Final = {
    "ledgerId": str,
    "customerId": str,
    "unit": str,
    "size": int,
    "balance": Decimal,
    "lastRecordedAt": int,
    "sealedSize": int,
}
DELTA: Final = {
    "index": int,
    "delta": Decimal,
    "balance": Decimal,
    "occurredAt": int,
    "recordedAt": int,
    "reason": Maybe(str),
    "referenceId": Maybe(str),
    "fingerprint": str,
    "receiptId": Maybe(str),
    "status": str,
}
BATCH: Final = {
    "number": int,
    "sealedAt": int,
    "anchorRoot": str,
    "deltaCount": int,
    "ledgerCount": int,
    "anchors": [
        {"chain": str, "chainId": int, "contract": str, "blockNumber": int, "blockTime": int, "batch": int}
    ],
}
erased: Final = whole(
    {"erasures": [{"field": str, "commitment": str, "already": bool}], "oldPagesRemoved": bool}
)
verified: Final = whole(
    {
        "id": str,
        "kind": str,
        "valid": Maybe(bool),
        "status": str,
        "summary": str,
        "checks": list,
        "statements": [str],
    }
)
status: Final = whole(
    {
        "deltaCount": int,
        "ledgerCount": int,
        "newestBatch": int,
        "newestSealedAt": Maybe(int),
        "lagMs": int,
        "worker": Maybe(str),
        "chains": [_CHAIN],
        "alarms": [_ALARM],
    }
)


def page_of(answer: Members, item: Shape, cursor: str | None) -> Page[Json]:
    """Read the part of a list that a cursor asked for, whose items are of this shape. Raises MemberError."""
    require(answer.answer, {"items": [item], "next": Maybe(str, left_out=True)})
    items, following = answer.items("items"), answer.text_or_none("next")
    if following is not None and (following == cursor or not items):
        raise MemberError("/next leads on for ever")
    return Page(tuple(items), following)


def compared(answer: Members) -> Json:
    """Read a comparison, of balances or of lists. Raises MemberError."""
    require(answer.answer, _OF_LISTS if "sides" in answer else _OF_BALANCES)
    return answer.answer


def recorded(answer: Members) -> Json:
    """Read what became of a delta. Raises MemberError."""
    Recorded.from_json(answer)
    return answer.answer


def derived(answer: Members) -> Json:
    """Read a balance. Raises MemberError."""
    Derived.from_json(answer)
    return answer.answer


def checkpoint(answer: Members) -> Json:
    """Read a checkpoint. Raises MemberError."""
    Checkpoint.from_json(answer)
    answer.number("netChange")
    return answer.answer
