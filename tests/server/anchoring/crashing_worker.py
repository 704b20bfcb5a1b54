"""A service that records and anchors, killed at a chosen instant: a process of its own for test_crashes.

It reads one line for each run, ``{"kill_at": n}``, forks a child that works through one cycle and sends
itself SIGKILL at the n-th instant, and answers ``{"signal": 9}`` or ``{"instants": m}``. There is an
instant before each RPC call, before each write transaction, before its commit, and at the end. After a
call or a commit is before the next one: between two instants nothing changes outside the process.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Engine

from anchor.node.endpoint import HttpEndpoint
from anchor.protocol.identities import IdentityKey
from anchor.server.anchoring.loop import AnchoringLoop
from anchor.server.anchoring.sending_chain import ChainConnection
from anchor.server.chain.finality import FinalityRule
from anchor.server.chain.settings import ChainSettings, SignerSettings
from anchor.server.chain.signers.local import LocalSigner
from anchor.server.ledger.clock import SystemClock
from anchor.server.ledger.log import open_log
from anchor.server.ledger.model import Emission
from anchor.server.ledger.recording import Recorder
from anchor.server.ledger.sealing import Sealer
from anchor.server.storage.database import Database
from tests.fixtures.anvil import CHAIN_ID


class Instants:
    """Counts the instants of a run, and ends the process at one of them."""

    def __init__(self, kill_at: int | None) -> None:
        self.passed = 0
        self.kill_at = kill_at

    def pass_one(self) -> None:
        self.passed += 1
        if self.passed == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalDatabase(Database):
    """A database with an instant before each write, and one before its commit."""

    instants: Instants

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self.instants.pass_one()
        with super().write() as connection:
            yield connection
            self.instants.pass_one()


class MortalEndpoint(HttpEndpoint):
    """An endpoint with an instant before each call."""

    instants: Instants

    def call(self, method: str, params: Sequence[Any]) -> Any:
        self.instants.pass_one()
        return super().call(method, params)


def work(configuration: dict[str, Any], kill_at: int | None) -> int:
    """Record a delta, seal it, send the batch, see it mined, see it final.

    Returns how many instants passed.
    """
    instants = Instants(kill_at)
    database = MortalDatabase.open(configuration["database"])
    assert isinstance(database, MortalDatabase)
    database.instants = instants
    endpoint = MortalEndpoint(configuration["rpc"])
    endpoint.instants = instants
    settings = ChainSettings(
        name="anvil",
        chain_id=CHAIN_ID,
        rpc=(configuration["rpc"],),
        signer=SignerSettings("environment"),
        contract=bytes.fromhex(configuration["contract"]),
        finality=FinalityRule(None, 2),
        interval=0.01,
    )
    log = open_log(database)
    identity = IdentityKey(bytes.fromhex(configuration["identity"]))
    Recorder(database, log, identity, SystemClock()).record([Emission("acme", 1)])
    loop = AnchoringLoop(
        database,
        Sealer(database, log, identity, SystemClock()),
        [ChainConnection(settings, [endpoint], LocalSigner(bytes.fromhex(configuration["secret"])))],
        SystemClock(),
        log_id=log.log_id,
        holder="the worker",
    )
    loop.run_once()
    HttpEndpoint(configuration["rpc"]).call("anvil_mine", ["0x1"])
    loop.run_once()
    instants.pass_one()
    return instants.passed


def main() -> None:
    configuration = json.loads(sys.stdin.readline())
    for line in sys.stdin:
        kill_at = json.loads(line)["kill_at"]
        receiving, sending = os.pipe()
        child = os.fork()
        if child == 0:
            passed = work(configuration, kill_at)
            os.write(sending, json.dumps({"instants": passed}).encode())
            os._exit(0)
        os.close(sending)
        with os.fdopen(receiving) as answer:
            told = answer.read()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            told = json.dumps({"signal": os.WTERMSIG(status)})
        sys.stdout.write((told or json.dumps({"failed": status})) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
