"""Every bad question, comparison, checkpoint and key is a clear 4xx, and nothing is stored."""

from typing import Any

import pytest

from tests.fixtures.service import Service
from tests.server.api.problem_documents import assert_problem

COMPARE = "/api/v1/balance/compare"
CHECKPOINT = "/api/v1/balance/checkpoint"

BAD_COMPARES: list[tuple[str, dict[str, Any], int, str, str | None]] = [
    ("nothing to compare", {"customerId": "acme"}, 422, "missing_field", "/yourBalance"),
    ("unknown customer", {"customerId": "nobody", "yourBalance": 1}, 404, "unknown_customer", "/customerId"),
    (
        "unknown unit",
        {"customerId": "acme", "unit": "x", "yourBalance": 1},
        404,
        "unknown_customer",
        "/customerId",
    ),
    ("true", {"customerId": "acme", "yourBalance": True}, 422, "wrong_type", "/yourBalance"),
    ("null", {"customerId": "acme", "yourBalance": None}, 422, "missing_field", "/yourBalance"),
    ("no number", {"customerId": "acme", "yourBalance": "x"}, 422, "amount_not_a_number", "/yourBalance"),
    (
        "too precise",
        {"customerId": "acme", "counterpartyBalance": "1e-19"},
        422,
        "amount_too_precise",
        "/counterpartyBalance",
    ),
    (
        "past the end",
        {"customerId": "acme", "yourBalance": 1, "asOfIndex": 9},
        422,
        "index_out_of_range",
        "/asOfIndex",
    ),
    (
        "both ways",
        {"customerId": "acme", "yourBalance": 1, "yourDeltas": []},
        422,
        "invalid_value",
        "/yourBalance",
    ),
    (
        "a range beside balances",
        {"customerId": "acme", "yourBalance": 1, "fromIndex": 0},
        422,
        "invalid_value",
        "/fromIndex",
    ),
    (
        "a range reversed",
        {"customerId": "acme", "yourDeltas": [], "fromIndex": 1, "toIndex": 0},
        422,
        "range_reversed",
        "/toIndex",
    ),
    (
        "a range past the end",
        {"customerId": "acme", "yourDeltas": [], "fromIndex": 0, "toIndex": 9},
        422,
        "index_out_of_range",
        "/toIndex",
    ),
    (
        "a bad entry",
        {"customerId": "acme", "yourDeltas": [{"amount": 1}, {"amount": "x"}]},
        422,
        "amount_not_a_number",
        "/yourDeltas/1/amount",
    ),
    (
        "a bad period",
        {"customerId": "acme", "yourDeltas": [], "period": "2026-13"},
        422,
        "invalid_period",
        "/period",
    ),
]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [case[1:] for case in BAD_COMPARES],
    ids=[case[0] for case in BAD_COMPARES],
)
def test_a_bad_comparison_is_refused(
    service: Service, body: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    service.emit("acme", 1, "a")
    service.emit("acme", 2, "b")
    answer = service.http.post(COMPARE, json=body)
    assert_problem(answer, status, code)
    assert answer.json().get("field") == field


BAD_CHECKPOINTS: list[tuple[str, dict[str, Any], int, str, str | None]] = [
    ("no range", {"customerId": "acme"}, 422, "missing_field", "/fromIndex"),
    ("half a range", {"customerId": "acme", "fromIndex": 0}, 422, "missing_field", "/toIndex"),
    ("reversed", {"customerId": "acme", "fromIndex": 1, "toIndex": 0}, 422, "range_reversed", "/toIndex"),
    (
        "past the end",
        {"customerId": "acme", "fromIndex": 0, "toIndex": 2},
        422,
        "index_out_of_range",
        "/toIndex",
    ),
    (
        "all past the end",
        {"customerId": "acme", "fromIndex": 7, "toIndex": 9},
        422,
        "index_out_of_range",
        "/fromIndex",
    ),
    ("below zero", {"customerId": "acme", "fromIndex": -1, "toIndex": 0}, 422, "invalid_value", "/fromIndex"),
    (
        "beyond 64 bits",
        {"customerId": "acme", "fromIndex": 0, "toIndex": 2**64},
        422,
        "invalid_value",
        "/toIndex",
    ),
    ("a text", {"customerId": "acme", "fromIndex": "0", "toIndex": 0}, 422, "wrong_type", "/fromIndex"),
    (
        "unknown customer",
        {"customerId": "nobody", "fromIndex": 0, "toIndex": 0},
        404,
        "unknown_customer",
        "/customerId",
    ),
    (
        "both ways",
        {"customerId": "acme", "fromIndex": 0, "toIndex": 0, "period": "2026"},
        422,
        "invalid_value",
        "/fromIndex",
    ),
    ("a bad period", {"customerId": "acme", "period": "April"}, 422, "invalid_period", "/period"),
    ("half a span", {"customerId": "acme", "startDate": "2026-01-01"}, 422, "invalid_period", "/endDate"),
    (
        "a span reversed",
        {"customerId": "acme", "startDate": "2026-02-01", "endDate": "2026-01-01"},
        422,
        "invalid_period",
        "/endDate",
    ),
    ("a span that is not over", {"customerId": "acme", "period": "2027"}, 422, "span_not_over", None),
    ("a span without a delta", {"customerId": "acme", "period": "2025"}, 422, "span_empty", None),
]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [case[1:] for case in BAD_CHECKPOINTS],
    ids=[case[0] for case in BAD_CHECKPOINTS],
)
def test_a_bad_checkpoint_is_refused_and_nothing_is_stored(
    service: Service, body: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    service.emit("acme", 1, "a")
    service.emit("acme", 2, "b")
    before = service.stored()
    answer = service.http.post(CHECKPOINT, json=body)
    assert_problem(answer, status, code)
    assert answer.json().get("field") == field
    assert service.stored() == before


BAD_QUERIES: list[tuple[str, int, str, str | None]] = [
    ("/api/v1/balance/derive/nobody", 404, "unknown_customer", "customerId"),
    ("/api/v1/balance/derive/acme?unit=gpu", 404, "unknown_customer", "customerId"),
    ("/api/v1/balance/derive/" + "c" * 300, 422, "invalid_id", "customerId"),
    ("/api/v1/balance/derive/a%00b", 422, "invalid_id", "customerId"),
    ("/api/v1/balance/derive/acme?asOfIndex=2", 422, "index_out_of_range", "asOfIndex"),
    ("/api/v1/balance/derive/acme?asOfIndex=-1", 422, "invalid_value", "asOfIndex"),
    ("/api/v1/balance/derive/acme?asOfIndex=x", 422, "invalid_value", "asOfIndex"),
    ("/api/v1/balance/derive/acme?asOfTime=noon", 422, "invalid_time", "asOfTime"),
    ("/api/v1/balance/derive/acme?asOfTime=-5", 422, "invalid_time", "asOfTime"),
    ("/api/v1/balance/derive/acme?asOfTime=1772000000", 422, "time_unit_suspected", "asOfTime"),
    ("/api/v1/balance/derive/acme?asOfTime=2999-01-01", 422, "time_in_future", "asOfTime"),
    ("/api/v1/balance/derive/acme?asOfTime=32472144000000", 422, "time_in_future", "asOfTime"),
    ("/api/v1/balance/derive/acme?asOfIndex=0&asOfTime=1", 422, "invalid_value", "asOfTime"),
    ("/api/v1/balance/derive/acme?asofindex=0", 422, "unknown_field", "asofindex"),
    ("/api/v1/balance/derive/acme?unit=a&unit=b", 422, "invalid_value", "unit"),
    ("/api/v1/receipts/rcpt_" + "a" * 26, 404, "unknown_receipt", None),
    ("/api/v1/receipts/rcpt_short/proof", 404, "unknown_receipt", None),
    ("/api/v1/ledgers/0x12", 422, "invalid_value", "ledgerId"),
    ("/api/v1/ledgers/0x" + "00" * 32 + "/deltas", 404, "unknown_ledger", None),
    ("/api/v1/ledgers?limit=0", 422, "invalid_value", "limit"),
    ("/api/v1/ledgers?limit=1001", 422, "invalid_value", "limit"),
    ("/api/v1/ledgers?cursor=x", 422, "invalid_value", "cursor"),
    ("/api/v1/ledgers?cursor=" + "9" * 40, 422, "invalid_value", "cursor"),
    ("/api/v1/batches/1", 404, "unknown_batch", "number"),
    ("/api/v1/batches/one", 422, "invalid_value", "number"),
    ("/api/v1/checkpoints/ckpt_none", 404, "unknown_checkpoint", None),
    ("/api/v1/checkpoints?customerId=nobody", 404, "unknown_customer", "customerId"),
    ("/api/v1/checkpoints", 422, "missing_field", "customerId"),
    ("/api/v1/nothing", 404, "no_such_route", None),
    ("/api/v1/ledgers/", 404, "no_such_route", None),
    ("/api/v1/verify/..%2f", 404, "no_such_route", None),
    ("/api/v1/balance/delta", 405, "method_not_allowed", None),
    ("/api/v1/verify/acme", 422, "wrong_kind_of_id", "id"),
    ("/api/v1/verify/ckpt_" + "a" * 26, 404, "unknown_proof", "id"),
    ("/api/v1/verify/rcpt_" + "a" * 26, 404, "unknown_proof", "id"),
    ("/api/v1/verify/0x" + "ab" * 32, 404, "unknown_proof", "id"),
    ("/api/v1/verify/0x" + "AB" * 32, 422, "wrong_kind_of_id", "id"),
    ("/api/v1/verify/rcpt_" + "a" * 26 + "?source=moon", 422, "invalid_value", "source"),
]


@pytest.mark.parametrize(
    ("url", "status", "code", "field"), BAD_QUERIES, ids=[case[0][:60] for case in BAD_QUERIES]
)
def test_a_bad_question_is_refused(
    service: Service, url: str, status: int, code: str, field: str | None
) -> None:
    service.emit("acme", 1, "a")
    service.emit("acme", 2, "b")
    answer = service.http.get(url)
    assert_problem(answer, status, code)
    assert answer.json().get("field") == field


@pytest.mark.parametrize(
    ("url", "field"),
    [
        ("/api/v1/balance/derive/%ff", "path"),
        ("/api/v1/balance/derive/%ed%a0%80", "path"),
        ("/api/v1/balance/derive/a%c3", "path"),
        ("/api/v1/balance/derive/acme?unit=%ff", "unit"),
        ("/api/v1/balance/derive/acme?unit=&asOfIndex=%c3%28", "asOfIndex"),
        ("/api/v1/balance/derive/acme?%ff=1", "query"),
        ("/api/v1/checkpoints?customerId=%ed%a0%80", "customerId"),
        ("/api/v1/nothing/%ff", "path"),
    ],
)
def test_an_address_that_is_not_utf8_asks_for_nothing(service: Service, url: str, field: str) -> None:
    # With U+FFFD in the place of what cannot be read, these would be questions about another customer.
    service.emit("\ufffd", 1, "a")
    service.emit("a\ufffd", 1, "b")
    service.emit("acme", 1, "c", unit="\ufffd")
    answer = service.http.get(url)
    assert_problem(answer, 422, "invalid_id")
    assert answer.json()["field"] == field
    assert service.http.get("/api/v1/balance/derive/%ef%bf%bd").json()["deltaCount"] == 0


def test_a_time_a_little_ahead_counts_all_that_is_recorded(service: Service) -> None:
    service.emit("acme", 1, "a")
    day = 24 * 60 * 60 * 1000
    now = service.clock.now_ms()
    counted = service.http.get(f"/api/v1/balance/derive/acme?asOfTime={now + day}").json()
    assert counted["recorded"]["deltaCount"] == 1
    answer = service.http.get(f"/api/v1/balance/derive/acme?asOfTime={now + day + 1}")
    assert_problem(answer, 422, "time_in_future")
    assert "24 hours" in answer.json()["detail"]


def test_a_figure_alone_agrees_with_no_other_side(service: Service) -> None:
    service.emit("acme", 1, "a")
    alone = service.http.post(COMPARE, json={"customerId": "acme", "yourBalance": 1}).json()
    assert (alone["match"], alone["sidesAgree"]) == (True, None)
    both = {"customerId": "acme", "yourBalance": 5, "counterpartyBalance": 5}
    assert service.http.post(COMPARE, json=both).json()["sidesAgree"] is True


def test_an_id_of_another_kind_is_told_which_kinds_are_taken(service: Service) -> None:
    receipt = service.emit("acme", 1, "a")
    ledger = service.http.get("/api/v1/ledgers").json()["items"][0]["ledgerId"]
    checkpoint = service.http.post(
        CHECKPOINT, json={"customerId": "acme", "fromIndex": 0, "toIndex": 0}
    ).json()
    key = service.http.post("/api/v1/keys", json={"name": "auditor"}).json()
    no_ids = ["acme", str(key["id"]), key["key"], "a", "r-1"]
    for text in (*no_ids, receipt["fingerprint"], ledger, key["key"]):
        answer = service.anybody.get(f"/api/v1/verify/{text}")
        expected = (422, "wrong_kind_of_id") if text in no_ids else (404, "unknown_proof")
        assert_problem(answer, *expected)
        for kind in ("rcpt_", "ckpt_", "proof hash"):
            assert kind in answer.json()["remedy"] + (answer.json().get("detail") or ""), text
    # A hash with its capitals, and without its 0x.
    for text in (checkpoint["proofHash"].upper(), checkpoint["proofHash"][2:]):
        assert_problem(service.anybody.get(f"/api/v1/verify/{text}"), 422, "wrong_kind_of_id")


def test_a_key_that_was_pasted_where_an_id_belongs_is_not_repeated(service: Service) -> None:
    answer = service.anybody.get(f"/api/v1/verify/{service.http.key}")
    assert_problem(answer, 422, "wrong_kind_of_id")
    assert service.http.key not in answer.text


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"name": ""}, "invalid_id", "/name"),
        ({"name": "x", "scopes": []}, "invalid_value", "/scopes"),
        ({"name": "x", "scopes": ["root"]}, "invalid_value", "/scopes/0"),
        ({"name": "x", "scopes": ["admin"], "customerId": "acme"}, "invalid_value", "/scopes"),
        ({"scopes": ["read"]}, "missing_field", "/name"),
    ],
)
def test_a_bad_key_is_not_made(service: Service, body: dict[str, Any], code: str, field: str) -> None:
    before = service.stored()
    answer = service.http.post("/api/v1/keys", json=body)
    assert_problem(answer, 422, code)
    assert answer.json()["field"] == field
    assert service.stored() == before


def test_a_key_that_is_not_there_cannot_be_revoked(service: Service) -> None:
    assert_problem(service.http.delete("/api/v1/keys/99"), 404, "unknown_key")


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        ("compare/cells", {"level": 40}, "Level must be a level from 0 to"),
        (
            "compare",
            {"yourBalance": 1, "asOfIndex": 5},
            "Index 5 is outside the ledger, which holds 1 delta.",
        ),
        (
            "checkpoint",
            {"period": "1950"},
            "'1950' is not accepted: a month from 01 to 12 of a year from 1970",
        ),
        (
            "checkpoint",
            {"endDate": "2026-01-01"},
            "It is not given: startDate and endDate are needed together.",
        ),
        (
            "delta",
            {"delta": 1, "occurredAt": "1950-01-01"},
            "'1950-01-01' is not from 1970 to",
        ),
    ],
)
def test_what_is_said_is_a_sentence_that_tells_what_is_wrong(
    service: Service, path: str, body: dict[str, Any], detail: str
) -> None:
    service.emit("acme", 1)
    more = {"salt": "A" * 22 + "==", "above": None, "size": None} if path == "compare/cells" else {}
    answer = service.http.post(f"/api/v1/balance/{path}", json={"customerId": "acme", **more, **body})
    assert answer.json()["detail"].startswith(detail), answer.text
