"""An alarm lasts as long as its cause does, whichever process raised it."""

import pytest

from anchor.anchoring.alarms import AlarmName
from anchor.anchoring.conditions import Conditions
from anchor.anchoring.journal import Journal
from anchor.storage.database import Database
from anchor.storage.observations import alarms_raised
from tests.fixtures.clocks import FixedClock

FUNDS, NODE = AlarmName.OUT_OF_FUNDS, AlarmName.ENDPOINT_UNREACHABLE


class Process:
    """What one process knows of a chain's alarms."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.conditions = Conditions()

    def cycle(self, *found: AlarmName, whole: bool = True) -> set[str]:
        """Find these in a cycle, and return which alarms last after it."""
        self.conditions.begin()
        for alarm in found:
            self.conditions.add(alarm, "why")
        if self.conditions.changed() or not whole:
            with self.database.write() as connection:
                self.conditions.publish(connection, Journal(FixedClock(), "main"), whole=whole)
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
    assert second.cycle(NODE, whole=False) == {FUNDS, NODE}
    assert second.cycle() == set()


def test_what_another_raised_or_cleared_meanwhile_is_put_right_by_who_takes_over_again(
    both: tuple[Process, Process],
) -> None:
    first, second = both
    first.cycle(NODE)
    second.cycle(FUNDS)
    first.conditions.forget()
    assert first.cycle(NODE) == {NODE}
