"""Times that people and programs send: one reader for the API, a column of a CSV, an event and the client.

A number is milliseconds since 1970, unless its unit is stated. Programs that mean seconds, microseconds or
nanoseconds send numbers that look like those, and what is recorded stays: so such a number is refused with
the suspicion. An instant as text is never suspected.
"""

import re
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Final

from anchor.protocol.hashing import MAX_U64
from anchor.protocol.times import Instant, TimeTextError, moment, parse_instant
from anchor.wire.problems import Problem, shown

MAX_AHEAD_MS: Final = 24 * 60 * 60 * 1000
"""How far a time of the caller's may lie ahead of ours: clocks and time zones are wrong by less."""
YEAR_2000: Final = 946_684_800_000
"""Milliseconds: no usage was metered for this service before it."""

_NUMBER: Final = re.compile(r"(-?)([0-9]{1,30})(?:\.([0-9]{1,30}))?", re.ASCII)


class TimeUnit(StrEnum):
    """What a number of a time counts."""

    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    MICROSECONDS = "microseconds"
    NANOSECONDS = "nanoseconds"


_POWER: Final = {
    TimeUnit.SECONDS: 3,
    TimeUnit.MILLISECONDS: 0,
    TimeUnit.MICROSECONDS: -3,
    TimeUnit.NANOSECONDS: -6,
}
"""A unit is 10 to this power of milliseconds."""


def read_time(
    value: int | str, now_ms: int, field: str, *, unit: TimeUnit | None = None, zone: tzinfo | None = None
) -> Instant:
    """Return a time: a number of ``unit`` (milliseconds, where none is stated), as a number or its digits, or
    an instant as text, which in ``zone`` needs no offset.

    Raises Problem, naming ``field``: ``invalid_time``, ``time_unit_suspected`` for a number whose unit was
    not stated, ``time_in_future`` where it is more than 24 hours ahead of ``now_ms``.
    """
    instant = time_of(value, field, unit=unit, zone=zone)
    if unit is None and is_number(value):
        _refuse_suspected(instant.milliseconds, now_ms, field)
    if instant.milliseconds > MAX_U64:
        raise Problem("invalid_time", "It is outside what can be kept.", field=field)
    if instant.milliseconds > now_ms + MAX_AHEAD_MS:
        raise Problem("time_in_future", "It is more than 24 hours ahead of this server's clock.", field=field)
    return instant


def time_of(
    value: int | str, field: str, *, unit: TimeUnit | None = None, zone: tzinfo | None = None
) -> Instant:
    """Return a time as ``read_time`` does, and hold it against no clock. Raises Problem: ``invalid_time``."""
    if isinstance(value, str):
        number = _NUMBER.fullmatch(value)
        if number is None:
            return _instant(value, field, zone)
        instant = _counted(number[1], number[2], number[3] or "", unit or TimeUnit.MILLISECONDS)
    else:
        instant = _counted("", str(value), "", unit) if unit else Instant(value)
    if instant.milliseconds < 0:
        raise Problem("invalid_time", "It is before 1970.", field=field)
    return instant


def is_number(value: int | str) -> bool:
    """Return whether a time is a number, or the digits of one."""
    return not isinstance(value, str) or _NUMBER.fullmatch(value) is not None


def _counted(sign: str, whole: str, fraction: str, unit: TimeUnit) -> Instant:
    digits, power = int(f"{sign}{whole}{fraction}"), _POWER[unit] - len(fraction)
    if power >= 0:
        return Instant(digits * 10**power)
    milliseconds, rest = divmod(digits, 10**-power)
    return Instant(milliseconds, rest != 0)


def _instant(text: str, field: str, zone: tzinfo | None) -> Instant:
    try:
        return parse_instant(text, zone)
    except TimeTextError as error:
        raise Problem("invalid_time", f"{shown(text)} {error.reason}.", field=field) from None


def suspected_unit(milliseconds: int, now_ms: int) -> str | None:
    """Return what a number that was taken for milliseconds looks like instead; None: nothing else."""
    latest = now_ms + MAX_AHEAD_MS
    if milliseconds < YEAR_2000:
        if YEAR_2000 <= milliseconds * 1_000 <= latest:
            return "seconds"
        return "a day without its dashes" if _is_day(milliseconds) else None
    if milliseconds > latest:
        if YEAR_2000 <= milliseconds // 1_000 <= latest:
            return "microseconds"
        if YEAR_2000 <= milliseconds // 1_000_000 <= latest:
            return "nanoseconds"
    return None


def _is_day(number: int) -> bool:
    if not 20_000_101 <= number <= 21_001_231:
        return False
    try:
        datetime(number // 10_000, number // 100 % 100, number % 100, tzinfo=UTC)
    except ValueError:
        return False
    return True


def _refuse_suspected(milliseconds: int, now_ms: int, field: str) -> None:
    suspected = suspected_unit(milliseconds, now_ms)
    if suspected is not None:
        raise Problem(
            "time_unit_suspected",
            f"{milliseconds} would be {moment(milliseconds)}: it looks like {suspected}.",
            field=field,
        )
