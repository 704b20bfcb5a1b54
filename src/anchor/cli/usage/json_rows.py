"""The rows of a JSON file: one object a line, or one array of objects."""

import codecs
import io
import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import Any, Final

from anchor.cli.usage.found import Found
from anchor.cli.usage.mapping import FIELDS, Mapped
from anchor.cli.usage.source import BROKEN
from anchor.protocol.strict_json import NumberText, StrictJsonError, parse_strict

MAX_ROW_BYTES: Final = 1024 * 1024
_CHUNK: Final = 256 * 1024
_BLANK: Final = re.compile(r"[ \t\r\n]*")
_BEGINS: Final = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*(\[?)")
_MISSING: Final = object()
# Where an element ends is all that is asked: what it says is read strictly afterwards.
_ENDS: Final = json.JSONDecoder(parse_int=len, parse_float=len, parse_constant=len)


def json_values(raw: io.BufferedReader, mapped: Mapped) -> Iterator[Found]:
    """Yield every row of lines of objects, or of an array of them: what the file begins with tells."""
    sources = [(field, mapped.column_of(field)) for field in FIELDS if field not in mapped.constants]
    begins = _BEGINS.match(raw.peek(64))
    texts = _elements(raw) if begins is not None and begins[1] else _lines(raw)
    for line, text in texts:
        if isinstance(text, str):
            # An array cannot be followed beyond what is no element of it, nor a damaged file.
            yield Found(line, text, stopped=not text.startswith(_TOO_LONG))
            continue
        try:
            value = read_json(text)
        except ValueError as error:
            yield Found(line, f"this is not JSON: {error}")
            continue
        if mapped.wrapper and isinstance(value, dict) and isinstance(value.get(mapped.wrapper), dict):
            value = value[mapped.wrapper]
        if not isinstance(value, dict):
            yield Found(line, "this is no JSON object")
            continue
        yield Found(line, _values(value, sources, mapped))


def _values(event: dict[str, Any], sources: list[tuple[str, str]], mapped: Mapped) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field, name in sources:
        value = at(event, name)
        if value is not None:
            values[field] = value
    if mapped.reference_from:
        values["referenceId"] = [at(event, name) for name in mapped.reference_from]
    return values


def at(event: Any, name: str) -> Any:
    """Return what a name leads to; None where there is nothing.

    A name is a key as it stands, else a JSON pointer (RFC 6901: ``/data/tokens``), else keys joined by points
    (``data.tokens``).
    """
    if isinstance(event, dict) and name in event:
        return event[name]
    if name.startswith("/"):
        steps = [step.replace("~1", "/").replace("~0", "~") for step in name[1:].split("/")]
    elif "." in name:
        steps = name.split(".")
    else:
        return None
    for step in steps:
        if isinstance(event, dict):
            event = event.get(step)
        elif isinstance(event, list) and name.startswith("/") and step.isdecimal() and len(step) < 10:
            event = event[int(step)] if int(step) < len(event) else None
        else:
            return None
    return event


_TOO_LONG: Final = "this is longer than"


def _lines(raw: io.BufferedReader) -> Iterator[tuple[int, bytes | str]]:
    line = 0
    while True:
        try:
            text = raw.readline(MAX_ROW_BYTES + 1)
        except BROKEN as error:
            yield line + 1, f"the file ends here or is damaged ({error})"
            return
        if not text:
            return
        line += 1
        if len(text) > MAX_ROW_BYTES:
            yield line, f"{_TOO_LONG} {MAX_ROW_BYTES:,} bytes"
            while text and not text.endswith(b"\n"):
                text = raw.readline(MAX_ROW_BYTES)
        elif text.strip():
            yield line, text


def _elements(raw: io.BufferedReader) -> Iterator[tuple[int, bytes | str]]:
    """Yield each element of an array with the line that it begins in; a str says why no more can be read."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
    text, place, line, ended = "", 0, 1, False

    def more() -> None:
        nonlocal text, place, ended
        chunk = raw.read(_CHUNK)
        ended = not chunk
        text, place = text[place:] + decoder.decode(chunk, final=ended), 0

    def blanks() -> None:
        nonlocal place, line
        while True:
            end = _BLANK.match(text, place).end()  # type: ignore[union-attr]
            line += text.count("\n", place, end)
            place = end
            if place < len(text) or ended:
                return
            more()

    expected = "["
    try:
        while True:
            blanks()
            sign = text[place : place + 1]
            if expected == "element" and sign != "]":
                began = line
                while True:
                    try:
                        end = _ENDS.raw_decode(text, place)[1]
                        if end < len(text) or ended:
                            break
                    except json.JSONDecodeError as error:
                        if ended or len(text) - place > MAX_ROW_BYTES:
                            what = error.msg.removesuffix(" at")
                            what = f"the element that begins here is not JSON ({what})"
                            yield began, f"{what}; nothing after it was read"
                            return
                    more()
                element, place = text[place:end], end
                line += element.count("\n")
                raw_element = element.encode("utf-8", "surrogateescape")
                if len(raw_element) > MAX_ROW_BYTES:
                    yield began, f"{_TOO_LONG} {MAX_ROW_BYTES:,} bytes"
                else:
                    yield began, raw_element
                expected = ","
            elif (expected == "[" and sign == "[") or (expected == "," and sign == ","):
                place, expected = place + 1, "element"
            elif expected in (",", "element") and sign == "]":
                place += 1
                blanks()
                if place < len(text):
                    yield line, "there is more after the end of the array; it was not read"
                return
            else:
                yield line, "the array is not JSON from here on; nothing after it was read"
                return
    except (*BROKEN, RecursionError) as error:
        yield line, f"the file ends here or is damaged ({error})"


def read_json(text: str | bytes) -> Any:
    """Return a JSON text's value, whole numbers as int and others with their digits as they stand.

    Raises ValueError where it is not JSON, nests too deep, or has a key twice in one object.
    """
    try:
        # Some programs begin a file with a byte order mark.
        return parse_strict(text.removeprefix(BOM_UTF8) if isinstance(text, bytes) else text, number=_number)
    except StrictJsonError as error:
        raise ValueError(_reason(error)) from error


def _number(token: str) -> int | NumberText:
    return NumberText(token) if any(letter in token for letter in ".eE") else int(token)


def _reason(error: StrictJsonError) -> str:
    if error.code == "duplicate_key":
        return f"the key {error.key[:60]!a} is given twice"
    return error.reason.removeprefix("is not JSON: ")
