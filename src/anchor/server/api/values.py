"""The values that requests carry, from their JSON or text to what the ledger takes; exact, or refused.

Problems name ``field``, which the caller gives: a JSON pointer or the name of a parameter.
"""

import re
from typing import Final, TypeGuard

import msgspec

from anchor.protocol.amounts import UNITS_PER_ONE, parse_amount, parse_balance
from anchor.protocol.canonical_json import parse_metadata
from anchor.protocol.errors import AmountError, CanonicalJsonError
from anchor.protocol.hashing import Bytes32
from anchor.protocol.visible_text import id_fault
from anchor.server.ledger.periods import PeriodError, Span, parse_span
from anchor.wire.problems import Problem, shown
from anchor.wire.times import read_time

MAX_ID_CHARACTERS: Final = 256
MAX_REASON_CHARACTERS: Final = 1_024

HASH: Final = re.compile(r"0x[0-9a-f]{64}", re.ASCII)
_NULL: Final = b"null"
_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
# A decimal of any length: what parse_amount does not take of these is too long for it.
_LONG_DECIMAL: Final = re.compile(r"-?([0-9]++)(?:\.[0-9]++)?(?:[eE]([+-]?)[0-9]++)?", re.ASCII)
_MOST_WHOLE_DIGITS: Final = 400

# A whole number of at most 20 characters is below 2**127 units, whatever it is.
_SHORT: Final = 20

_AMOUNT_CODES: Final = {
    "not_a_number": "amount_not_a_number",
    "too_many_digits": "amount_too_precise",
    "out_of_range": "amount_out_of_range",
}
_METADATA_REASONS: Final = {
    "not_json": "It is not JSON.",
    "not_an_object": "It is not an object.",
    "duplicate_key": "A key stands twice.",
    "too_deep": "It is deeper than 16 levels.",
    "too_large": "It is larger than 16 KiB in its canonical form.",
    "number_not_exact": (
        "A number in it has more digits than a double carries, or is out of its range: send it as a text, or"
        ' metadataNumbers: "text" with it.'
    ),
    "null_character": "A key or text in it has U+0000, or a lone surrogate.",
}


def is_given(raw: msgspec.Raw | msgspec.UnsetType) -> TypeGuard[msgspec.Raw]:
    """Return whether an optional field was sent, and not as null."""
    return isinstance(raw, msgspec.Raw) and bytes(raw) != _NULL


def amount_units(raw: msgspec.Raw, field: str) -> int:
    """Return the units of 10**-18 of an amount: a JSON number, or a text of its digits. Raises Problem."""
    token = bytes(raw)
    if len(token) <= _SHORT and (token.isdigit() or (token[:1] == b"-" and token[1:].isdigit())):
        return int(token) * UNITS_PER_ONE
    try:
        return parse_amount(_number_text(token, field))
    except AmountError as error:
        raise _amount_problem(error, field) from None


def balance_units(raw: msgspec.Raw, field: str) -> int:
    """Return the units of 10**-18 of a balance, which may be larger than an amount. Raises Problem."""
    try:
        return parse_balance(_number_text(bytes(raw), field))
    except AmountError as error:
        raise _amount_problem(error, field) from None


def _number_text(token: bytes, field: str) -> str:
    first = token[:1]
    if first == b'"':
        return msgspec.json.decode(token, type=str)
    if first in b"-0123456789" and first:
        return token.decode()
    raise Problem("wrong_type", "Expected a number or a text of its digits.", field=field)


def _amount_problem(error: AmountError, field: str) -> Problem:
    if error.code == "not_a_number" and (long := _LONG_DECIMAL.fullmatch(error.text)):
        precise = long[2] == "-" or (long[2] is None and len(long[1]) <= _MOST_WHOLE_DIGITS)
        error = AmountError("too_many_digits" if precise else "out_of_range", error.text)
    return Problem(_AMOUNT_CODES[error.code], f"{error}.", field=field)


def require_id(text: str, field: str) -> str:
    """Return an id (customer, reference, unit) as it came, or raise Problem.

    Refused is what could be taken for another id: see ``anchor.protocol.visible_text``.
    """
    if not text:
        raise Problem("invalid_id", "It is empty.", field=field)
    if len(text) > MAX_ID_CHARACTERS:
        raise Problem("invalid_id", f"It has {len(text)} characters.", field=field)
    if (fault := id_fault(text)) is not None:
        raise Problem("invalid_id", fault, field=field)
    return text


def require_unit(text: str | None, field: str) -> str:
    """Return a unit, which may be empty or not given, or raise Problem."""
    return require_id(text, field) if text else ""


def require_reason(text: str, field: str) -> str:
    """Return a reason, which may be empty and have several lines, or raise Problem."""
    if len(text) > MAX_REASON_CHARACTERS:
        raise Problem("invalid_text", f"It has {len(text)} characters.", field=field)
    if "\x00" in text:
        raise Problem("invalid_text", "It has U+0000, or a lone surrogate.", field=field)
    return text


def metadata_bytes(raw: msgspec.Raw, field: str, *, numbers_as_text: bool = False) -> bytes:
    """Return metadata in its RFC 8785 form; ``numbers_as_text`` are those that a double does not carry.

    Raises Problem.
    """
    try:
        return parse_metadata(bytes(raw), numbers_as_text=numbers_as_text)
    except CanonicalJsonError as error:
        code, path = error.code, error.path
        if "\x00" in path:
            # A key is at fault, and cannot be named.
            code, path = "null_character", path[: path.index("\x00")].rpartition("/")[0]
        detail = _METADATA_REASONS.get(code, "It has no canonical form.")
        raise Problem("invalid_metadata", detail, field=field + path) from None


def time_parameter(text: str, now_ms: int, field: str) -> int:
    """Return a time given in a query: milliseconds or an instant. Raises Problem as ``read_time`` does."""
    return read_time(text, now_ms, field).milliseconds


def _told(error: PeriodError) -> str:
    if not error.text:
        return f"It is not given: {error.remedy}."
    return f"{shown(error.text)} is not accepted: {error.remedy}."


def span_of(period: str | None, start_date: str | None, end_date: str | None) -> Span:
    """Return the span that a request names. Raises Problem."""
    try:
        return parse_span(period=period, start_date=start_date, end_date=end_date)
    except PeriodError as error:
        raise Problem("invalid_period", _told(error), field=f"/{error.field}") from None


def hash_of(text: str, field: str) -> Bytes32:
    """Return the 32 bytes of ``0x`` and 64 lower-case hexadecimal digits. Raises Problem."""
    if not HASH.fullmatch(text):
        raise Problem(
            "invalid_value", f"{shown(text)} is not 0x and 64 hexadecimal digits, lower case.", field=field
        )
    return bytes.fromhex(text[2:])


def whole_number(text: str, field: str) -> int:
    """Return a whole number of at most 18 digits given as text. Raises Problem."""
    if not _WHOLE.fullmatch(text):
        raise Problem("invalid_value", f"{shown(text)} is not a whole number.", field=field)
    return int(text)
