"""A follower with a stricter rule of finality than the operator's, reorganisations, and a server in haste."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from anchor.client import AnchorClient, NewDelta
from anchor.node.reader import JsonRpcChain
from anchor.node.view import Finality
from anchor.replica.following import Follower, Round
from anchor.replica.operator import Operator
from anchor.replica.self_check import check_copy
from anchor.replica.values import Wanted
from anchor.server.chain.signers.local import LocalSigner
from anchor.server.service.development import Development, Ports
from tests.fixtures.anvil import Anvil, running_anvil
from tests.replica.playing import CUSTOMER, Counterparty, PlayedServer
from tests.verify.anchored_log import AnchoredLog

STRICT = Finality.parse(3)


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    with running_anvil() as node:
        yield node


@pytest.fixture
def log(anvil: Anvil) -> AnchoredLog:
    return AnchoredLog(anvil.url, LocalSigner(bytes.fromhex(anvil.accounts[1].private_key[2:])))


@pytest.fixture
def us(log: AnchoredLog, tmp_path: Path) -> Counterparty:
    return Counterparty(PlayedServer(log), tmp_path / "ua.replica", log.url, log.contract)


def batch(went: Round) -> int:
    """The newest batch that was seen in a final block, 0 where none was."""
    return 0 if went.head is None else went.head.batch.number


def test_a_head_is_held_once_its_block_is_final_though_newer_ones_are_shown(
    us: Counterparty, log: AnchoredLog
) -> None:
    """Every block anchors, so what is shown is never final; it must not be waited for in vain."""
    held = []
    for _ in range(8):
        log.built.record_many(CUSTOMER, 2)
        log.anchor()
        went = us.round(finality=STRICT)
        assert went.findings == ()
        assert went.waiting
        held.append(batch(went))
    assert held == [0, 0, 1, 1, 3, 3, 5, 5]


def test_a_block_that_was_reorganised_away_is_nobodys_fault(
    us: Counterparty, log: AnchoredLog, anvil: Anvil
) -> None:
    log.built.record_many(CUSTOMER, 2)
    snapshot = anvil.rpc("evm_snapshot")
    log.anchor()
    assert us.round(finality=STRICT).waiting
    anvil.rpc("evm_revert", snapshot)
    anvil.rpc("anvil_mine", "0x1")
    # The operator anchors the same batch again, in another block.
    log.built.batches.clear()
    log.head = bytes(32)
    log.built.now -= 1_000
    log.anchor()
    anvil.rpc("anvil_mine", "0x3")
    went = us.round(finality=STRICT)
    assert (went.findings, went.not_checked, batch(went)) == ((), None, 1)


@pytest.mark.slow
def test_a_server_that_records_and_anchors_without_a_pause_is_never_accused(tmp_path: Path) -> None:
    stop = threading.Event()
    with (
        Development(tmp_path / "dev", {}, ports=Ports(0, 0), anchor_every=0.2) as running,
        AnchorClient(running.url, running.admin_key) as client,
        Operator(running.url, running.admin_key) as operator,
    ):
        client.emit("acme", 1, reference_id="first")

        def emit() -> None:
            number = 0
            while not stop.is_set():
                client.emit_batch([NewDelta("acme", 1, reference_id=f"r-{number + at}") for at in range(7)])
                number += 7

        emitting = threading.Thread(target=emit)
        emitting.start()
        try:
            for rule in ("latest", "3"):
                wanted = Wanted("acme", finality=Finality.parse(rule))
                chain = JsonRpcChain(running.rpc_url)
                with Follower(operator, chain, tmp_path / f"{rule}.replica", wanted) as follower:
                    batches = set()
                    for _ in range(200):
                        went = follower.round()
                        assert went.findings == ()
                        batches.add(batch(went))
                        if len(batches - {0}) == 5:
                            break
                    assert len(batches - {0}) == 5
                    assert follower.store is not None
                    assert check_copy(follower.store) is None
                chain.close()
        finally:
            stop.set()
            emitting.join()
