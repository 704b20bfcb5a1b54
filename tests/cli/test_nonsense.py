"""Whatever is typed, whatever is in a file, and whatever listens at a URL: a command ends in a known way."""

from __future__ import annotations

import io
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest import mock

import pytest

from anchor.server.service.initializing import initialise
from tests.cli.running import anchor_here as anchor
from tests.cli.test_every_command import COMMANDS, OPTIONS, Option
from tests.fixtures.logs import FOUNDER

ENDS = {0, 1, 2, 3, 4}
STAYS = {"dev", "serve", "worker", "demo", "hammer", "watch"}
"""They run until they are stopped, or for long."""
FILES = {
    "empty.json": b"",
    "binary.json": bytes(range(256)),
    "page.html": b"<html>",
    "list.json": b"[1,2]",
    "deep.json": b"[" * 100_000,
    "cut.json": b'{"format":"anchor-proof","ver',
    "sample.json": b'{"format":"anchor-sample","version":2,"period":1,"before":null,"deltas":[1]}',
    "x.dispute.json": b'{"format":"anchor-dispute","version":1}',
    "pack.zip": b"PK\x03\x04" + bytes(40),
    "books.csv": b"referenceId,delta\nr1,1\n",
    "bad.csv": b"\xff\xfe\x00",
    "open.csv": b'referenceId,delta\n"r1,1\n',
    "books.ndjson": b'{"referenceId":"r","delta":1e400}\n[]\n{"referenceId":5,"delta":true}\nNaN\n',
    "long.ndjson": b'{"delta":' + b"9" * 6_000 + b"}\n",
}
VALUES = (
    *("", "-1", "0", "1", "9" * 20, str(2**63), "nan", "inf", "1e999", "1.5", "-0", "1_000", "١", "+1"),
    *(
        "abc",
        "\udcff",
        "é",
        "a" * 5_000,
        "[/x]",
        "--",
        "-x",
        "=",
        "FIELD=",
        "a=b",
        "delta=",
        "customerId=acme",
    ),
    *("0x", "0xzz", "0x" + "1" * 40, "0x" + "1" * 64, "http://", "ftp://x", "http://127.0.0.1:1"),
    *("2026", "2026-99-99", "2026-01-01", "null", "{}", '{"a":NaN}', "finalized", "csv", "xml", "ak_x"),
    *("rcpt_", "rcpt_" + "A" * 40, "ckpt_x", "/dev/null", "/proc/none", "nothing", "."),
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("nonsense")
    initialise(made / "data", founder=FOUNDER, with_signing_key=False)
    for name, content in FILES.items():
        (made / name).write_bytes(content)
    assert anchor("emit", "acme", "-5", "--reference", "r1", "--data", made / "data").code == 0
    return made


def _typed(name: str, options: list[Option], chance: random.Random, likely: float) -> list[str]:
    """One command with arguments and options of any kind, ``likely`` of all options given."""
    words = name.split()
    for option in options:
        value = chance.choice(("acme", *FILES) if chance.random() < 0.6 else VALUES)
        if type(option.info).__name__ == "ArgumentInfo":
            words.append(value)
        elif chance.random() < likely:
            words += [option.names[0].split("/")[0], *([] if bool in option.kinds else [value])]
    takes_data = any("--data" in option.names for option in options)
    return words + (["--data", "data"] if takes_data and "--data" not in words else [])


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_typed_a_command_ends_in_a_known_way(
    directory: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.chdir(directory)
    chance = random.Random(seed)
    names = [name for name in COMMANDS if name.split()[0] not in STAYS]
    for _ in range(60):
        name = chance.choice(names)
        options = [option for option in OPTIONS if option.command == name]
        words = _typed(name, options, chance, likely=(0.1, 0.4)[seed % 2])
        with mock.patch("sys.stdin", io.StringIO("")):
            done = anchor(*words)
        assert done.code in ENDS, (words, done.err)
        assert "Traceback" not in done.err, words


def _says(content: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(content)


def _http(status: str, body: bytes, kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


PROBLEM = "application/problem+json"
PEERS = {
    "hangs up": _says(b""),
    "garbage": _says(b"\x00\xff garbage\r\n\r\n"),
    "a page": _says(_http("200 OK", b"<html>", "text/html")),
    "null": _says(_http("200 OK", b"null")),
    "nothing": _says(b"HTTP/1.1 204 No\r\nConnection: close\r\n\r\n"),
    "a fault": _says(_http("500 X", b"{}")),
    "elsewhere": _says(b"HTTP/1.1 301 X\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n"),
    "no length": _says(b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n{}"),
    "a problem in colour": _says(
        _http("404 X", b'{"status":404,"code":"[/x]","title":"[/x]\\u001b[2J","detail":"\\ud800"}', PROBLEM)
    ),
    "a deep problem": _says(
        _http(
            "404 X",
            b'{"status":404,"code":"x","title":"x","detail":' + b"[" * 900 + b"]" * 900 + b"}",
            PROBLEM,
        )
    ),
}


@contextmanager
def _listening(peer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Answer every connection as the peer does."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with suppress(OSError), connection:
                    connection.recv(65_536)
                    peer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(10)


@pytest.mark.parametrize("name", PEERS)
def test_whatever_listens_at_a_url_a_command_ends_in_a_known_way(
    directory: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(directory)
    contract = ("--contract", "0x" + "1" * 40)
    with _listening(PEERS[name]) as url:
        server = ("--url", url, "--key", "ak_x")

        for words in (
            ("derive", "acme", *server),
            ("emit", "acme", "1", *server),
            ("status", *server),
            ("keys", "list", *server),
            ("proof", "rcpt_x", "--out", "o", *server),
            ("sample", "acme", "--from", "0", "--to", "1", "--out", "o", *server),
            ("compare-books", "acme", "books.csv", *server),
            ("import", "books.csv", "--set", "customerId=a", *server),
            ("follow", "acme", "--store", "s", "--once", "--rpc", url, *server),
            ("watch", *contract, "--once", "--rpc", url, "--server", url),
            ("hammer", url, "--rpc", url, "--key", "ak_x"),
        ):
            done = anchor(*words)
            assert done.code in {1, 3, 4}, (words, done.code, done.err)
            assert "Traceback" not in done.err, words
            assert "\x1b" not in done.out + done.err, words
        assert not Path("o").exists()
