"""Section 1: amounts are exact, whatever the text looks like."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.protocol.amounts import (
    MAX_AMOUNT_UNITS,
    MAX_BALANCE_UNITS,
    MIN_BALANCE_UNITS,
    decimal_from_units,
    format_units,
    parse_amount,
    parse_balance,
    units_from_decimal,
)
from anchor.protocol.errors import AmountError

amounts = st.integers(-MAX_AMOUNT_UNITS, MAX_AMOUNT_UNITS)
balances = st.integers(MIN_BALANCE_UNITS, MAX_BALANCE_UNITS)


@given(balances)
def test_units_survive_being_written_and_read(units: int) -> None:
    text = format_units(units)
    assert parse_balance(text) == units
    assert "e" not in text.lower()
    assert text != "-0"
    assert not ("." in text and text.endswith("0"))
    assert units_from_decimal(decimal_from_units(units)) == units


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**19), max_value=10**19))
def test_the_units_are_the_exact_decimal_value(value: Decimal) -> None:
    with localcontext() as context:
        context.prec = 100
        assert parse_amount(str(value)) == int(value * 10**18)


@given(st.integers(-(10**20), 10**20), st.integers(-30, 30))
def test_an_exponent_is_read_exactly_or_refused(digits: int, exponent: int) -> None:
    text = f"{digits}e{exponent}"
    try:
        units = parse_amount(text)
    except AmountError as error:
        refused = error.code
    else:
        refused = ""
        with localcontext() as context:
            context.prec = 100
            assert Decimal(units).scaleb(-18) == Decimal(digits).scaleb(exponent)
    assert refused in {"", "too_many_digits", "out_of_range"}


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("0", 0),
        ("-0", 0),
        ("-0.000", 0),
        ("-182", -182 * 10**18),
        ("0.000000000000000001", 1),
        ("1.500", 15 * 10**17),
        ("1e2", 100 * 10**18),
        ("25E-1", 25 * 10**17),
        ("1000000000000000000000e-30", 10**9),
        ("0.1000000000000000000000000", 10**17),
        ("0e999999", 0),
        ("170141183460469231731.687303715884105727", MAX_AMOUNT_UNITS),
    ],
)
def test_what_is_a_whole_number_of_units_is_accepted(text: str, units: int) -> None:
    assert parse_amount(text) == units


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("NaN", "not_a_number"),
        ("Infinity", "not_a_number"),
        ("-inf", "not_a_number"),
        ("", "not_a_number"),
        (" 1", "not_a_number"),
        ("1 ", "not_a_number"),
        ("1\n", "not_a_number"),
        ("+1", "not_a_number"),
        (".5", "not_a_number"),
        ("5.", "not_a_number"),
        ("1_000", "not_a_number"),
        ("0x10", "not_a_number"),
        ("١٢", "not_a_number"),
        ("1" * 401, "not_a_number"),
        ("1e9999999", "not_a_number"),
        ("0.0000000000000000001", "too_many_digits"),
        ("1e-19", "too_many_digits"),
        ("1e-999999", "too_many_digits"),
        ("1e400", "out_of_range"),
        ("1e999999", "out_of_range"),
        ("170141183460469231731.687303715884105728", "out_of_range"),
        ("-170141183460469231731.687303715884105728", "out_of_range"),
    ],
)
def test_what_is_not_an_exact_amount_is_refused(text: str, code: str) -> None:
    with pytest.raises(AmountError) as caught:
        parse_amount(text)
    assert caught.value.code == code
    assert len(str(caught.value)) < 120


def test_a_decimal_that_is_no_number_is_refused() -> None:
    for value in (Decimal("NaN"), Decimal("Infinity"), Decimal("-sNaN")):
        with pytest.raises(AmountError):
            units_from_decimal(value)


def test_a_balance_may_use_all_of_int256() -> None:
    assert parse_balance(format_units(MAX_BALANCE_UNITS)) == MAX_BALANCE_UNITS
    assert parse_balance(format_units(MIN_BALANCE_UNITS)) == MIN_BALANCE_UNITS
    with pytest.raises(AmountError):
        parse_balance(format_units(MAX_BALANCE_UNITS + 1))
