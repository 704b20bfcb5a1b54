"""Reading one section of settings into its frozen dataclass."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final, TypeVar

Section = TypeVar("Section")

# Not 0x…: an address is a text.
_LITERAL: Final = re.compile(r"true|false|[0-9]+(\.[0-9]+)?|\[.*\]|\".*\"", re.DOTALL)
_NAMES: Final = {str: "a text", int: "a whole number", bool: "true or false"}


class InvalidSettings(Exception):
    """A setting that cannot be used: where it is, what is wrong, and what to do."""

    code: Final = "invalid_settings"

    def __init__(self, place: str, problem: str, remedy: str) -> None:
        super().__init__(f"{place}: {problem}; {remedy}")
        self.place = place
        self.problem = problem
        self.remedy = remedy


def toml_value(text: str) -> Any:
    """Return a variable's value as TOML would read it where it is a number, a list or true; else the text."""
    if _LITERAL.fullmatch(text):
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            pass
    return text


def within(place: str, value: int, least: int, most: int) -> None:
    """Refuse a number outside its bounds. Raises InvalidSettings."""
    if not least <= value <= most:
        raise InvalidSettings(place, f"it is {value}", f"give a whole number from {least} to {most}")


def parse_section(kind: type[Section], table: Mapping[str, Any], place: str) -> Section:
    """Return the section that a table of the file states. Raises InvalidSettings."""
    types = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]
    for key, value in table.items():
        if key not in types:
            raise InvalidSettings(
                f"{place}.{key}", "there is no such setting", f"this section has {', '.join(types)}"
            )
        wanted = types[key]
        if type(value) is not wanted:
            raise InvalidSettings(
                f"{place}.{key}",
                f"{value!r} is of the wrong kind",
                f"give {_NAMES[wanted]}",  # type: ignore[index]
            )
    return kind(**table)


def section_from_environment(section: Section, name: str, environment: Mapping[str, str]) -> Section:
    """Return the section with what ``ANCHOR_NAME_KEY`` variables say. Raises InvalidSettings."""
    found: dict[str, Any] = {}
    for field in fields(section):  # type: ignore[arg-type]
        variable = f"ANCHOR_{name.upper()}_{field.name.upper()}"
        text = environment.get(variable)
        if text is not None:
            found[field.name] = _value(text, field.type, f"environment variable {variable}")
    return replace(section, **found) if found else section  # type: ignore[type-var]


def _value(text: str, wanted: Any, place: str) -> Any:
    if wanted is int:
        if text.isascii() and text.isdigit():
            return int(text)
    elif wanted is bool:
        if text in ("true", "false"):
            return text == "true"
    else:
        return text
    raise InvalidSettings(place, f"{text!r} is of the wrong kind", f"give {_NAMES[wanted]}")
