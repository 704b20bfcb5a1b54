"""Several servers and workers on one PostgreSQL and Anvil, under the hammer's load."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from anchor.cli.hammer.findings import HammerReport
from anchor.cli.hammer.load import HammerPlan
from anchor.cli.hammer.proofs import ProofCheck
from anchor.cli.hammer.run import Hammer
from anchor.client import AnchorClient
from anchor.node.reader import JsonRpcChain
from anchor.server.service.initializing import FirstChain, initialise
from tests.cli.running import anchor
from tests.durability.deployment import Deployment, Process, until
from tests.fixtures.anvil import StartAnvil

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

DELTAS = 2_000
QUICK = {"ANCHOR_CHAINS_MAIN_INTERVAL": "1", "ANCHOR_SEALING_INTERVAL_SECONDS": "1"}


class Anchored(NamedTuple):
    """A deployment on PostgreSQL, of which no process runs yet, and the chain that it anchors on."""

    deployment: Deployment
    rpc: str
    contract: str


@pytest.fixture
def anchored(
    start_anvil: StartAnvil, make_postgresql_url: Callable[[], str], tmp_path: Path
) -> Iterator[Anchored]:
    anvil = start_anvil("--block-time", "1")
    url = make_postgresql_url()
    made = initialise(
        tmp_path / "data", database_url=url, chain=FirstChain("main", 31337, anvil.url), with_signing_key=True
    )
    anvil.rpc("anvil_setBalance", made.signer, hex(10**18))
    deployed = anchor("deploy", "--data", made.directory, "--json")
    assert deployed.code == 0, deployed.err
    deployment = Deployment(made.directory, made.admin_key, url)
    try:
        yield Anchored(deployment, anvil.url, deployed.json()["contract"])
    finally:
        deployment.end()


def test_the_hammer_passes_against_two_servers_and_a_worker(anchored: Anchored) -> None:
    deployment = anchored.deployment
    servers = [deployment.server() for _ in range(2)]
    deployment.process("worker", "--data", deployment.directory, env=QUICK)
    for server in servers:
        server.wait_until_ready()
    done = anchor(
        *("hammer", *(server.url for server in servers), "--key", deployment.key, "--rpc", anchored.rpc),
        *("--contract", anchored.contract, "--deltas", DELTAS, "--batch", 50, "--retries", 0.3, "--json"),
    )
    assert done.code == 0, done.out + done.err
    report = done.json()
    assert report["passed"] is True
    assert report["deltas"] == report["acknowledged"] == report["verified"] == DELTAS
    assert report["retried"] > 0
    deployment.check()


def test_killed_servers_and_a_killed_leader_cost_no_delta_and_no_proof(anchored: Anchored) -> None:
    deployment = anchored.deployment
    servers = [deployment.server() for _ in range(4)]
    workers = [deployment.process("worker", "--data", deployment.directory, env=QUICK) for _ in range(2)]
    for server in servers:
        server.wait_until_ready()
    clients = [AnchorClient(server.url, deployment.key, attempts=12) for server in servers]
    leader = until(lambda: leader_of(clients[0], workers), "one worker leads", 90)

    counted = Counted()
    with contextlib.closing(JsonRpcChain(anchored.rpc)) as chain:
        hammer = Hammer(
            clients,
            HammerPlan("hammer-many", deltas=DELTAS, batch=5, customers=7, hot=0.3, retries=0.2),
            ProofCheck(chain, contract=bytes.fromhex(anchored.contract[2:])),
            connections=8,
            wait=150,
            progress=counted,
        )
        reports: list[HammerReport] = []
        running = threading.Thread(target=lambda: reports.append(hammer.run()))
        running.start()
        until(lambda: counted.emitted > 300 or not running.is_alive(), "the load is under way")
        for server in servers[:2]:
            server.kill()
        leader.kill()
        assert counted.emitted < DELTAS, "the load was over before the kills"
        servers[:2] = [deployment.server(server.port) for server in servers[:2]]
        (other,) = [worker for worker in workers if worker is not leader]
        until(lambda: leader_of(clients[3], workers) is other, "the other worker leads", 90)
        running.join(300)
    assert reports, "the hammer did not end"
    (report,) = reports
    assert report.passed, report.to_json()
    assert report.verified == DELTAS
    deployment.check()


class Counted:
    """Counts what the hammer has emitted."""

    def __init__(self) -> None:
        self.emitted = 0

    def __call__(self, stage: str, steps: int) -> None:
        if stage == "emit":
            self.emitted += steps


def leader_of(client: AnchorClient, workers: list[Process]) -> Process | None:
    """Return the worker that holds the lease now, None where none does that lives."""
    status = client.status()
    holder, renewed = status["worker"], status["workerRenewedAt"]
    if holder is None or renewed is None or time.time() * 1000 - renewed > 5_000:
        return None
    pid = int(holder.split("/")[1])
    assert pid != os.getpid()
    return next((one for one in workers if one.pid == pid and one.popen.poll() is None), None)
