"""Reading: balances, comparisons, checkpoints, receipts, ledgers and batches, on both databases."""

from typing import Any

import pytest

from anchor.proof.reading import parse_proof_file
from anchor.server.ledger.api_keys import Scope
from anchor.verify.verification import verify_proof
from tests.fixtures.service import Service

DERIVE = "/api/v1/balance/derive/acme"
COMPARE = "/api/v1/balance/compare"
CHECKPOINT = "/api/v1/balance/checkpoint"


@pytest.fixture
def usage(service: Service) -> Service:
    """Five deltas of acme's: -1, -2, -3, -4, -5, a second apart; the first three are sealed."""
    for number in range(1, 6):
        service.emit("acme", -number, f"run-{number}")
        service.clock.advance(1_000)
        if number == 3:
            service.seal()
    return service


def test_a_balance_counts_what_is_verified_and_names_what_is_pending(usage: Service) -> None:
    derived = usage.http.get(DERIVE).json()
    assert (derived["balance"], derived["deltaCount"], derived["lastVerifiedIndex"]) == (0, 0, None)
    assert derived["pending"] == derived["recorded"] == {"balance": -15, "deltaCount": 5}


def test_a_balance_can_be_asked_as_of_an_index_or_a_time(usage: Service) -> None:
    assert usage.http.get(f"{DERIVE}?asOfIndex=1").json()["recorded"] == {"balance": -3, "deltaCount": 2}
    deltas = _deltas(usage)
    at = deltas[2]["recordedAt"]
    for time, count in ((at, 3), (at - 1, 2), (deltas[0]["recordedAt"] - 1, 0), (at + 10**6, 5)):
        assert usage.http.get(f"{DERIVE}?asOfTime={time}").json()["recorded"]["deltaCount"] == count
    assert usage.http.get(f"{DERIVE}?asOfTime=2020-01-01").json()["recorded"]["deltaCount"] == 0


def test_a_balance_can_be_added_up_again(usage: Service) -> None:
    assert usage.http.get(DERIVE).json()["audit"] is None
    audit = usage.http.get(f"{DERIVE}?audit=true").json()["audit"]
    assert audit == {"agrees": True, "balance": -15, "deltaCount": 5, "firstMismatch": None}


def test_two_balances_are_compared_with_the_record(usage: Service) -> None:
    answer = usage.http.post(
        COMPARE, json={"customerId": "acme", "yourBalance": -15, "counterpartyBalance": "-10"}
    ).json()
    assert answer["match"] is False
    assert answer["agreeing"] == ["yours"]
    (off,) = answer["discrepancies"]
    assert (off["side"], off["offBy"], off["recordBalance"]) == ("counterparty", 5, -15)
    assert off["behind"] == {"asOfIndex": 3, "missingFrom": 4, "missingCount": 1, "earlierTimes": 0}
    assert off["candidates"] == [{"kind": "missing", "index": 4, "referenceId": "run-5", "amount": -5}]
    assert "index 4 (run-5)" in off["explanation"]


def test_balances_that_agree_are_a_match(usage: Service) -> None:
    answer = usage.http.post(
        COMPARE, json={"customerId": "acme", "yourBalance": -15, "counterpartyBalance": "-15.0"}
    ).json()
    assert (answer["match"], answer["discrepancies"]) == (True, [])


def test_two_lists_are_compared_entry_by_entry(usage: Service) -> None:
    right = [{"referenceId": f"run-{number}", "amount": -number} for number in range(1, 6)]
    wrong: list[dict[str, Any]] = [right[0], {**right[1], "amount": "-2.5"}, right[3], right[4], right[4]]
    wrong.append({"referenceId": "run-9", "amount": 1})
    answer = usage.http.post(
        COMPARE, json={"customerId": "acme", "yourDeltas": right, "counterpartyDeltas": wrong}
    ).json()
    assert answer["match"] is False
    found = {(each["kind"], each["referenceId"], each["offBy"]) for each in answer["discrepancies"]}
    assert found == {
        ("altered", "run-2", -0.5),
        ("missing", "run-3", 3),
        ("duplicated", "run-5", -5),
        ("extra", "run-9", 1),
    }
    yours, theirs = answer["sides"]
    assert yours["agrees"]
    assert theirs["confirmed"] == {"index": 0, "balance": -1}
    assert theirs["parted"]["index"] == 1


def test_the_same_range_gives_the_same_checkpoint(usage: Service) -> None:
    body = {"customerId": "acme", "fromIndex": 1, "toIndex": 3}
    first = usage.http.post(CHECKPOINT, json=body)
    assert first.status_code == 200
    checkpoint = first.json()
    assert checkpoint["proofToken"].startswith("ckpt_")
    assert (checkpoint["deltaCount"], checkpoint["openingBalance"], checkpoint["closingBalance"]) == (
        3,
        -1,
        -10,
    )
    assert (checkpoint["netChange"], checkpoint["status"]) == (-9, "QUEUED")
    assert usage.http.post(CHECKPOINT, json=body).json() == checkpoint
    assert usage.http.get(f"/api/v1/checkpoints/{checkpoint['proofToken']}").json() == checkpoint
    assert usage.http.get("/api/v1/checkpoints?customerId=acme").json()["items"] == [checkpoint]


def test_a_checkpoint_of_a_time_names_it(usage: Service) -> None:
    usage.clock.ms += 40 * 86_400_000
    checkpoint = usage.http.post(CHECKPOINT, json={"customerId": "acme", "period": "2026-03"}).json()
    assert checkpoint["deltaCount"] == 5
    assert checkpoint["end"] - checkpoint["start"] == 31 * 86_400_000
    usage.seal()
    proof = usage.http.get(f"/api/v1/checkpoints/{checkpoint['proofToken']}/proof?deltas=amounts")
    assert proof.status_code == 200
    _assert_fits_together(proof.content, "period")


def test_a_receipt_tells_how_far_its_delta_has_come(usage: Service) -> None:
    deltas = _deltas(usage)
    assert [delta["status"] for delta in deltas] == ["PROCESSING"] * 3 + ["QUEUED"] * 2
    sealed = usage.http.get(f"/api/v1/receipts/{deltas[0]['receiptId']}").json()
    assert (sealed["status"], sealed["batch"], sealed["anchors"]) == ("PROCESSING", 1, [])
    assert sealed["delta"] == deltas[0]
    queued = usage.http.get(f"/api/v1/receipts/{deltas[4]['receiptId']}").json()
    assert (queued["status"], queued["batch"]) == ("QUEUED", None)


def test_a_sealed_delta_has_a_proof_file_and_another_has_none_yet(usage: Service) -> None:
    deltas = _deltas(usage)
    proof = usage.http.get(f"/api/v1/receipts/{deltas[1]['receiptId']}/proof")
    assert "attachment" in proof.headers["content-disposition"]
    _assert_fits_together(proof.content, "delta")
    early = usage.http.get(f"/api/v1/receipts/{deltas[4]['receiptId']}/proof")
    assert (early.status_code, early.json()["code"]) == (409, "not_sealed_yet")


def test_ledgers_deltas_and_batches_come_in_pages(usage: Service) -> None:
    usage.emit("acme", 1, unit="mile")
    usage.emit("other", 1)
    usage.seal()
    ledgers = _all(usage, "/api/v1/ledgers?limit=2")
    assert [(row["customerId"], row["unit"]) for row in ledgers] == [
        ("acme", ""),
        ("acme", "mile"),
        ("other", ""),
    ]
    assert [row["unit"] for row in _all(usage, "/api/v1/ledgers?customerId=acme&limit=1")] == ["", "mile"]
    deltas = _all(usage, f"/api/v1/ledgers/{ledgers[0]['ledgerId']}/deltas?limit=2")
    assert [delta["index"] for delta in deltas] == [0, 1, 2, 3, 4]
    batches = _all(usage, "/api/v1/batches?limit=1")
    assert [batch["number"] for batch in batches] == [2, 1]
    assert usage.http.get("/api/v1/batches/1").json() == batches[1]
    assert (batches[1]["deltaCount"], batches[1]["ledgerCount"]) == (3, 1)


def _deltas(service: Service) -> list[dict[str, Any]]:
    ledger = service.http.get("/api/v1/ledgers?customerId=acme").json()["items"][0]
    items: list[dict[str, Any]] = service.http.get(f"/api/v1/ledgers/{ledger['ledgerId']}/deltas").json()[
        "items"
    ]
    return items


def _all(service: Service, url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = service.http.get(url if cursor is None else f"{url}&cursor={cursor}").json()
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found


def _assert_fits_together(proof: bytes, kind: str) -> None:
    verification = verify_proof(parse_proof_file(proof), None)
    assert verification.kind == kind
    assert verification.failed is None
    assert verification.verdict == "not_checked_against_a_chain"


def test_a_ledger_has_proofs_of_its_balance_its_head_and_its_growth(usage: Service) -> None:
    ledger_id = usage.http.get("/api/v1/ledgers").json()["items"][0]["ledgerId"]
    proofs = f"/api/v1/ledgers/{ledger_id}/proofs"
    for url, kind in (
        (f"{proofs}/balance", "balance"),
        (f"{proofs}/balance?asOfIndex=1&disclosure=amounts", "balance"),
        (f"{proofs}/freshness", "freshness"),
        (f"{proofs}/consistency?earlierSize=2", "consistency"),
        ("/api/v1/proofs/absence?customerId=nobody", "absence"),
    ):
        answer = usage.http.get(url)
        assert answer.status_code == 200, answer.text
        _assert_fits_together(answer.content, kind)
    for url, status, code in (
        (f"{proofs}/balance?asOfIndex=4", 409, "not_sealed_yet"),
        (f"{proofs}/balance?asOfIndex=5", 422, "index_out_of_range"),
        (f"{proofs}/balance?disclosure=fingerprints", 422, "invalid_value"),
        (f"{proofs}/consistency?earlierSize=6", 422, "index_out_of_range"),
        (f"{proofs}/consistency", 422, "missing_field"),
        ("/api/v1/proofs/absence?customerId=acme", 409, "customer_has_ledger"),
    ):
        refused = usage.http.get(url)
        assert (refused.status_code, refused.json()["code"]) == (status, code)


def test_an_absence_is_shown_to_nobody_who_may_not_ask(usage: Service) -> None:
    reader = usage.with_key(Scope.READ, customer_id="nobody")
    assert reader.get("/api/v1/proofs/absence?customerId=nobody").status_code == 200
    answers = [reader.get(f"/api/v1/proofs/absence?customerId={other}") for other in ("acme", "no-one")]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize(
    ("deltas", "shown"),
    [(None, ""), ("fingerprints", ""), ("amounts", ""), ("reason", "reason"), ("full", "reason referenceId")],
)
def test_a_checkpoints_proof_shows_no_text_that_was_not_asked_for(
    usage: Service, deltas: str | None, shown: str
) -> None:
    usage.seal()
    sealed = usage.http.post(CHECKPOINT, json={"customerId": "acme", "fromIndex": 1, "toIndex": 3}).json()
    query = "" if deltas is None else f"?deltas={deltas}"
    proof = usage.http.get(f"/api/v1/checkpoints/{sealed['proofToken']}/proof{query}")
    _assert_fits_together(proof.content, "period")
    listed = proof.json()["period"].pop("all", {"deltas": []})["deltas"]
    texts = [(delta, name) for delta in listed for name in ("reason", "referenceId", "metadata")]
    disclosed = [name for delta, name in texts if "value" in delta.get(name, {})]
    assert set(disclosed) - {"metadata"} == set(shown.split())
    # Whatever is asked for, it is the list that shows it: no other delta in the file has a text.
    assert proof.text.count('"salt"') == len(disclosed)
    assert "run-1" not in proof.text


@pytest.mark.parametrize("wrong", ["some", "", "reason,", "reason,amount", "full,reason", "FULL"])
def test_what_is_no_way_to_show_a_delta_is_refused_with_the_choices(usage: Service, wrong: str) -> None:
    receipt = _deltas(usage)[1]["receiptId"]
    sealed = usage.http.post(CHECKPOINT, json={"customerId": "acme", "fromIndex": 0, "toIndex": 1}).json()
    for path, parameter in (
        (f"receipts/{receipt}/proof", "disclosure"),
        (f"checkpoints/{sealed['proofToken']}/proof", "deltas"),
    ):
        answer = usage.http.get(f"/api/v1/{path}", params={parameter: wrong})
        assert (answer.status_code, answer.json()["field"]) == (422, parameter)
        assert "reason,referenceId,metadata" in answer.json()["detail"]


def test_a_proof_shows_the_texts_that_are_named(usage: Service) -> None:
    receipt = _deltas(usage)[1]["receiptId"]
    proof = usage.http.get(f"/api/v1/receipts/{receipt}/proof?disclosure=reason,metadata")
    _assert_fits_together(proof.content, "delta")
    delta = proof.json()["delta"]
    assert [sorted(delta[name]) for name in ("reason", "referenceId", "metadata")] == [
        ["salt", "value"],
        ["commitment"],
        ["salt", "value"],
    ]


@pytest.mark.parametrize(("disclosure", "shown"), [("full", 2), ("amounts", 1), ("fingerprints", 0)])
def test_a_proof_shows_as_much_as_is_asked_for(usage: Service, disclosure: str, shown: int) -> None:
    receipt = _deltas(usage)[1]["receiptId"]
    proof = usage.http.get(f"/api/v1/receipts/{receipt}/proof?disclosure={disclosure}")
    _assert_fits_together(proof.content, "delta")
    assert [text in proof.text for text in ('"run-2"', '"-2"')] == [shown > 1, shown > 0]
