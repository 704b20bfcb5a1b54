"""A row as a file has it, before its values are read."""

from typing import Any, NamedTuple


class Found(NamedTuple):
    """A row's line, counted from 1, and its values by field, or why there are none."""

    line: int
    values: dict[str, Any] | str
    stopped: bool = False
    """The file cannot be followed from here on."""
