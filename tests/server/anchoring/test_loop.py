"""The loop's threads: a long seal holds up neither the lease nor the end, and no failure ends the loop."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from anchor.server.anchoring.alarms import AlarmName
from anchor.server.anchoring.journal import Journal
from anchor.server.anchoring.loop import AnchoringLoop
from anchor.server.ledger.clock import SystemClock
from anchor.server.storage.anchors import BatchRow
from anchor.server.storage.database import Database, StorageUnavailable
from tests.fixtures.anchoring import Bench, bench_on
from tests.fixtures.anvil import Anvil

CLOCK = SystemClock()


@pytest.fixture
def log(anvil: Anvil, sqlite_database: Database) -> Bench:
    """A log with something to seal."""
    bench = bench_on(anvil, sqlite_database)
    bench.press.add()
    return bench


@contextmanager
def running(loop: AnchoringLoop) -> Iterator[tuple[threading.Thread, threading.Event]]:
    """The loop at work, stopped at the end."""
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=(stop,))
    thread.start()
    try:
        yield thread, stop
    finally:
        stop.set()
        thread.join(10)


def until(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    """Ask until something holds. Fails where it never does."""
    pause = threading.Event()
    deadline = CLOCK.monotonic() + seconds
    while not holds():
        assert CLOCK.monotonic() < deadline, "it never came to hold"
        pause.wait(0.05)


def renewals(bench: Bench) -> int:
    with bench.database.read() as connection:
        return int(connection.exec_driver_sql("SELECT renewals FROM leases").scalar_one())


def test_40_the_lease_is_renewed_while_a_seal_takes_long_and_the_end_does_not_wait_for_it(
    log: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, released = threading.Event(), threading.Event()

    def slow() -> None:
        began.set()
        released.wait(30)

    monkeypatch.setattr(log.press, "seal", slow)
    loop = log.loop(clock=CLOCK, lease_seconds=1.0)
    try:
        with running(loop) as (thread, stop):
            assert began.wait(10)
            before = renewals(log)
            until(lambda: renewals(log) > before + 3)
            asked = CLOCK.monotonic()
            stop.set()
            thread.join(10)
            assert CLOCK.monotonic() - asked < 5
            assert not thread.is_alive()
    finally:
        released.set()


def test_40_the_end_does_not_wait_for_a_seal_that_holds_the_database(
    log: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, released = threading.Event(), threading.Event()

    def publishing() -> None:
        with log.database.write():
            began.set()
            released.wait(30)

    monkeypatch.setattr(log.press, "seal", publishing)
    loop = log.loop(clock=CLOCK)
    try:
        with running(loop) as (thread, stop):
            assert began.wait(10)
            asked = CLOCK.monotonic()
            stop.set()
            thread.join(10)
            assert CLOCK.monotonic() - asked < 5
            assert not thread.is_alive()
    finally:
        released.set()


def test_a_lease_that_is_lost_while_sealing_fails_ends_nothing(
    log: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = log.press.seal
    failures = 0

    def broken() -> BatchRow | None:
        nonlocal failures
        failures += 1
        if failures > 1:
            return seal()
        with log.database.write() as connection:
            connection.exec_driver_sql("UPDATE leases SET holder = 'other'")
        raise RuntimeError("the disk is strange")

    monkeypatch.setattr(log.press, "seal", broken)
    with running(log.loop(clock=CLOCK, lease_seconds=1.0)) as (thread, _):
        # It takes the lease again once that stood still, and goes on.
        until(lambda: len(log.line()) == 1)
        assert thread.is_alive()
    log.check_caught_up()


def test_who_takes_the_lease_again_clears_what_others_left_of_this_chain_and_of_removed_ones(
    log: Bench,
) -> None:
    loop = log.loop(clock=CLOCK, lease_seconds=1.0)
    with running(loop):
        until(lambda: len(log.line()) == 1)
    with log.database.write() as connection:
        for chain, name in (
            (log.name, AlarmName.OUT_OF_FUNDS),
            ("removed", AlarmName.REORGANISED),
            ("", AlarmName.INTERNAL_ERROR),
        ):
            Journal(CLOCK, chain).raise_alarm(connection, name, "by another process")
    log.press.add()
    with running(loop):
        until(lambda: log.alarms() == {})


def test_one_round_on_the_word_clears_the_alarms_of_chains_that_are_in_the_settings_no_more(
    log: Bench,
) -> None:
    with log.database.write() as connection:
        Journal(CLOCK, "removed").raise_alarm(connection, AlarmName.REORGANISED, "by another process")
    log.loop().run_once()
    assert log.alarms() == {}


def test_a_seal_that_fails_is_an_alarm_until_one_succeeds(
    log: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = log.loop()
    loop.run_once()

    def broken() -> None:
        raise RuntimeError("the disk is strange")

    log.press.add()
    with monkeypatch.context() as patched:
        patched.setattr(log.press, "seal", broken)
        loop.sealing.seal_or_say_why()
    assert log.alarms()["internal_error"] == "sealing: RuntimeError: the disk is strange"
    loop.sealing.seal_or_say_why()
    assert "internal_error" not in log.alarms()


def test_a_database_that_cannot_be_used_while_sealing_is_told_and_ends_nothing(
    log: Bench, monkeypatch: pytest.MonkeyPatch, log_lines: pytest.LogCaptureFixture
) -> None:
    loop = log.loop()
    loop.run_once()

    def full() -> None:
        raise StorageUnavailable("the disk is full")

    monkeypatch.setattr(log.press, "seal", full)
    loop.sealing.seal_or_say_why()
    assert "the disk is full" in log_lines.text
