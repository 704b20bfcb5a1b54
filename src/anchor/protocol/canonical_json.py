"""Section 3: metadata is hashed in its RFC 8785 (JCS) form.

JCS writes every number as an IEEE 754 double. A number whose digits would change on that way is
refused, so that what was sent is what is hashed. (Amounts never pass through here.)
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeAlias

import rfc8785

from anchor.protocol import strict_json
from anchor.protocol.errors import CanonicalJsonError
from anchor.protocol.strict_json import StrictJsonError

MAX_METADATA_BYTES: Final = 16 * 1024
MAX_METADATA_DEPTH: Final = 16
_LONGEST_NUMBER: Final = 400

JsonValue: TypeAlias = Any
"""None, bool, int, float, str, list or dict of these."""


def canonical_json(value: JsonValue) -> bytes:
    """Return the RFC 8785 form of a value, as UTF-8 bytes.

    Raises CanonicalJsonError where it holds a number or text that JCS cannot carry.
    """
    _check(value, "", 0, deepest=None)
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise CanonicalJsonError("not_canonical", "") from error


def parse_metadata(raw: bytes | str, *, numbers_as_text: bool = False) -> bytes:
    """Return the RFC 8785 form of a metadata object given as JSON text.

    With ``numbers_as_text``, a number that a double does not carry becomes the text of its digits, as they
    stand; without, it is refused.

    Raises CanonicalJsonError with one of the codes ``not_json``, ``not_an_object``,
    ``duplicate_key``, ``too_deep`` (more than 16 levels), ``too_large`` (more than 16 KiB in
    canonical form), ``number_not_exact``, ``lone_surrogate`` or ``null_character``.
    """
    value = _parse(raw, _number_or_text if numbers_as_text else _number)
    if not isinstance(value, dict):
        raise CanonicalJsonError("not_an_object", "")
    _check(value, "", 0, deepest=MAX_METADATA_DEPTH)
    canonical = canonical_json(value)
    if len(canonical) > MAX_METADATA_BYTES:
        raise CanonicalJsonError("too_large", "")
    return canonical


def parse_strict(raw: bytes | str) -> JsonValue:
    """Parse JSON that is UTF-8, has no duplicate keys and only numbers that a double carries exactly.

    Raises CanonicalJsonError as ``parse_metadata`` does.
    """
    return _parse(raw, _number)


def _parse(raw: bytes | str, number: Callable[[str], JsonValue]) -> JsonValue:
    try:
        return strict_json.parse_strict(raw, number=number)
    except StrictJsonError as error:
        code = error.code if error.code in ("too_deep", "duplicate_key") else "not_json"
        raise CanonicalJsonError(
            code, "/" + _pointer(error.key) if code == "duplicate_key" else ""
        ) from error


def _number(token: str) -> int | float:
    if len(token) > _LONGEST_NUMBER:
        raise CanonicalJsonError("number_not_exact", "")
    carried = float(token)
    try:
        exact = Decimal(token) == Decimal(repr(carried))
    except InvalidOperation:
        exact = False
    if not exact:
        raise CanonicalJsonError("number_not_exact", "")
    return carried if carried % 1 or abs(carried) >= 2**53 else int(carried)


def _number_or_text(token: str) -> int | float | str:
    try:
        return _number(token)
    except CanonicalJsonError:
        return token


def _check(value: JsonValue, path: str, depth: int, deepest: int | None) -> None:
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, Mapping):
        _check_depth(path, depth + 1, deepest)
        for key, item in value.items():
            _check_text(key, path)
            _check(item, f"{path}/{_pointer(key)}", depth + 1, deepest)
    elif isinstance(value, list | tuple):
        _check_depth(path, depth + 1, deepest)
        for at, item in enumerate(value):
            _check(item, f"{path}/{at}", depth + 1, deepest)


def _check_depth(path: str, depth: int, deepest: int | None) -> None:
    if deepest is not None and depth > deepest:
        raise CanonicalJsonError("too_deep", path)


def _check_text(text: str, path: str) -> None:
    if "\x00" in text:
        raise CanonicalJsonError("null_character", path)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise CanonicalJsonError("lone_surrogate", path) from error


def _pointer(key: str) -> str:
    """Return one step of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
