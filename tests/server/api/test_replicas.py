"""What a replica is made of: every field with its salt, for those who may read the customer's record."""

import json
from typing import Any

import pytest

from anchor.proof.part_reading import read_record
from anchor.proof.values import DeltaRecord, Disclosed, Withheld
from anchor.protocol.fingerprint import domain_separator
from anchor.protocol.identities import verify_ledger_identity
from anchor.server.ledger.api_keys import Scope
from anchor.server.ledger.erasing import ErasableField, erase_fields
from tests.fixtures.service import Service

RECORDS = "/api/v1/records"


def fingerprints_fit(page: dict[str, Any]) -> list[DeltaRecord]:
    """Recompute every fingerprint of a page from its own fields, and return the deltas."""
    separator = domain_separator(bytes.fromhex(page["log"]["logId"][2:]))
    ledger_id = bytes.fromhex(page["ledger"]["ledgerId"][2:])
    records = []
    for item in page["items"]:
        record = read_record(item["delta"], "")
        assert isinstance(record, DeltaRecord)
        assert "0x" + record.fingerprint(separator, ledger_id).hex() == item["fingerprint"]
        records.append(record)
    return records


def test_the_holder_can_recompute_every_fingerprint_and_the_ledgers_id(service: Service) -> None:
    service.emit("acme", -182, "run-1", unit="mile", metadata={"flight": 7})
    service.emit("acme", "-0.000000000000000001", unit="mile", reason="ü\n")
    reader = service.with_key(Scope.READ, customer_id="acme")
    page = reader.get(RECORDS, params={"customerId": "acme", "unit": "mile"}).json()
    first, second = fingerprints_fit(page)
    assert isinstance(first.metadata, Disclosed)
    assert isinstance(second.reference_id, Disclosed)
    assert (first.metadata.value, second.reference_id.value) == ('{"flight":7}', None)
    ledger = page["ledger"]
    proof, public_key = (
        bytes.fromhex(text[2:]) for text in (ledger["identityProof"], page["log"]["identityPublicKey"])
    )
    assert verify_ledger_identity(public_key, proof, "acme", "mile").hex() == ledger["ledgerId"][2:]


def test_pages_go_on_where_the_last_one_ended(service: Service) -> None:
    for number in range(5):
        service.emit("acme", number, f"r-{number}")
    cursor, seen = "0", []
    while cursor is not None:
        page = service.http.get(f"{RECORDS}?customerId=acme&limit=2&cursor={cursor}").json()
        assert page["size"] == 5
        seen += [record.index for record in fingerprints_fit(page)]
        cursor = page["next"]
    assert seen == [0, 1, 2, 3, 4]
    assert service.http.get(f"{RECORDS}?customerId=acme&cursor=5").json()["items"] == []
    assert service.http.get(f"{RECORDS}?customerId=acme&cursor={10**17}").json()["items"] == []


def test_an_erased_field_shows_its_commitment_and_nothing_else(service: Service) -> None:
    receipt = service.emit("acme", -182, "run-1", reason="for Jane Doe")["receiptId"]
    before = service.http.get(f"{RECORDS}?customerId=acme").json()
    place = (service.database, service.log, service.clock, receipt)
    erase_fields(*place, [ErasableField.REASON], "the operator")
    answer = service.http.get(f"{RECORDS}?customerId=acme")
    (record,) = fingerprints_fit(answer.json())
    assert isinstance(record.reason, Withheld)
    assert answer.json()["items"][0]["fingerprint"] == before["items"][0]["fingerprint"]
    assert "Jane" not in answer.text
    assert before["items"][0]["delta"]["reason"]["salt"] not in answer.text


def test_another_customers_key_learns_no_more_than_that_nothing_is_there(service: Service) -> None:
    service.emit("acme", 1, "r-1")
    foreign = service.with_key(Scope.READ, customer_id="other")
    there, nowhere = (foreign.get(RECORDS, params={"customerId": name}) for name in ("acme", "nobody"))
    assert there.status_code == 404
    # The question is repeated in the answer, and nothing else differs.
    assert there.text.replace("acme", "nobody") == nowhere.text
    assert service.with_key(Scope.WRITE).get(f"{RECORDS}?customerId=acme").status_code == 403
    assert service.anybody.get(f"{RECORDS}?customerId=acme").status_code == 401


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "customerId"),
        ("customerId=", "customerId"),
        ("customerId=acme&cursor=-1", "cursor"),
        ("customerId=acme&cursor=1e3", "cursor"),
        ("customerId=acme&limit=0", "limit"),
        ("customerId=acme&limit=1001", "limit"),
        ("customerId=acme&unit=%00", "unit"),
        ("customerId=acme&page=2", "page"),
    ],
)
def test_a_question_that_cannot_be_is_refused_by_its_field(service: Service, query: str, field: str) -> None:
    service.emit("acme", 1, "r-1")
    answer = service.http.get(f"{RECORDS}?{query}")
    assert answer.status_code in (400, 422), answer.text
    assert json.loads(answer.text)["field"] == field
