"""From nothing to an anchored log on a real node, with the commands that docs/operating.md names."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from anchor.server.service.background_server import listen
from tests.cli.running import anchor_here as anchor
from tests.cli.running import start
from tests.fixtures.anvil import Anvil

pytestmark = pytest.mark.slow


def until(condition: Callable[[], Any], seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError("the condition did not come true")


def free_port() -> int:
    taken = listen("127.0.0.1", 0)
    port: int = taken.getsockname()[1]
    taken.close()
    return port


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes to end with the test."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_an_operator_gets_from_nothing_to_a_verified_proof(
    anvil: Anvil, tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    data = tmp_path / "data"
    made = anchor("init", data, "--rpc", anvil.url, "--chain-id", 31337, "--json").json()
    assert made["adminKey"].startswith("ak_")
    assert anchor("init", data).code == 3

    # Nothing is ready yet, and the doctor says so.
    before = anchor("doctor", "--data", data, "--json")
    assert (before.code, before.json()["ready"]) == (1, False)
    unready = anchor("worker", "--data", data)
    assert unready.code == 3
    assert "anchor deploy" in unready.err

    anvil.rpc("anvil_setBalance", made["signer"], hex(10**18))
    deployed = anchor("deploy", "--data", data, "--json")
    assert deployed.code == 0, deployed.err
    assert deployed.json()["writtenToSettings"] is True
    contract = deployed.json()["contract"]
    assert contract in (data / "anchor.toml").read_text()
    assert anchor("deploy", "--data", data).code == 3
    assert list(data.glob("deploying-*")) == []
    anvil.mine(3)
    after = anchor("doctor", "--data", data, "--json")
    assert after.code == 0, after.out

    port = free_port()
    environment = {"ANCHOR_CHAINS_MAIN_INTERVAL": "1", "ANCHOR_SEALING_INTERVAL_SECONDS": "1"}
    server = start("serve", "--data", data, "--port", port, env=environment)
    worker = start("worker", "--data", data, env=environment)
    started += [server, worker]
    where = {"ANCHOR_URL": f"http://127.0.0.1:{port}", "ANCHOR_API_KEY": made["adminKey"]}
    until(lambda: anchor("status", env=where).code in (0, 1))

    emitted = anchor("emit", "acme", "-182", "--reference", "run-1", "--json", env=where).json()
    assert (emitted["status"], emitted["balance"]) == ("QUEUED", -182)

    def verified() -> bool:
        anvil.mine(2)
        return bool(anchor("derive", "acme", "--json", env=where).json()["deltaCount"] == 1)

    until(verified)
    proof = tmp_path / "acme.proof.json"
    assert anchor("proof", emitted["receiptId"], "--out", proof, env=where).code == 0
    checked = anchor("verify", proof, "--rpc", anvil.url, "--contract", contract)
    assert checked.code == 0, checked.out

    pack = tmp_path / "acme.zip"
    packed = anchor("pack", "acme", "--data", data, "--out", pack, "--json").json()
    assert packed["deltas"] == 1
    assert anchor("verify", pack, proof, "--rpc", anvil.url, "--contract", contract).code == 0
    offline = anchor("verify", pack, "--block-hash", packed["evidenceBlock"], "--contract", contract)
    assert offline.code == 0, offline.out
    assert anchor("verify", tmp_path, "--block-hash", packed["evidenceBlock"]).code == 2

    status = anchor("status", "--json", env=where).json()
    assert status["chains"][0]["finalBatch"] == 1
    shown = anchor("status", env=where)
    assert "batch 1" in shown.out

    for process in (worker, server):
        process.send_signal(signal.SIGTERM)
    assert [process.wait(10) for process in (worker, server)] == [0, 0]


def test_a_worker_ends_within_five_seconds_of_being_told(anvil: Anvil, tmp_path: Path) -> None:
    data = tmp_path / "data"
    made = anchor("init", data, "--rpc", anvil.url, "--chain-id", 31337, "--json").json()
    anvil.rpc("anvil_setBalance", made["signer"], hex(10**18))
    assert anchor("deploy", "--data", data).code == 0
    worker = start("worker", "--data", data, "--json", stderr=subprocess.PIPE)
    assert worker.stdout is not None
    assert worker.stderr is not None
    assert json.loads(worker.stdout.readline()) == {"directory": str(data), "chains": ["main"]}
    assert "worker_started" in worker.stderr.readline()
    told = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert time.monotonic() - told < 5
    assert worker.communicate()[0] == ""


def test_a_server_says_as_json_where_it_answers_and_logs_elsewhere(tmp_path: Path) -> None:
    data = tmp_path / "data"
    key = anchor("init", data, "--json").json()["adminKey"]
    server = start("serve", "--data", data, "--port", 0, "--json", stderr=subprocess.PIPE)
    try:
        assert server.stdout is not None
        said = json.loads(server.stdout.readline())
        assert said["directory"] == str(data)
        assert anchor("status", env={"ANCHOR_URL": said["url"], "ANCHOR_API_KEY": key}).code == 0
    finally:
        server.send_signal(signal.SIGTERM)
        out, err = server.communicate(timeout=30)
    assert (server.returncode, out) == (0, "")
    assert "Application startup complete" in err


def test_a_foreign_chain_is_refused_with_both_ids(anvil: Anvil, tmp_path: Path) -> None:
    data = tmp_path / "data"
    anchor("init", data, "--rpc", anvil.url, "--chain-id", 1)
    done = anchor("deploy", "--data", data)
    assert done.code == 3
    assert "31337" in done.err
