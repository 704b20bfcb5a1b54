"""Request bodies: read whole, and refused as soon as they are too large."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final, TypeAlias

from anchor.api.problems import Problem

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_BATCH_BODY_BYTES: Final = 10 * 1024 * 1024


class ClientGone(Exception):
    """The caller closed the connection before the request was whole: nobody waits for an answer."""


async def read_body(headers: Headers, receive: Receive, limit: int) -> bytes:
    """Return a request's body. Raises Problem beyond ``limit`` bytes, stated or streamed; ClientGone."""
    for name, value in headers:
        if name == b"content-length" and (not value.isdigit() or len(value) > 18 or int(value) > limit):
            raise _too_large(limit)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(body) > limit:
            raise _too_large(limit)
        return body
    parts = [body]
    size = len(body)
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


def _too_large(limit: int) -> Problem:
    return Problem("body_too_large", f"At most {limit} bytes are read here.")
