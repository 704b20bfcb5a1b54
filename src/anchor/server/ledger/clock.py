"""The time, passed in so that it can be another in a test."""

import time
from typing import Protocol


class Clock(Protocol):
    """What tells the time."""

    def now_ms(self, shared: int | None = None) -> int:
        """Return milliseconds since 1970-01-01T00:00:00Z. May step backwards.

        ``shared``: the time by the one clock of several machines, where they have one.
        """
        ...

    def monotonic(self) -> float:
        """Return seconds since some fixed instant; never steps backwards."""
        ...


class SystemClock:
    """The machine's clock, which yields to one that it shares with other machines."""

    def now_ms(self, shared: int | None = None) -> int:
        """Return milliseconds since 1970-01-01T00:00:00Z."""
        return time.time_ns() // 1_000_000 if shared is None else shared

    def monotonic(self) -> float:
        """Return seconds since some fixed instant."""
        return time.monotonic()
