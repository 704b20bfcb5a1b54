"""Periods as people name them, as spans of time ``[start, end)`` in milliseconds, UTC.

A ``period`` is a year (``2026``), a quarter (``2026-Q2``), a month (``2026-04``) or a day
(``2026-04-17``). ``startDate`` and ``endDate`` are days or instants: a day as the end is part of the
span, an instant as the end is not (so that spans laid end to end neither overlap nor leave a gap).
An instant names its offset: a time without one means something else in each time zone.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from anchor.protocol.times import TimeTextError, milliseconds_of, parse_instant

_DAY: Final = 24 * 60 * 60 * 1000
_LAST_YEAR: Final = 9998
_YEAR: Final = re.compile(r"([0-9]{4})", re.ASCII)
_QUARTER: Final = re.compile(r"([0-9]{4})-Q([1-4])", re.ASCII)
_MONTH: Final = re.compile(r"([0-9]{4})-([0-9]{2})", re.ASCII)
_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """The time from ``start`` up to, not including, ``end``; milliseconds since 1970, UTC."""

    start: int
    end: int


@dataclass(eq=False)
class PeriodError(ValueError):
    """A period that cannot be read: the request's ``field``, its ``text`` and what would be right."""

    field: str
    text: str
    remedy: str

    def __str__(self) -> str:
        shown = self.text if len(self.text) <= 60 else self.text[:57] + "..."
        return f"{self.field} {shown!r} is not a period: {self.remedy}"


def parse_span(
    *, period: str | None = None, start_date: str | None = None, end_date: str | None = None
) -> Span:
    """Return the span that either ``period`` or ``start_date`` and ``end_date`` name. Raises PeriodError."""
    if period is not None:
        if start_date is not None or end_date is not None:
            raise PeriodError("period", period, "give either period, or startDate and endDate")
        return parse_period(period)
    if start_date is None:
        raise PeriodError("startDate", "", "startDate and endDate are needed together")
    if end_date is None:
        raise PeriodError("endDate", "", "startDate and endDate are needed together")
    start = _edge("startDate", start_date, whole_day=False)
    end = _edge("endDate", end_date, whole_day=True)
    if end <= start:
        raise PeriodError("endDate", end_date, f"it must be later than startDate {start_date!r}")
    return Span(start, end)


def parse_period(period: str) -> Span:
    """Return the span of a year, quarter, month or day, UTC. Raises PeriodError."""
    if match := _YEAR.fullmatch(period):
        return _months(period, int(match[1]), 1, 12)
    if match := _QUARTER.fullmatch(period):
        return _months(period, int(match[1]), 3 * int(match[2]) - 2, 3)
    if match := _MONTH.fullmatch(period):
        return _months(period, int(match[1]), int(match[2]), 1)
    if _DATE.fullmatch(period):
        return Span(
            _edge("period", period, whole_day=False),
            _edge("period", period, whole_day=True),
        )
    raise PeriodError("period", period, "write it as 2026, 2026-Q2, 2026-04 or 2026-04-17")


def _months(period: str, year: int, month: int, months: int) -> Span:
    if not 1970 <= year <= _LAST_YEAR or not 1 <= month <= 12:
        raise PeriodError("period", period, f"a month from 01 to 12 of a year from 1970 to {_LAST_YEAR}")
    years, month_before = divmod(month - 1 + months, 12)
    return Span(
        milliseconds_of(datetime(year, month, 1, tzinfo=UTC)),
        milliseconds_of(datetime(year + years, month_before + 1, 1, tzinfo=UTC)),
    )


def _edge(field: str, text: str, *, whole_day: bool) -> int:
    """Return the milliseconds of a day (its end where ``whole_day``) or of an instant.

    Deltas have times of whole milliseconds, so an edge between two of them is the later one.
    """
    try:
        instant = parse_instant(text)
    except TimeTextError as error:
        remedy = {
            "out_of_range": f"a time from 1970 to {_LAST_YEAR}",
            "no_offset": "it needs an offset: 2026-04-17T08:30:00Z",
        }.get(error.code, "write a day as 2026-04-17, or an instant as 2026-04-17T08:30:00Z")
        raise PeriodError(field, text, remedy) from error
    whole = _DAY if whole_day and _DATE.fullmatch(text) else 0
    return instant.milliseconds + instant.cut + whole
