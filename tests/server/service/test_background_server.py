"""A server in a thread answers as soon as it has started, and its port is free when it has stopped."""

import httpx
import pytest

from anchor.server.service.background_server import BackgroundServer, listen
from anchor.server.service.json_rpc_app import JsonRpcApp
from anchor.server.service.settings import InvalidSettings


def test_it_answers_from_start_to_stop() -> None:
    server = BackgroundServer(JsonRpcApp(lambda method, _params: {"result": method}), "127.0.0.1", 0)
    server.start()
    try:
        assert httpx.post(server.url, json={"method": "hello"}).json()["result"] == "hello"
    finally:
        server.stop()
    listen("127.0.0.1", server.port).close()


def test_a_taken_port_is_named() -> None:
    taken = listen("127.0.0.1", 0)
    taken.listen()
    port = taken.getsockname()[1]
    with pytest.raises(InvalidSettings, match=str(port)):
        BackgroundServer(None, "127.0.0.1", port)
    taken.close()


@pytest.mark.parametrize("port", [-1, 65_536, 99_999])
def test_a_port_that_does_not_exist_is_named(port: int) -> None:
    with pytest.raises(InvalidSettings, match="0 to 65535"):
        listen("127.0.0.1", port)
