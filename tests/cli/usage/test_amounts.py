"""Amounts as spreadsheets write them: read where they are certain, and refused where they can be two."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.cli.usage.amounts import CellAmount, DecimalSign, UncertainAmount, read_cell, rounded

POINT, COMMA = DecimalSign.POINT, DecimalSign.COMMA


@pytest.mark.parametrize(
    ("cell", "decimal", "text"),
    [
        ("-1.50", None, "-1.50"),
        ("1e3", None, "1e3"),
        ("+5", None, "5"),
        (" 5 ", None, "5"),
        ("\u22125", None, "-5"),
        (".5", None, "0.5"),
        ("5.", None, "5"),
        ("(5.00)", None, "-5.00"),
        ("5.00-", None, "-5.00"),
        ("1,234.50", None, "1234.50"),
        ("1,234,567", None, "1234567"),
        ("1 234.50", None, "1234.50"),
        ("1\u202f234\u202f567", None, "1234567"),
        ("1'234.50", None, "1234.50"),
        ("1,234", POINT, "1234"),
        ("12,34,567.5", POINT, "1234567.5"),
        ("1,5", COMMA, "1.5"),
        ("1.234,50", COMMA, "1234.50"),
        ("1.234", COMMA, "1234"),
        ("1.234.567", COMMA, "1234567"),
        ("-1 234,5", COMMA, "-1234.5"),
        ("1,5e3", COMMA, "1.5e3"),
        ("7", COMMA, "7"),
    ],
)
def test_certain_forms_are_read(cell: str, decimal: DecimalSign | None, text: str) -> None:
    assert read_cell(cell, decimal) == CellAmount(text)


@pytest.mark.parametrize(
    ("cell", "text", "currency"),
    [
        ("$10,000.00 ", "10000.00", "$"),
        ("-$5", "-5", "$"),
        ("$-5", "-5", "$"),
        ("($5.00)", "-5.00", "$"),
        ("5 €", "5", "€"),
        ("5 €-", "5 €-", ""),
    ],
)
def test_a_currency_is_told(cell: str, text: str, currency: str) -> None:
    assert read_cell(cell, None) == CellAmount(text, currency)


@pytest.mark.parametrize(
    ("cell", "decimal"),
    [
        ("1,234", None),
        ("1,5", None),
        ("1.234,50", None),
        ("1.5", COMMA),
        ("1.2345,6", COMMA),
        ("1,23", POINT),
        ("1,2,3", None),
    ],
)
def test_what_can_be_two_numbers_is_refused(cell: str, decimal: DecimalSign | None) -> None:
    with pytest.raises(UncertainAmount, match="--decimal"):
        read_cell(cell, decimal)


@pytest.mark.parametrize(
    "cell", ["", "-", "$", "()", "five", "5 apples", "5%", "--5", "$$5", "١", "1_000", "(-5)"]
)
def test_what_is_no_amount_comes_back_as_it_is(cell: str) -> None:
    for decimal in (None, POINT, COMMA):
        assert read_cell(cell, decimal) == CellAmount(cell)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_a_number_is_the_same_in_every_form(value: Decimal) -> None:
    english = f"{value:,f}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert Decimal(read_cell(english, POINT).text) == value
    assert Decimal(read_cell(german, COMMA).text) == value
    assert Decimal(read_cell(f"{value:f}", None).text) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9), st.integers(0, 18))
def test_rounding_is_to_the_nearest_and_exact(value: Decimal, digits: int) -> None:
    near = Decimal(rounded(f"{value:f}", digits))
    assert abs(near - value) * 2 <= Decimal(1).scaleb(-digits)
    assert near == value or -near.as_tuple().exponent <= digits  # type: ignore[operator]
