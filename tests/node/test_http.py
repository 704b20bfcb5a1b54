"""An answer is bounded as a whole, however a server spreads it over time or size."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import httpx
import pytest

from anchor.node.http import AnswerRefused, names_a_host, read_answer
from anchor.node.reader import JsonRpcChain
from anchor.node.view import ChainUnavailable
from tests.fixtures.hostile_node import (
    body_now_and_then,
    bomb,
    double_bomb,
    endless,
    headers_now_and_then,
    serving,
    silent,
)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (headers_now_and_then, "takes longer"),
        (body_now_and_then, "takes longer"),
        (endless, "sends more"),
        (bomb, "compressed"),
        (double_bomb, "compressed"),
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


ODD_HOSTS = ("xn--a.com", "xn--zzzzzzzz--.com", "a" * 70 + ".com", "a..b", "user:word@xn--a.com/key", ".")


@pytest.mark.parametrize("host", ODD_HOSTS)
def test_a_host_that_no_name_service_can_be_asked_for_is_refused_as_any_answer_is(host: str) -> None:
    with httpx.Client(timeout=5) as client, pytest.raises(AnswerRefused, match="is not a URL that can be"):
        read_answer(client, "GET", f"http://{host}", largest=1, timeout=5.0)
    chain = JsonRpcChain(f"http://{host}", timeout=5.0)
    with pytest.raises(ChainUnavailable) as told:
        chain.chain_id()
    chain.close()
    assert "word" not in str(told.value)
    assert not names_a_host(f"http://{host}")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a",
        "http://",
        "http://a\n",
        "http://a b",
        "http://%zz",
        "http://[::1",
        "http://a:b",
        "http://a:99999",
    ],
)
def test_what_is_no_url_of_http_names_no_host(url: str) -> None:
    assert not names_a_host(url)


@pytest.mark.parametrize(
    "url", ["http://localhost:8545", "https://exa_mple.com/key", "http://[::1]:1", "http://bücher.example"]
)
def test_a_host_that_can_be_asked_for_is_one(url: str) -> None:
    assert names_a_host(url)
