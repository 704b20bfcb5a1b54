"""Section 3: metadata is carried exactly or refused."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.protocol.canonical_json import canonical_json, parse_metadata
from anchor.protocol.errors import CanonicalJsonError

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
numbers = st.integers(1 - 2**53, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(texts, values, max_size=5))
def test_what_is_carried_reads_back_the_same_and_is_its_own_canonical_form(
    metadata: dict[str, object],
) -> None:
    canonical = parse_metadata(json.dumps(metadata))
    # Numbers are doubles on this way: 33621411551399590 is how JCS writes one that is a little larger.
    assert json.loads(canonical, parse_int=float) == metadata
    assert parse_metadata(canonical) == canonical
    assert canonical_json(metadata) == canonical


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ('{"b":1,"a":2}', '{"a":2,"b":1}'),
        ('{ "x" : [ 1.0 , -0.0, 1e21, 1E-7 ] }', '{"x":[1,0,1e+21,1e-7]}'),
        ('{"\\u20ac":"\\u00e9\\n"}', '{"€":"é\\n"}'),
        ('{"\ufb33":1,"\U0001f600":2}', '{"\U0001f600":2,"\ufb33":1}'),
        ('{"n":9007199254740992}', '{"n":9007199254740992}'),
        ('{"n":4.50}', '{"n":4.5}'),
        ("{}", "{}"),
    ],
)
def test_the_form_is_that_of_rfc_8785(raw: str, canonical: str) -> None:
    assert parse_metadata(raw).decode() == canonical


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"{}x", "not_json"),
        (b'{"a":NaN}', "not_json"),
        (b'{"a":Infinity}', "not_json"),
        (b'{"a":01}', "not_json"),
        (b'{"a":"\xff"}', "not_json"),
        (b'{"a":"\xed\xa0\x80"}', "not_json"),
        (b"[]", "not_an_object"),
        (b"null", "not_an_object"),
        (b'"x"', "not_an_object"),
        (b'{"a":1,"a":1}', "duplicate_key"),
        (b'{"x":{"a":1,"\\u0061":2}}', "duplicate_key"),
        (b'{"a":1e400}', "number_not_exact"),
        (b'{"a":1e-400}', "number_not_exact"),
        (b'{"a":9007199254740993}', "number_not_exact"),
        (b'{"a":0.1000000000000000055511151231257827}', "number_not_exact"),
        (b'{"a":' + b"1" * 5000 + b"}", "number_not_exact"),
        (b'{"a":1e99999999999999999999}', "number_not_exact"),
        (b'{"a":"\\ud800"}', "lone_surrogate"),
        (b'{"\\udc00":1}', "lone_surrogate"),
        (b'{"a":"\\u0000"}', "null_character"),
        (b'{"\\u0000":1}', "null_character"),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "too_deep"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
        (b'{"a":"' + b"x" * 16_384 + b'"}', "too_large"),
    ],
)
def test_what_it_cannot_carry_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(CanonicalJsonError) as caught:
        parse_metadata(raw)
    assert caught.value.code == code


def test_depth_and_size_are_accepted_up_to_their_limits() -> None:
    assert parse_metadata('{"a":' * 16 + "1" + "}" * 16)
    assert len(parse_metadata('{"a":"' + "x" * (16_384 - 8) + '"}')) == 16_384


def test_values_that_json_does_not_have_are_refused() -> None:
    for value in (math.nan, math.inf, {"a": {1, 2}}, 2**60):
        with pytest.raises(CanonicalJsonError):
            canonical_json(value)
