"""Section 1: amounts are exact decimals, held as the integer number of 10**-18 units.

One amount fits in int128 units; a balance may use all of int256. No binary floating point is
ever involved, and nothing is rounded: what is not a whole number of units is refused.
"""

import re
from decimal import Decimal
from typing import Final

from anchor.protocol.errors import AmountError

FRACTIONAL_DIGITS: Final = 18
UNITS_PER_ONE: Final = 10**FRACTIONAL_DIGITS
MAX_AMOUNT_UNITS: Final = 2**127 - 1
MAX_BALANCE_UNITS: Final = 2**255 - 1
MIN_BALANCE_UNITS: Final = -(2**255)

# Digits and an exponent are bounded before any integer is built, so 1e999999999 costs nothing.
_DECIMAL: Final = re.compile(r"(-?)([0-9]{1,400})(?:\.([0-9]{1,400}))?(?:[eE]([+-]?[0-9]{1,6}))?", re.ASCII)
_MOST_DIGITS: Final = 120


def parse_amount(text: str) -> int:
    """Return the units (10**-18, int128 magnitude below 2**127) of one amount written as a decimal.

    Accepts what JSON accepts as a number, an exact exponent included. Raises AmountError.
    """
    units = parse_units(text)
    if not -MAX_AMOUNT_UNITS <= units <= MAX_AMOUNT_UNITS:
        raise AmountError("out_of_range", text)
    return units


def parse_balance(text: str) -> int:
    """Return the units (10**-18, int256) of a balance written as a decimal. Raises AmountError."""
    units = parse_units(text)
    if not MIN_BALANCE_UNITS <= units <= MAX_BALANCE_UNITS:
        raise AmountError("out_of_range", text)
    return units


def parse_units(text: str) -> int:
    """Return the units of a decimal text of any size up to 120 digits. Raises AmountError."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise AmountError("not_a_number", text)
    sign, whole, fraction, exponent = match.groups()
    fraction = fraction or ""
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return 0
    trimmed = digits.rstrip("0")
    # The value is trimmed * 10**power; units are 10**18 times that.
    power = int(exponent or 0) - len(fraction) + len(digits) - len(trimmed)
    if power < -FRACTIONAL_DIGITS:
        raise AmountError("too_many_digits", text)
    if len(trimmed) + power + FRACTIONAL_DIGITS > _MOST_DIGITS:
        raise AmountError("out_of_range", text)
    units: int = int(trimmed) * 10 ** (power + FRACTIONAL_DIGITS)
    return -units if sign else units


def units_from_decimal(value: Decimal) -> int:
    """Return the units of a Decimal, exactly. Raises AmountError where it is not a whole number of units."""
    if not value.is_finite():
        raise AmountError("not_a_number", str(value))
    return parse_units(str(value))


def decimal_from_units(units: int) -> Decimal:
    """Return the exact Decimal of ``units`` (10**-18), without trailing fractional zeros."""
    return Decimal(format_units(units))


def format_units(units: int) -> str:
    """Return ``units`` (10**-18) as text: no exponent, no trailing fractional zeros, no negative zero."""
    whole, fraction = divmod(abs(units), UNITS_PER_ONE)
    text = str(whole)
    if fraction:
        text += "." + f"{fraction:018d}".rstrip("0")
    return "-" + text if units < 0 else text
