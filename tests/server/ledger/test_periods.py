"""Periods as people name them become spans of milliseconds, UTC."""

from datetime import UTC, datetime

import pytest

from anchor.server.ledger.periods import PeriodError, Span, parse_span


def ms(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1000  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("2026", ms(2026, 1, 1), ms(2027, 1, 1)),
        ("2026-Q2", ms(2026, 4, 1), ms(2026, 7, 1)),
        ("2026-Q4", ms(2026, 10, 1), ms(2027, 1, 1)),
        ("2026-04", ms(2026, 4, 1), ms(2026, 5, 1)),
        ("2026-12", ms(2026, 12, 1), ms(2027, 1, 1)),
        ("2024-02-29", ms(2024, 2, 29), ms(2024, 3, 1)),
        ("1970", 0, ms(1971, 1, 1)),
    ],
)
def test_a_period_covers_its_whole_time(period: str, start: int, end: int) -> None:
    assert parse_span(period=period) == Span(start, end)


def test_an_end_day_is_part_of_the_span_and_an_end_instant_is_not() -> None:
    assert parse_span(start_date="2026-04-01", end_date="2026-04-30") == parse_span(period="2026-04")
    assert parse_span(start_date="2026-04-01T00:00:00Z", end_date="2026-05-01T00:00:00Z") == parse_span(
        period="2026-04"
    )


def test_one_day_is_a_span() -> None:
    assert parse_span(start_date="2026-04-17", end_date="2026-04-17") == parse_span(period="2026-04-17")


def test_an_offset_and_milliseconds_are_respected() -> None:
    span = parse_span(start_date="2026-04-01T02:00+02:00", end_date="2026-04-01T00:00:00.123000z")
    assert span == Span(ms(2026, 4, 1), ms(2026, 4, 1) + 123)


@pytest.mark.parametrize(
    "period",
    [
        "",
        "26",
        "2026-13",
        "2026-00",
        "2026-Q5",
        "2025-02-29",
        "1969",
        "9999",
        "2026-4",
        "２０２６",
        "2026-04 ",
    ],
)
def test_a_period_that_is_none_is_refused(period: str) -> None:
    with pytest.raises(PeriodError) as refusal:
        parse_span(period=period)
    assert refusal.value.field == "period"


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        (None, "2026-04-30", "startDate"),
        ("2026-04-01", None, "endDate"),
        (None, None, "startDate"),
        ("2026-04-02", "2026-04-01", "endDate"),
        ("2026-04-01T00:00:00Z", "2026-04-01T00:00:00Z", "endDate"),
        ("2026-04-01T00:00:00", "2026-04-30", "startDate"),
        ("2026-04-01", "2026-04-30T24:01:00Z", "endDate"),
        ("2026-04-01", "2026-04-30T08:30.5Z", "endDate"),
        ("2026-04-01", "9999-12-31", "endDate"),
        ("2026-04-01", "9999-12-31T23:59:59-23:59", "endDate"),
        ("1969-12-31", "2026-04-30", "startDate"),
        ("0001-01-01T00:00:00+23:59", "2026-04-30", "startDate"),
    ],
)
def test_dates_that_name_no_span_are_refused(start: str | None, end: str | None, field: str) -> None:
    with pytest.raises(PeriodError) as refusal:
        parse_span(start_date=start, end_date=end)
    assert refusal.value.field == field


def test_an_edge_between_two_milliseconds_is_the_later_one() -> None:
    span = parse_span(start_date="2026-04-01T00:00:00.0001Z", end_date="2026-04-01T00:00:00.123000001Z")
    assert span == Span(ms(2026, 4, 1) + 1, ms(2026, 4, 1) + 124)


def test_a_period_and_dates_together_are_refused() -> None:
    with pytest.raises(PeriodError, match="either"):
        parse_span(period="2026", start_date="2026-01-01", end_date="2026-02-01")
