"""Section 1: times are milliseconds since 1970-01-01T00:00:00Z. Here they become text, and text becomes them.

Read is what RFC 3339 and ISO 8601 allow and what programs write by default: up to twelve fractional digits
(Go, Rust, .NET, Java), a blank for the T (Python's ``str``, PostgreSQL, Ruby), an offset without its colon or
its minutes, ``UTC`` for it, a zone's abbreviation after it (Go), the basic form without separators.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from anchor.protocol.errors import ProtocolError

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_LAST: Final = 253_402_300_799_999
_LAST_YEAR: Final = 9998

_OFFSET: Final = r"(?P<offset>[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2})?)?)"
# After an offset a zone's name says nothing more; Go adds what its monotonic clock shows.
_NAME: Final = r"(?: (?:[A-Z]{1,5}|[+-][0-9]{2,4}))?(?: m=[+-][0-9.]{1,30})?"
_INSTANT: Final = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,12}))?)?"
    rf"(?: ?{_OFFSET}{_NAME})?)?",
    re.ASCII,
)
_BASIC: Final = re.compile(
    r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
    r"[Tt](?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?:(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,12}))?)?"
    rf"(?:{_OFFSET})?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Instant:
    """A time in milliseconds, and what its text had beyond that."""

    milliseconds: int
    cut: bool = False
    """It had digits beyond the millisecond, which were cut off."""
    leap: bool = False
    """It was a leap second, and is the second after it."""


@dataclass(eq=False)
class TimeTextError(ProtocolError):
    """A text that is no instant.

    ``code`` is ``not_a_time``, ``no_such_time`` (the 30th of February), ``no_offset``, ``out_of_range``, or
    for a time of a zone ``ambiguous`` (its clocks showed it twice) or ``skipped`` (they never did).
    """

    code: str
    text: str

    def __str__(self) -> str:
        shown = self.text if len(self.text) <= 60 else self.text[:57] + "..."
        return f"{shown!r} {self.reason}"

    @property
    def reason(self) -> str:
        """Return what is wrong, to follow the text."""
        return {
            "not_a_time": "is not an instant such as 2026-04-17T08:30:00Z",
            "no_such_time": "is no day or time of the calendar",
            "no_offset": "has no offset from UTC, so it means another instant in each time zone",
            "out_of_range": f"is not from 1970 to {_LAST_YEAR}",
            "ambiguous": "was shown twice by the clocks of its time zone",
            "skipped": "was never shown by the clocks of its time zone",
        }[self.code]


def parse_instant(text: str, zone: tzinfo | None = None) -> Instant:
    """Return the instant of a text; a day alone is its first one.

    ``zone`` is where a text without an offset is local; without it such a text is refused, and a day is one
    of UTC. Raises TimeTextError.
    """
    match = _INSTANT.fullmatch(text) or _BASIC.fullmatch(text)
    if match is None:
        raise TimeTextError("not_a_time", text)
    part = match.groupdict()
    second = int(part["second"] or 0)
    leap = second == 60
    try:
        local = datetime(  # noqa: DTZ001 - the zone is added below
            int(part["year"]),
            int(part["month"]),
            int(part["day"]),
            int(part["hour"] or 0),
            int(part["minute"] or 0),
            59 if leap else second,
        )
        moment = _in_utc(local, part["offset"], zone, text, day_alone=part["hour"] is None)
        if leap:
            if (moment.hour, moment.minute) != (23, 59):
                raise TimeTextError("no_such_time", text)
            moment += timedelta(seconds=1)
    except OverflowError as error:
        raise TimeTextError("out_of_range", text) from error
    except ValueError as error:
        raise TimeTextError("no_such_time", text) from error
    fraction = (part["fraction"] or "").rstrip("0")
    milliseconds = milliseconds_of(moment) + (0 if leap else int(fraction[:3].ljust(3, "0")))
    if milliseconds < 0 or moment.year > _LAST_YEAR:
        raise TimeTextError("out_of_range", text)
    return Instant(milliseconds, len(fraction) > 3 or (leap and fraction != ""), leap)


def _in_utc(
    local: datetime, offset: str | None, zone: tzinfo | None, text: str, *, day_alone: bool
) -> datetime:
    if offset is not None:
        return local.replace(tzinfo=UTC) - _offset(offset)
    if zone is None:
        if not day_alone:
            raise TimeTextError("no_offset", text)
        return local.replace(tzinfo=UTC)
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first != second:
        shown = first.astimezone(zone).replace(tzinfo=None) == local
        raise TimeTextError("ambiguous" if shown else "skipped", text)
    return first


def _offset(text: str) -> timedelta:
    """Return an offset. Raises ValueError where it is a day or more, or has 60 minutes."""
    if text[0] not in "+-":
        return timedelta()
    digits = text[1:].replace(":", "")
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4] or 0), int(digits[4:6] or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError(text)
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return -offset if text[0] == "-" else offset


def milliseconds_of(moment: datetime) -> int:
    """Return the milliseconds since 1970 of a time with an offset, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


# Deltas that were recorded together say one time, most of them twice.
@lru_cache(maxsize=1024)
def moment(milliseconds: int) -> str:
    """Return a time in milliseconds since 1970 as ISO 8601 in UTC; the number itself beyond year 9999."""
    if milliseconds > _LAST:
        return f"{milliseconds} ms after 1970"
    time = _EPOCH + timedelta(milliseconds=milliseconds)
    return (
        time.strftime("%Y-%m-%dT%H:%M:%S")
        + (f".{milliseconds % 1000:03d}" if milliseconds % 1000 else "")
        + "Z"
    )
