"""Amounts as spreadsheets and databases write them, where it is certain which number is meant.

Certain are blanks around a number, a sign of its own, a currency's sign before or behind it, parentheses or
a minus behind for a negative, and separators of thousands that can be nothing else. ``1,234`` can be two
numbers: it is read only where the decimal sign was stated. No float is made of anything.
"""

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from enum import StrEnum
from typing import Final, NamedTuple
from unicodedata import category

_BLANKS: Final = " \t\u00a0\u202f\u2009"
_MINUS: Final = "-\u2212"
_THOUSANDS_BY_BLANK: Final = f"[{_BLANKS}'\u2019]"
_PLAIN: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_EXACT: Final = Context(prec=1_000, Emax=999_999, Emin=-999_999)


class DecimalSign(StrEnum):
    """What stands before the fraction."""

    POINT = "point"
    COMMA = "comma"


_NUMBERS: Final = {
    # Nothing stated: a point, and commas only where they cannot be decimal signs.
    None: re.compile(
        rf"(?P<whole>[0-9]*|[0-9]{{1,3}}(?:{_THOUSANDS_BY_BLANK}[0-9]{{3}})+)(?:\.(?P<fraction>[0-9]*))?"
        r"|(?P<commas>[0-9]{1,3}(?:,[0-9]{3})+)\.(?P<after>[0-9]+)"
        r"|(?P<many>[0-9]{1,3}(?:,[0-9]{3}){2,})",
        re.ASCII,
    ),
    # India groups by two beyond the first thousand.
    DecimalSign.POINT: re.compile(
        rf"(?P<whole>[0-9]*|[0-9]{{1,3}}(?:(?:,|{_THOUSANDS_BY_BLANK})[0-9]{{2,3}})*"
        rf"(?:,|{_THOUSANDS_BY_BLANK})[0-9]{{3}})(?:\.(?P<fraction>[0-9]*))?",
        re.ASCII,
    ),
    DecimalSign.COMMA: re.compile(
        rf"(?P<whole>[0-9]*|[0-9]{{1,3}}(?:(?:\.|{_THOUSANDS_BY_BLANK})[0-9]{{3}})+)(?:,(?P<fraction>[0-9]*))?",
        re.ASCII,
    ),
}
_DIGITS: Final = re.compile("[^0-9]+")


class CellAmount(NamedTuple):
    """An amount in plain digits, and the sign of its currency, if it had one."""

    text: str
    currency: str = ""


class UncertainAmount(ValueError):
    """A text that can be two numbers, and what would tell which."""


def read_cell(text: str, decimal: DecimalSign | None) -> CellAmount:
    """Return the amount of a cell. What is no amount in any form comes back as it is, to be refused as that.

    Raises UncertainAmount.
    """
    if decimal is not DecimalSign.COMMA and _PLAIN.fullmatch(text):
        return CellAmount(text)
    negative, currency, core = _bare(text)
    mantissa, exponent = re.fullmatch(r"(.*?)((?:(?<=[0-9])[eE][+-]?[0-9]+)?)", core, re.DOTALL).groups()  # type: ignore[union-attr]
    match = _NUMBERS[decimal].fullmatch(mantissa)
    if match is None:
        if re.fullmatch(r"[0-9][0-9.,]*", mantissa):
            raise UncertainAmount(
                f"{text.strip()[:60]!r} can be read in more than one way: say which with --decimal point or"
                " --decimal comma"
            )
        return CellAmount(text)
    part = match.groupdict()
    whole = part["whole"] if part["whole"] is not None else part.get("commas") or part.get("many")
    fraction = part["fraction"] if part["whole"] is not None else part.get("after")
    whole = _DIGITS.sub("", whole or "")
    if not whole and not fraction:
        return CellAmount(text)
    plain = (whole or "0") + (f".{fraction}" if fraction else "") + exponent
    return CellAmount(f"-{plain}" if negative else plain, currency)


def _bare(text: str) -> tuple[bool, str, str]:
    """Return whether it is negative, its currency's sign, and what is left. One of each kind is taken."""
    core, negative, currency, signed = text.strip(_BLANKS), False, "", False
    if core.startswith("(") and core.endswith(")"):
        core, negative, signed = core[1:-1].strip(_BLANKS), True, True
    for _ in range(2):
        if core and not signed and core[0] in _MINUS + "+":
            negative, signed, core = core[0] != "+", True, core[1:].lstrip(_BLANKS)
        if core and not currency and category(core[0]) == "Sc":
            currency, core = core[0], core[1:].lstrip(_BLANKS)
    if core and not currency and category(core[-1]) == "Sc":
        currency, core = core[-1], core[:-1].rstrip(_BLANKS)
    if core and not signed and core[-1] in _MINUS:
        negative, core = True, core[:-1].rstrip(_BLANKS)
    return negative, currency, core


def turned(amount: str) -> str:
    """Return a plain amount with its sign turned."""
    return amount[1:] if amount.startswith("-") else f"-{amount}"


def rounded(amount: str, digits: int) -> str:
    """Return a plain amount rounded to so many fractional digits, half to even; what cannot be, as it is."""
    try:
        exact = _EXACT.create_decimal(amount)
        near = exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN, _EXACT)
    except InvalidOperation:
        return amount
    return amount if near == exact else f"{near:f}"


def is_plain(amount: str) -> bool:
    """Return whether a text is a number in plain digits."""
    return _PLAIN.fullmatch(amount) is not None
