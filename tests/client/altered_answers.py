"""Every answer that is like a real one but for one value: what a hostile server, or a broken one, may say."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import httpx

Place = tuple[str | int, ...]

_MARK: Final = "the-value-that-is-altered"
MISSING: Final = "missing"
BILLION_YEARS_MS: Final = 31_556_952_000 * 10**9

TOKENS: Final[Mapping[str, str]] = {
    MISSING: "",
    "null": "null",
    "a text": '"x"',
    "no text": '""',
    "markup": '"[/x]"',
    "half a character": '"\\ud800"',
    "control characters": '"\\u001b[2J\\r\\n"',
    "true": "true",
    "false": "false",
    "a negative number": "-1",
    "more than a signed word": str(2**63),
    "a billion years": str(BILLION_YEARS_MS),
    "more digits than Python reads": "9" * 5_000,
    "a fraction": "1.5",
    "no end": "1e999999999",
    "next to nothing": "1e-999999999",
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "a list": "[]",
    "a list of nothing": "[null]",
    "an object": "{}",
    "deep lists": "[" * 400 + "]" * 400,
    "deep objects": '{"a":' * 400 + "1" + "}" * 400,
}
"""What is put in the place of a value, as JSON or something near it."""


def places(answer: Any, place: Place = ()) -> Iterator[Place]:
    """Yield where a value stands in an answer: all of them, but of a list the first and the last alone."""
    yield place
    if isinstance(answer, dict):
        for name, value in answer.items():
            yield from places(value, (*place, name))
    elif isinstance(answer, list):
        for at in sorted({0, len(answer) - 1} if answer else set()):
            yield from places(answer[at], (*place, at))


def pointer(place: Place) -> str:
    """Return a place as a JSON pointer."""
    return "".join(f"/{step}" for step in place)


def altered(answer: Any, place: Place, token: str) -> bytes:
    """Return an answer as JSON with one value replaced by a token; no token: without it."""
    if not place:
        return token.encode()
    made = copy.deepcopy(answer)
    inside = made
    for step in place[:-1]:
        inside = inside[step]
    if token:
        inside[place[-1]] = _MARK
    else:
        del inside[place[-1]]
    return written(made).replace(f'"{_MARK}"', token).encode()


def written(value: Any) -> str:
    """Return a value as JSON, a Decimal with its own digits."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{written(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def read(content: bytes) -> Any:
    """Return an honest answer's JSON with its digits."""
    return json.loads(content, parse_float=Decimal)


@dataclass
class Relay(httpx.BaseTransport):
    """Stands between a caller and a real server, and alters one value of the answers of one route.

    ``lie`` is the end of the route's path, the place and the token; None: all is passed on as it is.
    ``heard`` holds the real answers by path, the last of each.
    """

    url: str
    lie: tuple[str, Place, str] | None = None
    heard: dict[str, bytes] = field(default_factory=dict)
    _kept: dict[tuple[str, str], httpx.Response] = field(default_factory=dict)
    _client: httpx.Client = field(default_factory=httpx.Client)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the real server's answer, or what became of it."""
        target = request.url.raw_path.decode()
        real = self._real(request.method, target, dict(request.headers), request.read())
        path = request.url.path
        content = real.content
        if real.status_code < 300:
            self.heard[path] = content
        if self.lie is not None and path.endswith(self.lie[0]) and real.status_code < 300:
            content = altered(read(content), self.lie[1], self.lie[2])
        kind = real.headers.get("content-type", "")
        return httpx.Response(real.status_code, content=content, headers={"Content-Type": kind})

    def _real(self, method: str, target: str, headers: dict[str, str], content: bytes) -> httpx.Response:
        # Comparing long books is a conversation; anything else has one answer.
        if "/compare/" in target or (method, target) not in self._kept:
            headers = {
                name: value for name, value in headers.items() if name in ("x-api-key", "content-type")
            }
            answer = self._client.request(method, self.url + target, headers=headers, content=content)
            self._kept[method, target] = answer
        return self._kept[method, target]


class RelayServer(ThreadingHTTPServer):
    """A relay on a port of its own."""

    def __init__(self, relay: Relay) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.relay = relay

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: RelayServer

    def do_GET(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.relay.handle_request(
            httpx.Request(self.command, f"http://relay{self.path}", headers=headers, content=content)
        )
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers["content-type"])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def do_POST(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(relay: Relay) -> Iterator[RelayServer]:
    """Have a relay listen for the while."""
    server = RelayServer(relay)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
