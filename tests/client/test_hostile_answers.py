"""Whatever one value of an answer becomes, a call of the client ends in a value or in a known error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from anchor.client import AnchorClient, ClientError, NewDelta, UnexpectedAnswer
from anchor.compare.books import Entry
from anchor.compare.divergence import OwnEntries, RecordContradictsItself
from anchor.compare.reconciliation import TooManyDifferences
from anchor.server.service.development import Development, Ports
from tests.client.altered_answers import TOKENS, Relay, places, pointer, read

KNOWN = (ClientError, RecordContradictsItself, TooManyDifferences)
BOOKS = [Entry(f"r{place}", -10 * 10**18) for place in range(5)]

CALLS: dict[str, tuple[str, Callable[[AnchorClient, str], Any]]] = {
    "emit": ("/balance/delta", lambda anchor, _: anchor.emit("acme", -1, reference_id="x1")),
    "emit_batch": (
        "/delta/batch",
        lambda anchor, _: anchor.emit_batch([NewDelta("acme", 1, reference_id="x2"), NewDelta("", 1)]),
    ),
    "derive": ("/derive/acme", lambda anchor, _: anchor.derive("acme", audit=True)),
    "compare_balances": ("/compare", lambda anchor, _: anchor.compare_balances("acme", yours=-7)),
    "compare_deltas": ("/compare", lambda anchor, _: anchor.compare_deltas("acme", yours=[("r1", -7)])),
    "cells": ("/cells", lambda anchor, _: anchor.reconcile("acme", BOOKS)),
    "entries": ("/entries", lambda anchor, _: anchor.reconcile("acme", BOOKS)),
    "blocks": ("/blocks", lambda anchor, _: anchor.first_divergence("acme", OwnEntries(BOOKS))),
    "digests": ("/digests", lambda anchor, _: anchor.first_divergence("acme", OwnEntries(BOOKS))),
    "erase": ("/erasures", lambda anchor, receipt: anchor.erase(receipt, ["reason"], "we")),
    "checkpoint": ("/checkpoint", lambda anchor, _: anchor.checkpoint("acme", from_index=0, to_index=1)),
    "receipt": ("receipts/%s", lambda anchor, receipt: anchor.receipt(receipt)),
    "ledgers": ("/ledgers", lambda anchor, _: list(anchor.ledgers("acme"))),
    "batches": ("/batches", lambda anchor, _: list(anchor.batches())),
    "verify": ("/verify/%s", lambda anchor, receipt: anchor.verify(receipt)),
    "log_id": ("/log", lambda anchor, _: anchor.log_id()),
    "status": ("/status", lambda anchor, _: anchor.status()),
    "create_key": ("/keys", lambda anchor, _: anchor.create_key("k", customer_id="acme")),
    "keys": ("/keys", lambda anchor, _: list(anchor.keys())),
    "ready": ("/readyz", lambda anchor, _: anchor.require_ready()),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Development]:
    with Development(tmp_path_factory.mktemp("dev") / "data", {}, ports=Ports(0, 0), anchoring=False) as dev:
        with AnchorClient(dev.url, dev.admin_key) as client:
            for place in range(4):
                client.emit("acme", -10, reason="hours", reference_id=f"r{place}", metadata={"a": [1, {}]})
            # What the calls below record too: whichever comes first finds the same ledger.
            client.emit("acme", -1, reference_id="x1")
            client.emit("acme", 1, reference_id="x2")
        dev.anchor_now()
        yield dev


@pytest.fixture
def receipt(running: Development) -> str:
    with AnchorClient(running.url, running.admin_key) as client:
        return client.emit("acme", -10, reason="hours", reference_id="r0", metadata={"a": [1, {}]}).receipt_id


@dataclass
class Lying:
    """One call of the client, and what the server's answer to it is altered into."""

    end: str
    relay: Relay
    call: Callable[[], Any]

    def honest(self) -> Any:
        """Call without a lie; return what the server answered."""
        with suppress(TooManyDifferences):
            self.call()
        (answer,) = (read(content) for path, content in self.relay.heard.items() if path.endswith(self.end))
        return answer

    def lie(self, place: Any, token: str) -> None:
        """Put something else into a place of the answer from now on."""
        self.relay.lie = (self.end, place, token)


@contextmanager
def lying(running: Development, receipt: str, name: str) -> Iterator[Lying]:
    end, call = CALLS[name]
    relay = Relay(running.url)
    with AnchorClient("http://relay", running.admin_key, transport=relay, attempts=1) as client:
        yield Lying(end.replace("%s", receipt), relay, lambda: call(client, receipt))


@pytest.mark.parametrize("name", CALLS)
def test_whatever_one_value_becomes_a_call_ends_in_a_value_or_a_known_error(
    running: Development, receipt: str, name: str
) -> None:
    with lying(running, receipt, name) as server:
        refused = 0
        for place in places(server.honest()):
            for what, token in TOKENS.items():
                server.lie(place, token)
                try:
                    server.call()
                except KNOWN as error:
                    refused += isinstance(error, UnexpectedAnswer) and len(str(error)) < 1_000
                except Exception as error:
                    raise AssertionError(f"{what} at {pointer(place)}") from error
    assert refused > len(TOKENS)


NEVER = (
    "half a character",
    "more digits than Python reads",
    "no end",
    "next to nothing",
    "NaN",
    "Infinity",
    "deep lists",
    "deep objects",
)
"""What no answer holds anywhere, whether its reader looks there or not."""


@pytest.mark.parametrize("name", CALLS)
def test_a_value_that_no_server_can_give_is_refused_with_its_place_wherever_it_stands(
    running: Development, receipt: str, name: str
) -> None:
    with lying(running, receipt, name) as server:
        for place in places(server.honest()):
            for what in NEVER:
                server.lie(place, TOKENS[what])
                with pytest.raises(UnexpectedAnswer) as told:
                    server.call()
                named = ": (the answer|/)" if not place else re.escape(f": {pointer(place)}")
                assert re.search(named, str(told.value)), what


WHOLE = {
    "emit": ("index", "recordedAt"),
    "emit_batch": ("results/0/index", "results/1/problem/status"),
    "derive": ("deltaCount", "lastVerifiedIndex", "pending/deltaCount", "audit/deltaCount"),
    "compare_deltas": ("record/fromIndex", "record/toIndex", "sides/0/count", "discrepancies/0/index"),
    "cells": ("size",),
    "entries": ("entries/0/index",),
    "checkpoint": ("deltaCount", "fromIndex", "toIndex"),
    "receipt": ("delta/index", "batch"),
    "status": ("newestSealedAt", "newestBatch", "lagMs", "chains/0/lagMs", "chains/0/lastAnchor/blockNumber"),
    "create_key": ("id", "createdAt"),
    "keys": ("items/0/id", "items/0/createdAt"),
}
"""Times, counts and indexes that the client reads."""


@pytest.mark.parametrize("what", ["a negative number", "more than a signed word", "a billion years"])
@pytest.mark.parametrize("name", WHOLE)
def test_a_time_a_count_or_an_index_out_of_range_is_refused_by_name(
    running: Development, receipt: str, name: str, what: str
) -> None:
    with lying(running, receipt, name) as server:
        for place in WHOLE[name]:
            steps = tuple(int(step) if step.isdigit() else step for step in place.split("/"))
            server.lie(steps, TOKENS[what])
            with pytest.raises(UnexpectedAnswer, match=f": /{place} is not a number from 0 to "):
                server.call()


def test_a_list_that_leads_on_for_ever_is_refused() -> None:
    for answer in ({"items": [{}], "next": "1"}, {"items": [], "next": "2"}):
        transport = httpx.MockTransport(lambda _, answer=answer: httpx.Response(200, json=answer))
        with (
            AnchorClient("http://anchor", "ak_x", transport=transport) as client,
            pytest.raises(UnexpectedAnswer, match="/next leads on for ever"),
        ):
            client.page("/api/v1/keys", "1")
