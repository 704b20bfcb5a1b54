"""Every bad input is a clear 4xx with a stable code and the place, and nothing is stored."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from anchor.server.ledger.api_keys import Scope
from tests.fixtures.service import Service
from tests.server.api.problem_documents import assert_problem

DELTA = "/api/v1/balance/delta"
BATCH = "/api/v1/balance/delta/batch"


def emit(**changed: Any) -> bytes:
    """Return a good emit's body, with some fields changed."""
    body = {"customerId": "acme", "delta": 1, "reason": "usage", "referenceId": "r-1", **changed}
    return json.dumps(body).encode()


def raw(field: str, token: str) -> bytes:
    """Return a good emit's body with a field given as raw JSON."""
    others = {"customerId": '"acme"', "delta": "1", "reason": '"usage"', field: token}
    return ("{" + ",".join(f'"{name}":{value}' for name, value in others.items()) + "}").encode()


BAD_EMITS: list[tuple[str, bytes, int, str, str | None]] = [
    ("nothing", b"", 400, "not_json", "body"),
    ("blanks", b" \r\n", 400, "not_json", "body"),
    ("no JSON", b"customerId=acme", 400, "not_json", None),
    ("cut off", b'{"customerId":"acme","delta":1', 400, "not_json", None),
    ("more after it", emit() + b"{}", 400, "not_json", None),
    ("not UTF-8", b'{"customerId":"\xff","delta":1}', 400, "not_json", None),
    ("surrogates in UTF-8", b'{"customerId":"\xed\xa0\x80","delta":1}', 400, "not_json", None),
    ("a byte order mark twice", b"\xef\xbb\xbf" * 2 + emit(), 400, "not_json", None),
    ("a raw control character", b'{"customerId":"a\x01b","delta":1}', 400, "not_json", None),
    ("nested without end", b"[" * 200_000, 400, "not_json", None),
    ("metadata nested without end", raw("metadata", "[" * 200_000), 400, "not_json", None),
    ("a list", b"[1]", 422, "wrong_type", None),
    ("a number for an id", emit(customerId=5), 422, "wrong_type", "/customerId"),
    ("null for an id", emit(customerId=None), 422, "wrong_type", "/customerId"),
    ("a list for a reason", emit(reason=[]), 422, "wrong_type", "/reason"),
    ("true for an amount", emit(delta=True), 422, "wrong_type", "/delta"),
    ("null for an amount", emit(delta=None), 422, "wrong_type", "/delta"),
    ("an object for an amount", emit(delta={}), 422, "wrong_type", "/delta"),
    ("a text for adjusts", emit(adjusts="r-0"), 422, "wrong_type", "/adjusts"),
    ("no customer", b'{"delta":1}', 422, "missing_field", "/customerId"),
    ("no amount", b'{"customerId":"acme"}', 422, "missing_field", "/delta"),
    ("an unknown field", emit(currency="EUR"), 422, "unknown_field", "/currency"),
    ("NaN", raw("delta", "NaN"), 400, "not_json", None),
    ("Infinity", raw("delta", "Infinity"), 400, "not_json", None),
    ("-Infinity", raw("delta", "-Infinity"), 400, "not_json", None),
    ("NaN as text", emit(delta="NaN"), 422, "amount_not_a_number", "/delta"),
    ("Infinity as text", emit(delta="Infinity"), 422, "amount_not_a_number", "/delta"),
    ("an empty amount", emit(delta=""), 422, "amount_not_a_number", "/delta"),
    ("an amount with a space", emit(delta=" 1"), 422, "amount_not_a_number", "/delta"),
    ("an amount with an underscore", emit(delta="1_000"), 422, "amount_not_a_number", "/delta"),
    ("an amount in other digits", emit(delta="١"), 422, "amount_not_a_number", "/delta"),
    ("1e400", raw("delta", "1e400"), 422, "amount_out_of_range", "/delta"),
    ("1e999999999", raw("delta", "1e999999999"), 422, "amount_out_of_range", "/delta"),
    ("1e-999999999", raw("delta", "1e-999999999"), 422, "amount_too_precise", "/delta"),
    ("a million digits", raw("delta", "9" * 900_000), 422, "amount_out_of_range", "/delta"),
    ("5,000 fractional digits", emit(delta="0." + "3" * 5_000), 422, "amount_too_precise", "/delta"),
    ("19 fractional digits", raw("delta", "0.0000000000000000001"), 422, "amount_too_precise", "/delta"),
    ("1e-19", raw("delta", "1e-19"), 422, "amount_too_precise", "/delta"),
    (
        "beyond int128",
        raw("delta", "170141183460469231731.687303715884105728"),
        422,
        "amount_out_of_range",
        "/delta",
    ),
    (
        "beyond int128 below zero",
        emit(delta="-170141183460469231731.687303715884105728"),
        422,
        "amount_out_of_range",
        "/delta",
    ),
    ("an empty customer", emit(customerId=""), 422, "invalid_id", "/customerId"),
    ("300 characters of customer", emit(customerId="c" * 300), 422, "invalid_id", "/customerId"),
    ("a control character in a customer", emit(customerId="a\nb"), 422, "invalid_id", "/customerId"),
    ("U+0000 in a customer", emit(customerId="a\0b"), 422, "invalid_id", "/customerId"),
    ("U+0085 in a customer", emit(customerId="a\x85b"), 422, "invalid_id", "/customerId"),
    ("a lone surrogate in a customer", emit(customerId="a\ud800b"), 422, "invalid_id", "/customerId"),
    ("U+200B in a customer", emit(customerId="acme\u200b"), 422, "invalid_id", "/customerId"),
    ("U+FEFF in a customer", emit(customerId="acme\ufeff"), 422, "invalid_id", "/customerId"),
    ("U+00AD in a customer", emit(customerId="ac\xadme"), 422, "invalid_id", "/customerId"),
    ("U+2060 in a customer", emit(customerId="acme\u2060"), 422, "invalid_id", "/customerId"),
    ("U+2800 in a customer", emit(customerId="acme\u2800"), 422, "invalid_id", "/customerId"),
    ("U+3164 in a customer", emit(customerId="\u3164"), 422, "invalid_id", "/customerId"),
    ("U+E0041 in a customer", emit(customerId="acme\U000e0041"), 422, "invalid_id", "/customerId"),
    (
        "an unassigned character in a customer",
        emit(customerId="acme\u0378"),
        422,
        "invalid_id",
        "/customerId",
    ),
    ("U+E000 in a customer", emit(customerId="acme\ue000"), 422, "invalid_id", "/customerId"),
    (
        "a mark without a letter in a customer",
        emit(customerId="\u0301acme"),
        422,
        "invalid_id",
        "/customerId",
    ),
    ("a wide blank in a customer", emit(customerId="ac\u3000me"), 422, "invalid_id", "/customerId"),
    ("a blank before a customer", emit(customerId=" acme"), 422, "invalid_id", "/customerId"),
    ("a blank behind a customer", emit(customerId="acme "), 422, "invalid_id", "/customerId"),
    ("a blank behind a unit", emit(unit="mile "), 422, "invalid_id", "/unit"),
    ("a variation selector in a unit", emit(unit="mile\ufe0f"), 422, "invalid_id", "/unit"),
    ("U+200B in a reference", emit(referenceId="r\u200b"), 422, "invalid_id", "/referenceId"),
    ("an empty reference", emit(referenceId=""), 422, "invalid_id", "/referenceId"),
    ("300 characters of reference", emit(referenceId="r" * 300), 422, "invalid_id", "/referenceId"),
    ("a control character in a reference", emit(referenceId="\x7f"), 422, "invalid_id", "/referenceId"),
    ("a lone surrogate in a reference", emit(referenceId="\udc00"), 422, "invalid_id", "/referenceId"),
    ("300 characters of unit", emit(unit="u" * 300), 422, "invalid_id", "/unit"),
    ("a control character in a unit", emit(unit="a\tb"), 422, "invalid_id", "/unit"),
    ("U+0000 in a reason", emit(reason="a\0b"), 422, "invalid_text", "/reason"),
    ("a lone surrogate in a reason", emit(reason="\ud83d"), 422, "invalid_text", "/reason"),
    ("a reason without end", emit(reason="x" * 1_025), 422, "invalid_text", "/reason"),
    ("metadata over 16 KiB", emit(metadata={"a": "x" * 17_000}), 422, "invalid_metadata", "/metadata"),
    ("metadata that is no object", emit(metadata=[1]), 422, "invalid_metadata", "/metadata"),
    (
        "metadata 17 levels deep",
        raw("metadata", '{"a":' * 17 + "1" + "}" * 17),
        422,
        "invalid_metadata",
        "/metadata" + "/a" * 16,
    ),
    (
        "a number that JCS cannot carry",
        raw("metadata", '{"n":9007199254740993}'),
        422,
        "invalid_metadata",
        "/metadata",
    ),
    ("1e400 in metadata", raw("metadata", '{"n":1e400}'), 422, "invalid_metadata", "/metadata"),
    ("NaN in metadata", raw("metadata", '{"n":NaN}'), 400, "not_json", None),
    ("U+0000 in metadata", emit(metadata={"a": "\0"}), 422, "invalid_metadata", "/metadata/a"),
    ("a lone surrogate in metadata", emit(metadata={"a": "\udfff"}), 422, "invalid_metadata", "/metadata/a"),
    ("a lone surrogate in a key", emit(metadata={"\ud800": 1}), 422, "invalid_metadata", "/metadata"),
    (
        "a key twice in metadata",
        raw("metadata", '{"a":1,"a":1}'),
        422,
        "invalid_metadata",
        "/metadata/a",
    ),
    ("a key twice", b'{"customerId":"a","delta":1,"delta":2}', 400, "duplicate_key", "/delta"),
    ("the same twice", b'{"customerId":"a","customerId":"a","delta":1}', 400, "duplicate_key", "/customerId"),
    (
        "a key twice, once escaped",
        rb'{"customerId":"a","delta":1,"\u0064elta":1}',
        400,
        "duplicate_key",
        "/delta",
    ),
    (
        "a key twice in adjusts",
        b'{"customerId":"a","delta":1,"adjusts":{"referenceId":"x","referenceId":"y"}}',
        400,
        "duplicate_key",
        "/adjusts/referenceId",
    ),
    ("a lone surrogate as a key", rb'{"customerId":"a","delta":1,"\udc00":2}', 422, "unknown_field", None),
    (
        "a key twice deep in metadata, beside an escape",
        raw("metadata", r'{"a":[[1],[{"b":"\n","b":1}]]}'),
        400,
        "duplicate_key",
        "/metadata/a/1/0/b",
    ),
    (
        "two lone surrogates as keys in metadata",
        raw("metadata", r'{"a":{"\ud800":1,"\ud801":1}}'),
        422,
        "invalid_metadata",
        "/metadata",
    ),
    ("a time of long after", emit(occurredAt=9_999_999_999_999), 422, "time_in_future", "/occurredAt"),
    ("a time of next month", emit(occurredAt="2026-05-01T00:00:00Z"), 422, "time_in_future", "/occurredAt"),
    ("a time before 1970", emit(occurredAt=-1), 422, "invalid_time", "/occurredAt"),
    ("a time beyond u64", emit(occurredAt=2**64), 422, "invalid_time", "/occurredAt"),
    ("seconds for a time", emit(occurredAt=1_772_000_000), 422, "time_unit_suspected", "/occurredAt"),
    ("seconds as text", emit(occurredAt="1772000000.5"), 422, "time_unit_suspected", "/occurredAt"),
    ("microseconds", emit(occurredAt=1_772_000_000_000_000), 422, "time_unit_suspected", "/occurredAt"),
    ("nanoseconds", emit(occurredAt=1_772_000_000_000_000_000), 422, "time_unit_suspected", "/occurredAt"),
    ("a day without dashes", emit(occurredAt="20260225"), 422, "time_unit_suspected", "/occurredAt"),
    ("no such treatment", emit(metadataNumbers="float"), 422, "invalid_value", "/metadataNumbers"),
    ("a time with a fraction", emit(occurredAt=1.5), 422, "wrong_type", "/occurredAt"),
    ("a time without an offset", emit(occurredAt="2026-03-01T00:00:00"), 422, "invalid_time", "/occurredAt"),
    ("no time at all", emit(occurredAt="yesterday"), 422, "invalid_time", "/occurredAt"),
    ("adjusts what is not there", emit(adjusts={"referenceId": "r-0"}), 422, "adjusted_delta_missing", None),
    ("over 1 MiB", emit(reason="x" * 1_048_576), 413, "body_too_large", None),
]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"), [case[1:] for case in BAD_EMITS], ids=[case[0] for case in BAD_EMITS]
)
def test_a_bad_emit_is_refused_and_nothing_is_stored(
    service: Service, body: bytes, status: int, code: str, field: str | None
) -> None:
    before = service.stored()
    answer = service.http.post(DELTA, content=body)
    assert_problem(answer, status, code)
    if field is not None:
        assert answer.json()["field"] == field
    assert service.stored() == before


BAD_ITEMS = [case for case in BAD_EMITS if case[2] == 422 or case[3] == "duplicate_key"]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"), [case[1:] for case in BAD_ITEMS], ids=[case[0] for case in BAD_ITEMS]
)
def test_in_a_batch_a_bad_item_fails_alone(
    service: Service, body: bytes, status: int, code: str, field: str | None
) -> None:
    good = emit(customerId="other", referenceId="good-1"), emit(customerId="other", referenceId="good-2")
    answer = service.http.post(BATCH, content=b'{"deltas":[' + good[0] + b"," + body + b"," + good[1] + b"]}")
    assert answer.status_code == 200, answer.text
    first, bad, second = answer.json()["results"]
    assert first["receiptId"] != second["receiptId"]
    assert (bad["problem"]["status"], bad["problem"]["code"]) == (status, code)
    if field is not None:
        assert bad["problem"]["field"] == field
    assert service.stored()[:2] == (2, 1)


BAD_BATCHES: list[tuple[str, bytes, int, str]] = [
    ("no JSON", b"{", 400, "not_json"),
    ("one that is no JSON", b'{"deltas":[' + emit() + b",{]}", 400, "not_json"),
    ("a bare list", b"[" + emit() + b"]", 422, "wrong_type"),
    ("none", b'{"deltas":[]}', 422, "invalid_value"),
    ("1,001", b'{"deltas":[' + b",".join([emit()] * 1_001) + b"]}", 422, "too_many_items"),
    ("1,001 with a bad one", b'{"deltas":[' + b",".join([b"1"] * 1_001) + b"]}", 422, "too_many_items"),
    ("deltas twice", b'{"deltas":[' + emit() + b'],"deltas":[' + emit() + b"]}", 400, "duplicate_key"),
    ("another field", b'{"deltas":[' + emit() + b'],"more":1}', 422, "unknown_field"),
    ("over 10 MiB", b'{"deltas":["' + b"x" * 10_485_760 + b'"]}', 413, "body_too_large"),
]


@pytest.mark.parametrize(
    ("body", "status", "code"), [case[1:] for case in BAD_BATCHES], ids=[case[0] for case in BAD_BATCHES]
)
def test_a_bad_batch_is_refused_as_a_whole(service: Service, body: bytes, status: int, code: str) -> None:
    before = service.stored()
    assert_problem(service.http.post(BATCH, content=body), status, code)
    assert service.stored() == before


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (raw("delta", "1e999999999999"), "is out of range"),
        (raw("metadata", '{"n":1e400}'), "out of its range"),
        (emit(occurredAt=-1), "before 1970"),
        (emit(occurredAt=9_999_999_999_999), "24 hours ahead"),
        (rb'{"customerId":"a","delta":1,"\udc00":2}', "lone surrogate"),
    ],
)
def test_what_is_said_is_what_is_wrong(service: Service, body: bytes, said: str) -> None:
    answer = service.http.post(DELTA, content=body)
    assert said in answer.json()["detail"]
    assert "\\u0000" not in answer.text
    assert "x00" not in answer.text


def test_a_batch_takes_what_is_too_large_for_a_single_delta(service: Service) -> None:
    items = [emit(referenceId=f"r-{n}", reason="x" * 1_024) for n in range(1_000)]
    body = b'{"deltas":[' + b",".join(items) + b"]}"
    assert len(body) > 1_048_576
    assert service.http.post(BATCH, content=body).json()["recorded"] == 1_000


@pytest.mark.parametrize(("route", "limit"), [(DELTA, 1_048_576), (BATCH, 10_485_760)])
def test_a_body_may_be_as_long_as_the_limit_and_not_a_byte_longer(
    service: Service, route: str, limit: int
) -> None:
    item = emit() if route == DELTA else b'{"deltas":[' + emit() + b"]}"
    assert_problem(service.http.post(route, content=item.ljust(limit + 1)), 413, "body_too_large")
    assert service.stored()[0] == 0

    def in_parts() -> Iterator[bytes]:
        yield item.ljust(limit)
        yield b" "

    assert_problem(service.http.post(route, content=in_parts()), 413, "body_too_large")
    assert service.stored()[0] == 0
    assert service.http.post(route, content=item.ljust(limit)).status_code in (200, 201)
    assert service.stored()[0] == 1


def test_a_body_that_is_streamed_is_refused_once_it_is_too_large(service: Service) -> None:
    sent = 0

    def parts() -> Any:
        nonlocal sent
        for _ in range(64):
            sent += 1
            yield b" " * 65_536

    before = service.stored()
    assert_problem(service.http.post(DELTA, content=parts()), 413, "body_too_large")
    assert service.stored() == before


def test_a_body_is_not_read_before_the_key_is_known(service: Service) -> None:
    answer = service.anybody.post(DELTA, content=b"{")
    assert_problem(answer, 401, "key_missing")
    reader = service.with_key(Scope.READ)
    assert_problem(reader.post(DELTA, content=b"{"), 403, "scope_missing")


@pytest.mark.parametrize("path", ["/api/v1/balance/delta", "/api/v1/balance/delta/batch"])
@pytest.mark.parametrize("change", ["?x=1", "/", "?customerId=acme"])
def test_a_good_body_at_an_address_that_is_not_one_stores_nothing(
    service: Service, path: str, change: str
) -> None:
    item = {"customerId": "acme", "delta": 1, "referenceId": "r"}
    before = service.stored()
    answer = service.http.post(
        path + change, json={"deltas": [item]} if path.endswith("batch") else item, follow_redirects=False
    )
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert service.stored() == before


POSTS = (
    "/api/v1/balance/delta",
    "/api/v1/balance/delta/batch",
    "/api/v1/balance/compare",
    "/api/v1/balance/checkpoint",
    "/api/v1/balance/compare/cells",
    "/api/v1/erasures",
    "/api/v1/keys",
)


@pytest.mark.parametrize("path", POSTS)
def test_a_body_that_is_not_there_or_not_whole_is_told_so_everywhere(service: Service, path: str) -> None:
    for body, detail, field in (
        (b"", "It is empty: a JSON object is expected.", "body"),
        (b"\n ", "It is empty: a JSON object is expected.", "body"),
        (b'{"customerId": "a', "It ends at byte 17, before its JSON does.", None),
        (b"{", "It ends at byte 1, before its JSON does.", None),
    ):
        answer = service.http.post(path, content=body)
        assert_problem(answer, 400, "not_json")
        told = answer.json()
        assert (told["detail"], told.get("field")) == (detail, field)
        assert told["remedy"] == "Send one JSON value in UTF-8."
