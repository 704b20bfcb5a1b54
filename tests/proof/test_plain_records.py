"""The quick reading of plain deltas: it takes nothing that the careful one refuses, and no other values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchor.proof.bounds import ProofFileError, parse_json
from anchor.proof.members import Members
from anchor.proof.part_reading import _record_of
from anchor.proof.parts import Record
from anchor.proof.plain_records import plain_record
from anchor.protocol.amounts import MAX_AMOUNT_UNITS, MAX_BALANCE_UNITS, MIN_BALANCE_UNITS, format_units

HASH = "0x" + "5a" * 32
SALT = "0x" + "df" * 16
PLAIN = {
    "index": 7,
    "amount": "-182.5",
    "balance": "-1820",
    "occurredAt": 1776412800000,
    "recordedAt": 1776412800001,
    "reason": {"value": "gpu hours – 182", "salt": SALT},
    "referenceId": {"value": None, "salt": SALT},
    "metadata": {"commitment": HASH},
    "adjusts": None,
}


def carefully(value: Any) -> Record | None:
    """What the careful reading makes of a value; None where it refuses it."""
    try:
        members = Members.of(value, "")
        record = _record_of(members)
        members.done()
    except ProofFileError:
        return None
    return record


def parsed(text: str) -> Any:
    return parse_json(text.encode(errors="surrogatepass"), 1 << 20)


def test_a_plain_delta_is_read_quickly() -> None:
    assert plain_record(PLAIN) == carefully(PLAIN) is not None
    adjusting = PLAIN | {"adjusts": HASH}
    assert plain_record(adjusting) == carefully(adjusting) is not None


ODD: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        2**64 - 1,
        "",
        "0",
        "-0",
        "0.0",
        "00",
        "01",
        "1.",
        ".5",
        "-",
        "1e3",
        " 1",
        "1 ",
    ),
    *(
        "1.50",
        "-0.0",
        "0.5",
        "-0.5",
        "0." + "0" * 17 + "1",
        "0." + "0" * 18 + "1",
        "１",
        "٣",
        "1\n",
        "9" * 60,
    ),
    *(format_units(MAX_AMOUNT_UNITS + more) for more in (0, 1)),
    *(format_units(-MAX_AMOUNT_UNITS - more) for more in (0, 1)),
    *(format_units(MAX_BALANCE_UNITS + more) for more in (0, 1)),
    *(format_units(MIN_BALANCE_UNITS - more) for more in (0, 1)),
    *(HASH, HASH.upper(), HASH[:-2], HASH + "00", "0X" + "5a" * 32, "0x" + "00" * 32, "0x" + "5A" * 32),
    *("0x" + "5a " * 32, "0x " + "5a" * 32, "0x" + "5g" * 32, "5a" * 33, SALT, "0x"),
    *(
        [],
        {},
        [PLAIN],
        {"value": "x"},
        {"salt": SALT},
        {"value": "x", "salt": SALT},
        {"value": None, "salt": SALT},
    ),
    *({"commitment": HASH}, {"commitment": SALT}, {"commitment": None}, {"commitment": HASH, "salt": SALT}),
    *({"value": 1, "salt": SALT}, {"value": "x", "salt": HASH}, {"value": "x", "salt": None}),
    *(
        {"value": "x", "salt": SALT, "commitment": HASH},
        {"value": "x", "other": SALT},
        {"value": "\ud800", "salt": SALT},
    ),
    *({"value": "x", "salt": "0x" + "DF" * 16}, {"value": "x", "salt": "0x" + "df " * 16}),
]


@pytest.mark.parametrize("name", PLAIN)
def test_no_odd_member_is_taken_that_the_careful_reading_refuses(name: str) -> None:
    for odd in ODD:
        changed = PLAIN | {name: odd}
        assert plain_record(changed) in (None, carefully(changed)), odd


@pytest.mark.parametrize("name", PLAIN)
def test_no_delta_of_other_members_is_taken(name: str) -> None:
    lacking = {key: value for key, value in PLAIN.items() if key != name}
    for changed in (lacking, PLAIN | {"other": 1}, lacking | {"other": 1}, lacking | {"fingerprint": HASH}):
        assert carefully(changed) is None or "fingerprint" in changed
        assert plain_record(changed) is None


def test_what_is_no_object_is_not_taken() -> None:
    for odd in ODD:
        assert plain_record(odd) is None
    assert plain_record({"index": 7, "fingerprint": HASH}) is None


UNITS = st.integers(-(10**40), 10**40) | st.integers(MIN_BALANCE_UNITS - 2, MAX_BALANCE_UNITS + 2)
DECIMALS = (
    UNITS.map(format_units)
    | st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{1,20})?", fullmatch=True)
    | st.text("-+.0159eE ", max_size=8)
)
TEXTS = st.none() | st.text(st.characters(), max_size=12) | st.sampled_from(["\ud800", 'a"b', "back\\slash"])
HEX = st.binary(max_size=33).map(lambda raw: "0x" + raw.hex()) | st.just(HASH) | st.just(SALT)
FIELDS = st.fixed_dictionaries({"value": TEXTS, "salt": HEX}) | st.fixed_dictionaries({"commitment": HEX})
RECORDS = st.fixed_dictionaries(
    {
        "index": st.integers(0, 2**64 - 1) | st.booleans(),
        "amount": DECIMALS,
        "balance": DECIMALS,
        "occurredAt": st.integers(0, 2**64 - 1),
        "recordedAt": st.integers(0, 2**64 - 1) | st.none(),
        "reason": FIELDS,
        "referenceId": FIELDS,
        "metadata": FIELDS,
        "adjusts": st.none() | HEX,
    }
)


@settings(max_examples=500, deadline=None)
@given(RECORDS)
def test_both_readings_of_any_delta_agree(value: dict[str, Any]) -> None:
    there = parsed(json.dumps(value))
    assert plain_record(there) in (None, carefully(there))


@settings(max_examples=200, deadline=None)
@given(UNITS)
def test_every_amount_in_range_is_read_quickly(units: int) -> None:
    value = PLAIN | {"balance": format_units(units)}
    assert plain_record(value) == carefully(value)
