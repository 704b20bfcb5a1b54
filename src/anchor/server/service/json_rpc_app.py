"""JSON-RPC over HTTP for a chain in this process: a small ASGI app, open to any page on this machine."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer = Callable[[str, Sequence[Any]], dict[str, Any]]

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_BATCH: Final = 1000

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600

# A page opened from disk, the verifier's for one, must be able to ask.
_HEADERS: Final = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", b"content-type"),
    (b"access-control-allow-private-network", b"true"),
    (b"access-control-max-age", b"600"),
]


class JsonRpcApp:
    """An ASGI app that hands single and batched requests to ``answer(method, params)``."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await _respond(send, 204, b"")
        elif scope["method"] != "POST":
            await _respond(send, 405, b'{"error":"POST a JSON-RPC request here"}')
        else:
            body = await _body(receive)
            if body is None:
                await _respond(send, 413, b'{"error":"the request is too large"}')
            else:
                # The chain computes; the event loop stays free.
                result = await asyncio.to_thread(self._handle, body)
                await _respond(send, 200, result)

    def _handle(self, body: bytes) -> bytes:
        try:
            request = json.loads(body)
        except (ValueError, RecursionError):
            return _encoded(_failure(None, PARSE_ERROR, "this is not JSON"))
        if isinstance(request, list):
            if not request or len(request) > MAX_BATCH:
                return _encoded(_failure(None, INVALID_REQUEST, f"a batch holds 1 to {MAX_BATCH} requests"))
            return _encoded([self._one(entry) for entry in request])
        return _encoded(self._one(request))

    def _one(self, request: Any) -> dict[str, Any]:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _failure(None, INVALID_REQUEST, "a request is an object with a method")
        params = request.get("params", [])
        if not isinstance(params, list):
            return _failure(request.get("id"), INVALID_REQUEST, "params is a list")
        return {"jsonrpc": "2.0", "id": request.get("id"), **self._answer(request["method"], params)}


def _failure(request_id: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}


def _encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


async def _body(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body"):
            return bytes(body)


async def _respond(send: Send, status: int, body: bytes) -> None:
    headers = [*_HEADERS, (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
