"""What stands in the way in one cycle: raised as alarms at its end, and cleared when gone."""

from typing import Final

from sqlalchemy import Connection

from anchor.anchoring.alarms import AlarmName
from anchor.anchoring.journal import Journal

LASTING: Final = frozenset(
    {
        AlarmName.KEY_USED_ELSEWHERE,
        AlarmName.REVERTED,
        AlarmName.REORGANISED,
        AlarmName.FINALITY_TOO_WEAK,
    }
)
"""Alarms about something that happened: they last until an anchor has become final after them."""


class Conditions:
    """Collects a cycle's alarms. ``publish`` writes only where something changed."""

    def __init__(self) -> None:
        self.found: dict[AlarmName, str] = {}
        self._published: dict[AlarmName, str] | None = None

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
        else:
            self._published = dict(self._published or {}) | self.found
