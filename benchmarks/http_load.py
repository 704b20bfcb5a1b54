"""A load of HTTP requests over kept-open connections, light enough to leave the server the machine.

Requests are bytes made beforehand; an answer is read as far as its length. What it measures is checked:
an answer that is not a success stops the run.
"""

import asyncio
import socket
import statistics
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

CONTENT_LENGTH = b"content-length:"


@dataclass(frozen=True)
class Load:
    """What came of a load: how long it took, and the latencies in seconds, in no order."""

    requests: int
    seconds: float
    latencies: Sequence[float]

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    def percentile(self, part: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))]

    @property
    def median(self) -> float:
        return statistics.median(self.latencies)


def request(method: str, path: str, body: bytes = b"", key: str = "") -> bytes:
    """Return a whole HTTP/1.1 request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    if body:
        head += "Content-Type: application/json\r\n"
    if key:
        head += f"X-Api-Key: {key}\r\n"
    return head.encode() + b"\r\n" + body


class _Connection(asyncio.Protocol):
    """One request after the other on one connection, until there are no more."""

    def __init__(self, requests: Iterator[bytes], latencies: list[float], done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._latencies = latencies
        self._done = done
        self._buffer = bytearray()
        self._wanted = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the interface and not the class.
        self._transport = cast(asyncio.Transport, transport)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._next()

    def _next(self) -> None:
        following = next(self._requests, None)
        if following is None:
            self._transport.close()
            if not self._done.done():
                self._done.set_result(None)
            return
        self._sent = time.perf_counter()
        self._transport.write(following)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._wanted < 0:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            if not head.startswith(b"http/1.1 20"):
                self._fail(bytes(self._buffer[:600]))
                return
            at = head.index(CONTENT_LENGTH) + len(CONTENT_LENGTH)
            self._wanted = end + 4 + int(head[at:].split(b"\r\n", 1)[0])
        if len(self._buffer) >= self._wanted:
            self._latencies.append(time.perf_counter() - self._sent)
            del self._buffer[: self._wanted]
            self._wanted = -1
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._fail(f"the connection was lost: {error}".encode())

    def _fail(self, answer: bytes) -> None:
        if not self._done.done():
            self._done.set_exception(RuntimeError(answer.decode(errors="replace")))
        self._transport.close()


async def _run(port: int, requests: Sequence[bytes], connections: int) -> Load:
    loop = asyncio.get_running_loop()
    waiting = deque(requests)
    latencies: list[float] = []

    def taken() -> Iterator[bytes]:
        while waiting:
            yield waiting.popleft()

    futures = [loop.create_future() for _ in range(connections)]
    started = time.perf_counter()
    for future in futures:
        await loop.create_connection(
            lambda future=future: _Connection(taken(), latencies, future),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
    await asyncio.gather(*futures)
    return Load(len(requests), time.perf_counter() - started, latencies)


def apply_load(port: int, requests: Sequence[bytes], connections: int) -> Load:
    """Send all requests over so many connections to 127.0.0.1 and wait for every answer."""
    import uvloop

    return uvloop.run(_run(port, requests, connections))
