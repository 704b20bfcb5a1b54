"""One log on two chains in one loop: the same roots, each at its own pace, neither held up by the other."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from anchor.node.endpoint import HttpEndpoint
from anchor.server.anchoring.loop import AnchoringLoop
from anchor.server.anchoring.status import read_status
from anchor.server.ledger.clock import SystemClock
from anchor.server.storage.database import Database
from tests.fixtures.anchoring import Bench, bench_on
from tests.fixtures.anvil import StartAnvil
from tests.fixtures.rpc_proxy import Call, MakeProxy, Reply

NOBODY = HttpEndpoint("http://127.0.0.1:1")


@pytest.fixture
def both(start_anvil: StartAnvil, sqlite_database: Database) -> tuple[Bench, Bench]:
    """The primary chain and another one, for the same log and database."""
    first = bench_on(start_anvil(), sqlite_database)
    second = bench_on(start_anvil(), sqlite_database)
    return first, replace(second, name="second", press=first.press, clock=first.clock)


def loop_on(*chains: tuple[Bench, dict[str, Any]], clock: Any = None, **options: Any) -> AnchoringLoop:
    bench = chains[0][0]
    return AnchoringLoop(
        bench.database,
        bench.press,
        [one.connection(primary=one is bench, **changes) for one, changes in chains],
        clock or bench.clock,
        log_id=bench.log_id,
        holder="the worker",
        **options,
    )


def batches(bench: Bench) -> int:
    with bench.database.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM batches").scalar_one())


def finish(loop: AnchoringLoop, *benches: Bench, rounds: int = 4) -> None:
    for _ in range(rounds):
        for bench in benches:
            bench.mine()
        benches[0].clock.advance(16_000)
        loop.run_once()


def alarmed(bench: Bench) -> set[tuple[str, str]]:
    return {(alarm.name, alarm.chain) for alarm in read_status(bench.database, bench.clock).alarms}


def test_both_chains_hold_the_same_roots(both: tuple[Bench, Bench]) -> None:
    first, second = both
    loop = loop_on((first, {}), (second, {}))
    for _ in range(3):
        first.press.add()
        loop.run_once()
        finish(loop, first, second)
    for bench in both:
        bench.check_caught_up()
        assert {row.state for row in bench.anchor_rows()} == {"final"}
    assert [event.new_head for event in first.line()] == [event.new_head for event in second.line()]
    assert alarmed(first) == set()


def test_each_chain_keeps_its_own_interval(both: tuple[Bench, Bench]) -> None:
    first, second = both
    loop = loop_on((first, {"interval": 60.0}), (second, {"interval": 3600.0}))
    for _ in range(4):
        first.press.press()
        loop.lease.acquire()
        for worker in loop.workers:
            while worker.step():
                pass
        for bench in both:
            bench.mine()
        first.clock.advance(61_000)
    assert [event.number for event in first.line()] == [1, 2, 3, 4]
    assert [event.number for event in second.line()] == [1]


@pytest.mark.parametrize(("fault", "primary_is_bad"), [("down", False), ("no contract", True)])
def test_a_chain_that_was_never_anchored_on_and_is_bad_from_the_start_holds_up_none(
    both: tuple[Bench, Bench], fault: str, primary_is_bad: bool
) -> None:
    bad: dict[str, Any] = {"endpoints": [NOBODY]} if fault == "down" else {"contract": b"\x42" * 20}
    first, second = both
    good = second if primary_is_bad else first
    loop = loop_on((first, bad if primary_is_bad else {}), (second, {} if primary_is_bad else bad))
    for expected in (1, 2):
        first.press.add()
        loop.run_once()
        finish(loop, first, second)
        assert batches(first) == expected
    assert [event.number for event in good.line()] == [1, 2]
    assert "sealing_waits" not in first.alarms()


def test_a_chain_that_dies_later_holds_up_none_and_catches_up(
    both: tuple[Bench, Bench], make_proxy: MakeProxy
) -> None:
    first, second = both
    proxy = make_proxy(second.anvil.url)
    loop = loop_on((first, {}), (second, {"endpoints": [HttpEndpoint(proxy.url)]}))
    first.press.add()
    loop.run_once()
    finish(loop, first, second)

    def gone(_call: Call) -> Reply:
        return Reply(None, 503)

    proxy.on("*", gone)
    for _ in range(2):
        first.press.add()
        loop.run_once()
        finish(loop, first, second)
    first.check_caught_up()
    assert len(second.line()) == 1
    proxy.heal()
    finish(loop, first, second)
    second.check_caught_up()
    assert [event.number for event in second.line()] == [1, 3]


def test_nothing_is_sealed_before_a_chain_that_was_anchored_on_was_seen_and_the_alarm_names_it(
    both: tuple[Bench, Bench],
) -> None:
    first, second = both
    before = loop_on((first, {}), (second, {}))
    first.press.add()
    before.run_once()
    finish(before, first, second)
    # Started anew, perhaps upon a backup: the second chain may hold more than the database.
    loop = loop_on((first, {}), (second, {"endpoints": [NOBODY]}))
    first.press.add()
    loop.run_once()
    assert batches(first) == 1
    assert first.alarms()["sealing_waits"] == "not seen since the start: second"
    shown = {alarm.name: alarm for alarm in read_status(first.database, first.clock).alarms}
    assert "out of the settings" in shown["sealing_waits"].remedy
    seeing = loop_on((first, {}), (second, {}))
    seeing.run_once()
    finish(seeing, first, second)
    assert batches(first) == 2
    assert alarmed(first) == set()
    second.check_caught_up()


def test_a_chain_whose_node_never_answers_holds_up_none(
    both: tuple[Bench, Bench], make_proxy: MakeProxy
) -> None:
    first, second = both
    proxy = make_proxy(second.anvil.url)
    released = threading.Event()

    def hang(_call: Call) -> Reply:
        released.wait(20)
        return Reply(None, 503)

    proxy.on("*", hang)
    loop = loop_on(
        (first, {}),
        (second, {"endpoints": [HttpEndpoint(proxy.url, timeout=30.0)]}),
        clock=SystemClock(),
        seal_interval=0.2,
        first_look_seconds=0.5,
    )
    first.press.add()
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=(stop,))
    thread.start()
    try:
        until(lambda: batches(first) == 1 and len(first.line()) == 1)
        assert second.line() == []
    finally:
        stop.set()
        released.set()
        thread.join(10)
    assert not thread.is_alive()


def until(holds: Any, seconds: float = 15.0) -> None:
    """Ask until something holds. Fails where it never does."""
    pause = threading.Event()
    clock = SystemClock()
    deadline = clock.monotonic() + seconds
    while not holds():
        assert clock.monotonic() < deadline, "it never came to hold"
        pause.wait(0.05)
