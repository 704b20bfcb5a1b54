"""JSON bodies, read strictly: exact numbers, no key twice, no key that is not known, no lone surrogate.

msgspec decodes; what it would let pass (a key given twice) is looked for here. Problems name the place
as a JSON pointer (RFC 6901).
"""

import json
import re
from codecs import BOM_UTF8
from typing import Any, Final, NamedTuple, NoReturn, TypeVar

import msgspec

from anchor.protocol.strict_json import repeated_key
from anchor.wire.problems import Problem, shown

T = TypeVar("T")

_SHOWN: Final = 60
_BOM_BEGINS: Final = BOM_UTF8[:1]
_CUT_OFF: Final = "Input data was truncated"
"""What msgspec says of JSON that ends too early."""
_AT: Final = re.compile(r" - at `(key in )?\$(.*)`\Z")
_MISSING: Final = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
# An escape: a whole surrogate pair, or half of one (the group), or any other.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_STEP: Final = re.compile(r"\.([A-Za-z]+)|\[(\d+)\]|\[\.\.\.\]")


def json_text(body: bytes) -> bytes:
    """Return a body's JSON without the byte order mark that some programs begin with (RFC 8259 §8.1), and
    with U+0000 in the place of each escape of a lone surrogate.

    Grammar allows such an escape, but no text that it would make; U+0000 is refused wherever a text is,
    with the place, and in a batch for that item alone.
    """
    if body[:1] == _BOM_BEGINS:
        body = body.removeprefix(BOM_UTF8)
    if b"\\ud" not in body and b"\\uD" not in body:
        return body
    return _ESCAPE.sub(lambda escape: b"\\u0000" if escape[1] else escape[0], body)


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Return the body as the decoder's type. Raises Problem."""
    body = json_text(body)
    value = decode_once(decoder, body)
    refuse_duplicate_keys(body)
    return value


def decode_once(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Return the body as the decoder's type, without looking for keys given twice. Raises Problem."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        # What is no JSON further on is worse than what is wrong before it.
        _require_json(body)
        _refuse_value(str(error))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_json(body, error) from None
    except RecursionError:
        raise Problem("not_json", "It is nested too deeply.") from None


def refuse_duplicate_keys(body: bytes) -> None:
    """Raise Problem where one object of a JSON text has a key twice; the text was decoded before."""
    try:
        read = json.loads(
            body,
            object_pairs_hook=_object,
            # Numbers are not looked at here, and an int of many digits would take long.
            parse_int=_ignore,
            parse_float=_ignore,
            parse_constant=_refuse_constant,
        )
        repeated = _repeated_in(read)
    except RecursionError:
        raise Problem("not_json", "It is nested too deeply.") from None
    except ValueError:
        raise Problem("not_json") from None
    if repeated is not None:
        raise Problem("duplicate_key", f"{shown(repeated.key)} stands twice.", field=repeated.place)


def _require_json(body: bytes) -> None:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
        body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_json(body, error) from None
    except RecursionError:
        raise Problem("not_json", "It is nested too deeply.") from None


def _not_json(body: bytes, error: Exception) -> Problem:
    if not body.strip():
        return Problem("not_json", "It is empty: a JSON object is expected.", field="body")
    if isinstance(error, UnicodeDecodeError):
        return Problem("not_json", "It is not UTF-8.")
    if str(error) == _CUT_OFF:
        return Problem("not_json", f"It ends at byte {len(body)}, before its JSON does.")
    return Problem("not_json", f"{error}.")


def _refuse_value(message: str) -> NoReturn:
    """Raise the Problem that msgspec's message of a wrong value amounts to."""
    place = ""
    if at := _AT.search(message):
        place = _pointer(at[2])
        message = message[: at.start()]
    if match := _MISSING.fullmatch(message):
        raise Problem("missing_field", f"{match[1]} is needed.", field=f"{place}/{match[1]}")
    if match := _UNKNOWN.fullmatch(message):
        if "\x00" in match[1]:
            raise Problem("unknown_field", "A key has U+0000, or a lone surrogate.", field=place or None)
        raise Problem(
            "unknown_field",
            f"{shown(match[1])} is not known here.",
            field=f"{place}/{_escaped(match[1][:_SHOWN])}",
        )
    code = "wrong_type" if ", got " in message else "invalid_value"
    raise Problem(code, message.replace("`", "'") + ".", field=place or None)


def _pointer(path: str) -> str:
    """Return a JSON pointer for msgspec's path: ``.deltas[3].delta`` is ``/deltas/3/delta``."""
    steps = (name or place or "-" for name, place in _STEP.findall(path))
    return "".join(f"/{step}" for step in steps)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


class _Repeated(NamedTuple):
    """A key that stands twice, and where: a JSON pointer from what was read so far."""

    key: str
    place: str


def _object(pairs: list[tuple[str, Any]]) -> _Repeated | None:
    """Return what stands twice in an object or in what it holds. Texts, numbers and the like are None."""
    if len({key for key, _ in pairs}) < len(pairs):
        # A key with U+0000 is refused for what it is.
        key = repeated_key(pair for pair in pairs if "\x00" not in pair[0])
        if key is not None:
            return _Repeated(key, f"/{_escaped(key[:_SHOWN])}")
    for key, value in pairs:
        if value is not None and (found := _repeated_in(value)) is not None:
            return _Repeated(found.key, f"/{_escaped(key[:_SHOWN])}{found.place}")
    return None


def _repeated_in(value: Any) -> _Repeated | None:
    if isinstance(value, _Repeated):
        return value
    if isinstance(value, list):
        for place, item in enumerate(value):
            if item is not None and (found := _repeated_in(item)) is not None:
                return _Repeated(found.key, f"/{place}{found.place}")
    return None


def _ignore(_token: str) -> None:
    return None


def _refuse_constant(token: str) -> NoReturn:
    raise ValueError(token)
