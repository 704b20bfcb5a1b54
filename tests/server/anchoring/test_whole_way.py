"""Seal, send, confirm: on Anvil and on eth-tester, on both databases."""

import json
import threading
import time
from collections.abc import Callable

import pytest

from anchor.server.anchoring.loop import AnchoringLoop
from anchor.server.anchoring.sending_chain import ChainConnection
from anchor.server.chain.contract import AnchorLog
from anchor.server.chain.deploying import deploy
from anchor.server.chain.development import DevelopmentChain
from anchor.server.chain.finality import FinalityRule
from anchor.server.chain.node import Node
from anchor.server.chain.settings import ChainSettings, SignerSettings
from anchor.server.ledger.clock import SystemClock
from anchor.server.storage.anchors import chains_in_use, newest_anchor
from anchor.server.storage.database import Database
from tests.fixtures.anchoring import LOG_ID, BatchPress, Bench, bench_on
from tests.fixtures.anvil import Anvil
from tests.fixtures.clocks import FixedClock


def test_a_batch_is_sealed_sent_mined_and_final(anvil: Anvil, database: Database) -> None:
    bench = bench_on(anvil, database)
    bench.press.add()
    loop = bench.loop()
    assert loop.run_once()
    assert bench.states() == ["mined"]
    bench.mine()
    assert loop.run_once()
    assert bench.states() == ["final"]
    bench.check_caught_up()
    [anchor] = bench.anchor_rows()
    assert (anchor.batch, anchor.state) == (1, "final")
    [attempt] = bench.attempt_rows()
    assert bytes(attempt.transaction_hash) == bytes(anchor.transaction_hash)
    assert attempt.fee_paid > 0
    assert bench.alarms() == {}


def test_the_newest_batch_covers_those_before_it_with_one_transaction(bench: Bench) -> None:
    loop = bench.loop()
    for _ in range(5):
        bench.press.press()
    loop.run_once()
    bench.mine()
    loop.run_once()
    assert [event.number for event in bench.line()] == [5]
    assert bench.states() == ["final"]


def test_nothing_new_sends_nothing(bench: Bench) -> None:
    loop = bench.loop()
    loop.run_once()
    loop.run_once()
    assert bench.states() == []
    assert bench.alarms() == {}


def test_each_change_is_one_json_line(bench: Bench, log_lines: pytest.LogCaptureFixture) -> None:
    bench.press.add()
    loop = bench.loop()
    loop.run_once()
    bench.mine()
    loop.run_once()
    events = [json.loads(record.message)["event"] for record in log_lines.records]
    assert events == [
        "chain_added",
        "batch_sealed",
        "send_planned",
        "send_signed",
        "send_sent",
        "send_mined",
        "send_final",
    ]


class TestDevelopmentChain:
    """eth-tester in the same process."""

    def loop(self, chain: DevelopmentChain, database: Database) -> tuple[AnchoringLoop, AnchorLog]:
        signer = chain.signer()
        node = Node([chain.endpoint], chain.chain_id)
        deployment = deploy(node, signer, log_id=LOG_ID, owner=signer.address, submitter=signer.address)
        settings = ChainSettings(
            name="development",
            chain_id=chain.chain_id,
            rpc=("in-process",),
            signer=SignerSettings("environment"),
            contract=deployment.address,
            finality=FinalityRule(None, 1),
            interval=0.01,
            development=True,
        )
        press = BatchPress(database)
        press.add()
        loop = AnchoringLoop(
            database,
            press,
            [ChainConnection(settings, [chain.endpoint], signer)],
            FixedClock(),
            log_id=LOG_ID,
            holder="dev",
        )
        return loop, AnchorLog(node, deployment.address)

    def test_one_round_anchors_and_confirms(self, sqlite_database: Database) -> None:
        loop, contract = self.loop(DevelopmentChain(), sqlite_database)
        loop.run_once()
        with sqlite_database.read() as connection:
            [chain] = chains_in_use(connection)
            anchor = newest_anchor(connection, chain.id, final=True)
        assert anchor is not None
        assert anchor.batch == 1
        assert contract.head() != bytes(32)

    def test_27_a_development_chain_that_was_reset_is_noticed_and_anchored_anew(
        self, sqlite_database: Database, log_lines: pytest.LogCaptureFixture
    ) -> None:
        first, _ = self.loop(DevelopmentChain(), sqlite_database)
        first.run_once()
        second, contract = self.loop(DevelopmentChain(), sqlite_database)
        second.run_once()
        with sqlite_database.read() as connection:
            [chain] = chains_in_use(connection)
            anchor = newest_anchor(connection, chain.id, final=True)
        assert anchor is not None
        assert anchor.batch == 2
        assert contract.head() != bytes(32)
        events = [json.loads(record.message)["event"] for record in log_lines.records]
        assert "chain_retired" in events


def test_many_waiting_deltas_are_sealed_before_their_time(bench: Bench) -> None:
    loop = AnchoringLoop(
        bench.database,
        bench.press,
        [bench.connection()],
        SystemClock(),
        log_id=LOG_ID,
        seal_interval=3600,
        seal_at=3,
    )
    stop = threading.Event()
    worker = threading.Thread(target=loop.run, args=(stop,))
    worker.start()
    try:
        # The first seal comes at once; the next would come in an hour.
        bench.press.add()
        assert until(lambda: len(bench.line()) == 1)
        bench.press.add(2)
        worker.join(2.5)
        assert len(bench.line()) == 1
        bench.press.add()
        assert until(lambda: len(bench.line()) == 2)
    finally:
        stop.set()
        worker.join()


def until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False
