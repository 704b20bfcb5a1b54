"""Keys: where they are sent, what they may do, and that nobody reads with another's."""

import logging
import re

import pytest

from anchor.server.api.authentication import REMEMBERED_SECONDS
from anchor.server.ledger.api_keys import Scope
from tests.fixtures.service import Caller, Service
from tests.server.api.problem_documents import assert_problem

DELTA = "/api/v1/balance/delta"
READS = (
    "/api/v1/balance/derive/acme",
    "/api/v1/ledgers",
    "/api/v1/batches",
    "/api/v1/status",
    "/metrics",
    "/api/v1/checkpoints?customerId=acme",
)


def test_a_key_is_taken_from_either_header(service: Service) -> None:
    service.emit("acme", 1)
    key = service.http.key
    for headers in (
        {"X-Api-Key": key},
        {"Authorization": f"Bearer {key}"},
        {"authorization": f"bearer {key}"},
    ):
        assert service.anybody.get(READS[0], headers=headers).status_code == 200


def test_two_keys_that_differ_are_refused_and_none_is_picked(service: Service) -> None:
    key, other = service.http.key, service.with_key(Scope.READ).key
    same = {"X-Api-Key": key, "Authorization": f"Bearer {key}"}
    assert service.anybody.get(READS[1], headers=same).status_code == 200
    for pair in ((key, other), (other, key), (key, "none"), ("none", key)):
        headers = {"Authorization": f"Bearer {pair[0]}", "X-Api-Key": pair[1]}
        answer = service.anybody.get(READS[1], headers=headers)
        assert_problem(answer, 401, "key_not_accepted")
        assert "Two different keys" in answer.json()["detail"]


def test_no_key_and_a_wrong_key_are_told_apart(service: Service) -> None:
    for url in READS:
        none = service.anybody.get(url)
        assert (none.status_code, none.json()["code"]) == (401, "key_missing")
        assert none.headers["www-authenticate"].startswith("Bearer")
        for wrong in ("ak_" + "A" * 43, "ak_short", "nonsense", "ak_" + "\u00e9" * 43):
            answer = service.anybody.get(url, headers={"X-Api-Key": wrong.encode("latin-1")})  # type: ignore[dict-item]
            assert (answer.status_code, answer.json()["code"]) == (401, "key_not_accepted")
            assert wrong not in answer.text


def test_a_scope_includes_no_other(service: Service) -> None:
    service.emit("acme", 1)
    callers = {scope: service.with_key(scope) for scope in Scope}
    needs = {Scope.READ: READS[0], Scope.ADMIN: "/api/v1/keys"}
    for needed, url in needs.items():
        for scope, caller in callers.items():
            answer = caller.get(url)
            assert answer.status_code == (200 if scope is needed else 403)
            if scope is not needed:
                assert answer.json()["scope"] == needed.value
    for scope, caller in callers.items():
        answer = caller.post(DELTA, json={"customerId": "acme", "delta": 1})
        assert answer.status_code == (201 if scope is Scope.WRITE else 403)


def test_a_revoked_key_is_refused_within_a_second(service: Service) -> None:
    caller = service.with_key(Scope.READ)
    service.emit("acme", 1)
    assert caller.get(READS[0]).status_code == 200
    listed = service.http.get("/api/v1/keys").json()["items"]
    assert service.http.delete(f"/api/v1/keys/{listed[-1]['id']}").json()["revokedAt"]
    service.clock.advance(int(REMEMBERED_SECONDS * 1000) + 1)
    answer = caller.get(READS[0])
    assert (answer.status_code, answer.json()["code"]) == (401, "key_not_accepted")
    assert REMEMBERED_SECONDS < 1


def test_a_key_for_one_customer_finds_another_as_unknown_as_none(service: Service) -> None:
    mine, other = service.emit("acme", 1, "r-1"), service.emit("other", 1, "r-1")
    checkpoint = service.http.post(
        "/api/v1/balance/checkpoint", json={"customerId": "other", "fromIndex": 0, "toIndex": 0}
    ).json()
    reader = service.with_key(Scope.READ, customer_id="acme")
    assert reader.get("/api/v1/balance/derive/acme").status_code == 200
    assert reader.get(f"/api/v1/receipts/{mine['receiptId']}").status_code == 200
    assert [row["customerId"] for row in reader.get("/api/v1/ledgers").json()["items"]] == ["acme"]
    for there, nowhere in (
        ("/api/v1/balance/derive/other", "/api/v1/balance/derive/nobody"),
        (f"/api/v1/receipts/{other['receiptId']}", "/api/v1/receipts/rcpt_" + "a" * 26),
        (f"/api/v1/receipts/{other['receiptId']}/proof", "/api/v1/receipts/rcpt_" + "a" * 26 + "/proof"),
        (f"/api/v1/checkpoints/{checkpoint['proofToken']}", "/api/v1/checkpoints/ckpt_" + "a" * 26),
        (
            f"/api/v1/checkpoints/{checkpoint['proofToken']}/proof",
            "/api/v1/checkpoints/ckpt_" + "a" * 26 + "/proof",
        ),
        ("/api/v1/checkpoints?customerId=other", "/api/v1/checkpoints?customerId=nobody"),
        ("/api/v1/proofs/absence?customerId=other", "/api/v1/proofs/absence?customerId=nobody"),
        ("/api/v1/ledgers?customerId=other", "/api/v1/ledgers?customerId=nobody"),
    ):
        assert _told(reader, there) == _told(reader, nowhere)
    unknown = "/api/v1/ledgers/0x" + "00" * 32
    foreign = f"/api/v1/ledgers/{other['ledgerId']}"
    proofs = ("balance", "balance?asOfIndex=5", "freshness", "consistency?earlierSize=9")
    for end in ("", "/deltas", *(f"/proofs/{proof}" for proof in proofs)):
        told = _told(reader, foreign + end)
        assert told == _told(reader, unknown + end)
        assert told[0] == 404
    for customer in ("other", "nobody"):
        body = {"customerId": customer, "yourBalance": 1}
        answer = reader.post("/api/v1/balance/compare", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_customer")
    for url in ("/api/v1/status", "/metrics"):
        assert reader.get(url).status_code == 403


def _told(caller: Caller, url: str) -> tuple[int, str]:
    """Return all that an answer says, but for the ids that the question itself has."""
    answer = caller.get(url)
    said = answer.text
    for part in re.split(r"[/?&=]", url):
        if len(part) >= 5:
            said = said.replace(part, "...")
    return answer.status_code, said


def test_a_key_is_made_listed_and_shown_only_once(service: Service) -> None:
    made = service.http.post("/api/v1/keys", json={"name": "acme's auditor", "customerId": "acme"})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    body = made.json()
    assert body["scopes"] == ["read"]
    listed = service.http.get("/api/v1/keys")
    assert body["key"] not in listed.text
    assert listed.json()["items"][-1]["name"] == "acme's auditor"
    service.emit("acme", 1)
    assert Caller(service.anybody, body["key"]).get(READS[0]).status_code == 200


def test_lists_come_in_pages(service: Service) -> None:
    for number in range(5):
        service.http.post("/api/v1/keys", json={"name": f"key {number}"})
    names: list[str] = []
    cursor: str | None = "0"
    while cursor is not None:
        page = service.http.get(f"/api/v1/keys?limit=2&cursor={cursor}").json()
        names += [key["name"] for key in page["items"]]
        cursor = page["next"]
    assert names == ["all", *(f"key {number}" for number in range(5))]


def test_no_key_is_logged(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caller = service.with_key(Scope.READ)
    caller.get("/api/v1/nothing")
    caller.post(DELTA, content=b"{")
    caller.get(f"/api/v1/verify/{caller.key}")
    said = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("anchor"))
    assert caller.key not in said


WRITES = (
    (DELTA, {"customerId": "acme", "delta": 1, "reason": "usage", "referenceId": "new"}),
    (f"{DELTA}/batch", {"deltas": [{"customerId": "acme", "delta": 1, "referenceId": "new"}]}),
    ("/api/v1/balance/checkpoint", {"customerId": "acme", "fromIndex": 0, "toIndex": 0}),
)


@pytest.mark.parametrize(("url", "body"), WRITES, ids=[url for url, _ in WRITES])
def test_a_good_request_with_a_key_that_may_not_stores_nothing(
    service: Service, url: str, body: dict[str, object]
) -> None:
    service.emit("acme", 1, "first")
    revoked = service.with_key(Scope.WRITE, Scope.READ)
    listed = service.http.get("/api/v1/keys").json()["items"]
    service.http.delete(f"/api/v1/keys/{listed[-1]['id']}")
    foreign = service.with_key(Scope.WRITE, Scope.READ, customer_id="somebody else")
    unable = service.with_key(Scope.ADMIN)
    service.clock.advance(int(REMEMBERED_SECONDS * 1000) + 1)
    before = service.stored()
    unknown = Caller(service.anybody, "ak_" + "A" * 43)
    for caller, statuses in ((unknown, {401}), (revoked, {401}), (foreign, {403, 404}), (unable, {403})):
        answer = caller.post(url, json=body)
        if caller is foreign and url.endswith("batch"):
            (result,) = answer.json()["results"]
            assert result["problem"]["code"] == "customer_not_allowed"
        else:
            assert answer.status_code in statuses, answer.text
        assert service.stored() == before
    assert service.http.post(url, json=body).status_code in (200, 201)
    assert service.stored() != before
