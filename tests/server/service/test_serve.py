"""A server that is told to stop answers what is under way, and nobody can keep it from ending."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from anchor.server.service.background_server import STOP_SECONDS, BackgroundServer
from anchor.server.service.json_rpc_app import JsonRpcApp
from tests.durability.deployment import Deployment, Server, new_deployment, until

pytestmark = pytest.mark.slow

BODY = b'{"customerId": "acme", "delta": 1, "referenceId": "r1"}'


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    with new_deployment(tmp_path) as made:
        yield made


def begin_request(server: Server, key: str) -> socket.socket:
    """Send a request without its body, and return when the server waits for that."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    connection.sendall(
        b"POST /api/v1/balance/delta HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        b"X-Api-Key: %s\r\nContent-Length: %d\r\n\r\n" % (key.encode(), len(BODY))
    )
    assert connection.recv(1000).startswith(b"HTTP/1.1 100")
    return connection


def takes_connections(server: Server) -> bool:
    try:
        socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
    except OSError:
        return False
    return True


def test_a_request_under_way_is_answered_before_the_server_ends(deployment: Deployment) -> None:
    server = deployment.server()
    server.wait_until_ready()
    with begin_request(server, deployment.key) as connection:
        server.popen.send_signal(signal.SIGTERM)
        until(lambda: not takes_connections(server), "no new connection is taken")
        connection.sendall(BODY)
        answer = connection.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 201"), answer
    assert server.popen.wait(30) == 0


def test_a_caller_who_stalls_does_not_keep_the_server_from_ending(deployment: Deployment) -> None:
    server = deployment.server()
    server.wait_until_ready()
    with begin_request(server, deployment.key) as connection:
        connection.sendall(BODY[:10])
        told = time.monotonic()
        server.popen.send_signal(signal.SIGTERM)
        assert server.popen.wait(STOP_SECONDS + 30) == 0
        assert time.monotonic() - told >= STOP_SECONDS - 1

    again = deployment.server()
    again.wait_until_ready()
    headers = {"X-Api-Key": deployment.key}
    found = httpx.get(f"{again.url}/api/v1/balance/derive/acme", headers=headers)
    assert found.status_code == 404, "nothing of half a request is on record"


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /api/v1/balance/delta HTTP/1.1\r\nHost: localhost\r\nContent-Length: twelve\r\n\r\n",
        b"POST /api/v1/balance/delta HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_with_a_problem_document(sent: bytes) -> None:
    server = BackgroundServer(JsonRpcApp(lambda _method, _params: {}), "127.0.0.1", 0)
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connection.sendall(sent)
            answer = b"".join(iter(lambda: connection.recv(10_000), b""))
    finally:
        server.stop()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["code"] == "not_http"
