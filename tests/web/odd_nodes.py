"""A node over HTTP that shows a chain in memory, and answers one method in some odd way a path names."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from anchor.node.reader import ANCHORED_TOPIC
from anchor.node.view import Finality
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import keccak
from tests.verify.building import MemoryChain

Answer = Callable[[dict[str, Any]], bytes]
"""Makes the body of an answer out of the honest JSON-RPC one."""

METHODS = ("eth_chainId", "eth_getBlockByNumber", "eth_call", "eth_getLogs")


@dataclass(frozen=True)
class Odd:
    """What an odd answer is, and the method that is answered so."""

    name: str
    method: str
    answer: Answer


LEAVES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        2**53 + 1,
        -1,
        1.5,
        "",
        "0x",
        "0x0",
        "0x00",
        "0x01",
        "0X1",
        "1",
        "0x-1",
        "0x1 ",
    ),
    *("0x1\n", "0x１", "0x٣", "0xg", "0x1e3", "1e3", "0x" + "0" * 16 + "1", "0x" + "f" * 16, "0x" + "f" * 17),
    *(
        "0x" + "00" * 31,
        "0x" + "00" * 32,
        "0x" + "AB" * 32,
        "0x" + "ab" * 33,
        "ab" * 32,
        "\ud800",
        "x" * 70_000,
    ),
    *([], {}, [[]], ["0x1"], {"hex": "0x1"}, {"__proto__": {"number": "0x1"}}),
]
ERRORS: list[Any] = [
    *(None, 0, 1, False, True, "", "execution reverted", "limit", [], {}, ["execution reverted"]),
    *({"message": None}, {"message": 3}, {"message": ["execution reverted"]}, {"message": {"revert": 1}}),
    *({"code": 3, "data": "revert"}, {"message": "", "data": "revert"}, {"code": 3, "message": "revert"}),
    *(
        {"code": -32000, "message": "missing trie node"},
        {"message": "x" * 199 + "revert"},
        {"message": "é✓😀" * 99},
    ),
    *({"message": "VM Exception while processing transaction: revert"}, {"message": "request limit reached"}),
]


def replaced(value: Any) -> Answer:
    """Another result."""
    return lambda honest: _text(honest | {"result": value})


def refused(error: Any, *, result: bool) -> Answer:
    """An error, with the honest result beside it or without."""
    return lambda honest: _text(
        {name: part for name, part in honest.items() if name != "result" or result} | {"error": error}
    )


def changed(path: tuple[str | int, ...], value: Any, *, gone: bool = False) -> Answer:
    """Another value at a place in the result, or none."""

    def answer(honest: dict[str, Any]) -> bytes:
        found = json.loads(json.dumps(honest))
        holder = found["result"]
        for key in path[:-1]:
            holder = holder[key]
        if gone:
            del holder[path[-1]]
        else:
            holder[path[-1]] = value
        return _text(found)

    return answer


def spoiled(make: Callable[[bytes], bytes]) -> Answer:
    """Other bytes altogether."""
    return lambda honest: make(_text(honest))


def _text(value: Any) -> bytes:
    return json.dumps(value).encode()


SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "null": lambda _: b"null",
    "a list": lambda body: b"[" + body + b"]",
    "a number": lambda _: b"3",
    "text": lambda _: b'"0x1"',
    "an object of nothing": lambda _: b"{}",
    "no result": lambda _: b'{"jsonrpc":"2.0","id":1}',
    "no UTF-8": lambda _: b'{"result":"\xff"}',
    "half a character behind it": lambda body: body + b"\xe2\x82",
    "more behind it": lambda body: body + b"{}",
    "space around it": lambda body: b" \r\n\t" + body + b"\n\n",
    "cut short": lambda body: body[:-1],
    "lists within lists": lambda _: b'{"result":' + b"[" * 900 + b"]" * 900 + b"}",
    "an error of lists within lists": lambda _: b'{"error":' + b"[" * 900 + b"]" * 900 + b"}",
    "the result twice": lambda body: b'{"result":"0x7777",' + body[1:],
    "an error and then none": lambda body: b'{"error":{"message":"revert"},"error":null,' + body[1:],
    "a page": lambda _: b"<!doctype html><title>429 Too Many Requests</title>",
}


TOO_DEEP: dict[str, Callable[[bytes], bytes]] = {
    "deep lists": lambda _: b'{"result":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "a deep error": lambda _: b'{"error":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "a deep message": lambda _: b'{"error":{"message":' + b'{"a":' * 20_000 + b"1" + b"}" * 20_002,
}
"""What some parsers read, and others refuse."""


def odd_answers() -> Iterator[Odd]:
    """Every odd answer of every method."""
    places: dict[str, tuple[tuple[str | int, ...], ...]] = {
        "eth_chainId": (),
        "eth_getBlockByNumber": (("number",), ("hash",), ("timestamp",)),
        "eth_call": (),
        "eth_getLogs": (
            (0,),
            *((0, name) for name in ("address", "data", "blockHash", "blockNumber", "logIndex")),
            *((0, name) for name in ("transactionHash", "topics", "removed")),
            *((0, "topics", at) for at in range(3)),
        ),
    }
    for method, inside in places.items():
        for name, make in SPOILED.items():
            yield Odd(name, method, spoiled(make))
        for value in LEAVES:
            yield Odd(f"{value!r:.60}", method, replaced(value))
            for path in inside:
                yield Odd(f"{path}: {value!r:.60}", method, changed(path, value))
        for path in inside:
            yield Odd(f"{path}: gone", method, changed(path, None, gone=True))
        for error in ERRORS:
            yield Odd(f"error {error!r:.60}", method, refused(error, result=False))
            yield Odd(f"error {error!r:.60} beside the result", method, refused(error, result=True))


@contextmanager
def odd_node(chain: MemoryChain, answers: Mapping[str, Odd]) -> Iterator[str]:
    """The URL of a node; below it, a path answers one method as ``answers`` has it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # An answer in one piece: in two, each waits for the other side's delayed acknowledgement.
        wbufsize = -1

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            honest = {"jsonrpc": "2.0", "id": 1, "result": _honest(chain, asked["method"], asked["params"])}
            odd = answers[self.path[1:]]
            self._send(odd.answer(honest) if odd.method == asked["method"] else _text(honest))

        def do_OPTIONS(self) -> None:
            self._send(b"")

        def _send(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("access-control-allow-origin", "*")
            self.send_header("access-control-allow-headers", "content-type")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _honest(chain: MemoryChain, method: str, params: list[Any]) -> Any:
    if method == "eth_chainId":
        return hex(chain.id)
    if method == "eth_getBlockByNumber":
        named = params[0] in ("latest", "safe", "finalized")
        block = chain.final_block(Finality("latest")) if named else chain.block(int(params[0], 16))
        if block is None:
            return None
        return {
            "number": hex(block.number),
            "hash": hex_of(block.hash),
            "timestamp": hex(block.timestamp),
        }
    if method == "eth_call":
        return _called(chain, *params)
    assert method == "eth_getLogs"
    block_hash = bytes.fromhex(params[0]["blockHash"][2:])
    number = next(block.number for block in chain.blocks if block.hash == block_hash)
    return [
        {
            "address": params[0]["address"],
            "topics": [hex_of(ANCHORED_TOPIC), f"0x{event.number:064x}", hex_of(event.new_head)],
            "data": hex_of(event.previous_head),
            "blockHash": hex_of(block_hash),
            "blockNumber": hex(number),
            "logIndex": hex(at),
            "transactionHash": hex_of(event.transaction_hash),
            "removed": False,
        }
        for at, event in enumerate(chain.anchored(bytes.fromhex(params[0]["address"][2:]), block_hash))
    ]


def _called(chain: MemoryChain, call: dict[str, str], height: str) -> str:
    contract, data = bytes.fromhex(call["to"][2:]), bytes.fromhex(call["data"][2:])
    newest = len(chain.blocks) - 1
    block = newest if height == "latest" else min(int(height, 16), newest)
    if data == keccak(b"logId()")[:4]:
        found = chain.log_id(contract)
        return "0x" if found is None else hex_of(found)
    if contract != chain.contract:
        return "0x"
    if data == keccak(b"head()")[:4]:
        return hex_of(chain.head(contract, block))
    assert data[:4] == keccak(b"pinnedAt(bytes32)")[:4]
    return f"0x{chain.pinned_at(contract, data[4:], block):064x}"
