"""An answer is bounded as a whole, however a server spreads it over time or size."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest

from anchor.verify.bounded_http import AnswerRefused, read_answer
from anchor.verify.chain_view import ChainUnavailable
from anchor.verify.json_rpc import JsonRpcChain

BOMB = gzip.compress(bytes(20_000_000), 1)


@contextmanager
def serving(answer: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """A server that takes a request and then does as told, until its test is over."""
    over = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                answer(connection, over)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    over.set()
    listening.close()
    thread.join(10)


def silent(connection: socket.socket, over: threading.Event) -> None:
    over.wait(30)


def headers_now_and_then(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not over.wait(0.05):
        connection.sendall(b"X-More: 1\r\n")


def body_now_and_then(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not over.wait(0.05):
        connection.sendall(b" ")


def endless(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
    while not over.is_set():
        connection.sendall(bytes(65536))


def bomb(connection: socket.socket, over: threading.Event) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(BOMB)}\r\n\r\n"
    connection.sendall(head.encode() + BOMB)
    over.wait(30)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (headers_now_and_then, "takes longer"),
        (body_now_and_then, "takes longer"),
        (endless, "sends more"),
        (bomb, "sends more"),
    ],
)
def test_an_answer_is_bounded_in_time_and_size(
    answer: Callable[[socket.socket, threading.Event], None], reason: str
) -> None:
    with serving(answer) as url, httpx.Client(timeout=5) as client:
        started = time.monotonic()
        with pytest.raises(AnswerRefused, match=reason):
            read_answer(client, "POST", url, largest=1_000_000, timeout=1.0)
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("answer", [silent, headers_now_and_then, body_now_and_then])
def test_a_node_that_hangs_counts_as_unavailable(
    answer: Callable[[socket.socket, threading.Event], None],
) -> None:
    with serving(answer) as url:
        chain = JsonRpcChain(url, timeout=0.7)
        started = time.monotonic()
        with pytest.raises(ChainUnavailable, match=r"takes longer|does not answer"):
            chain.chain_id()
        chain.close()
        assert time.monotonic() - started < 5
