"""``anchor dev``: emitted, anchored, proven and verified in one process, and again after a restart."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from anchor.client import AnchorClient
from anchor.server.anchoring.loop import AnchoringLoop
from anchor.server.service.background_server import listen
from anchor.server.service.development import Development, Ports
from anchor.server.service.directory_lock import AlreadyRunning
from anchor.server.service.settings import InvalidSettings
from anchor.server.storage.observations import alarms_raised
from anchor.verify import verify_file
from tests.cli.running import anchor, start
from tests.fixtures.anchoring import BatchPress
from tests.fixtures.clocks import FixedClock

ANY = Ports(0, 0)


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Return the condition's first true value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("the condition did not come true")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "dev"


def test_a_delta_is_verified_and_its_proof_checks_over_the_served_chain(directory: Path) -> None:
    with (
        Development(directory, {}, ports=ANY, anchor_every=0.2) as running,
        AnchorClient(running.url, key=running.admin_key) as client,
    ):
        assert running.made_now
        assert not running.anchored_elsewhere
        receipt = client.emit("acme", -182, reason="gpu hours", reference_id="run-1")
        until(lambda: client.receipt(receipt.receipt_id).status == "VERIFIED")
        proof = client.proof(receipt.receipt_id)
        result = verify_file(proof, rpc=running.rpc_url, contract=running.contract)
        assert result.verdict == "valid", result.failed
        shown = httpx.get(f"{running.url}/api/v1/verify/{receipt.receipt_id}").json()
        assert shown["valid"] is True


def test_restarted_on_an_old_database_it_anchors_anew_on_its_new_chain(directory: Path) -> None:
    with (
        Development(directory, {}, ports=ANY, anchor_every=0.2) as running,
        AnchorClient(running.url, key=running.admin_key) as client,
    ):
        receipt = client.emit("acme", -182, reference_id="run-1")
        until(lambda: client.receipt(receipt.receipt_id).status == "VERIFIED")
        kept, old_id = client.proof(receipt.receipt_id), running.chain.chain_id

    with (
        Development(directory, {}, ports=ANY, anchor_every=0.2) as running,
        AnchorClient(running.url, key=running.admin_key) as client,
    ):
        assert running.anchored_elsewhere
        assert not running.made_now
        assert old_id != running.chain.chain_id
        refused = verify_file(kept, rpc=running.rpc_url)
        assert refused.verdict == "not_checked_against_a_chain"
        assert refused.failed is not None
        assert refused.failed.expected == f"chain {old_id}"
        assert refused.failed.found == f"chain {running.chain.chain_id}"
        assert "another chain" in refused.failed.explanation
        until(lambda: client.receipt(receipt.receipt_id).status == "VERIFIED")
        old = client.proof(receipt.receipt_id)
        assert verify_file(old, rpc=running.rpc_url).verdict == "valid"
        newer = client.emit("acme", -1, reference_id="run-2")
        until(lambda: client.receipt(newer.receipt_id).status == "VERIFIED")
        assert verify_file(client.proof(newer.receipt_id), rpc=running.rpc_url).verdict == "valid"


def test_without_the_loop_a_batch_is_made_when_it_is_asked_for(directory: Path) -> None:
    with (
        Development(directory, {}, ports=ANY, anchoring=False) as running,
        AnchorClient(running.url, key=running.admin_key) as client,
    ):
        receipt = client.emit("acme", -182, reference_id="run-1")
        assert client.receipt(receipt.receipt_id).status == "QUEUED"
        running.anchor_now()
        assert client.receipt(receipt.receipt_id).status == "VERIFIED"
        assert [batch["number"] for batch in client.batches()] == [1]


def snapshot(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_a_chain_that_makes_blocks_only_when_asked_is_no_alarm(directory: Path) -> None:
    with Development(directory, {}, ports=ANY, anchoring=False) as running:
        database, clock = running.log.database, FixedClock(time.time_ns() // 1_000_000)
        press = BatchPress(database, running.log.log.log_id)
        chains = [running._connect(1.0)]
        loop = AnchoringLoop(database, press, chains, clock, log_id=running.log.log.log_id, holder="the test")
        for _ in range(3):
            loop.run_once()
            clock.advance(24 * 60 * 60 * 1000)
        with database.read() as connection:
            assert [alarm.name for alarm in alarms_raised(connection)] == []


def test_a_second_one_on_the_same_directory_is_refused_and_touches_nothing(directory: Path) -> None:
    with Development(directory, {}, ports=ANY, anchoring=False) as running:
        before = snapshot(directory)
        with pytest.raises(AlreadyRunning) as refused:
            Development(directory, {}, ports=ANY)
        assert refused.value.code == "already_running"
        assert str(os.getpid()) in str(refused.value)
        assert running.url in str(refused.value)
        assert snapshot(directory) == before
    with Development(directory, {}, ports=ANY, anchoring=False) as again:
        assert again.anchored_elsewhere is False


def test_one_that_was_killed_leaves_no_lock(directory: Path) -> None:
    first = start("dev", directory, "--port", 0, "--rpc-port", 0, "--json", stderr=subprocess.DEVNULL)
    try:
        assert first.stdout is not None
        said = json.loads(first.stdout.readline())
        second = anchor("dev", directory, "--port", 0, "--rpc-port", 0, "--json")
        assert second.code == 3
        assert json.loads(second.err)["code"] == "already_running"
        assert f"process {first.pid} " in second.err
        assert said["url"] in second.err
    finally:
        first.kill()
        first.communicate()
    with Development(directory, {}, ports=ANY, anchoring=False) as running:
        assert not running.made_now


def test_one_that_cannot_have_its_port_lets_go_of_everything(directory: Path) -> None:
    taken = listen("127.0.0.1", 0)
    taken.listen()
    with taken, pytest.raises(InvalidSettings):
        Development(directory, {}, ports=Ports(api=taken.getsockname()[1], rpc=0))
    with Development(directory, {}, ports=ANY, anchoring=False) as running:
        assert not running.made_now
