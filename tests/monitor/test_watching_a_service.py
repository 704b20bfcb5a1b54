"""``anchor watch`` as a stranger runs it: against a running service's chain, batches and proof files."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from anchor.client import AnchorClient
from anchor.monitor.batches import ServerBatches
from anchor.monitor.history import BatchesUnavailable
from anchor.server.service.development import Development, Ports
from tests.cli.running import Finished, anchor, anchor_here
from tests.fixtures.rpc_proxy import MakeProxy, change


@dataclass
class Watched:
    """A service with three anchored batches, and the proof files that its customer kept."""

    service: Development
    client: AnchorClient
    kept: Path
    tmp_path: Path

    def emit_and_anchor(self, reference: str) -> bytes:
        receipt = self.client.emit("acme", -1, reference_id=reference)
        self.service.anchor_now()
        return self.client.proof(receipt.receipt_id)

    def watch(self, *more: object, server: bool = True, proofs: bool = True) -> Finished:
        """Look once, in this process."""
        return anchor_here("watch", *self.where(server=server, proofs=proofs), "--once", *more)

    def where(self, *, server: bool = True, proofs: bool = True) -> list[object]:
        given: list[object] = ["--rpc", self.service.rpc_url, "--contract", self.service.contract]
        given += ["--finality", 1]
        given += ["--server", self.service.url] if server else []
        return given + (["--proofs", self.kept] if proofs else [])

    def rewrite(self, statement: str) -> None:
        """Alter the record behind the service's back, as its operator can."""
        with closing(sqlite3.connect(self.service.directory / "anchor.db")) as raw, raw:
            for (trigger,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                raw.execute(f'DROP TRIGGER "{trigger}"')
            assert raw.execute(statement).rowcount == 1


@contextmanager
def running(tmp_path: Path) -> Iterator[Watched]:
    kept = tmp_path / "kept"
    kept.mkdir()
    with (
        Development(tmp_path / "dev", {}, ports=Ports(0, 0), anchoring=False) as service,
        AnchorClient(service.url, key=service.admin_key) as client,
    ):
        watched = Watched(service, client, kept, tmp_path)
        for number in range(3):
            (kept / f"{number}.json").write_bytes(watched.emit_and_anchor(f"run-{number}"))
        yield watched


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """A service of the test's own, to cheat with."""
    with running(tmp_path) as service:
        yield service


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A service that all tests share, and none alters."""
    with running(tmp_path_factory.mktemp("honest")) as service:
        yield service


def lines(done: Finished) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.out.splitlines()]


def alarms(done: Finished) -> list[str]:
    return [line["kind"] for line in lines(done) if line["alarm"]]


def test_an_honest_service_is_found_whole(honest: Watched) -> None:
    done = honest.watch("--json")
    kinds = [line["kind"] for line in lines(done)]
    assert (done.code, done.err) == (0, "")
    assert kinds == ["not_checked", "not_checked", *["anchored", "checked"] * 3, "proofs_found"]
    assert lines(done)[-1]["detail"] == "3 of 3 batches of the proof files are on this chain"
    people = honest.watch()
    assert (people.code, people.err) == (0, "")
    assert "3 heads seen" in people.out


def test_without_batches_and_proofs_it_says_what_it_does_not_check(honest: Watched) -> None:
    done = honest.watch(server=False, proofs=False)
    assert done.code == 0
    for option in ("--server", "--proofs", "--state", "--rpc"):
        assert f"({option})" in done.out or f"a second {option}" in done.out
    assert done.out.count("not checked") == 4


def test_it_needs_no_key_and_learns_no_customer(honest: Watched) -> None:
    log = httpx.get(f"{honest.service.url}/api/v1/log").json()
    assert log["logId"] == "0x" + honest.service.log.log.log_id.hex()
    page = httpx.get(f"{honest.service.url}/api/v1/log/batches?limit=2").json()
    assert [set(batch) for batch in page["items"]] == [{"number", "historyRoot", "mapRoot", "sealedAt"}] * 2
    rest = httpx.get(f"{honest.service.url}/api/v1/log/batches?cursor={page['next']}").json()
    assert ([batch["number"] for batch in rest["items"]], rest["next"]) == ([3], None)


@pytest.mark.parametrize(
    ("statement", "seen"),
    [
        ("UPDATE batches SET map_root = zeroblob(32) WHERE number = 3", {"root_differs", "proof_differs"}),
        (
            "UPDATE batches SET sealed_at = sealed_at + 1 WHERE number = 1",
            {"root_differs", "history_differs", "proof_differs"},
        ),
        ("DELETE FROM batches WHERE number = 3", {"batch_missing"}),
    ],
)
def test_a_record_that_was_rewritten_alarms(watched: Watched, statement: str, seen: set[str]) -> None:
    watched.rewrite(statement)
    done = watched.watch("--json")
    assert done.code == 1
    assert set(alarms(done)) == seen
    # The operator's own words are not needed: an old proof file and the chain still fit.
    assert watched.watch(server=False).code == 0


def test_a_rewritten_log_is_caught_by_a_proof_file_that_somebody_kept(watched: Watched) -> None:
    file = watched.kept / "1.json"
    document = json.loads(file.read_text())
    document["head"]["batch"]["sealedAt"] += 1
    file.write_text(json.dumps(document))
    done = watched.watch("--json", server=False)
    assert (done.code, alarms(done)) == (1, ["proof_differs"])
    assert "1.json holds batch 2" in next(line for line in lines(done) if line["alarm"])["detail"]


def test_a_file_that_is_no_proof_of_this_log_is_named_and_left_out(watched: Watched) -> None:
    (watched.kept / "0.json").write_text("{}")
    done = watched.watch()
    assert done.code == 0
    assert "0.json is not used" in done.err
    for file in watched.kept.iterdir():
        file.write_text("nonsense")
    done = watched.watch("--json")
    assert done.code == 3
    assert json.loads(done.err.splitlines()[-1])["code"] == "no_proof_files"


def test_a_run_goes_on_from_the_last_ones_state(watched: Watched) -> None:
    state = watched.tmp_path / "watch.json"
    assert watched.watch("--state", state).code == 0
    watched.emit_and_anchor("run-3")
    done = watched.watch("--state", state, "--json")
    assert [line["batch"] for line in lines(done) if line["kind"] == "anchored"] == [4]
    assert "4 final heads known" in watched.watch("--state", state).out
    # Older proof files are held against the heads that the earlier run saw.
    file = watched.kept / "0.json"
    document = json.loads(file.read_text())
    document["head"]["batch"]["sealedAt"] += 1
    file.write_text(json.dumps(document))
    done = watched.watch("--state", state, "--json", server=False)
    assert (done.code, alarms(done)) == (1, ["proof_differs"])
    assert "1 alarm on record" in watched.watch("--state", state, server=False, proofs=False).err


def test_a_state_file_of_another_contract_or_none_at_all_is_refused(honest: Watched, tmp_path: Path) -> None:
    state = tmp_path / "watch.json"
    state.write_text("{}")
    done = honest.watch("--state", state)
    assert done.code == 3
    assert "cannot be read" in done.err
    assert state.read_text() == "{}"
    done = honest.watch("--state", tmp_path / "nowhere" / "watch.json", "--json")
    assert (done.code, json.loads(done.err)["code"]) == (3, "file")


def test_two_nodes_where_one_lies_alarm(honest: Watched, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(honest.service.rpc_url)
    assert honest.watch("--rpc", proxy.url).code == 0
    proxy.on("eth_getLogs", change(lambda events: events[:1]))
    done = honest.watch("--rpc", proxy.url, "--json")
    assert (done.code, alarms(done)) == (1, ["endpoints_disagree"])


@pytest.mark.parametrize(
    ("given", "code", "name"),
    [
        (["--contract", "nonsense"], 2, "usage"),
        (["--contract", "0x" + "11" * 20], 3, "no_contract"),
        (["--finality", "soon"], 2, "usage"),
        (["--rpc", "http://127.0.0.1:1"], 0, ""),
        (["--server", "http://127.0.0.1:1"], 4, "unavailable"),
        (["--proofs", "/nowhere"], 3, "file"),
    ],
)
def test_what_cannot_be_watched_is_said(honest: Watched, given: list[str], code: int, name: str) -> None:
    done = honest.watch("--json", *given)
    if name:
        assert (done.code, json.loads(done.err.splitlines()[-1])["code"]) == (code, name)
    else:
        # Of two nodes one is silent: told, and the end is not 'all is well'.
        assert done.code == 4
        assert "endpoint_unreachable" in [line["kind"] for line in lines(done)]


def test_a_server_of_another_log_is_refused(honest: Watched, tmp_path: Path) -> None:
    with Development(tmp_path / "other", {}, ports=Ports(0, 0), anchoring=False) as other:
        done = honest.watch("--server", other.url, "--json", server=False)
    assert (done.code, json.loads(done.err.splitlines()[-1])["code"]) == (3, "other_log")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(500), "HTTP 500"),
        (httpx.Response(302, headers={"location": "http://elsewhere"}), "redirects to http://elsewhere"),
        (httpx.Response(200, content=b"<html>"), "does not answer as a log does"),
        (httpx.Response(200, json={"items": [{"number": 1}]}), "historyRoot"),
        (httpx.Response(200, json={"items": [{}] * 1_001}), "lists and objects"),
        (httpx.Response(200, content=b"[" * 2_000_000), "more than 1048576 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_server_that_answers_anything_else_shows_no_batches(answer: httpx.Response, reason: str) -> None:
    def answered(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v1/log":
            return httpx.Response(200, json={"logId": "0x" + "21" * 32})
        return answer

    batches = ServerBatches("http://server", b"\x21" * 32, transport=httpx.MockTransport(answered))
    with pytest.raises(BatchesUnavailable, match=reason):
        batches.batch(1)


@pytest.mark.slow
def test_it_runs_on_the_base_install(honest: Watched, base_python: Path) -> None:
    done = anchor("watch", *honest.where(), "--once", "--json", python=str(base_python))
    assert (done.code, done.err) == (0, "")
    assert [line["kind"] for line in lines(done)].count("checked") == 3
