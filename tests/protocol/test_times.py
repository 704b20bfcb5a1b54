"""Times as programs write them are read to the millisecond, and what is no instant is refused."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from anchor.protocol.times import Instant, TimeTextError, moment, parse_instant

MORNING = 1_776_414_600_000
"""2026-04-17T08:30:00Z"""
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-04-17T08:30:00Z", Instant(MORNING)),
        ("2026-04-17T08:30Z", Instant(MORNING)),
        ("2026-04-17t08:30:00z", Instant(MORNING)),
        ("2026-04-17", Instant(MORNING - 30_600_000)),
        # Python: isoformat() and str(), with and without a fraction
        ("2026-04-17T08:30:00.123456+00:00", Instant(MORNING + 123, cut=True)),
        ("2026-04-17 08:30:00+00:00", Instant(MORNING)),
        ("2026-04-17T10:30:00.123000+02:00", Instant(MORNING + 123)),
        # Go: RFC3339Nano, and Time.String() with a zone and a monotonic clock
        ("2026-04-17T08:30:00.123456789Z", Instant(MORNING + 123, cut=True)),
        ("2026-04-17 08:30:00.123456789 +0000 UTC", Instant(MORNING + 123, cut=True)),
        ("2026-04-17 10:30:00 +0200 CEST m=+0.000012345", Instant(MORNING)),
        ("2026-04-17 05:30:00 -0300 -03", Instant(MORNING)),
        # Rust: chrono's to_rfc3339 and Display
        ("2026-04-17T08:30:00.000000001+00:00", Instant(MORNING, cut=True)),
        ("2026-04-17 08:30:00.5 UTC", Instant(MORNING + 500)),
        # .NET: the round-trip format has seven digits, the sortable one a blank
        ("2026-04-17T08:30:00.1234567Z", Instant(MORNING + 123, cut=True)),
        ("2026-04-17 08:30:00Z", Instant(MORNING)),
        # PostgreSQL: the minutes of an offset are left out where there are none
        ("2026-04-17 08:30:00.123456+00", Instant(MORNING + 123, cut=True)),
        ("2026-04-17 14:00:00+05:30", Instant(MORNING)),
        # Ruby, and the basic form of ISO 8601; a comma is its decimal sign
        ("2026-04-17 10:30:00 +0200", Instant(MORNING)),
        ("20260417T083000Z", Instant(MORNING)),
        ("20260417T1030+0200", Instant(MORNING)),
        ("2026-04-17T08:30:00,250Z", Instant(MORNING + 250)),
        # Leap seconds are the second after them
        ("2016-12-31T23:59:60Z", Instant(1_483_228_800_000, leap=True)),
        ("2017-01-01T05:29:60.75+05:30", Instant(1_483_228_800_000, cut=True, leap=True)),
    ],
)
def test_what_programs_write_by_default_is_read(text: str, expected: Instant) -> None:
    assert parse_instant(text) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not_a_time"),
        ("yesterday", "not_a_time"),
        (" 2026-04-17", "not_a_time"),
        ("2026-04-17T08:30:00Z ", "not_a_time"),
        ("2026-04-17T08:30.5Z", "not_a_time"),
        ("17/04/2026", "not_a_time"),
        ("2026-04-17T08:30:00 CEST", "not_a_time"),
        ("\u0662026-04-17", "not_a_time"),
        ("2026-02-30", "no_such_time"),
        ("2026-04-17T24:00:00Z", "no_such_time"),
        ("2026-04-17T08:30:60Z", "no_such_time"),
        ("2026-04-17T08:30:61Z", "no_such_time"),
        ("2026-04-17T08:30:00+24:00", "no_such_time"),
        ("2026-04-17T08:30:00+02:60", "no_such_time"),
        ("2026-04-17T08:30:00", "no_offset"),
        ("20260417T083000", "no_offset"),
        ("1969-12-31T23:59:59.999Z", "out_of_range"),
        ("0001-01-01T00:00:00+23:59", "out_of_range"),
        ("9999-12-31", "out_of_range"),
    ],
)
def test_what_is_no_instant_is_refused(text: str, code: str) -> None:
    with pytest.raises(TimeTextError) as refused:
        parse_instant(text)
    assert refused.value.code == code
    assert refused.value.text == text


def test_a_zone_gives_a_local_time_its_offset_and_leaves_one_that_is_there() -> None:
    assert parse_instant("2026-04-17T10:30:00", BERLIN) == Instant(MORNING)
    assert parse_instant("2026-01-17 09:30:00", BERLIN) == parse_instant("2026-01-17T08:30:00Z")
    assert parse_instant("2026-04-17T08:30:00Z", BERLIN) == Instant(MORNING)
    assert parse_instant("2026-04-17", BERLIN) == parse_instant("2026-04-16T22:00:00Z")


@pytest.mark.parametrize(
    ("text", "code"), [("2026-10-25 02:30", "ambiguous"), ("2026-03-29 02:30", "skipped")]
)
def test_a_local_time_that_was_twice_or_never_is_refused(text: str, code: str) -> None:
    with pytest.raises(TimeTextError) as refused:
        parse_instant(text, BERLIN)
    assert refused.value.code == code


@given(
    st.datetimes(),
    st.integers(-23 * 60, 23 * 60),
    st.sampled_from(["T", " "]),
)
def test_every_datetime_that_python_writes_is_read_and_cut(
    local: datetime, minutes: int, between: str
) -> None:
    at = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    expected = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assume(0 <= expected < 253_370_764_800_000)  # the year 9999
    read = parse_instant(at.isoformat(between))
    assert read == Instant(expected, cut=at.microsecond % 1000 != 0)
    assert parse_instant(moment(expected)) == Instant(expected)
