"""When a log with nothing new seals an empty batch, so that two bound a time span (section 7).

Days begin at midnight UTC; each month, quarter and year begins with one of them.
"""

from typing import Final

from anchor.protocol.checkpoint import SEALED_BEHIND

DAY: Final = 86_400_000
BEFORE: Final = 30 * 60_000
"""Milliseconds before midnight from which a batch counts as sealed shortly before it."""


def bound_is_due(sealed_at: int, now: int, asked_for: int | None) -> bool:
    """Whether an empty batch is due after the one sealed at ``sealed_at``; all times are milliseconds.

    One is sealed shortly before each midnight, one a minute after it, and one a minute after the end
    ``asked_for`` of a span that somebody asked for.
    """
    midnight = now - now % DAY
    due = [midnight - BEFORE, midnight + SEALED_BEHIND, midnight + DAY - BEFORE]
    if asked_for is not None:
        due.append(asked_for + SEALED_BEHIND)
    return any(sealed_at < time <= now for time in due)
