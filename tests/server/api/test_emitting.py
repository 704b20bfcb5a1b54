"""Emitting: exact amounts, receipts that are the same for ever, conflicts that show both sides."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from anchor.server.api.emissions import Caller, parse_batch, parse_emission, quotes_of
from anchor.server.ledger.api_keys import Scope
from anchor.server.ledger.model import Emission
from anchor.wire.problems import Problem
from anchor.wire.requests import EmitRequest
from anchor.wire.times import YEAR_2000
from tests.fixtures.service import Service

DELTA = "/api/v1/balance/delta"
BATCH = "/api/v1/balance/delta/batch"
NOW = 1_775_000_000_000
LEAP_SECOND = "2016-12-31T23:59:60Z"
ANYBODY = Caller(1, None, None)


def test_a_delta_is_answered_with_its_receipt(service: Service) -> None:
    answer = service.http.post(
        DELTA,
        json={"customerId": "acme", "delta": -182, "reason": "182 gpu hours", "referenceId": "run-7781"},
    )
    assert answer.status_code == 201
    body = answer.json()
    assert body["status"] == "QUEUED"
    assert body["receiptId"].startswith("rcpt_")
    assert len(body["fingerprint"]) == 66
    assert (body["index"], body["delta"], body["balance"], body["idempotent"]) == (0, -182, -182, False)


def test_the_same_again_gives_the_first_receipt_and_200(service: Service) -> None:
    first = service.emit("acme", "0.1", "r-1", metadata={"b": 1, "a": [1.5]})
    again = service.http.post(
        DELTA,
        content=b'{"referenceId":"r-1","metadata":{"a":[1.50],"b":1.0},"reason":"usage",'
        b'"delta":1e-1,"customerId":"acme"}',
    )
    assert again.status_code == 200
    assert again.json() == {**first, "idempotent": True}
    assert service.stored()[0] == 1


def test_other_content_under_a_reference_is_a_conflict_that_shows_both(service: Service) -> None:
    first = service.emit("acme", -5, "r-1")
    answer = service.http.post(
        DELTA, json={"customerId": "acme", "delta": "-5.5", "reason": "usage", "referenceId": "r-1"}
    )
    assert answer.status_code == 409
    problem = json.loads(answer.content, parse_float=Decimal)
    assert problem["code"] == "reference_conflict"
    assert problem["existing"]["receiptId"] == first["receiptId"]
    assert problem["existing"]["delta"] == -5
    assert problem["offered"]["delta"] == Decimal("-5.5")
    assert service.stored()[0] == 1


def test_one_reference_may_stand_in_two_ledgers(service: Service) -> None:
    receipts = {
        service.emit(customer, 1, "r-1", unit=unit)["receiptId"]
        for customer in ("a", "b")
        for unit in ("", "mile")
    }
    assert len(receipts) == 4


def test_an_idempotency_key_makes_a_retry_safe_without_a_reference(service: Service) -> None:
    body = {"customerId": "acme", "delta": 1, "reason": "usage"}
    headers = {"Idempotency-Key": "k-1"}
    first = service.http.post(DELTA, json=body, headers=headers)
    again = service.http.post(DELTA, json=body, headers=headers)
    other = service.http.post(DELTA, json={**body, "delta": 2}, headers=headers)
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert again.json()["receiptId"] == first.json()["receiptId"]
    assert other.json()["code"] == "idempotency_key_conflict"
    batch = {"deltas": [body, body]}
    first_batch = service.http.post(BATCH, json=batch, headers=headers).json()
    again_batch = service.http.post(BATCH, json=batch, headers=headers).json()
    assert (first_batch["recorded"], again_batch["idempotent"]) == (2, 2)


def test_an_idempotency_key_that_cannot_be_kept_is_refused(service: Service) -> None:
    answer = service.http.post(
        DELTA, json={"customerId": "a", "delta": 1}, headers={"Idempotency-Key": "k" * 201}
    )
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")


def test_a_second_idempotency_key_is_refused(service: Service) -> None:
    headers = [("X-Api-Key", service.http.key), ("Idempotency-Key", "k-1"), ("Idempotency-Key", "k-2")]
    before = service.stored()
    answer = service.anybody.post(DELTA, json={"customerId": "a", "delta": 1}, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")
    assert service.stored() == before


def test_the_key_of_a_batch_and_that_of_a_single_delta_are_never_one(service: Service) -> None:
    body = {"customerId": "acme", "delta": 1, "reason": "usage"}
    for key in ("k#0", "k%1f0", "k0"):
        assert service.http.post(DELTA, json=body, headers={"Idempotency-Key": key}).status_code == 201
    batch = service.http.post(BATCH, json={"deltas": [body]}, headers={"Idempotency-Key": "k"}).json()
    assert (batch["recorded"], batch["idempotent"]) == (1, 0)


def test_a_correction_names_what_it_corrects(service: Service) -> None:
    first = service.emit("acme", -182, "run-1")
    service.emit("acme", 12, "fix-1", adjusts={"referenceId": "run-1"})
    ledger = service.http.get(f"/api/v1/ledgers/{first['ledgerId']}/deltas").json()["items"]
    assert ledger[1]["adjusts"] == first["fingerprint"]
    assert ledger[1]["balance"] == -170


def test_amounts_come_back_with_all_their_digits(service: Service) -> None:
    tiny = service.http.post(DELTA, content=b'{"customerId":"acme","delta":0.000000000000000001}')
    assert b'"delta":0.000000000000000001,' in tiny.content
    large = service.http.post(
        DELTA, content=b'{"customerId":"acme","delta":170141183460469231731.687303715884105727}'
    )
    assert b'"delta":170141183460469231731.687303715884105727,' in large.content
    assert b'"balance":170141183460469231731.687303715884105728,' in large.content
    for text, shown in ((b"1e2", b"100"), (b"-0", b"0"), (b"-1.50", b"-1.5"), (b'"007.10"', b"7.1")):
        answer = service.http.post(DELTA, content=b'{"customerId":"b","delta":' + text + b"}")
        assert b'"delta":' + shown + b"," in answer.content


def test_texts_come_back_as_they_were_sent(service: Service) -> None:
    reason = 'café\u0301 \N{GRINNING FACE}\n"quoted" \\ud800'
    answer = service.http.post(
        DELTA, json={"customerId": "acme/ü ../x", "delta": 1, "reason": reason, "referenceId": "a+b/é"}
    )
    assert answer.status_code == 201
    receipt = service.http.get(f"/api/v1/receipts/{answer.json()['receiptId']}").json()
    assert receipt["delta"]["reason"] == reason
    assert receipt["customerId"] == "acme/ü ../x"
    assert service.http.get("/api/v1/balance/derive/acme%2F%C3%BC%20..%2Fx").json()["recorded"] == {
        "balance": 1,
        "deltaCount": 1,
    }


def test_null_is_as_good_as_nothing(service: Service) -> None:
    first = service.http.post(DELTA, json={"customerId": "a", "delta": 1, "referenceId": "r"})
    again = service.http.post(
        DELTA,
        json={
            "customerId": "a",
            "delta": 1,
            "referenceId": "r",
            "reason": None,
            "unit": None,
            "metadata": None,
            "metadataNumbers": None,
            "occurredAt": None,
            "adjusts": None,
        },
    )
    assert (first.status_code, again.status_code) == (201, 200)


def test_a_time_is_cut_to_the_millisecond_and_the_answer_says_so(service: Service) -> None:
    body = {
        "customerId": "a",
        "delta": 1,
        "referenceId": "r",
        "occurredAt": "2026-03-01 09:30:00.123456789+0100",
    }
    first = service.http.post(DELTA, json=body).json()
    assert first["notes"] == [
        {
            "field": "/occurredAt",
            "code": "cut_to_millisecond",
            "detail": "Kept to the millisecond: 2026-03-01T08:30:00.123Z.",
        }
    ]
    again = service.http.post(DELTA, json={**body, "occurredAt": "2026-03-01T08:30:00.123Z"})
    assert (again.status_code, "notes" in again.json()) == (200, False)
    leap = service.http.post(
        BATCH, json={"deltas": [{**body, "referenceId": "l", "occurredAt": LEAP_SECOND}, body]}
    )
    assert [result["notes"][0]["code"] for result in leap.json()["results"]] == [
        "leap_second",
        "cut_to_millisecond",
    ]


def test_a_number_that_is_a_time_may_come_as_text_too(service: Service) -> None:
    body = {"customerId": "a", "delta": 1, "referenceId": "r", "occurredAt": 1_772_000_000_000}
    assert service.http.post(DELTA, json=body).status_code == 201
    assert service.http.post(DELTA, json={**body, "occurredAt": "1772000000000"}).status_code == 200
    assert service.http.post(DELTA, json={**body, "occurredAt": "2026-02-25T06:13:20Z"}).status_code == 200


def test_an_instant_as_text_is_never_suspected(service: Service) -> None:
    body = {"customerId": "a", "delta": 1, "occurredAt": "1970-01-21T15:08:20Z"}
    assert service.http.post(DELTA, json=body).status_code == 201


def test_64_bit_ids_in_metadata_are_carried_as_text_on_request_and_else_refused(service: Service) -> None:
    text = b'{"customerId":"a","delta":1,"referenceId":"r",'
    text += b'"metadata":{"trace":18446744073709551615,"n":[7,1e400]}'
    refused = service.http.post(DELTA, content=text + b"}")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_metadata")
    assert "metadataNumbers" in refused.json()["detail"]
    kept = service.http.post(DELTA, content=text + b',"metadataNumbers":"text"}')
    assert kept.status_code == 201
    shown = service.http.get(f"/api/v1/receipts/{kept.json()['receiptId']}").json()["delta"]["metadata"]
    assert shown == {"trace": "18446744073709551615", "n": [7, "1e400"]}


def test_a_byte_order_mark_before_a_body_is_no_part_of_it(service: Service) -> None:
    body = b'\xef\xbb\xbf{"customerId":"a","delta":1,"referenceId":"r"}'
    assert service.http.post(DELTA, content=body).status_code == 201
    assert (
        service.http.post(BATCH, content=b'\xef\xbb\xbf{"deltas":[' + body[3:] + b"]}").json()["idempotent"]
        == 1
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("compare", {"yourBalance": None, "counterpartyBalance": 1, "unit": None, "asOfIndex": None}),
        ("compare", {"yourDeltas": [{"amount": 1, "referenceId": "r"}], "unit": None, "yourBalance": None}),
        ("checkpoint", {"fromIndex": 0, "toIndex": 0, "unit": None, "period": None, "startDate": None}),
        ("compare/blocks", {"kind": "entries", "height": 0, "stop": 1, "unit": None}),
        ("compare/cells", {"salt": "A" * 22 + "==", "level": 1, "unit": None, "start": None, "size": None}),
    ],
)
def test_null_is_not_given_for_every_optional_field(
    service: Service, path: str, body: dict[str, Any]
) -> None:
    service.emit("acme", 1, "r")
    answer = service.http.post(f"/api/v1/balance/{path}", json={"customerId": "acme", **body})
    assert answer.status_code in (200, 201), answer.text


def test_a_batch_has_a_result_for_each_in_order(service: Service) -> None:
    items: list[Any] = [
        {"customerId": "a", "delta": 1, "referenceId": "r-1"},
        {"customerId": "a", "delta": "x"},
        {"customerId": "a", "delta": 1, "referenceId": "r-1"},
        {"customerId": "a", "delta": 2, "referenceId": "r-1"},
        7,
        {"customerId": "b", "delta": "2.5"},
    ]
    answer = service.http.post(BATCH, json={"deltas": items})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["recorded"], body["idempotent"], body["refused"]) == (2, 1, 3)
    recorded, bad, again, conflict, no_object, other = body["results"]
    assert again == {**recorded, "idempotent": True}
    assert bad["problem"]["code"] == "amount_not_a_number"
    assert conflict["problem"]["code"] == "reference_conflict"
    assert no_object["problem"]["code"] == "wrong_type"
    assert other["balance"] == 2.5


def test_a_key_for_one_customer_writes_for_no_other(service: Service) -> None:
    writer = service.with_key(Scope.WRITE, customer_id="acme")
    assert writer.post(DELTA, json={"customerId": "acme", "delta": 1}).status_code == 201
    service.emit("known", 1)
    answers = [writer.post(DELTA, json={"customerId": other, "delta": 1}) for other in ("known", "new")]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].content == answers[1].content
    batch = writer.post(
        BATCH, json={"deltas": [{"customerId": "acme", "delta": 1}, {"customerId": "x", "delta": 1}]}
    )
    assert [("problem" in result) for result in batch.json()["results"]] == [False, True]


# The count of quotation marks stands for the search for keys given twice, so it must be right.

names = st.text(
    st.characters(codec="utf-8", exclude_characters='"\\', exclude_categories=["Cc", "Cs", "Zl", "Zp"]),
    min_size=1,
    max_size=20,
)
optional = st.fixed_dictionaries(
    {"customerId": names, "delta": st.one_of(st.integers(-(10**20), 10**20), st.just("1.5"))},
    optional={
        "reason": st.one_of(st.none(), st.just(""), names),
        "referenceId": st.one_of(st.none(), names),
        "unit": st.one_of(st.none(), st.just(""), names),
        "metadataNumbers": st.sampled_from([None, "exact", "text"]),
        "metadata": st.one_of(st.none(), st.dictionaries(names, st.one_of(names, st.none()), max_size=3)),
        "occurredAt": st.one_of(st.none(), st.integers(YEAR_2000, NOW), st.just("2026-01-01T00:00:00Z")),
        "adjusts": st.one_of(st.none(), st.fixed_dictionaries({"referenceId": names})),
    },
)


@given(optional)
def test_every_quotation_mark_of_an_item_is_accounted_for(item: dict[str, Any]) -> None:
    body = json.dumps(item, ensure_ascii=False).encode()
    try:
        parse_emission(body, ANYBODY, NOW)
    except Problem as problem:
        assume("invalid_id" not in str(problem))
    assert body.count(b'"') == quotes_of(msgspec.json.decode(body, type=EmitRequest))
    assert isinstance(parse_emission(body, ANYBODY, NOW), Emission)
    assert parse_batch(b'{"deltas":[' + body + b"]}", ANYBODY, NOW) == [parse_emission(body, ANYBODY, NOW)]
    escaped = json.dumps(item).encode()
    assert parse_emission(escaped, ANYBODY, NOW) == parse_emission(body, ANYBODY, NOW)


@given(optional, st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_key_given_twice_is_always_seen(item: dict[str, Any], data: st.DataObject) -> None:
    pairs = [
        json.dumps(name, ensure_ascii=False) + ":" + json.dumps(value, ensure_ascii=False)
        for name, value in item.items()
    ]
    twice = data.draw(st.sampled_from(pairs))
    pairs.insert(data.draw(st.integers(0, len(pairs))), twice)
    body = ("{" + ",".join(pairs) + "}").encode()
    with pytest.raises(Problem) as raised:
        parse_emission(body, ANYBODY, NOW)
    assert raised.value.kind.code == "duplicate_key"
    (refused,) = parse_batch(b'{"deltas":[' + body + b"]}", ANYBODY, NOW)
    assert isinstance(refused, Problem)
    assert refused.kind.code == "duplicate_key"


@given(st.binary(max_size=200))
def test_no_body_makes_the_parser_fall(body: bytes) -> None:
    for parse in (parse_emission, parse_batch):
        with suppress(Problem):
            parse(body, ANYBODY, NOW)
