"""JSON of others: what Python's parser would let pass, and what would let it run deep or out of memory."""

import pytest

from anchor.protocol.strict_json import DEEPEST, NumberText, StrictJsonError, parse_strict


def test_numbers_come_in_their_own_digits() -> None:
    text = b"[0.1, 1e400, 123456789012345678901234567890, -0, 1.10]"
    found = parse_strict(text)
    assert found == ["0.1", "1e400", "123456789012345678901234567890", "-0", "1.10"]
    assert all(isinstance(number, NumberText) for number in found)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"[1,]", "not_json"),
        (b"[01]", "not_json"),
        (b"[NaN]", "not_json"),
        (b"[-Infinity]", "not_json"),
        (b"\xff", "not_utf8"),
        (b"\xef\xbb\xbf[]", "not_json"),
        (b'{"a":1,"a":1}', "duplicate_key"),
        (b'[{"a":{"b":1,"\\u0062":2}}]', "duplicate_key"),
        (b'{"\\ud800":1,"\\ud800":2}', "duplicate_key"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "too_deep"),
        (b"[" * 5_000_000, "too_deep"),
        (b'"' + b"[" * 200 + b'"' + b"[" * 200, "too_deep"),
        (b'"' + b"\\" * 3_000_000, "not_json"),
    ],
)
def test_what_is_no_json_of_ours_is_refused(text: bytes, code: str) -> None:
    with pytest.raises(StrictJsonError) as refused:
        parse_strict(text)
    assert refused.value.code == code
    str(refused.value).encode()


def test_depth_and_size_are_accepted_up_to_their_bounds() -> None:
    assert parse_strict(b"[" * DEEPEST + b"]" * DEEPEST)
    assert parse_strict('"' + "[{" * 1_000 + '"') == "[{" * 1_000
    assert parse_strict(b"[1]", largest=3) == ["1"]
    with pytest.raises(StrictJsonError, match="larger than 3 bytes"):
        parse_strict(b"[10]", largest=3)


def test_a_number_that_is_refused_is_no_json() -> None:
    with pytest.raises(StrictJsonError, match="is not JSON: invalid literal"):
        parse_strict(b"[1.5]", number=int)


def test_bounds_of_a_rooms_own_are_checked_before_any_value_is_made() -> None:
    seen = []
    with pytest.raises(StrictJsonError):
        parse_strict(b'{"a,[": [1, 2}', bounded=seen.append)
    assert seen == ["{: [1, 2}"]
