"""``anchor follow`` and ``anchor replica`` against a real server and chain, as a counterparty runs them."""

from __future__ import annotations

import csv
import json
import random
import signal
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from anchor.client import AnchorClient, NewDelta
from anchor.replica.self_check import check_copy
from anchor.replica.store import Store
from anchor.server.service.development import Development, Ports
from tests.cli.running import Finished, anchor_here, start
from tests.fixtures.development import development_over
from tests.fixtures.rpc_proxy import MakeProxy, answer, change, status


@dataclass
class Operated:
    """A running server with a chain of its own; a batch is made when the test says so."""

    running: Development
    client: AnchorClient

    def key(self, customer: str) -> str:
        """A new key that reads one customer's record."""
        made = self.client.create_key("counterparty", ["read"], customer_id=customer)
        return str(made["key"])

    def emit(self, customer: str, count: int, *, first: int = 0) -> None:
        """Record so many deltas."""
        for begin in range(first, first + count, 1000):
            numbers = range(begin, min(begin + 1000, first + count))
            self.client.emit_batch(
                [
                    NewDelta(customer, -number - 1, f"flight {number}", f"{customer}-{number}", "mile")
                    for number in numbers
                ]
            )

    def anchor(self) -> None:
        """Seal and anchor all that is on record."""
        self.running.anchor_now()


@pytest.fixture(scope="module")
def operated(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    directory = development_over(module_database_url, tmp_path_factory.mktemp("operator") / "dev")
    with (
        Development(directory, {}, ports=Ports(0, 0), anchoring=False) as running,
        AnchorClient(running.url, running.admin_key) as client,
    ):
        yield Operated(running, client)


@dataclass
class Us:
    """A counterparty: its key, its node, and the file of its copy."""

    operated: Operated
    customer: str
    key: str
    store: Path
    rpc: str

    def arguments(self, *more: object) -> list[object]:
        where = ["--unit", "mile", "--rpc", self.rpc, "--finality", "latest", "--store", self.store]
        return ["follow", self.customer, *where, "--once", *more]

    def environment(self) -> dict[str, str]:
        return {"ANCHOR_URL": self.operated.running.url, "ANCHOR_API_KEY": self.key}

    def follow(self, *more: object) -> Finished:
        return anchor_here(*self.arguments(*more), env=self.environment())

    def replica(self, what: str, *more: object) -> Finished:
        return anchor_here("replica", what, self.store, *more)

    def whole(self) -> int:
        """See that the copy leads to every head that it saw, and return how many deltas it has."""
        with Store.open(self.store) as store:
            assert check_copy(store) is None
            return store.standing().size


@pytest.fixture
def us(operated: Operated, tmp_path: Path) -> Us:
    customer = f"customer-{tmp_path.parent.name}-{tmp_path.name}"
    key = operated.key(customer)
    return Us(operated, customer, key, tmp_path / "copy.replica", operated.running.rpc_url)


def test_a_copy_grows_with_the_ledger_and_is_verified_on_the_chain(us: Us) -> None:
    us.operated.emit(us.customer, 3)
    first = us.follow("--json")
    assert first.code == 4
    assert first.json()["deltaCount"] == 3
    assert first.json()["notChecked"] == "nothing is anchored yet"
    us.operated.anchor()
    verified = us.follow()
    assert verified.code == 0
    assert f"{us.operated.running.contract.lower()} on chain" in verified.err, "what was not named is told"
    us.operated.emit(us.customer, 40, first=3)
    us.operated.anchor()
    went = us.follow("--json")
    assert (went.code, went.err) == (0, "")
    assert went.json()["newDeltas"] == 40
    assert went.json()["head"]["size"] == went.json()["deltaCount"] == us.whole() == 43
    assert us.follow("--json").json()["newDeltas"] == 0
    assert stat.S_IMODE(us.store.stat().st_mode) == 0o600, "nobody else reads the customer's texts"


def test_with_the_server_gone_the_copy_still_derives_compares_and_proves(us: Us, tmp_path: Path) -> None:
    us.operated.emit(us.customer, 10)
    us.operated.anchor()
    assert us.follow().code == 0
    us.operated.emit(us.customer, 2, first=10)
    assert us.follow().code == 0
    # From here on nothing of the operator's is asked: the commands name no server.
    derived = us.replica("derive", "--json").json()
    assert (derived["balance"], derived["deltaCount"]) == (-55, 10)
    assert derived["recorded"] == {"balance": -78, "deltaCount": 12}
    assert us.replica("derive", "--as-of-index", 3, "--json").json()["recorded"]["balance"] == -10
    assert us.replica("derive", "--as-of-time", "2020-01-01", "--json").json()["recorded"]["deltaCount"] == 0
    compared = us.replica("compare", "--yours", "-78", "--theirs", "-66", "--json")
    assert compared.code == 1
    assert compared.json()["agreeing"] == ["yours"]
    assert "missing" in compared.json()["discrepancies"][0]["explanation"]
    books = tmp_path / "books.csv"
    with books.open("w", newline="") as opened:
        written = csv.writer(opened)
        written.writerow(["referenceId", "delta"])
        written.writerows([f"{us.customer}-{at}", -at - 1 if at != 4 else 0] for at in range(11))
    differ = us.replica("compare", "--your-books", books, "--json")
    found = [(one["kind"], one["index"], one["offBy"]) for one in differ.json()["discrepancies"]]
    assert found == [("altered", 4, 5), ("missing", 11, 12)]
    assert us.replica("compare", "--your-books", books, "--from", 5, "--to", 3).code == 3
    proof = tmp_path / "delta.proof.json"
    assert us.replica("prove", 4, "--out", proof).code == 0
    assert us.replica("prove", 11).code == 3, "it is under no head yet"
    assert us.replica("prove", 4, "--out", us.store).code == 2
    assert us.whole() > 0
    verified = anchor_here("verify", proof, "--rpc", us.rpc, "--finality", "latest", "--json")
    assert (verified.code, verified.json()["facts"]["amount"]) == (0, "-5")
    assert us.replica("check").code == 0
    told = us.replica("status").out
    assert "everything that was shown fits" in told
    assert "10 deltas under batch" in told


def test_a_copy_that_was_altered_on_our_own_disk_is_found_by_its_check(us: Us) -> None:
    us.operated.emit(us.customer, 5)
    us.operated.anchor()
    assert us.follow().code == 0
    with sqlite3.connect(us.store) as database:
        with pytest.raises(sqlite3.IntegrityError, match="written once"):
            database.execute("UPDATE deltas SET amount = '0' WHERE \"index\" = 2")
        database.execute("DROP TRIGGER deltas_no_update")
        database.execute("UPDATE deltas SET amount = '0' WHERE \"index\" = 2")
    database.close()
    checked = us.replica("check", "--json")
    assert checked.code == 1
    assert checked.json()["misfit"]["index"] == 2


def test_an_operator_who_alters_the_database_is_caught_and_the_evidence_checks(us: Us) -> None:
    us.operated.emit(us.customer, 5)
    us.operated.anchor()
    assert us.follow().code == 0
    database = us.operated.running.log.database
    with database.write() as connection:
        if database.dialect == "postgresql":
            connection.execute(text("ALTER TABLE deltas DISABLE TRIGGER USER"))
        else:
            connection.execute(text("DROP TRIGGER deltas_no_update"))
        altered = connection.execute(
            text(
                "UPDATE deltas SET reason = 'something else' WHERE \"index\" = 3 AND ledger = "
                "(SELECT id FROM ledgers WHERE customer_id = :customer)"
            ),
            {"customer": us.customer},
        )
        assert altered.rowcount == 1
    went = us.follow("--json")
    assert went.code == 1
    (finding,) = went.json()["findings"]
    assert (finding["kind"], finding["index"]) == ("altered", 3)
    files = {Path(name).name.split(".", 3)[3]: Path(name) for name in finding["files"]}
    assert sorted(files) == ["altered.dispute.json", "altered.held.proof.json"]
    held = anchor_here("verify", files["altered.held.proof.json"], "--rpc", us.rpc, "--json")
    assert (held.code, held.json()["facts"]["reason"]) == (0, "flight 3")
    shown = json.loads(files["altered.dispute.json"].read_text())["shown"]["delta"]
    assert shown["reason"]["value"] == "something else"
    told = us.follow()
    assert told.code == 1
    assert "✗ altered" in told.out
    assert "saved before" in told.out
    assert us.whole() == 5
    status = us.replica("status", "--json").json()
    assert [one["kind"] for one in status["findings"]] == ["altered"]


def test_an_erased_text_is_no_finding_and_a_new_copy_lacks_it(us: Us, tmp_path: Path) -> None:
    us.operated.emit(us.customer, 3)
    us.operated.anchor()
    assert us.follow().code == 0
    erased = httpx.post(
        f"{us.operated.running.url}/api/v1/erasures",
        headers={"X-Api-Key": us.operated.running.admin_key},
        json={
            "customerId": us.customer,
            "unit": "mile",
            "index": 1,
            "fields": ["reason"],
            "by": "the operator",
        },
    )
    assert erased.status_code in (200, 201), erased.text
    assert us.follow().code == 0
    us.store = tmp_path / "new.replica"
    assert us.follow().code == 0
    proof = anchor_here("replica", "prove", us.store, 1)
    assert "commitment" in json.loads(proof.out)["delta"]["reason"]


def test_only_the_holder_of_a_good_key_of_this_customer_may_follow(us: Us, operated: Operated) -> None:
    us.operated.emit(us.customer, 1)
    us.operated.anchor()
    good = us.key
    for key, code in (
        ("ak_" + "A" * 43, "key_not_accepted"),
        (operated.key("other"), "customer_not_allowed"),
    ):
        us.key = key
        refused = us.follow("--json")
        assert (refused.code, json.loads(refused.err)["code"]) == (3, code)
        assert not us.store.exists()
    us.key = good
    assert us.follow().code == 0
    us.key = operated.key("other")
    refused = us.follow("--json")
    assert (refused.code, refused.out) == (3, ""), "a wrong key is no finding against the operator"


def test_a_copy_of_something_else_is_refused(us: Us) -> None:
    us.operated.emit(us.customer, 1)
    us.operated.anchor()
    assert us.follow().code == 0
    for options in (
        ("--unit", "hour"),
        ("--ledger", "0x" + "11" * 32),
        ("--log", "0x" + "11" * 32),
        ("--contract", "0x" + "11" * 20),
    ):
        refused = us.follow(*options, "--json")
        assert (refused.code, json.loads(refused.err)["code"]) == (3, "another_replica"), options
    us.customer = "somebody else"
    assert us.follow().code == 3
    us.store.with_name("text").write_text("no replica")
    us.store = us.store.with_name("text")
    assert us.follow().code == 3
    assert us.store.read_text() == "no replica"


def test_another_log_than_was_named_is_not_taken_at_the_first_contact(us: Us) -> None:
    us.operated.emit(us.customer, 1)
    for option in ("--log", "--ledger"):
        told = us.follow(option, "0x" + "11" * 32)
        assert told.code == 1
        assert "✗ identity" in told.out
        assert not us.store.exists()


def test_a_chain_that_does_not_answer_or_lags_leaves_the_head_unchecked(
    us: Us, make_proxy: MakeProxy
) -> None:
    us.operated.emit(us.customer, 2)
    us.operated.anchor()
    proxy = make_proxy(us.rpc)
    us.rpc = proxy.url
    proxy.on("eth_getBlockByNumber", change(lambda block: block | {"number": "0x1"}))
    lagging = us.follow("--json")
    assert lagging.code == 4
    assert "lags behind" in lagging.json()["notChecked"]
    proxy.heal()
    proxy.on("*", status(500))
    assert us.follow().code == 4
    proxy.heal()
    proxy.on("eth_chainId", answer("0x5"))
    assert us.follow("--json").json()["head"] is None
    proxy.heal()
    assert us.follow().code == 0
    proxy.on("eth_chainId", answer("0x5"))
    refused = us.follow("--json")
    assert (refused.code, json.loads(refused.err)["code"]) == (3, "another_chain")


def test_a_node_that_lies_is_told_and_harms_nothing(us: Us, make_proxy: MakeProxy) -> None:
    us.operated.emit(us.customer, 2)
    us.operated.anchor()
    honest, proxy = us.rpc, make_proxy(us.rpc)
    us.rpc = proxy.url
    proxy.on("eth_getLogs", answer([]))
    told = us.follow("--json")
    assert told.code == 1
    assert told.json()["findings"][0]["kind"] == "head_refused"
    assert told.json()["head"] is None
    disagree = us.follow("--rpc", honest, "--json")
    assert disagree.code == 4
    assert "disagree" in disagree.json()["notChecked"]
    proxy.heal()
    assert us.follow().code == 0
    assert us.whole() == 2


@pytest.mark.slow
def test_killed_at_any_moment_it_leaves_a_whole_copy_and_goes_on(us: Us) -> None:
    us.operated.emit(us.customer, 32_000)
    us.operated.anchor()
    sizes, moments = [0], random.Random(7)
    while sizes[-1] < 32_000 and len(sizes) < 8:
        running = start(*us.arguments(), env=us.environment())
        _wait_for(
            lambda last=sizes[-1], running=running: _size(us.store) > last or running.poll() is not None
        )
        time.sleep(moments.uniform(0, 0.1))
        running.send_signal(signal.SIGKILL)
        running.communicate()
        sizes.append(us.whole())
        assert sizes[-1] >= sizes[-2]
    assert len([size for size in sizes if 0 < size < 32_000]) >= 2, sizes
    assert us.follow().code == 0
    assert us.whole() == 32_000


def _size(store: Path) -> int:
    if not store.exists():
        return 0
    with Store.open(store) as opened:
        return opened.standing().size


def _wait_for(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_it_follows_on_and_tells_only_what_is_new(us: Us) -> None:
    us.operated.emit(us.customer, 1)
    us.operated.anchor()
    options = ("--contract", us.operated.running.contract, "--every", "0.1", "--json")
    arguments = [one for one in us.arguments(*options) if one != "--once"]
    running = start(*arguments, env=us.environment())
    lines: list[Any] = []

    def read() -> None:
        assert running.stdout is not None
        lines.extend(json.loads(line) for line in running.stdout)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        _wait_for(lambda: _size(us.store) == 1)
        us.operated.emit(us.customer, 1, first=1)
        us.operated.anchor()
        _wait_for(lambda: any(line["head"] and line["head"]["size"] == 2 for line in lines))
    finally:
        running.terminate()
        running.wait(10)
        reader.join(10)
    assert running.returncode in (-signal.SIGTERM, 0)
    assert len(lines) <= 4, "a round in which nothing happens says nothing"


def test_the_server_away_or_something_else_is_no_finding(us: Us) -> None:
    away = us.follow("--url", "http://127.0.0.1:9", "--json")
    assert (away.code, json.loads(away.err)["code"]) == (4, "unavailable")
    other = us.follow("--url", us.rpc)
    assert other.code == 4
    assert "no Anchor server" in other.err
