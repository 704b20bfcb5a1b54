"""A terminal that shows what others wrote, and does not do it.

A proof file, a node or a server may send texts with control characters in them: they would move the cursor,
colour a line or turn its direction, and so make an answer look like another one.
"""

import re
from typing import Any, Final

from rich.console import Console
from rich.text import Text

_CONTROLS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def harmless(text: str) -> str:
    """Return the text with its control characters (but tab and line feed) and lone surrogates as escapes."""
    return _CONTROLS.sub(lambda match: ascii(match.group())[1:-1], text)


class Terminal(Console):
    """rich's console, with every text made harmless before markup is read in it."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text as rich shows it, but ``:name:`` as it stands and not as a picture."""
        return super().render_str(harmless(text), **(options | {"emoji": False}))
