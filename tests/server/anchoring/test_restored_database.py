"""CHAIN_FAULTS row 41: a database that was restored from a backup older than the chain's head."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from anchor.node.endpoint import HttpEndpoint
from anchor.protocol.identities import IdentityKey
from anchor.server.anchoring.loop import AnchoringLoop
from anchor.server.anchoring.repair import go_on_upon, repair
from anchor.server.anchoring.sending_chain import open_chain
from anchor.server.ledger.clock import SystemClock
from anchor.server.ledger.log import create_log
from anchor.server.ledger.model import Emission, Log, Receipt, Status
from anchor.server.ledger.recording import Recorder
from anchor.server.ledger.sealing import Sealer
from anchor.server.ledger.views import find_receipt
from anchor.server.storage.database import Database
from anchor.server.storage.schema import batches
from tests.fixtures.anchoring import LOG_ID, BatchPress, Bench, bench_on
from tests.fixtures.anvil import Anvil
from tests.fixtures.logs import FOUNDER
from tests.fixtures.rpc_proxy import Call, Fault, MakeProxy, Reply, answer, refuse, status


def finish(bench: Bench, loop: Any, *, rounds: int = 4) -> None:
    """Mine and work until nothing is left to do."""
    for _ in range(rounds):
        bench.mine()
        bench.clock.advance(16_000)
        loop.run_once()


def backup(database: Database, tmp_path: Path) -> Database:
    """A copy of a database as it is now."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    source = database.engine.url.database
    assert source is not None
    copy = tmp_path / "backup.db"
    shutil.copy(source, copy)
    return Database.open(f"sqlite:///{copy}")


def batch_numbers(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.execute(select(batches.c.number).order_by(batches.c.number)).scalars())


def old_and_anchored(bench: Bench, tmp_path: Path) -> Database:
    """Anchor batch 1, keep a copy, anchor batches 2 and 3; return the copy."""
    loop = bench.loop()
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    old = backup(bench.database, tmp_path)
    for _ in range(2):
        bench.press.add()
        loop.run_once()
        finish(bench, loop)
    return old


def test_41_a_database_older_than_the_chain_refuses_to_anchor_over_it_and_says_what_is_missing(
    bench: Bench, tmp_path: Path
) -> None:
    old = old_and_anchored(bench, tmp_path)
    head = bench.reader().head()
    bench.press = BatchPress(old)
    bench.press.add()
    restored = bench.loop(database=old)
    restored.run_once()
    restored.run_once()
    bench.database = old
    detail = bench.alarms()["database_older_than_chain"]
    assert "batches 2 to 3 are missing" in detail
    assert bench.reader().head() == head
    # Nothing is sealed either: another batch 2 would be a second history.
    assert batch_numbers(old) == [1]
    chain = open_chain(
        bench.connection(),
        log_id=LOG_ID,
        lease=restored.lease,
        clock=bench.clock,
        node=bench.node(),
    )
    found = repair(chain)
    assert [event.number for event in found.missing] == [3, 2]
    assert not found.whole


@pytest.mark.parametrize("after", [0, 1, 4])
def test_41_nothing_is_sealed_before_the_chain_was_seen(
    bench: Bench, tmp_path: Path, make_proxy: MakeProxy, after: int
) -> None:
    old = old_and_anchored(bench, tmp_path)
    proxy = make_proxy(bench.anvil.url)
    # The node fails from the start, or somewhere on the way to its first answer about the head.
    proxy.on("*", status(503), skip=after)
    bench.press = BatchPress(old)
    bench.press.add()
    restored = bench.loop(database=old, endpoints=[HttpEndpoint(proxy.url)])
    for _ in range(3):
        restored.run_once()
        bench.clock.advance(61_000)
    bench.database = old
    assert "endpoint_unreachable" in bench.alarms()
    assert batch_numbers(old) == [1]
    proxy.heal()
    restored.run_once()
    assert "batches 2 to 3 are missing" in bench.alarms()["database_older_than_chain"]
    assert batch_numbers(old) == [1]


def as_of(block: dict[str, Any], *methods: str) -> Callable[[Call], Reply]:
    """A node that stands still at a block, for these methods or for all."""

    def fault(call: Call) -> Reply:
        if methods and call.method not in methods:
            return answer(call.forward().get("result"))(call)
        params = [block["number"] if one == "latest" else one for one in call.params]
        places = [one for one in params if isinstance(one, str) and one.startswith("0x") and len(one) < 20]
        if any(int(place, 16) > int(block["number"], 16) for place in places):
            return refuse("header not found")(call)
        body = {"jsonrpc": "2.0", "id": 1, "method": call.method, "params": params}
        return answer(call.node(json.dumps(body).encode()).get("result"))(call)

    return fault


@pytest.mark.parametrize("methods", [(), ("eth_call",)], ids=["one node", "another node of its URL"])
def test_41_nothing_is_sealed_upon_an_old_head_of_ours_that_a_node_which_stands_still_shows(
    bench: Bench, tmp_path: Path, make_proxy: MakeProxy, methods: tuple[str, ...]
) -> None:
    bench.clock.ms = SystemClock().now_ms()
    loop = bench.loop()
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    old = backup(bench.database, tmp_path)
    # The node goes on for a while before it stands still.
    bench.mine(3)
    stale = bench.anvil.rpc("eth_getBlockByNumber", "latest", False)
    for _ in range(2):
        bench.press.add()
        loop.run_once()
        finish(bench, loop)
    bench.clock.advance(400_000)
    bench.anvil.rpc("evm_setNextBlockTimestamp", bench.clock.now_ms() // 1000)
    bench.mine()
    proxy = make_proxy(bench.anvil.url)
    for method in ("eth_getBlockByNumber", "eth_call", "eth_getTransactionCount", "eth_getBalance"):
        proxy.on(method, as_of(stale, *methods))
    bench.press, bench.database = BatchPress(old), old
    bench.press.add()
    for _ in range(2):
        # A process that begins anew sees no more in it.
        restored = bench.loop(database=old, endpoints=[HttpEndpoint(proxy.url)])
        for _ in range(2):
            restored.run_once()
        assert batch_numbers(old) == [1]
        said = bench.alarms()["sealing_waits"]
        assert ("cannot be had" if methods else "s old, so it may be an old view") in said
    proxy.heal()
    restored.run_once()
    assert "batches 2 to 3 are missing" in bench.alarms()["database_older_than_chain"]
    assert batch_numbers(old) == [1]


def test_41_a_chain_that_makes_blocks_on_demand_only_holds_up_no_seal(bench: Bench) -> None:
    bench.clock.ms = SystemClock().now_ms()
    bench.clock.advance(400_000)
    for batch in range(1, 3):
        bench.press.add()
        loop = bench.loop()
        loop.run_once()
        bench.mine(2)
        loop.run_once()
        # The process that begins hours later finds the block that the one before saw last.
        bench.clock.advance(10_000_000)
        assert batch_numbers(bench.database) == list(range(1, batch + 1))
    assert "sealing_waits" not in bench.alarms()
    bench.check_caught_up()


@pytest.mark.parametrize("fault", [refuse("block range is limited to 10 blocks"), answer([])])
def test_41_nothing_is_sealed_upon_a_head_whose_event_cannot_be_read(
    bench: Bench, tmp_path: Path, make_proxy: MakeProxy, fault: Fault
) -> None:
    old = old_and_anchored(bench, tmp_path)
    proxy = make_proxy(bench.anvil.url)
    # A plan that searches few blocks, or a node that has forgotten old events.
    proxy.on("eth_getLogs", fault)
    bench.press = BatchPress(old)
    bench.press.add()
    restored = bench.loop(database=old, endpoints=[HttpEndpoint(proxy.url)])
    for _ in range(2):
        restored.run_once()
    bench.database = old
    assert batch_numbers(old) == [1]
    assert "or somebody else's" in bench.alarms()["database_older_than_chain"]
    proxy.heal()
    restored.run_once()
    assert "batches 2 to 3 are missing" in bench.alarms()["database_older_than_chain"]
    assert batch_numbers(old) == [1]


def test_41_repair_adopts_the_anchors_of_batches_that_the_database_holds(
    bench: Bench, tmp_path: Path
) -> None:
    bench.press.add()
    loop = bench.loop()
    loop.run_once()
    bench.press.press()
    # Sealed, but not yet anchored, when the backup was taken.
    old = backup(bench.database, tmp_path)
    loop.run_once()
    finish(bench, loop)
    with old.write() as connection:
        connection.exec_driver_sql("DELETE FROM anchors")
    restored = bench.loop(database=old, holder="restored")
    assert not restored.lease.acquire()
    bench.clock.advance(16_000)
    assert restored.lease.acquire()
    chain = open_chain(
        bench.connection(),
        log_id=LOG_ID,
        lease=restored.lease,
        clock=bench.clock,
        node=bench.node(),
    )
    found = repair(chain)
    assert (found.adopted, found.whole) == ((2, 1), True)
    bench.database = old
    bench.press = BatchPress(old)
    bench.press.add()
    onward = bench.loop(database=old, holder="restored")
    onward.run_once()
    finish(bench, onward)
    assert [event.number for event in bench.line()] == [1, 2, 3]
    bench.check_caught_up()


class RealLog:
    """A log that records deltas, anchored on a node by a worker of its own."""

    def __init__(self, database: Database, key: IdentityKey, bench: Bench, log: Log) -> None:
        self.database, self.key, self.bench, self.log = database, key, bench, log
        self.loop = AnchoringLoop(
            database,
            Sealer(database, log, key, bench.clock),
            [bench.connection()],
            bench.clock,
            log_id=log.log_id,
            holder="the worker",
        )

    def emit(self, reference: str) -> Receipt:
        recorder = Recorder(self.database, self.log, self.key, self.bench.clock)
        [receipt] = recorder.record([Emission("acme", -1, reference_id=reference)])
        assert isinstance(receipt, Receipt), receipt
        return receipt

    def status(self, receipt: Receipt) -> Status:
        return find_receipt(self.database, self.log, receipt.receipt_id).delta.status

    def work(self) -> None:
        self.loop.run_once()
        finish(self.bench, self.loop)


def test_41_meanwhile_recording_goes_on_and_nothing_that_was_answered_is_lost(
    anvil: Anvil, sqlite_database: Database, tmp_path: Path
) -> None:
    key = IdentityKey.generate()
    bench = bench_on(anvil, sqlite_database, log_id=key.log_id(FOUNDER))
    log = create_log(sqlite_database, key, FOUNDER, bench.clock)
    before = RealLog(sqlite_database, key, bench, log)
    kept = before.emit("kept")
    before.work()
    old = backup(sqlite_database, tmp_path)
    before.emit("lost")
    before.work()
    restored = RealLog(old, key, bench, log)
    restored.loop.run_once()
    bench.database = old
    assert "database_older_than_chain" in bench.alarms()
    # Answered, so durable; it waits.
    meanwhile = restored.emit("meanwhile")
    again = restored.emit("lost")
    assert not again.idempotent
    restored.work()
    assert [restored.status(one) for one in (kept, meanwhile, again)] == [
        Status.VERIFIED,
        Status.QUEUED,
        Status.QUEUED,
    ]
    # Batch 2 is gone for good: on the operator's word the log goes on upon its head, with all that waited.
    go_on_upon(old, "anvil", bench.reader().head(), bench.clock)
    restored.work()
    assert bench.alarms() == {}
    assert {restored.status(one) for one in (kept, meanwhile, again)} == {Status.VERIFIED}
    assert restored.emit("meanwhile").receipt_id == meanwhile.receipt_id
