"""Endpoints: what counts as an answer, what as a refusal, and what nobody can know."""

import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from anchor.node.endpoint import MAX_ANSWER_BYTES, HttpEndpoint, NodeRefused, TransportFailed, redact
from anchor.node.reader import JsonRpcChain
from anchor.node.refusals import Refusal
from anchor.server.chain.node import EndpointsDisagree, Node
from anchor.server.chain.values import MalformedAnswer, address_text, block_of, parse_address, quantity
from tests.fixtures.anvil import CHAIN_ID, Anvil
from tests.fixtures.rpc_proxy import MakeProxy, change, refuse, status


def endpoint(handler: Callable[[httpx.Request], httpx.Response]) -> HttpEndpoint:
    return HttpEndpoint("https://node.example/v2/secret", transport=httpx.MockTransport(handler))


def raising(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise error

    return handler


@pytest.mark.parametrize(
    ("handler", "unknown"),
    [
        (raising(httpx.ConnectError("no route to secret")), False),
        (raising(httpx.ConnectTimeout("slow")), False),
        (raising(httpx.ReadTimeout("slow")), True),
        (raising(httpx.RemoteProtocolError("cut off")), True),
        (lambda _: httpx.Response(429, text="slow down"), False),
        (lambda _: httpx.Response(401, text="secret?"), False),
        (lambda _: httpx.Response(500, text="oops"), True),
        (lambda _: httpx.Response(200, text="<html>"), True),
        (lambda _: httpx.Response(200, json=[]), True),
        (lambda _: httpx.Response(200, content=b"[" * 1_000_000), True),
        (lambda _: httpx.Response(200, content=b" " * (MAX_ANSWER_BYTES + 1)), True),
        (lambda _: httpx.Response(200, json={"jsonrpc": "2.0", "id": 1}), True),
        (lambda _: httpx.Response(200, json={"error": {"code": -32005, "message": "limit exceeded"}}), False),
        (lambda _: httpx.Response(200, json={"error": {"code": -32603, "message": "Internal error"}}), True),
    ],
)
def test_no_answer_says_whether_the_node_may_have_acted_and_shows_no_secret(
    handler: Callable[[httpx.Request], httpx.Response], unknown: bool
) -> None:
    with pytest.raises(TransportFailed) as failure:
        endpoint(handler).call("eth_sendRawTransaction", ["0x"])
    assert failure.value.outcome_unknown is unknown
    assert "secret" not in str(failure.value)
    assert str(failure.value).startswith("https://node.example/…: eth_sendRawTransaction: ")


@pytest.mark.parametrize(
    "data",
    ["0x0102", {"data": "0x0102"}, "Reverted 0x0102", {"data": {}, "result": "0x0102"}],
)
def test_revert_data_is_found_wherever_nodes_put_it(data: Any) -> None:
    error = {"code": 3, "message": "execution reverted", "data": data}
    with pytest.raises(NodeRefused) as refusal:
        endpoint(lambda _: httpx.Response(200, json={"error": error})).call("eth_call", [])
    assert refusal.value.meaning is Refusal.REVERTED
    assert refusal.value.data == b"\x01\x02"


def test_an_endpoint_that_drips_an_answer_for_ever_is_given_up() -> None:
    class Dripping(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            # A byte now and then, never silent for as long as silence is borne.
            with suppress(OSError):
                while not given_up.wait(0.02):
                    self.wfile.write(b" ")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    given_up = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        dripping = HttpEndpoint(f"http://127.0.0.1:{server.server_address[1]}", timeout=0.25)
        with pytest.raises(TransportFailed, match="takes longer than 1 s") as failure:
            dripping.call("eth_chainId", [])
        assert failure.value.outcome_unknown
    finally:
        given_up.set()
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_null_result_is_an_answer() -> None:
    answering = endpoint(lambda _: httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": None}))
    assert answering.call("eth_getTransactionReceipt", ["0x"]) is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://mainnet.example/v3/0123456789abcdef", "https://mainnet.example/…"),
        ("https://user:password@node.example:8545", "https://node.example:8545/…"),
        ("https://node.example/?key=abc", "https://node.example/…"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("http://user:password@node.example:99999/key", "an unreadable URL"),
        ("http://[::1", "an unreadable URL"),
    ],
)
def test_a_url_is_shown_without_what_may_be_a_key(url: str, shown: str) -> None:
    assert redact(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "https://node.example/v3/kkkkkkkkkkkk",
        "https://node.example/?apikey=kkkkkkkkkkkk",
        "https://kkkkkkkkkkkk:pw%21x@node.example/rpc",
        "https://user:kkkkkkkkkkkk@node.example",
    ],
)
@pytest.mark.parametrize("code", [-32000, -32005])
def test_a_nodes_own_words_are_shown_without_the_key_that_they_repeat(url: str, code: int) -> None:
    words = f"no plan for kkkkkkkkkkkk: see {url}, or {url}/kkkkkkkkkkkk?x=kkkkkkkkkkkk; nonce too low"
    answers = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"error": {"code": code, "message": words}})
    )
    with pytest.raises((NodeRefused, TransportFailed)) as refusal:
        HttpEndpoint(url, transport=answers).call("eth_sendRawTransaction", ["0x"])
    with pytest.raises(NodeRefused) as unavailable:
        JsonRpcChain(url, transport=answers).newest_block()
    for said in (str(refusal.value), unavailable.value.reason):
        assert "kkk" not in said
        assert "no plan for" in said


def test_two_keys_of_one_provider_are_two_endpoints(anvil: Anvil) -> None:
    node = Node([HttpEndpoint(f"{anvil.url}/?key={key}") for key in ("first", "second")], CHAIN_ID)
    shown = redact(f"{anvil.url}/?key=first")
    assert list(node.calls(bytes(20), b"")) == [shown, f"{shown} (2)"]


class TestFailover:
    """Several endpoints of one chain."""

    def test_the_next_endpoint_answers_where_one_fails(self, anvil: Anvil, make_proxy: MakeProxy) -> None:
        proxy = make_proxy(anvil.url)
        proxy.on("*", status(503))
        node = Node([HttpEndpoint(proxy.url), HttpEndpoint(anvil.url)], CHAIN_ID)
        node.begin_cycle()
        assert [finding.kind for finding in node.findings] == ["endpoint_unreachable"]
        assert node.tallest_block().number == 0
        asked = len(proxy.calls)
        # It rests: harmless questions do not wait for it again.
        node.balance(bytes(20))
        assert len(proxy.calls) == asked

    def test_a_method_that_one_lacks_is_asked_of_the_other(self, anvil: Anvil, make_proxy: MakeProxy) -> None:
        proxy = make_proxy(anvil.url)
        proxy.on("eth_gasPrice", refuse("method not found", -32601))
        node = Node([HttpEndpoint(proxy.url), HttpEndpoint(anvil.url)], CHAIN_ID)
        (price,) = node.of_all("eth_gasPrice", [], quantity).values()
        assert price > 0

    def test_two_blocks_at_one_height_are_a_disagreement(self, anvil: Anvil, make_proxy: MakeProxy) -> None:
        anvil.mine()
        proxy = make_proxy(anvil.url)
        proxy.on("eth_getBlockByNumber", change(lambda block: block | {"hash": "0x" + "11" * 32}))
        node = Node([HttpEndpoint(proxy.url), HttpEndpoint(anvil.url)], CHAIN_ID)
        with pytest.raises(EndpointsDisagree) as disagreement:
            node.agreed_block(1)
        assert len(disagreement.value.answers) == 2


@pytest.mark.parametrize("value", [None, "12", "0x", "0xzz", True, 1.5, [], "latest"])
def test_what_is_no_quantity_is_malformed(value: Any) -> None:
    with pytest.raises(MalformedAnswer):
        quantity(value)


def test_a_block_with_a_short_hash_is_malformed(anvil: Anvil) -> None:
    answer = anvil.rpc("eth_getBlockByNumber", "latest", False)
    assert block_of(answer).number == 0
    with pytest.raises(MalformedAnswer):
        block_of(answer | {"hash": "0x1234"})


def test_addresses_carry_their_checksum() -> None:
    text = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    assert address_text(parse_address(text)) == text
    assert parse_address(text.lower()) == parse_address(text)
    for wrong in (text[:-1], text + "0", text.replace("aA", "Aa"), "", "0x" + "g" * 40):
        with pytest.raises(ValueError):
            parse_address(wrong)
