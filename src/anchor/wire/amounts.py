"""What a response carries as it is written: amounts as JSON numbers, and the JSON of others."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, cast

from msgspec import Raw

from anchor.protocol.amounts import UNITS_PER_ONE, format_units


class Number(Decimal):
    """An exact number of a response, as ``wire.reading`` reads it.

    Who fills a response puts the number's digits in its place: they are quicker made than a Decimal, and
    msgspec would write a small one with an exponent.
    """

    __slots__ = ()


LARGEST_NUMBER: Final = Decimal(10) ** 60
"""No amount and no balance, nor the difference of two, is as large."""

number_of_digits: Final = cast(Callable[[bytes], Number], Raw)
"""Return the digits of a number as what a response carries."""

json_object: Final = cast(Callable[[bytes], dict[str, Any]], Raw)
"""Return the JSON text of an object as what a response carries."""


def amount_json(units: int) -> Number:
    """Return units of 10**-18 as what a response carries: an exact JSON number, without an exponent."""
    if units % UNITS_PER_ONE == 0:
        return number_of_digits(b"%d" % (units // UNITS_PER_ONE))
    return number_of_digits(format_units(units).encode())
