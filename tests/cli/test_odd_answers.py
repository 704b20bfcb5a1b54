"""What listens at a URL may be anything: an answer that no Anchor server gives is named as such."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import anchor_here as anchor


class Anything(ThreadingHTTPServer):
    """Answers every request with the same JSON, or takes it and ends without a word."""

    answer: Any = None
    mute = False

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.keys: list[str | None] = []
        """The idempotency keys of the requests, in their order."""


class _Handler(BaseHTTPRequestHandler):
    server: Anything

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.keys.append(self.headers.get("Idempotency-Key"))
        if self.server.mute:
            return
        body = json.dumps(self.server.answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def anything() -> Iterator[Anything]:
    server = Anything(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


RECEIPT = {"status": "QUEUED", "receiptId": "r", "index": 0, "fingerprint": "f", "idempotent": False}
BALANCE = {"balance": 1, "deltaCount": 1}
DERIVED = {"customerId": "a", "unit": "", "ledgerId": "l", "pending": BALANCE, "recorded": BALANCE, **BALANCE}


@pytest.mark.parametrize(
    ("words", "answers"),
    [
        (("emit", "acme", "1"), [RECEIPT]),
        (("derive", "acme"), [DERIVED, {**DERIVED, "audit": {"agrees": True}}]),
        (("checkpoint", "acme", "--period", "2026"), []),
        (("compare", "acme", "--yours", "1"), [{"match": True}, {"match": True, "sides": [{}]}]),
        (("status",), [{"alarms": []}]),
        (("keys", "list"), [{"items": [{}], "next": None}]),
        (("keys", "create", "k"), [{"id": 1, "name": "k", "scopes": [], "createdAt": 1}]),
        (("keys", "revoke", "1"), []),
        (("erase", "r", "reason", "--by", "we", "--yes"), [{"erasures": []}]),
        (("import", "rows.csv"), [{"results": []}, {"results": [{"problem": {}}]}]),
    ],
)
def test_an_answer_of_something_else_is_named_with_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, anything: Anything, words: tuple[str, ...], answers: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text("customerId,delta,referenceId\nacme,1,r1\n")
    where = {"ANCHOR_URL": f"http://127.0.0.1:{anything.server_port}", "ANCHOR_API_KEY": "ak_x"}
    for answer in ({}, [], *answers):
        anything.answer = answer
        for more in ((), ("--json",)):
            done = anchor(*words, *more, env=where)
            assert (done.code, done.out) == (4, ""), done.err
            assert "no Anchor server says: " in done.err
            assert "check that the URL is an Anchor server's" in done.err


@pytest.fixture
def mute(anything: Anything) -> Iterator[Anything]:
    anything.keys.clear()
    anything.mute = True
    yield anything
    anything.mute = False


@pytest.mark.parametrize("reference", [None, "r1"])
def test_a_delta_that_is_sent_again_is_the_same_one(mute: Anything, reference: str | None) -> None:
    more = () if reference is None else ("--reference", reference)
    where = {"ANCHOR_URL": f"http://127.0.0.1:{mute.server_port}", "ANCHOR_API_KEY": "ak_x"}
    assert anchor("emit", "acme", "1", *more, env=where).code == 4
    assert len(mute.keys) == 4
    (key,) = set(mute.keys)
    assert (key is None) == (reference is not None)


def test_a_key_is_asked_for_once(mute: Anything) -> None:
    where = {"ANCHOR_URL": f"http://127.0.0.1:{mute.server_port}", "ANCHOR_API_KEY": "ak_x"}
    assert anchor("keys", "create", "k", env=where).code == 4
    assert len(mute.keys) == 1


@pytest.mark.parametrize("answer", [None, [], {}, "<html>", {"format": "anchor-proof", "version": 1}])
@pytest.mark.parametrize("id_", ["rcpt_x", "ckpt_x"])
def test_what_is_no_proof_file_is_not_saved_as_one(
    tmp_path: Path, anything: Anything, answer: Any, id_: str
) -> None:
    anything.answer = answer
    where = {"ANCHOR_URL": f"http://127.0.0.1:{anything.server_port}", "ANCHOR_API_KEY": "ak_x"}
    file = tmp_path / "proof.json"
    done = anchor("proof", id_, "--out", file, "--json", env=where)
    assert (done.code, json.loads(done.err)["code"]) == (4, "unexpected_answer")
    assert not file.exists()
    assert anchor("proof", id_, env=where).out == ""


def test_a_long_answer_that_is_no_proof_file_is_not_saved_as_one(tmp_path: Path, anything: Anything) -> None:
    anything.answer = ["x" * 300_000]
    where = {"ANCHOR_URL": f"http://127.0.0.1:{anything.server_port}", "ANCHOR_API_KEY": "ak_x"}
    assert anchor("proof", "rcpt_x", "--out", tmp_path / "proof.json", env=where).code == 4
    assert list(tmp_path.iterdir()) == []
