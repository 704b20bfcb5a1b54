"""``anchor dev``: emitted, anchored, proven and verified in one process, and again after a restart."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from anchor.client import AnchorClient
from anchor.service.development import Development, Ports
from anchor.verify import verify_file

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

    with (
        Development(directory, {}, ports=ANY, anchor_every=0.2) as running,
        AnchorClient(running.url, key=running.admin_key) as client,
    ):
        assert running.anchored_elsewhere
        assert not running.made_now
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
