"""Erasing over HTTP: who may, what is refused, and what everybody sees afterwards."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from anchor.server.ledger.api_keys import Scope
from anchor.server.storage.schema import deltas
from anchor.verify import verify_file
from tests.fixtures.service import Service

ERASURES = "/api/v1/erasures"
BY = "data protection office"
TEXTS = {"reason": "Jane Doe, 12 Elm Street", "metadata": {"patient": "Jane-Doe-771"}}


def recorded(service: Service) -> dict[str, Any]:
    """Record two deltas, the first with private texts, and seal them."""
    answer: dict[str, Any] = service.emit("acme", -5, "jane-771", unit="hour", **TEXTS)
    service.emit("acme", -6, "other", unit="hour")
    service.seal()
    return answer


def erase(service: Service, **body: Any) -> Any:
    answer = service.http.post(ERASURES, json={"by": BY, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_erased_text_is_null_and_its_commitment_is_shown_everywhere(service: Service) -> None:
    receipt = recorded(service)
    proof = f"/api/v1/receipts/{receipt['receiptId']}/proof"
    before = service.http.get(proof).content
    done = erase(service, receiptId=receipt["receiptId"], fields=["metadata", "referenceId", "reason"])
    assert (done["ledgerId"], done["index"], done["oldPagesRemoved"]) == (receipt["ledgerId"], 0, True)
    at = service.clock.now_ms()
    assert {(one["erasedAt"], one["erasedBy"], one["already"]) for one in done["erasures"]} == {
        (at, BY, False)
    }
    erased = {one["field"]: one["commitment"] for one in done["erasures"]}
    listed, other = service.http.get(f"/api/v1/ledgers/{receipt['ledgerId']}/deltas").json()["items"]
    shown = service.http.get(f"/api/v1/receipts/{receipt['receiptId']}").json()["delta"]
    for delta in (listed, shown):
        assert [delta[name] for name in erased] == [None, None, None]
        assert (delta["erased"], delta["delta"], delta["fingerprint"]) == (erased, -5, receipt["fingerprint"])
    assert "erased" not in other
    after = service.http.get(proof).content
    assert b"Elm Street" in before
    for text in (b"Elm Street", b"jane-771", b"Jane-Doe-771"):
        assert text not in after
    for file in (before, after):
        verified = verify_file(file)
        assert verified.failed is None, verified.failed
    with service.database.read() as connection:
        row = connection.execute(
            select(deltas.c.reason, deltas.c.reason_salt, deltas.c.metadata, deltas.c.metadata_salt).where(
                deltas.c.index == 0
            )
        ).one()
    assert set(row) == {None}


def test_the_texts_leave_the_database_file_while_the_server_runs(service: Service) -> None:
    receipt = recorded(service)
    path = Path(service.database.engine.url.database or "")
    erase(service, receiptId=receipt["receiptId"], fields=["reason", "referenceId", "metadata"])
    on_disk = b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))
    for text in (b"Elm Street", b"jane-771", b"Jane-Doe-771"):
        assert text not in on_disk


def test_erasing_again_by_place_answers_with_the_first_erasure(service: Service) -> None:
    receipt = recorded(service)
    first = erase(service, receiptId=receipt["receiptId"], fields=["reason"])["erasures"][0]
    service.clock.advance(9_000)
    again = erase(service, customerId="acme", unit="hour", index=0, fields=["reason"], by="somebody else")
    assert again["receiptId"] == receipt["receiptId"]
    assert again["erasures"] == [{**first, "already": True}]


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"fields": ["amount"]}, 400, "not_erasable"),
    ({"fields": ["reason", "index"]}, 400, "not_erasable"),
    ({"fields": ["occurredAt"]}, 400, "not_erasable"),
    ({"fields": ["recordedAt"]}, 400, "not_erasable"),
    ({"fields": []}, 422, "invalid_value"),
    ({"fields": ["reason", "reason"]}, 422, "invalid_value"),
    ({"fields": "reason"}, 422, "wrong_type"),
    ({"by": " "}, 422, "eraser_missing"),
    ({"by": "a" * 201}, 422, "eraser_missing"),
    ({"by": "\u0000"}, 422, "eraser_missing"),
    ({"by": None}, 422, "wrong_type"),
    ({"receiptId": None}, 422, "missing_field"),
    ({"receiptId": "rcpt_nothing"}, 404, "unknown_receipt"),
    ({"index": 0}, 422, "invalid_value"),
    ({"receiptId": None, "customerId": "acme", "unit": "hour"}, 422, "missing_field"),
    ({"receiptId": None, "customerId": "acme", "unit": "hour", "index": 2}, 422, "index_out_of_range"),
    ({"receiptId": None, "customerId": "nobody", "index": 0}, 404, "unknown_customer"),
    ({"why": "law"}, 422, "unknown_field"),
]


@pytest.mark.parametrize(("change", "status", "code"), REFUSED)
def test_what_cannot_be_erased_is_refused_and_nothing_is_changed(
    service: Service, change: dict[str, Any], status: int, code: str
) -> None:
    receipt = recorded(service)
    before = service.stored()
    body = {"receiptId": receipt["receiptId"], "fields": ["reason"], "by": BY, **change}
    refused = service.http.post(ERASURES, json=body)
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
    assert service.stored() == before


@pytest.mark.parametrize("scope", [Scope.READ, Scope.WRITE])
def test_only_a_key_that_may_administer_erases(service: Service, scope: Scope) -> None:
    receipt = recorded(service)
    body = {"receiptId": receipt["receiptId"], "fields": ["reason"], "by": BY}
    refused = service.with_key(scope).post(ERASURES, json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert service.anybody.post(ERASURES, content=json.dumps(body)).status_code == 401
