"""An alarm lasts as long as its cause does, whichever process raised it."""

import pytest

from anchor.server.anchoring.alarms import AlarmName
from anchor.server.anchoring.conditions import Conditions, Stage
from anchor.server.anchoring.journal import Journal
from anchor.server.storage.database import Database
from anchor.server.storage.observations import alarms_raised
from tests.fixtures.clocks import FixedClock

FUNDS, NODE = AlarmName.OUT_OF_FUNDS, AlarmName.ENDPOINT_UNREACHABLE


class Process:
    """What one process knows of a chain's alarms."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.conditions = Conditions()

    def cycle(self, *found: AlarmName, reached: Stage | None = None) -> set[str]:
        """Find these in a cycle that broke off after a stage, unless it is None; return what lasts then."""
        self.conditions.begin()
        self.conditions.reach(Stage.SENT if reached is None else reached)
        if reached is None:
            self.conditions.end()
        for alarm in found:
            self.conditions.add(alarm, "why")
        if self.conditions.changed():
            with self.database.write() as connection:
                self.conditions.publish(connection, Journal(FixedClock(), "main"))
        with self.database.read() as connection:
            return {alarm.name for alarm in alarms_raised(connection)}


@pytest.fixture
def both(sqlite_database: Database) -> tuple[Process, Process]:
    """Two processes of one log: the second takes over from the first."""
    return Process(sqlite_database), Process(sqlite_database)


def test_what_a_dead_process_raised_is_cleared_after_a_first_cycle_that_failed(
    both: tuple[Process, Process],
) -> None:
    first, second = both
    first.cycle(FUNDS)
    assert second.cycle(NODE, reached=Stage.BEGUN) == {FUNDS, NODE}
    assert second.cycle() == set()


def test_what_another_raised_or_cleared_meanwhile_is_put_right_by_who_takes_over_again(
    both: tuple[Process, Process],
) -> None:
    first, second = both
    first.cycle(NODE)
    second.cycle(FUNDS)
    first.conditions.forget()
    assert first.cycle(NODE) == {NODE}


def test_a_chain_whose_cycles_all_break_off_clears_what_they_come_to_and_keeps_the_rest(
    both: tuple[Process, Process],
) -> None:
    first, second = both
    lags, stale, head = AlarmName.ENDPOINT_LAGS, AlarmName.FINALITY_STALLED, AlarmName.FOREIGN_HEAD
    first.cycle(lags, stale, head, FUNDS)
    # The process that takes over never ends a cycle.
    assert second.cycle(NODE, reached=Stage.BEGUN) == {lags, stale, head, FUNDS, NODE}
    assert second.cycle(NODE, reached=Stage.BLOCKS) == {stale, head, FUNDS, NODE}
    assert second.cycle(reached=Stage.CONFIRMED) == {head, FUNDS}
    assert second.cycle(FUNDS, reached=Stage.HEAD) == {FUNDS}
    assert not second.conditions.changed()


def test_an_opening_that_is_refused_for_another_reason_clears_the_one_before(
    both: tuple[Process, Process],
) -> None:
    first, _ = both
    first.cycle(AlarmName.NO_CONTRACT, reached=Stage.BEGUN)
    first.conditions.begin()
    first.conditions.refuse_opening()
    first.conditions.add(AlarmName.WRONG_LOG, "why")
    with first.database.write() as connection:
        first.conditions.publish(connection, Journal(FixedClock(), "main"))
    with first.database.read() as connection:
        assert [alarm.name for alarm in alarms_raised(connection)] == [AlarmName.WRONG_LOG]
