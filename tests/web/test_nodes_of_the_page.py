"""Which nodes the page asks, and what their names and errors may and may not bring about."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request

from anchor.verify import verify_file, write_proof_file
from tests.verify.building import example_log
from tests.web.browser import PAGE, verdicts, verify
from tests.web.odd_nodes import Odd, odd_node, refused

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
