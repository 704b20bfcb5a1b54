"""Request bodies: however many connections send large ones, a server holds only so much of them."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest

from anchor.server.api import asgi as bodies
from anchor.server.api.app import create_app
from anchor.server.api.asgi import MAX_BATCH_BODY_BYTES, BodyMemory
from anchor.server.ledger.group_commit import GroupCommit
from anchor.server.service.background_server import BackgroundServer
from tests.fixtures.service import Service
from tests.server.api.test_operating import HeldRecorder

DELTA = "/api/v1/balance/delta"
BATCH = "/api/v1/balance/delta/batch"
CHECKPOINT = "/api/v1/balance/checkpoint"
MIB = 1024 * 1024
ONE = {"customerId": "acme", "delta": 1}


class Bounded:
    """A server on a port that holds at most 16 MiB of bodies, and whose commits can be stopped."""

    def __init__(self, service: Service) -> None:
        components = service.components
        recorder = HeldRecorder(
            components.database, components.log, components.identity_key, components.clock
        )
        recorder.go = threading.Event()
        recorder.go.set()
        self.commits = recorder.go
        self.group_commit = GroupCommit(recorder)
        app = create_app(replace(components, group_commit=self.group_commit, body_memory=16 * MIB))
        self.memory: BodyMemory = app.state.bodies
        self.server = BackgroundServer(app, "127.0.0.1", 0)
        self.key = service.http.key
        self.http = httpx.Client(base_url=self.server.url, headers={"X-Api-Key": self.key}, timeout=30)
        self.open: list[socket.socket] = []

    def send(self, framing: str, body: bytes, path: str = BATCH) -> socket.socket:
        """Begin a request whose body does not end."""
        connection = socket.create_connection(("127.0.0.1", self.server.port), timeout=30)
        self.open.append(connection)
        head = f"POST {path} HTTP/1.1\r\nHost: here\r\nX-Api-Key: {self.key}\r\n{framing}\r\n\r\n"
        connection.sendall(head.encode() + body)
        return connection

    def half_sent(self, size: int = MAX_BATCH_BODY_BYTES, path: str = BATCH) -> socket.socket:
        """Begin a request, and send some bytes of the many that it announces."""
        return self.send(f"Content-Length: {size}", b" " * 1_000, path)


@pytest.fixture
def bounded(service: Service) -> Iterator[Bounded]:
    made = Bounded(service)
    made.server.start()
    yield made
    made.commits.set()
    for connection in made.open:
        connection.close()
    made.http.close()
    made.server.stop()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def answer_on(connection: socket.socket) -> bytes:
    answer = b""
    while b"}" not in answer:
        more = connection.recv(65_536)
        assert more, answer
        answer += more
    return answer


@pytest.mark.parametrize("path", [BATCH, DELTA, CHECKPOINT])
def test_many_half_sent_bodies_are_refused_before_they_are_read(bounded: Bounded, path: str) -> None:
    size = MAX_BATCH_BODY_BYTES if path == BATCH else MIB
    fit = 16 * MIB // size
    held = [bounded.half_sent(size, path) for _ in range(fit)]
    until(lambda: bounded.memory.held == fit * size)
    for _ in range(40):
        refused = answer_on(bounded.half_sent(size, path))
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 1\r\n" in refused
        assert b'"code":"overloaded"' in refused
    assert bounded.memory.held == fit * size
    # Small requests are still taken where there is room for them.
    assert bounded.http.post(DELTA, json=ONE).status_code == (201 if path == BATCH else 503)
    for connection in held:
        connection.close()
    until(lambda: bounded.memory.held == 0)
    assert bounded.http.post(BATCH, json={"deltas": [ONE]}).status_code == 200
    assert bounded.http.post(DELTA, json=ONE).status_code == 201
    assert bounded.memory.held == 0


def test_a_body_of_unknown_length_counts_as_it_arrives(bounded: Bounded) -> None:
    chunk = b"%x\r\n%b\r\n" % (MIB, b" " * MIB)
    first, second = (bounded.send("Transfer-Encoding: chunked", chunk * 8) for _ in range(2))
    until(lambda: bounded.memory.held == 16 * MIB)
    second.sendall(chunk)
    assert answer_on(second).startswith(b"HTTP/1.1 503 ")
    assert bounded.memory.held == 8 * MIB
    first.close()
    until(lambda: bounded.memory.held == 0)


def test_a_body_is_counted_until_its_answer_is_made(bounded: Bounded) -> None:
    bounded.commits.clear()
    content = b'{"customerId":"acme","delta":1}'.ljust(MIB)
    sending = threading.Thread(target=bounded.http.post, args=(DELTA,), kwargs={"content": content})
    sending.start()
    until(lambda: bounded.group_commit.waiting == 1)
    assert bounded.memory.held == MIB
    bounded.commits.set()
    sending.join(30)
    assert bounded.memory.held == 0


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{", 400), (b"{}", 422), (b" " * (MIB + 1), 413), (b'{"customerId":"acme","delta":1}', 201)],
)
def test_whatever_becomes_of_a_request_its_share_is_given_back(
    bounded: Bounded, content: bytes, status: int
) -> None:
    assert bounded.http.post(DELTA, content=content).status_code == status
    assert bounded.http.post(CHECKPOINT, content=content).status_code == (422 if status == 201 else status)
    assert bounded.memory.held == 0


def test_a_body_that_never_ends_is_given_up(bounded: Bounded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.2)
    refused = answer_on(bounded.half_sent())
    assert refused.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"body_too_slow"' in refused
    assert bounded.memory.held == 0


@pytest.mark.parametrize("path", [BATCH, DELTA, CHECKPOINT])
def test_small_bodies_that_never_come_hold_nothing(bounded: Bounded, path: str) -> None:
    for _ in range(300):
        bounded.send(f"Content-Length: {64 * 1024}", b"", path)
    assert bounded.http.post(DELTA, json=ONE).status_code == 201
    begun = bounded.send(f"Content-Length: {64 * 1024}", b" " * 1_000, path)
    until(lambda: bounded.memory.held == 1_000)
    begun.close()
    until(lambda: bounded.memory.held == 0)
