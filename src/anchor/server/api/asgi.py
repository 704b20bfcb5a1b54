"""Request bodies: read whole, refused as soon as they are too large, and bounded in all.

Whoever has a key may open any number of connections and send a large body on each. So a process holds only so
many bytes of bodies at a time, and refuses the next one before it reads it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from types import TracebackType
from typing import Any, Final, Self, TypeAlias
from urllib.parse import unquote_to_bytes

from anchor.wire.problems import Problem

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_BATCH_BODY_BYTES: Final = 10 * 1024 * 1024

BODY_MEMORY: Final = 256 * 1024 * 1024
"""Bytes of bodies that a process holds at a time, unless it is told otherwise."""
BODY_SECONDS: Final = 120.0
"""How long a body may take once it has begun, so that nobody holds a share of the memory for ever."""
_SMALL: Final = 64 * 1024
"""Bytes. A body that is no larger has mostly arrived with its headers: it is counted as it arrives, and no
clock is set for its first part, which would cost a single emit a twentieth."""
_RETRY_AFTER_SECONDS: Final = 1


class ClientGone(Exception):
    """The caller closed the connection before the request was whole: nobody waits for an answer."""


class BodyMemory:
    """The bytes of request bodies that an app may hold at a time. For its event loop only."""

    def __init__(self, limit: int = BODY_MEMORY) -> None:
        self.limit: Final = limit
        self.held = 0

    def share(self) -> "BodyShare":
        """Return one request's share, of nothing yet."""
        return BodyShare(self)


class BodyShare:
    """What one request holds of the memory; given back at the end of a ``with`` statement."""

    __slots__ = ("_held", "_memory")

    def __init__(self, memory: BodyMemory) -> None:
        self._memory = memory
        self._held = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._memory.held -= self._held
        self._held = 0

    def grow(self, size: int) -> None:
        """Hold ``size`` bytes, or more where it does already. Raises Problem where they are not to be had."""
        more = size - self._held
        if more > 0:
            memory = self._memory
            if memory.held + more > memory.limit:
                raise Problem(
                    "overloaded", "Too many large bodies are being read.", retry_after=_RETRY_AFTER_SECONDS
                )
            memory.held += more
            self._held = size


async def read_body(headers: Headers, receive: Receive, limit: int, share: BodyShare) -> bytes:
    """Return a request's body, whose bytes ``share`` then holds: a large one's before it is read.

    Raises Problem beyond ``limit`` bytes, stated or streamed, where the memory is spent, and where it
    takes longer than ``BODY_SECONDS``; ClientGone.
    """
    stated = 0
    for name, value in headers:
        if name == b"content-length":
            if not value.isdigit() or len(value) > 18 or int(value) > limit:
                raise _too_large(limit)
            stated = int(value)
    parts: list[bytes] = []
    if stated > _SMALL:
        share.grow(stated)
    else:
        message = await receive()
        body = _part_of(message)
        share.grow(len(body))
        if not message.get("more_body", False):
            if len(body) > limit:
                raise _too_large(limit)
            return body
        parts.append(body)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _rest(parts, receive, limit, share)
    except TimeoutError:
        raise Problem("body_too_slow", f"It was not whole after {BODY_SECONDS:g} seconds.") from None


async def _rest(parts: list[bytes], receive: Receive, limit: int, share: BodyShare) -> bytes:
    size = sum(map(len, parts))
    while True:
        message = await receive()
        part = _part_of(message)
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        share.grow(size)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _part_of(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientGone
    part: bytes = message.get("body", b"")
    return part


def _too_large(limit: int) -> Problem:
    return Problem("body_too_large", f"At most {limit} bytes are read here.")


_NOTHING: Final = b""


def as_get(scope: Scope) -> Scope:
    """Return what GET would have been asked with."""
    return {**scope, "method": "GET"}


def without_body(send: Send) -> Send:
    """Return what passes an answer on without its body, in parts or whole."""

    async def pass_on(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
        elif not message.get("more_body", False):
            await send({"type": "http.response.body", "body": _NOTHING})

    return pass_on


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
