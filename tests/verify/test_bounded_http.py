"""An answer is bounded as a whole, however a server spreads it over time or size."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import httpx
import pytest

from anchor.verify.bounded_http import AnswerRefused, read_answer
from anchor.verify.chain_view import ChainUnavailable
from anchor.verify.json_rpc import JsonRpcChain
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
