"""The development chain's JSON-RPC answers other programs, pages in a browser among them."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import anyio
import httpx
import pytest

from anchor.server.service.json_rpc_app import MAX_BODY_BYTES, JsonRpcApp


def answer(method: str, params: Sequence[Any]) -> dict[str, Any]:
    if method == "add":
        return {"result": sum(params)}
    return {"error": {"code": -32601, "message": f"the method {method} does not exist"}}


def ask(content: bytes | str, method: str = "POST") -> httpx.Response:
    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(app=JsonRpcApp(answer))
        async with httpx.AsyncClient(transport=transport, base_url="http://chain") as client:
            return await client.request(method, "/", content=content)

    return anyio.run(request)


def test_a_request_is_answered_with_its_id() -> None:
    response = ask('{"jsonrpc":"2.0","id":7,"method":"add","params":[1,2]}')
    assert response.json() == {"jsonrpc": "2.0", "id": 7, "result": 3}


def test_a_batch_is_answered_in_order() -> None:
    requests = [{"jsonrpc": "2.0", "id": n, "method": "add", "params": [n, 1]} for n in range(3)]
    assert [one["result"] for one in ask(json.dumps(requests)).json()] == [1, 2, 3]


def test_a_page_of_any_origin_may_ask() -> None:
    for method in ("OPTIONS", "POST"):
        assert ask("{}", method).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", -32700),
        ("[" * 100_000, -32700),
        ("[]", -32600),
        ("3", -32600),
        ('{"id":1}', -32600),
        ('{"method":"add","params":{}}', -32600),
        ('{"method":"nothing"}', -32601),
    ],
)
def test_what_is_no_request_is_an_error_object(body: str, code: int) -> None:
    assert ask(body).json()["error"]["code"] == code


def test_a_request_without_end_is_cut_off() -> None:
    assert ask(b" " * (MAX_BODY_BYTES + 1)).status_code == 413


def test_it_is_asked_by_post() -> None:
    assert ask(b"", "GET").status_code == 405


def test_nested_json_cannot_overflow_the_stack_of_a_process_that_runs_a_chain() -> None:
    code = (
        "import sys, json\n"
        "from anchor.server.chain.development import DevelopmentChain\n"
        "DevelopmentChain()\n"
        "from anchor.server.service.json_rpc_app import JsonRpcApp\n"
        "print(JsonRpcApp(None)._handle(b'[' * 1_000_000).decode())\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout)["error"]["code"] == -32700
