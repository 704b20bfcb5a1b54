"""Addresses that are not UTF-8 are refused before any route reads them.

Servers decode a path, and Starlette a query, with U+FFFD in the place of what is no UTF-8: the question
would then be about another customer than the one that was meant.
"""

from typing import Final
from urllib.parse import unquote_to_bytes

from anchor.server.api.asgi import Scope
from anchor.wire.problems import Problem

_DETAIL: Final = "It is not UTF-8."
_SHOWN: Final = 60


def address_problem(scope: Scope) -> Problem | None:
    """Return the problem of a request whose path or query is not UTF-8; ``field`` names which."""
    path: bytes = scope.get("raw_path") or b""
    if not _is_utf8(path):
        return Problem("invalid_id", _DETAIL, field="path")
    query: bytes = scope["query_string"]
    if _is_utf8(query):
        return None
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if not _is_utf8(name):
            return Problem("invalid_id", "A parameter's name is not UTF-8.", field="query")
        if not _is_utf8(value):
            shown = unquote_to_bytes(name.replace(b"+", b" ")).decode()[:_SHOWN]
            return Problem("invalid_id", _DETAIL, field=shown)
    return Problem("invalid_id", _DETAIL, field="query")


def _is_utf8(text: bytes) -> bool:
    if text.isascii() and b"%" not in text:
        return True
    try:
        unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return False
    return True
