"""Whatever one value of a server's answer becomes, a command ends in a known way and shows no traceback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from anchor.cli.failures import ExitCode
from anchor.server.service.development import Development, Ports
from tests.cli.running import Finished
from tests.cli.running import anchor_here as anchor
from tests.client.altered_answers import TOKENS, Relay, RelayServer, altered, places, pointer, read, serving

ENDS = {ExitCode.OK, ExitCode.NO, ExitCode.REFUSED, ExitCode.UNAVAILABLE}
COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "emit": ("/balance/delta", ("emit", "acme", "-1", "--reference", "x1")),
    "import": ("/delta/batch", ("import", "books.csv", "--set", "customerId=acme")),
    "derive": ("/derive/acme", ("derive", "acme", "--audit")),
    "derive as of": ("/derive/acme", ("derive", "acme", "--as-of-index", "1")),
    "compare balances": ("/compare", ("compare", "acme", "--yours", "-7", "--theirs", "-40")),
    "compare books": ("/compare", ("compare", "acme", "--your-books", "books.csv")),
    "cells": ("/cells", ("compare-books", "acme", "books.csv")),
    "entries": ("/entries", ("compare-books", "acme", "books.csv")),
    "blocks": ("/blocks", ("compare-books", "acme", "books.csv")),
    "digests": ("/digests", ("compare-books", "acme", "books.csv")),
    "checkpoint": ("/checkpoint", ("checkpoint", "acme", "--from", "0", "--to", "1")),
    "status": ("/status", ("status",)),
    "keys create": ("/keys", ("keys", "create", "k", "--customer", "acme")),
    "keys list": ("/keys", ("keys", "list")),
    "keys revoke": ("/keys/2", ("keys", "revoke", "2")),
    "erase": ("/erasures", ("erase", "RECEIPT", "reason", "metadata", "--by", "we", "--yes")),
}
WORST = ("missing", "null", "markup", "control characters", "a billion years", "no end", "an object")
"""What is most likely to be stumbled over when it is shown; the client's own test has the rest."""
IN_FLIGHT = {"batch": 2, "state": "planned", "nonce": None, "plannedAt": 1, "attempts": [{"kind": "first"}]}
ALARM = {
    "name": "stuck",
    "chain": "main",
    "detail": "It is stuck.",
    "since": 1,
    "remedy": "Unstick it.",
    "stopsSending": True,
}
FIGURES = {
    "balance": 10**18,
    "gasPrice": 10**9,
    "costPerAnchor": 10**15,
    "costPerDelta": "0.25",
    "daysLeft": 3.5,
    "anchorsOfUnknownCost": 1,
    "inFlight": IN_FLIGHT,
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Development]:
    with Development(tmp_path_factory.mktemp("dev") / "data", {}, ports=Ports(0, 0), anchoring=False) as dev:
        where = {"ANCHOR_URL": dev.url, "ANCHOR_API_KEY": dev.admin_key}
        for place in range(4):
            done = anchor("emit", "acme", "-10", "--reference", f"r{place}", "--reason", "hours", env=where)
            assert done.code == 0, done.err
        assert anchor("keys", "create", "auditor", env=where).code == 0
        dev.anchor_now()
        yield dev


@pytest.fixture(scope="module")
def relay(running: Development) -> Iterator[RelayServer]:
    with serving(Relay(running.url)) as server:
        yield server


@pytest.mark.parametrize("name", COMMANDS)
def test_whatever_one_value_becomes_a_command_ends_in_a_known_way(
    running: Development, relay: RelayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("books.csv").write_text("referenceId,delta\nr0,-10\nr1,-11\nr9,3\nr3,-10\n")
    end, words = COMMANDS[name]
    where = {"ANCHOR_URL": relay.url, "ANCHOR_API_KEY": running.admin_key}

    def run(*more: str) -> Finished:
        return anchor(*words, *more, env=where)

    if "RECEIPT" in words:
        emitted = anchor("emit", "acme", "-10", "--reference", "r0", "--reason", "hours", "--json", env=where)
        words = tuple(emitted.json()["receiptId"] if word == "RECEIPT" else word for word in words)
    relay.relay.lie = None
    first = run("--json")
    assert first.code in {ExitCode.OK, ExitCode.NO}, first.err
    honest = read(next(said for path, said in relay.relay.heard.items() if path.endswith(end)))
    if name == "status":
        honest["chains"][0] |= FIGURES
        honest["alarms"] = [ALARM]
    for place in places(honest):
        for what in WORST:
            token = TOKENS[what]
            relay.relay.lie = (end, (), altered(honest, place, token).decode())
            done = run(*(("--json",) if len(place) % 2 else ()))
            told = f"{what} at {pointer(place)}: {done.err}"
            assert done.code in ENDS, told
            assert "Traceback" not in done.err, told
            assert "\x1b" not in done.out + done.err, told
            if done.code == ExitCode.UNAVAILABLE:
                assert "check that the URL is an Anchor server's" in done.err, told
    relay.relay.lie = None
