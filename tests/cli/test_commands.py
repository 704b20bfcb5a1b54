"""Each command against a running service over HTTP, and against a data directory: the same answers."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anchor.server.service.development import Development, Ports
from tests.cli.running import Finished
from tests.cli.running import anchor_here as anchor
from tests.fixtures.development import development_over

ANY = Ports(0, 0)


@pytest.fixture(scope="module")
def running(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Development]:
    directory = development_over(module_database_url, tmp_path_factory.mktemp("dev") / "data")
    with Development(directory, {}, ports=ANY, anchoring=False) as service:
        rows = [
            {"customerId": "acme", "delta": amount, "referenceId": f"r{place}", "unit": "hour"}
            for place, amount in enumerate([-10, -20, -30.5, 5])
        ]
        file = directory / "usage.ndjson"
        file.write_text("\n".join(map(json.dumps, rows)))
        where = {"ANCHOR_URL": service.url, "ANCHOR_API_KEY": service.admin_key}
        assert anchor("import", file, env=where).code == 0
        service.anchor_now()
        yield service


@pytest.fixture(params=["http", "directory"])
def where(request: pytest.FixtureRequest, running: Development) -> dict[str, str]:
    """The variables that lead to the service, each way."""
    if request.param == "directory":
        return {"ANCHOR_DATA": str(running.directory)}
    return {"ANCHOR_URL": running.url, "ANCHOR_API_KEY": running.admin_key}


@pytest.fixture
def run(where: dict[str, str]) -> "Run":
    return Run(where)


class Run:
    def __init__(self, where: dict[str, str]) -> None:
        self._where = where

    def __call__(self, *words: object) -> Finished:
        return anchor(*words, env=self._where)


def test_a_balance_is_derived_with_its_digits(run: Run) -> None:
    done = run("derive", "acme", "--unit", "hour", "--audit")
    assert done.code == 0
    assert "-55.5 hour" in done.out
    assert "the balance agrees" in done.out
    assert '"balance": -55.5' in run("derive", "acme", "--unit", "hour", "--json").out


def test_a_balance_as_of_an_index(run: Run) -> None:
    answer = run("derive", "acme", "--unit", "hour", "--as-of-index", 1, "--json").json()
    assert answer["recorded"] == {"balance": -30, "deltaCount": 2}


def test_an_unknown_customer_is_refused_with_its_code(run: Run) -> None:
    done = run("derive", "nobody", "--json")
    assert (done.code, json.loads(done.err)["code"]) == (3, "unknown_customer")


def test_a_refusal_names_the_option_that_it_is_about(run: Run) -> None:
    for words, named in (
        (("emit", "acme", "abc"), "DELTA: "),
        (("emit", "acme", "1", "--adjusts", "none"), "--adjusts: "),
        (("derive", "acme", "--unit", "hour", "--as-of-time", "yesterday"), "--as-of-time: "),
        (("compare", "acme", "--unit", "hour", "--yours", "x"), "--yours: "),
        (("keys", "create", "x", "--scope", "root"), "--scope: "),
    ):
        done = run(*words)
        assert done.code == 3
        assert f"anchor: {named}" in done.err


def test_a_period_without_deltas_names_its_neighbours(run: Run) -> None:
    done = run("checkpoint", "acme", "--unit", "hour", "--period", "2020-01")
    assert done.code == 3
    assert "the first after it has index 0" in done.err


def test_balances_that_differ_end_with_1(run: Run) -> None:
    same = run("compare", "acme", "--unit", "hour", "--yours", "-55.5", "--theirs", "-55.5")
    assert same.code == 0
    differ = run("compare", "acme", "--unit", "hour", "--yours", "-55.5", "--theirs", "-60.5")
    assert differ.code == 1
    assert "your side agrees" in differ.out
    assert "✗" in differ.out


def test_a_balance_is_compared_with_the_record_as_of_an_index(run: Run) -> None:
    words = ("compare", "acme", "--unit", "hour", "--yours", "-30")
    assert run(*words, "--as-of-index", 1).code == 0
    done = run(*words, "--as-of-index", 2, "--json")
    assert (done.code, done.json()["record"]["asOfIndex"]) == (1, 2)
    assert run(*words, "--as-of-index", 4).code == 3
    assert run(*words, "--as-of-index", -1).code == 2


def test_books_are_compared_over_days_of_recording(run: Run, tmp_path: Path) -> None:
    books = tmp_path / "books.csv"
    books.write_text("referenceId,delta\nr0,-10\nr1,-20\nr2,-30.5\nr3,5\n")
    today = datetime.now(UTC).date()
    days = ("--start", today - timedelta(days=1), "--end", today + timedelta(days=1))
    words = ("compare", "acme", "--unit", "hour", "--their-books", books)
    done = run(*words, *days, "--json")
    assert (done.code, done.json()["record"]["deltaCount"]) == (0, 4)
    assert run(*words, "--start", "2020-01-01", "--end", "2020-01-31").code != 0
    assert run(*words, "--period", "2026", *days).code == 3


def test_books_are_compared_entry_by_entry(run: Run, tmp_path: Path) -> None:
    books = tmp_path / "books.csv"
    books.write_text("ref,hours\nr0,10\nr1,25\nr9,1\nr3,-5\n")
    words = ("--map", "referenceId=ref", "--map", "delta=hours", "--negate")
    done = run("compare", "acme", "--unit", "hour", "--their-books", books, *words, "--json")
    assert done.code == 1
    found = {(one["kind"], one["referenceId"]) for one in done.json()["discrepancies"]}
    assert found == {("altered", "r1"), ("missing", "r2"), ("extra", "r9")}
    shown = run("compare", "acme", "--unit", "hour", "--their-books", books, *words)
    assert "altered" in shown.out
    assert "r9" in shown.out


def test_the_same_range_has_the_same_checkpoint(run: Run) -> None:
    words = ("checkpoint", "acme", "--unit", "hour", "--from", 1, "--to", 2, "--json")
    first, second = run(*words).json(), run(*words).json()
    assert first["proofHash"] == second["proofHash"]
    assert (first["netChange"], first["status"]) == (-50.5, "VERIFIED")
    assert run("checkpoint", "acme", "--unit", "hour", "--from", 2, "--to", 1).code == 3


def test_proofs_of_deltas_and_checkpoints_are_valid(run: Run, running: Development, tmp_path: Path) -> None:
    emitted = run("emit", "acme", "-10", "--unit", "hour", "--reference", "r0", "--json").json()
    assert emitted["idempotent"] is True
    sealed = run("checkpoint", "acme", "--unit", "hour", "--from", 0, "--to", 3, "--json").json()
    for number, id_ in enumerate((emitted["receiptId"], sealed["proofToken"])):
        file = tmp_path / f"{number}.proof.json"
        assert run("proof", id_, "--out", file).code == 0
        done = anchor("verify", file, "--rpc", running.rpc_url, "--contract", running.contract)
        assert done.code == 0, done.out
    assert run("proof", "nonsense").code == 2


@pytest.mark.parametrize("show", ["full", "amounts", "fingerprints", "reason"])
def test_a_proof_shows_as_much_of_each_delta_as_was_asked(
    run: Run, running: Development, tmp_path: Path, show: str
) -> None:
    emitted = run("emit", "acme", "-10", "--unit", "hour", "--reference", "r0", "--json").json()
    sealed = run("checkpoint", "acme", "--unit", "hour", "--from", 1, "--to", 2, "--json").json()
    for id_, count in ((emitted["receiptId"], 1), (sealed["proofToken"], 2)):
        file = tmp_path / "proof.json"
        assert run("proof", id_, "--show", show, "--out", file).code == 0
        made = json.loads(file.read_text())
        shown = [made["delta"]] if "delta" in made else made["period"]["all"]["deltas"]
        assert len(shown) == count
        assert all(("amount" in delta) == (show != "fingerprints") for delta in shown)
        assert all(("value" in delta.get("referenceId", {})) == (show == "full") for delta in shown)
        assert all(("value" in delta.get("reason", {})) == (show in ("full", "reason")) for delta in shown)
        done = anchor("verify", file, "--rpc", running.rpc_url, "--contract", running.contract)
        assert done.code == 0, done.out
    refused = run("proof", emitted["receiptId"], "--show", "some")
    assert (refused.code, "full, amounts, fingerprints" in refused.err) == (2, True)


def test_keys_are_made_listed_and_revoked(run: Run, running: Development) -> None:
    made = run("keys", "create", "auditor", "--customer", "acme", "--json").json()
    mine = {"ANCHOR_URL": running.url, "ANCHOR_API_KEY": made["key"]}
    assert anchor("derive", "acme", "--unit", "hour", env=mine).code == 0
    assert anchor("emit", "acme", "1", "--reference", "x", env=mine).code == 3
    listed = run("keys", "list", "--json").json()
    assert made["id"] in [one["id"] for one in listed]
    assert all("key" not in one for one in listed)
    assert run("keys", "revoke", made["id"]).code == 0
    assert "revoked" in run("keys", "list").out


def test_the_status_says_what_is_anchored(run: Run) -> None:
    done = run("status")
    assert "4 deltas in 1 ledger" in done.out
    assert "batch 1" in done.out


def test_a_server_that_is_not_there_is_told_from_a_refusal() -> None:
    where = {"ANCHOR_URL": "http://127.0.0.1:1", "ANCHOR_API_KEY": "ak_x"}
    done = anchor("derive", "acme", env=where)
    assert done.code == 4
    assert "cannot be reached" in done.err


def test_no_key_is_ever_shown(running: Development) -> None:
    secret = "ak_" + "S" * 43
    for words in (("derive", "acme"), ("status",), ("emit", "acme", "1")):
        done = anchor(*words, env={"ANCHOR_URL": running.url, "ANCHOR_API_KEY": secret})
        assert done.code == 3
        assert secret not in done.out + done.err


def test_what_is_typed_counts_before_what_the_environment_names(running: Development) -> None:
    elsewhere = {"ANCHOR_URL": "http://127.0.0.1:1", "ANCHOR_API_KEY": "ak_none"}
    assert anchor("derive", "acme", "--unit", "hour", "--data", running.directory, env=elsewhere).code == 0
    typed = ("--url", running.url, "--key", running.admin_key)
    assert anchor("derive", "acme", "--unit", "hour", *typed, env={"ANCHOR_DATA": "/nowhere"}).code == 0
    both = anchor("derive", "acme", *typed, "--data", running.directory)
    assert both.code == 2
    assert "both a server and a data directory" in both.err
