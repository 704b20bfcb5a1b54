"""Amounts as JSON numbers."""

import msgspec

from anchor.protocol.amounts import UNITS_PER_ONE, format_units


def amount_json(units: int) -> msgspec.Raw:
    """Return units of 10**-18 as an exact JSON number, written without an exponent."""
    if units % UNITS_PER_ONE == 0:
        return msgspec.Raw(b"%d" % (units // UNITS_PER_ONE))
    return msgspec.Raw(format_units(units).encode())
