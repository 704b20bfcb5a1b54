"""Which nodes the page asks, and what their names and errors may and may not bring about."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request

from anchor.verify import verify_file, write_proof_file
from tests.fixtures.hostile_node import bomb, double_bomb, endless, serving
from tests.verify.building import example_log
from tests.web.browser import PAGE, verdicts, verify
from tests.web.odd_nodes import Odd, odd_node, refused, spoiled
from tests.web.page_answers import Question, page_answers

UNCHECKED = "not_checked_against_a_chain"


def test_an_error_of_a_node_that_is_called_revert_refutes_nothing(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def resolve_local(host: Any, *rest: Any, **more: Any) -> Any:
        return resolve("127.0.0.1" if host == "revert.localhost" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_local)
    log = example_log(1)
    raw = write_proof_file(log.delta("UA", 4, 2, "mile"))
    busy = Odd("busy", "eth_call", refused({"message": "request limit reached"}, result=False))
    with odd_node(log.chain, {"busy": busy}) as url:
        named = f"http://revert.localhost:{urlsplit(url).port}/busy"
        python = verify_file(raw, rpc=named)
        assert (python.verdict, python.failed and python.failed.name) == (UNCHECKED, "chain")
        verify(page, {"proof.json": raw}, rpc=named)
        assert verdicts(page) == [UNCHECKED]
        assert "request limit reached" in page.locator("article").inner_text()


@pytest.mark.parametrize(
    "address",
    [
        "localhost:8545",
        "/rpc",
        "rpc.example",
        "//rpc.example",
        "ftp://rpc.example",
        "http://me:secret@rpc.example",
    ],
)
def test_an_address_that_a_page_cannot_ask_is_told_of_and_nothing_is_asked(
    chromium: Browser, address: str
) -> None:
    raw = write_proof_file(example_log(1).delta("UA", 4, 2, "mile"))
    page = chromium.new_page()
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.goto(PAGE.as_uri())
    page.on("request", note)
    page.fill("#rpc", address)
    page.set_input_files("#files", [{"name": "a.json", "mimeType": "application/json", "buffer": raw}])
    page.wait_for_selector("#trouble:visible")
    assert "begins with http:// or https://" in page.locator("#trouble").inner_text()
    assert verdicts(page) == []
    ask = "url => new anchorVerifier.JsonRpcChain(url).chainId().catch(error => error.reason)"
    assert "is not a URL that a page can ask" in page.evaluate(ask, address)
    assert asked == []
    page.close()


def test_a_node_that_sends_the_page_elsewhere_is_not_followed(page: Page) -> None:
    log = example_log(1)
    raw = write_proof_file(log.delta("UA", 4, 2, "mile"))
    honest = Odd("honest", "", spoiled(lambda body: body))
    asked: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_OPTIONS(self) -> None:
            self.send_response(200)
            self.send_header("access-control-allow-origin", "*")
            self.send_header("access-control-allow-headers", "content-type")
            self.end_headers()

        def do_POST(self) -> None:
            self.send_response(307)
            self.send_header("access-control-allow-origin", "*")
            self.send_header("location", f"{url}/")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with odd_node(log.chain, {"": honest}) as url, ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page.on("request", lambda request: asked.append(request.url))
        verify(page, {"proof.json": raw}, rpc=f"http://127.0.0.1:{server.server_port}")
        assert verdicts(page) == [UNCHECKED]
        assert all(str(server.server_port) in one for one in asked)
        verify(page, {"proof.json": raw}, rpc=url)
        assert verdicts(page) == ["valid"]
        server.shutdown()


@pytest.mark.parametrize("answer", [endless, bomb, double_bomb])
def test_an_answer_of_any_size_is_left_at_eight_mebibytes(
    answer: Callable[[socket.socket, threading.Event], None],
) -> None:
    raw = write_proof_file(example_log(1).delta("UA", 4, 2, "mile"))
    with serving(answer) as url:
        page = page_answers(None, [Question(raw, rpc=(url,))])[0]
    assert page["verdict"] == UNCHECKED
    assert "sends more than 8388608 bytes" in page["steps"][-1]["explanation"]
