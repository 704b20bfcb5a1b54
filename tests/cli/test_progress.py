"""Whatever lasts says so on a terminal, and never where nobody watches."""

import asyncio
import os
import pty
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from anchor.cli.output import SHOWN_AFTER_SECONDS
from anchor.server.service.background_server import BackgroundServer
from anchor.server.service.initializing import FirstChain, initialise
from tests.cli.running import anchor

pytestmark = pytest.mark.slow

PROBLEM = b'{"status":404,"code":"unknown_customer","title":"There is no such customer"}'


class SlowServer:
    """Answers nobody before ``answers`` is set, and then refuses everything."""

    def __init__(self) -> None:
        self.answers = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        await asyncio.to_thread(self.answers.wait)
        headers = [(b"content-type", b"application/problem+json")]
        await send({"type": "http.response.start", "status": 404, "headers": headers})
        await send({"type": "http.response.body", "body": PROBLEM})


@pytest.fixture
def slow() -> Iterator[tuple[SlowServer, str]]:
    app = SlowServer()
    server = BackgroundServer(app, "127.0.0.1", 0)
    server.start()
    yield app, server.url
    app.answers.set()
    server.stop()


@dataclass
class Watched:
    """A command whose standard error is a terminal."""

    popen: subprocess.Popen[bytes]
    terminal: int
    shown: bytes = field(default=b"")

    def read(self, seconds: float) -> None:
        if select.select([self.terminal], [], [], seconds)[0]:
            try:
                self.shown += os.read(self.terminal, 65_536)
            except OSError:  # The terminal's other end is closed: the command ended.
                return


@contextmanager
def watched(*words: object, env: dict[str, str] | None = None) -> Iterator[Watched]:
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANCHOR_")}
    popen = subprocess.Popen(
        [sys.executable, "-c", "from anchor.cli.main import main; main()", *map(str, words)],
        env={**kept, "TERM": "xterm", **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        yield Watched(popen, ours)
    finally:
        if popen.poll() is None:
            popen.kill()
        popen.communicate()
        os.close(ours)


def until(holds: Callable[[], bool], one: Watched, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, one.shown
        one.read(0.1)


ASKING = [
    (("emit", "acme", "1"), "recording"),
    (("derive", "acme"), "deriving the balance"),
    (("compare", "acme", "--yours", "1"), "comparing"),
    (("checkpoint", "acme", "--period", "2026-04"), "sealing the range"),
    (("proof", "rcpt_x"), "making the proof"),
    (("status",), "asking how it stands"),
    (("keys", "create", "x"), "making the key"),
    (("keys", "list"), "listing the keys"),
    (("keys", "revoke", "1"), "revoking the key"),
]


@pytest.mark.parametrize("these", [ASKING[:5], ASKING[5:]])
def test_a_command_that_waits_for_a_server_says_so(
    slow: tuple[SlowServer, str], these: list[tuple[tuple[str, ...], str]]
) -> None:
    server, url = slow
    where = {"ANCHOR_URL": url, "ANCHOR_API_KEY": "ak_x"}
    for words, told in these:
        server.answers.clear()
        with watched(*words, env=where) as one:
            until(lambda told=told, one=one: told.encode() in one.shown, one)  # type: ignore[misc]
            server.answers.set()
            until(lambda one=one: one.popen.poll() is not None, one)  # type: ignore[misc]
            assert one.popen.returncode == 3
            assert one.popen.stdout is not None
            assert one.popen.stdout.read() == b""


def test_a_command_that_waits_for_a_chain_says_so(slow: tuple[SlowServer, str], tmp_path: Path) -> None:
    server, url = slow
    initialise(tmp_path / "data", chain=FirstChain("main", 1, url))
    for command, told in (("doctor", "examining main"), ("deploy", "waiting for main")):
        server.answers.clear()
        with watched(command, "--data", tmp_path / "data") as one:
            until(lambda told=told, one=one: told.encode() in one.shown, one)  # type: ignore[misc]
            server.answers.set()
            until(lambda one=one: one.popen.poll() is not None, one)  # type: ignore[misc]


def test_a_service_says_that_it_starts(tmp_path: Path) -> None:
    with watched("dev", tmp_path / "dev", "--port", 0, "--rpc-port", 0) as one:
        until(lambda: b"starting" in one.shown, one)


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_nothing_is_shown_where_nobody_watches(
    slow: tuple[SlowServer, str], as_json: tuple[str, ...]
) -> None:
    server, url = slow
    timer = threading.Timer(4 * SHOWN_AFTER_SECONDS, server.answers.set)
    timer.start()
    where = {"ANCHOR_URL": url, "ANCHOR_API_KEY": "ak_x"}
    done = anchor("derive", "acme", *as_json, env=where)
    assert done.code == 3
    assert done.out == ""
    assert "deriving" not in done.err
    assert "\x1b" not in done.err
    timer.join()


def test_with_json_a_terminal_is_shown_the_refusal_alone(slow: tuple[SlowServer, str]) -> None:
    server, url = slow
    with watched("derive", "acme", "--json", env={"ANCHOR_URL": url, "ANCHOR_API_KEY": "ak_x"}) as one:
        timer = threading.Timer(6 * SHOWN_AFTER_SECONDS, server.answers.set)
        timer.start()
        until(lambda: one.popen.poll() is not None, one)
        one.read(0)
        timer.join()
    assert one.shown.startswith(b'{"code"')
