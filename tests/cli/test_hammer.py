"""``anchor hammer``: content with an honest deployment, and with no other."""

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from anchor.cli.hammer.load import HammerPlan, requests_of
from anchor.client import AnchorClient
from anchor.server.service.background_server import BackgroundServer
from anchor.server.service.development import Development, Ports
from tests.cli.running import Finished, anchor_here

Lie = Callable[[str, int, Any], tuple[int, Any]]
"""Takes a path, a status and an answer, and returns what to say in their place."""


class LyingServer:
    """Stands before an honest server and changes its answers."""

    def __init__(self, upstream: str, lie: Lie) -> None:
        self._upstream = upstream
        self._lie = lie

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name: value for name, value in scope["headers"] if name in (b"x-api-key", b"content-type")}
        url = f"{self._upstream}{scope['path']}?{scope['query_string'].decode()}"
        async with httpx.AsyncClient(timeout=30) as client:
            answer = await client.request(scope["method"], url, content=bytes(body), headers=headers)
        status, told = self._lie(scope["path"], answer.status_code, answer.json())
        kind = b"application/json" if status < 300 else b"application/problem+json"
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": json.dumps(told).encode()})


@contextmanager
def served(app: Any) -> Iterator[str]:
    server = BackgroundServer(app, "127.0.0.1", 0)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Development]:
    directory = tmp_path_factory.mktemp("hammer") / "dev"
    with Development(directory, {}, ports=Ports(0, 0), anchor_every=0.2) as development:
        yield development


def hammer(running: Development, *arguments: object, url: str = "") -> Finished:
    return anchor_here(
        *("hammer", url or running.url, "--key", running.admin_key, "--rpc", running.rpc_url, "--json"),
        *("--contract", running.contract, "--finality", "1", "--deltas", 60, "--customers", 5),
        *("--connections", 3, *arguments),
    )


@pytest.mark.parametrize("batch", [1, 20])
def test_an_honest_deployment_passes_and_every_receipt_was_verified(running: Development, batch: int) -> None:
    done = hammer(running, "--batch", batch, "--retries", 1)
    assert done.code == 0, done.out + done.err
    report = done.json()
    assert report["passed"] is True
    assert report["deltas"] == report["acknowledged"] == report["verified"] == 60
    assert report["retried"] == 60
    assert report["proving"]["requests"] == 60
    assert report["emitting"]["p50Ms"] <= report["emitting"]["p99Ms"]


def test_several_servers_of_one_log_share_the_load(running: Development) -> None:
    with served(LyingServer(running.url, lambda _, status, answer: (status, answer))) as second:
        done = hammer(running, second, "--batch", 10, "--retries", 1)
    assert done.code == 0, done.out + done.err


def test_people_are_shown_rates_percentiles_and_the_verdict(running: Development) -> None:
    done = anchor_here(
        *("hammer", running.url, "--key", running.admin_key, "--rpc", running.rpc_url),
        *("--finality", 1, "--deltas", 20, "--batch", 5),
    )
    assert done.code == 0, done.out + done.err
    assert "p99.9" in done.out
    assert "PASSED" in done.out


def _results(answer: Any) -> Any:
    return answer.get("results", [])


def another_receipt_for_a_retry(path: str, status: int, answer: Any) -> tuple[int, Any]:
    for result in _results(answer):
        if result.get("idempotent"):
            result |= {"receiptId": "rcpt_" + "a" * 26, "index": result["index"] + 1}
    return status, answer


def one_place_for_two(path: str, status: int, answer: Any) -> tuple[int, Any]:
    for result in _results(answer):
        result["index"] = 0
    return status, answer


def fewer_on_record(path: str, status: int, answer: Any) -> tuple[int, Any]:
    if "/derive/" in path and status == 200:
        answer["recorded"]["deltaCount"] -= 1
    return status, answer


def more_on_record(path: str, status: int, answer: Any) -> tuple[int, Any]:
    if "/derive/" in path and status == 200:
        answer["recorded"]["deltaCount"] += 1
    return status, answer


def another_amount_in_the_proof(path: str, status: int, answer: Any) -> tuple[int, Any]:
    if path.endswith("/proof"):
        answer["delta"]["amount"] = "-5000"
    return status, answer


def another_batch_in_the_proof(path: str, status: int, answer: Any) -> tuple[int, Any]:
    if path.endswith("/proof"):
        # Every 32-byte value below the head's batch that is no path: the map's root, another digit.
        text = json.dumps(answer)
        root = answer["head"]["batch"]["mapRoot"]
        text = text.replace(root, root[:-1] + ("0" if root[-1] != "0" else "1"))
        return status, json.loads(text)
    return status, answer


def a_receipt_nobody_knows(path: str, status: int, answer: Any) -> tuple[int, Any]:
    if path.endswith("/proof"):
        problem = {
            "type": "about:blank",
            "status": 404,
            "code": "unknown_receipt",
            "title": "No such receipt.",
        }
        return 404, problem
    return status, answer


@pytest.mark.parametrize(
    ("lie", "fault"),
    [
        (another_receipt_for_a_retry, "duplicate"),
        (one_place_for_two, "duplicate"),
        (fewer_on_record, "loss"),
        (more_on_record, "duplicate"),
        (another_amount_in_the_proof, "invalid_proof"),
        (another_batch_in_the_proof, "invalid_proof"),
        (a_receipt_nobody_knows, "loss"),
    ],
)
def test_a_lying_server_is_found_out(running: Development, lie: Lie, fault: str) -> None:
    with served(LyingServer(running.url, lie)) as url:
        done = hammer(running, "--batch", 20, "--retries", 1, url=url)
    assert done.code == 1, done.out + done.err
    report = done.json()
    assert report["passed"] is False
    assert report["findings"][fault] > 0
    assert report["firstFindings"][0]["expected"] != report["firstFindings"][0]["found"]


def test_what_is_not_anchored_in_time_is_not_called_a_pass(tmp_path: Path) -> None:
    with Development(tmp_path / "dev", {}, ports=Ports(0, 0), anchoring=False) as unanchored:
        done = hammer(unanchored, "--wait", 0.1)
    assert done.code == 4, done.out + done.err
    assert set(done.json()["findings"]) == {"not_anchored"}
    assert done.json()["verified"] == 0


class TakingBothAtOnce(LyingServer):
    """Holds the first sending of a batch back until the second has arrived."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream, lambda _path, status, answer: (status, answer))
        self.arrived = 0
        self.both = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path", "").endswith("/batch"):
            self.arrived += 1
            if self.arrived == 2:
                self.both.set()
            await asyncio.wait_for(self.both.wait(), 20)
        await super().__call__(scope, receive, send)


def test_retries_that_overlap_their_first_give_one_receipt(running: Development) -> None:
    app = TakingBothAtOnce(running.url)
    with served(app) as url:
        done = hammer(running, "--batch", 60, "--retries", 1, "--seed", 2, "--connections", 1, url=url)
    assert done.code == 0, done.out + done.err
    assert app.arrived == 2
    assert (done.json()["retried"], done.json()["retriedTogether"]) == (60, 60)


# What it was pointed at


def recorded_of(development: Development) -> int:
    with AnchorClient(development.url, development.admin_key) as client:
        return int(client.status()["deltaCount"])


@contextmanager
def a_closed_port() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def another_log(path: str, status: int, answer: Any) -> tuple[int, Any]:
    return status, answer | {"logId": "0x" + "22" * 32} if path == "/api/v1/log" else answer


def test_nothing_is_written_where_something_is_not_what_it_has_to_be(running: Development) -> None:
    before = recorded_of(running)
    with (
        a_closed_port() as nobody,
        served(LyingServer(running.url, another_log)) as other,
    ):
        for wrong, code, said in (
            (hammer(running, url=running.rpc_url), 4, "no Anchor server says"),
            (hammer(running, running.rpc_url), 4, "no Anchor server says"),
            (hammer(running, url=nobody), 4, "cannot be reached"),
            (hammer(running, nobody), 4, "cannot be reached"),
            (hammer(running, "--rpc", nobody), 4, "the chain cannot be asked"),
            (hammer(running, "--rpc", running.url), 4, "the chain cannot be asked"),
            (hammer(running, "--contract", "0x" + "11" * 20), 3, "there is no contract of a log"),
            (hammer(running, other), 3, "of different logs"),
            (hammer(running, url=other), 3, "the contract holds log"),
        ):
            assert wrong.code == code, wrong.out + wrong.err
            assert said in wrong.err
            assert wrong.out == ""
    assert recorded_of(running) == before


def test_a_key_that_may_not_read_is_refused_before_anything_is_written(running: Development) -> None:
    with AnchorClient(running.url, running.admin_key) as client:
        writing = client.create_key("writing", ["write"])["key"]
        one = client.create_key("one", ["read", "write"], customer_id="acme")["key"]
    before = recorded_of(running)
    for key in (writing, one):
        assert hammer(running, "--key", key).code == 3
    assert recorded_of(running) == before


def test_a_wrong_key_and_wrong_options_are_refused(running: Development) -> None:
    refused = hammer(running, "--key", "ak_" + "a" * 43)
    assert (refused.code, refused.out) == (3, "")
    assert hammer(running, "--hot", 1.5).code == 2
    assert hammer(running, "--batch", 1001).code == 2
    assert hammer(running, "--deltas", 10**7 + 1).code == 2


def test_the_load_is_the_same_for_a_seed_and_skewed_as_it_says() -> None:
    plan = HammerPlan("run", deltas=5_000, batch=100, customers=50, hot=0.5, retries=0.2)
    sent = list(requests_of(plan))
    assert sent == list(requests_of(plan))
    deltas = [delta for request in sent for delta in request.deltas]
    assert len({delta.reference_id for delta in deltas}) == len(deltas) == 5_000
    hot = sum(delta.customer_id == "run-hot" for delta in deltas)
    assert 2_300 < hot < 2_700
    first, last = (sum(delta.customer_id == f"run-{place}" for delta in deltas) for place in (0, 49))
    assert first > 10 * max(last, 1)
    assert 2 <= sum(request.again for request in sent) <= 20
    assert 1 <= sum(request.together for request in sent) < sum(request.again for request in sent)
    assert all(request.again for request in sent if request.together)
