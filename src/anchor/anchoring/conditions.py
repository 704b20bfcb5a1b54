"""What stands in the way in one cycle: raised as alarms at its end, and cleared when gone."""

from typing import Final

from sqlalchemy import Connection

from anchor.anchoring.alarms import AlarmName
from anchor.anchoring.journal import Journal
from anchor.storage.observations import alarms_raised

LASTING: Final[dict[AlarmName, int]] = {
    AlarmName.KEY_USED_ELSEWHERE: 86_400_000,
    AlarmName.REVERTED: 0,
    AlarmName.REORGANISED: 0,
    AlarmName.FINALITY_TOO_WEAK: 86_400_000,
}
"""Alarms about something that happened: they last for so many milliseconds, and then until an anchor has
become final. What an operator has to look into lasts a day, or it is gone before he looks."""


def clear_lasting(connection: Connection, journal: Journal, now: int) -> None:
    """An anchor became final: clear what happened before, as far as it was shown for long enough."""
    for alarm in alarms_raised(connection):
        least = LASTING.get(AlarmName(alarm.name)) if alarm.chain == journal.name else None
        if least is not None and now - alarm.seen_at >= least:
            journal.clear_alarm(connection, AlarmName(alarm.name))


class Conditions:
    """Collects a cycle's alarms. ``publish`` writes only where something changed."""

    def __init__(self) -> None:
        self.found: dict[AlarmName, str] = {}
        self._published: dict[AlarmName, str] | None = None
        """What lasts by our own word; None until a whole cycle has cleared what others left."""

    def forget(self) -> None:
        """Take nothing for raised or cleared: another process may have worked meanwhile."""
        self._published = None

    def begin(self) -> None:
        """Start a cycle: whatever is not added again in it is over."""
        self.found = {}

    def add(self, alarm: AlarmName, detail: str) -> None:
        """Say what stands in the way."""
        self.found[alarm] = detail

    def changed(self) -> bool:
        """Return whether ``publish`` has something to write."""
        return self._published != self.found

    def publish(self, connection: Connection, journal: Journal, *, whole: bool) -> None:
        """Raise what was found; with ``whole`` (the cycle ran to its end) clear what was not."""
        for alarm, detail in self.found.items():
            journal.raise_alarm(connection, alarm, detail)
        if whole:
            before = AlarmName if self._published is None else self._published
            for alarm in before:
                if alarm not in self.found and alarm not in LASTING:
                    journal.clear_alarm(connection, alarm)
            self._published = dict(self.found)
        elif self._published is not None:
            self._published |= self.found
