"""A number of a time is milliseconds, and one that looks like another unit is refused with that suspicion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.protocol.times import Instant, moment
from anchor.wire.problems import Problem
from anchor.wire.times import MAX_AHEAD_MS, YEAR_2000, TimeUnit, read_time

NOW = 1_790_000_000_000
DAY = 24 * 60 * 60 * 1000


def refusal(value: int | str, unit: TimeUnit | None = None) -> tuple[str, str | None]:
    with pytest.raises(Problem) as refused:
        read_time(value, NOW, "/occurredAt", unit=unit)
    assert refused.value.field == "/occurredAt"
    return refused.value.kind.code, refused.value.detail


def test_seconds_are_not_1970() -> None:
    code, detail = refusal(1_782_500_000)
    assert code == "time_unit_suspected"
    assert detail == "1782500000 would be 1970-01-21T15:08:20Z: it looks like seconds."
    assert refusal("1782500000.25")[0] == "time_unit_suspected"


@given(st.integers(YEAR_2000, NOW))
def test_every_time_since_2000_in_another_unit_is_suspected_as_that(at: int) -> None:
    for number, unit in (
        (at // 1000, "seconds"),
        (at * 1000 + 7, "microseconds"),
        (at * 1_000_000 + 7, "nanoseconds"),
    ):
        if number * 1000 >= YEAR_2000 or unit != "seconds":
            code, detail = refusal(number)
            assert (code, str(detail).endswith(f"it looks like {unit}.")) == ("time_unit_suspected", True)
    assert read_time(at, NOW, "") == Instant(at)
    assert read_time(moment(at // 1000), NOW, "") == Instant(at // 1000)


@given(st.integers(YEAR_2000, NOW), st.integers(0, 999_999))
def test_a_unit_that_is_stated_is_taken_and_cut(at: int, rest: int) -> None:
    for text, unit in (
        (f"{at // 1000}.{at % 1000:03d}{rest:06d}", TimeUnit.SECONDS),
        (f"{at}.{rest:06d}", TimeUnit.MILLISECONDS),
        (f"{at}{rest // 1000:03d}.{rest % 1000:03d}", TimeUnit.MICROSECONDS),
        (f"{at}{rest:06d}", TimeUnit.NANOSECONDS),
    ):
        assert read_time(text, NOW, "", unit=unit) == Instant(at, cut=rest != 0), unit
    assert read_time(at // 1000, NOW, "", unit=TimeUnit.SECONDS) == Instant(at // 1000 * 1000)


def test_a_stated_unit_is_never_suspected() -> None:
    assert read_time(1_782_500_000, NOW, "", unit=TimeUnit.MILLISECONDS) == Instant(1_782_500_000)
    assert read_time("86400", NOW, "", unit=TimeUnit.SECONDS) == Instant(DAY)


def test_small_numbers_and_the_edges_are_what_they_say() -> None:
    assert read_time(0, NOW, "") == Instant(0)
    assert read_time(NOW + MAX_AHEAD_MS, NOW, "") == Instant(NOW + MAX_AHEAD_MS)
    assert refusal(NOW + MAX_AHEAD_MS + 1)[0] == "time_in_future"
    assert refusal(-1)[0] == refusal("-1")[0] == "invalid_time"
    assert refusal(20_260_417) == (
        "time_unit_suspected",
        "20260417 would be 1970-01-01T05:37:40.417Z: it looks like a day without its dashes.",
    )
    assert read_time(20_261_317, NOW, "") == Instant(20_261_317)
