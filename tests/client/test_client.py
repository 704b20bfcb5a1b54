"""The client against a server on a real port: exact amounts, safe retries, typed refusals."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from decimal import Context, Decimal
from typing import Any

import httpx
import pytest

from anchor.client import (
    AnchorClient,
    AnchorProblem,
    AnchorUnreachable,
    CannotBeSent,
    NewDelta,
    Recorded,
    Refused,
    UnexpectedAnswer,
    transport,
)
from anchor.client.transport import Transport
from anchor.compare.books import DiscrepancyKind, Entry
from anchor.compare.divergence import OwnEntries
from anchor.protocol.amounts import parse_amount
from anchor.protocol.errors import AmountError
from anchor.server.api.app import Components, create_app
from anchor.server.ledger.api_keys import Scope, create_key
from anchor.server.ledger.group_commit import GroupCommit
from anchor.server.ledger.sealing import Sealer
from anchor.server.service.background_server import BackgroundServer
from tests.fixtures.hostile_node import body_now_and_then, endless, serving
from tests.fixtures.logs import OpenedLog


@pytest.fixture
def server(opened: OpenedLog) -> Iterator[tuple[BackgroundServer, str]]:
    """A server on a free port, and a key for everything."""
    app = create_app(
        Components(
            opened.database, opened.log, opened.identity_key, opened.clock, GroupCommit(opened.recorder)
        )
    )
    key = create_key(opened.database, opened.clock, "all", list(Scope)).text
    running = BackgroundServer(app, "127.0.0.1", 0)
    running.start()
    yield running, key
    running.stop()


@pytest.fixture
def anchor(server: tuple[BackgroundServer, str]) -> Iterator[AnchorClient]:
    """A client of the server."""
    with AnchorClient(server[0].url, server[1]) as client:
        yield client


def test_amounts_go_and_come_exactly(anchor: AnchorClient) -> None:
    amounts = [Decimal("0.000000000000000001"), "-170141183460469231731.5", 7, Decimal("1E+2")]
    balance = Decimal(0)
    for number, amount in enumerate(amounts):
        recorded = anchor.emit("acme", amount, reference_id=f"r-{number}")
        balance = Context(prec=60).add(balance, Decimal(amount))
        assert recorded.delta == Decimal(amount)
        assert recorded.balance == balance
    assert anchor.derive("acme").recorded.balance == balance


def test_a_float_is_no_amount(anchor: AnchorClient) -> None:
    for amount in (0.1, True):
        with pytest.raises(TypeError):
            anchor.emit("acme", amount)  # type: ignore[arg-type]
    for text in ("1e-19", "NaN", "many"):
        with pytest.raises(AmountError):
            anchor.emit("acme", text)
    assert list(anchor.ledgers()) == []


def test_a_text_that_is_not_unicode_is_refused_as_the_server_refuses_it(anchor: AnchorClient) -> None:
    for call in (
        lambda: anchor.emit("\udcff", 1),
        lambda: anchor.reconcile("\udcff", []),
    ):
        with pytest.raises(AnchorProblem) as refused:
            call()
        assert (refused.value.code, refused.value.field) == ("invalid_id", "/customerId")


def test_the_same_reference_again_is_the_first_receipt(anchor: AnchorClient) -> None:
    first = anchor.emit("acme", -5, reason="five", reference_id="r-1", metadata={"ü": [1, None]})
    again = anchor.emit("acme", "-5.0", reason="five", reference_id="r-1", metadata={"ü": [1, None]})
    assert (first.idempotent, again.idempotent) == (False, True)
    assert again.receipt_id == first.receipt_id
    with pytest.raises(AnchorProblem) as raised:
        anchor.emit("acme", -6, reason="five", reference_id="r-1")
    assert (raised.value.status, raised.value.code) == (409, "reference_conflict")
    assert raised.value.field == "/referenceId"
    assert raised.value.document["existing"]["receiptId"] == first.receipt_id


def test_a_batch_gives_a_result_for_each(anchor: AnchorClient) -> None:
    good, bad = anchor.emit_batch(
        [NewDelta("acme", 1, reference_id="r-1"), NewDelta("", 1, reference_id="r-2")]
    )
    assert isinstance(good, Recorded)
    assert isinstance(bad, Refused)
    assert bad.problem.code == "invalid_id"


def test_everything_about_a_customer_is_read_back(anchor: AnchorClient, opened: OpenedLog) -> None:
    customer = "a/b ü?#.."
    receipts = [anchor.emit(customer, -n, reference_id=f"r-{n}", unit="mile") for n in (1, 2, 3)]
    opened.clock.advance(1_000)
    Sealer(opened.database, opened.log, opened.identity_key, opened.clock).seal()
    derived = anchor.derive(customer, "mile", audit=True)
    assert (derived.recorded.balance, derived.recorded.delta_count) == (-6, 3)
    assert derived.audit["agrees"] is True
    assert anchor.derive(customer, "mile", as_of_index=1).recorded.balance == -3
    receipt = anchor.receipt(receipts[1].receipt_id)
    assert (receipt.status, receipt.index, receipt.delta, receipt.batch) == ("PROCESSING", 1, -2, 1)
    assert json.loads(anchor.proof(receipts[1].receipt_id))["kind"] == "delta"
    (ledger,) = anchor.ledgers(customer)
    assert [delta["index"] for delta in anchor.deltas(ledger["ledgerId"])] == [0, 1, 2]
    assert [batch["number"] for batch in anchor.batches()] == [1]
    checkpoint = anchor.checkpoint(customer, "mile", from_index=0, to_index=1)
    assert (checkpoint.delta_count, checkpoint.closing_balance) == (2, -3)
    assert anchor.find_checkpoint(checkpoint.proof_token) == checkpoint
    assert json.loads(anchor.checkpoint_proof(checkpoint.proof_token, deltas="full"))["kind"] == "period"
    assert anchor.verify(receipts[0].receipt_id, "db")["checked"] == {"db": "holds", "chain": "not_asked"}
    assert anchor.compare_balances(customer, "mile", yours=-6, counterparty="-6.0")["match"] is True
    compared = anchor.compare_deltas(customer, "mile", yours=[("r-1", -1), ("r-2", "-2"), ("r-3", 3)])
    assert [each["kind"] for each in compared["discrepancies"]] == ["altered"]
    assert anchor.status()["deltaCount"] == 3
    assert anchor.ready()


def test_long_books_are_compared_without_sending_them(anchor: AnchorClient) -> None:
    for start in range(0, 3_000, 1_000):
        anchor.emit_batch(
            [NewDelta("acme", -n - 1, reference_id=f"r-{n}") for n in range(start, start + 1_000)]
        )
    books = [Entry(f"r-{n}", parse_amount(str(-n - 1))) for n in range(3_000)]
    assert anchor.reconcile("acme", books).match
    removed, altered = books.pop(17), books[2_000]
    books[2_000] = Entry(altered.reference_id, altered.amount + 1)
    found = anchor.reconcile("acme", reversed(books))
    assert {(each.kind, each.reference_id) for each in found.discrepancies} == {
        (DiscrepancyKind.MISSING, removed.reference_id),
        (DiscrepancyKind.ALTERED, altered.reference_id),
    }
    parted = anchor.first_divergence("acme", OwnEntries(books))
    assert (parted.confirmed, parted.index, parted.round_trips) == (17, 17, 2)


def test_texts_are_erased_once(anchor: AnchorClient) -> None:
    receipt = anchor.emit("acme", -1, reason="for Jane Doe", reference_id="r-jane")
    (first,) = anchor.erase(receipt.receipt_id, ["reason"], "an office")["erasures"]
    again = anchor.erase(receipt.receipt_id, ("reason", "metadata"), "another")["erasures"]
    assert [(one["field"], one["erasedBy"], one["already"]) for one in again] == [
        ("reason", "an office", True),
        ("metadata", "another", False),
    ]
    assert again[0]["commitment"] == first["commitment"]
    with pytest.raises(AnchorProblem) as raised:
        anchor.erase(receipt.receipt_id, ["amount"], "an office")
    assert (raised.value.status, raised.value.code) == (400, "not_erasable")


def test_keys_are_made_and_revoked(
    anchor: AnchorClient, server: tuple[BackgroundServer, str], opened: OpenedLog
) -> None:
    made = anchor.create_key("auditor", customer_id="acme")
    with AnchorClient(server[0].url, made["key"], attempts=1) as auditor:
        with pytest.raises(AnchorProblem) as raised:
            auditor.derive("acme")
        assert raised.value.code == "unknown_customer"
        anchor.revoke_key(made["id"])
        opened.clock.advance(1_000)
        with pytest.raises(AnchorProblem) as raised:
            auditor.derive("acme")
        assert raised.value.code == "key_not_accepted"
    assert [key["name"] for key in anchor.keys()]  # noqa: SIM118 == ["all", "auditor"]


# What a network does, which a real server on one machine does not.


class Flaky(httpx.BaseTransport):
    """Answers as scripted: a status, or a failure of the connection."""

    def __init__(self, *script: int | Exception) -> None:
        self.script = list(script)
        self.sent: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.sent.append(request)
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        if step < 300:
            return httpx.Response(step, json={"ok": True})
        document = {"type": "t", "title": "Busy.", "status": step, "code": "overloaded"}
        return httpx.Response(
            step,
            content=json.dumps(document),
            headers={"Content-Type": "application/problem+json", "Retry-After": "2"},
        )


def _transport(flaky: Flaky, pauses: list[float]) -> Transport:
    return Transport(
        "http://anchor",
        "ak_x",
        timeout=1,
        attempts=4,
        http=flaky,
        pause=lambda seconds: pauses.append(seconds),
    )


def test_it_tries_again_while_the_server_is_away_or_busy() -> None:
    flaky, pauses = Flaky(httpx.ConnectError("refused"), 503, httpx.ReadTimeout("slow"), 200), []
    assert _transport(flaky, pauses).send("POST", "/x", body={"a": 1}).json() == {"ok": True}
    assert pauses == [0.25, 2, 1.0]
    assert {request.content for request in flaky.sent} == {b'{"a": 1}'}


def test_it_gives_up_and_says_why() -> None:
    with pytest.raises(AnchorUnreachable, match="refused"):
        _transport(Flaky(*[httpx.ConnectError("refused")] * 4), []).send("GET", "/x")
    with pytest.raises(AnchorProblem) as raised:
        _transport(Flaky(*[503] * 4), []).send("GET", "/x")
    assert raised.value.retry_after == 2


def test_answers_are_asked_for_as_they_are_and_one_that_cannot_be_unpacked_is_no_servers() -> None:
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["accept-encoding"])
        return httpx.Response(200, content=iter([b"{}"]), headers={"Content-Encoding": "gzip"})

    client = AnchorClient("http://anchor", "ak_x", transport=httpx.MockTransport(handle))
    with pytest.raises(UnexpectedAnswer, match="http://anchor/api/v1/status answered 200"):
        client.status()
    assert asked == ["identity"]


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [(body_now_and_then, AnchorUnreachable, "not whole after 2 s"), (endless, UnexpectedAnswer, "more than")],
)
def test_an_answer_is_bounded_in_time_and_in_size(
    answer: Callable[[socket.socket, threading.Event], None],
    error: type[Exception],
    why: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 1_000_000)
    with (
        serving(answer) as url,
        AnchorClient(url, "ak_x", timeout=0.2, attempts=1) as client,
        pytest.raises(error, match=why),
    ):
        client.status()


def test_a_host_that_no_name_service_takes_cannot_be_reached() -> None:
    for host in ("exa_mple..com", f"{'a' * 70}.com"):
        with pytest.raises(AnchorUnreachable, match=host), AnchorClient(f"http://{host}") as client:
            client.status()


def test_what_no_request_can_carry_is_named_and_a_key_is_not() -> None:
    for key in ("sec\rret", "secrét", "sec\udcffret"):
        with pytest.raises(CannotBeSent, match="the API key") as raised:
            AnchorClient("http://anchor", key)
        assert "sec" not in str(raised.value)
    for url in ("http://\udcff", "http://xn--a.com"):
        with pytest.raises(CannotBeSent, match="the URL"):
            AnchorClient(url)
    with AnchorClient("http://anchor") as client:
        for customer, unit in (("a" * 70_000, ""), ("acme", "\udcff")):
            with pytest.raises(CannotBeSent):
                client.derive(customer, unit)


def test_what_may_happen_only_once_is_sent_once() -> None:
    flaky = Flaky(httpx.ReadTimeout("slow"))
    with pytest.raises(AnchorUnreachable):
        _transport(flaky, []).send("POST", "/x", once=True)
    assert len(flaky.sent) == 1


def test_a_retry_without_a_reference_carries_the_same_idempotency_key() -> None:
    keys: list[str | None] = []

    def handle(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers.get("idempotency-key"))
        if len(keys) == 1:
            raise httpx.ReadError("cut")
        return httpx.Response(201, json=RECORDED)

    client = AnchorClient("http://anchor", "ak_x", transport=httpx.MockTransport(handle))
    client.emit("acme", 1)
    client.emit("acme", 1)
    client.emit("acme", 1, reference_id="r-1")
    assert keys[0] is not None
    assert keys[0] == keys[1] != keys[2]
    assert keys[3] is None


def test_something_that_is_no_anchor_server_is_named_as_such() -> None:
    def handle(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, text="<html>nginx</html>")

    client = AnchorClient("http://elsewhere", transport=httpx.MockTransport(handle))
    with pytest.raises(UnexpectedAnswer, match="elsewhere"):
        client.derive("acme")


RECORDED: dict[str, Any] = {
    "receiptId": "r",
    "status": "QUEUED",
    "fingerprint": "f",
    "customerId": "acme",
    "unit": "",
    "ledgerId": "l",
    "index": 0,
    "delta": 1,
    "balance": 1,
    "recordedAt": 1,
    "idempotent": False,
}
PROBLEM = {"type": "t", "title": "No.", "status": 422, "code": "invalid_id"}
STANDING = {"balance": 1, "deltaCount": 1}
ODD_ANSWERS: list[tuple[Callable[[AnchorClient], object], Any, str]] = [
    (lambda anchor: anchor.emit("acme", 1), {"jsonrpc": "2.0", "id": 1}, "/receiptId is missing"),
    (lambda anchor: anchor.emit("acme", 1), [], "the answer is not an object"),
    (lambda anchor: anchor.emit("acme", 1), {**RECORDED, "index": "0"}, "/index is not a whole number"),
    (lambda anchor: anchor.emit("acme", 1), {**RECORDED, "index": True}, "/index is not a whole number"),
    (
        lambda anchor: anchor.emit("acme", 1),
        {**RECORDED, "idempotent": 0},
        "/idempotent is not true or false",
    ),
    (lambda anchor: anchor.emit("acme", 1), {**RECORDED, "balance": "1"}, "/balance is not a number"),
    (
        lambda anchor: anchor.emit("acme", 1),
        {**RECORDED, "balance": float("nan")},
        "/balance is not a number",
    ),
    (lambda anchor: anchor.emit_batch([NewDelta("a", 1)]), {"error": {}}, "/results is missing"),
    (lambda anchor: anchor.emit_batch([NewDelta("a", 1)]), {"results": {}}, "/results is not a list"),
    (lambda anchor: anchor.emit_batch([NewDelta("a", 1)]), {"results": [5]}, "/results/0 is not an object"),
    (
        lambda anchor: anchor.emit_batch([NewDelta("a", 1)]),
        {"results": [{}]},
        "/results/0/receiptId is missing",
    ),
    (
        lambda anchor: anchor.emit_batch([NewDelta("a", 1)]),
        {"results": []},
        "/results has 0 items for 1 deltas",
    ),
    (
        lambda anchor: anchor.emit_batch([NewDelta("a", 1)]),
        {"results": [{"problem": {**PROBLEM, "status": "422"}}]},
        "/results/0/problem/status is not a whole number",
    ),
    (
        lambda anchor: anchor.derive("acme"),
        {**RECORDED, "deltaCount": 1, "pending": STANDING, "recorded": {"balance": 1}},
        "/recorded/deltaCount is missing",
    ),
    (lambda anchor: anchor.receipt("r"), {**RECORDED, "delta": 5}, "/delta is not an object"),
    (lambda anchor: anchor.find_checkpoint("c"), RECORDED, "/proofToken is missing"),
    (lambda anchor: list(anchor.batches()), {"items": 1}, "/items is not a list"),
    (lambda anchor: anchor.compare_balances("acme", yours=1), {}, "/match is missing"),
    (lambda anchor: anchor.reconcile("acme", []), {}, "/size is missing"),
    (
        lambda anchor: anchor.reconcile("acme", []),
        {"size": 1, "total": Decimal("0.5"), "cells": "%"},
        "/cells is not base64",
    ),
    (lambda anchor: anchor.ready(), {}, "/status is missing"),
    (lambda anchor: anchor.status(), {}, "/deltaCount is missing"),
    (lambda anchor: anchor.verify("r"), {}, "/id is missing"),
    (lambda anchor: anchor.erase("r", ["reason"], "we"), {}, "/erasures is missing"),
    (
        lambda anchor: anchor.erase("r", ["reason"], "we"),
        {"erasures": [{"field": "reason", "commitment": 5}]},
        "/erasures/0/commitment is not a text",
    ),
    (lambda anchor: anchor.create_key("k"), {"id": 1}, "/key is missing"),
    (lambda anchor: anchor.revoke_key(1), {"id": "1"}, "/id is not a whole number"),
    (
        lambda anchor: anchor.revoke_key(1),
        {"id": 1, "name": "k", "scopes": ["read"], "createdAt": 1, "revokedAt": "now"},
        "/revokedAt is not a whole number",
    ),
    (
        lambda anchor: anchor.compare_deltas("acme", yours=[]),
        {"match": True, "discrepancies": [], "sides": {}},
        "/sides is not a list",
    ),
]


@pytest.mark.parametrize(("ask", "answer", "why"), ODD_ANSWERS)
def test_an_answer_that_is_not_whole_is_named_with_the_place(
    ask: Callable[[AnchorClient], object], answer: Any, why: str
) -> None:
    content = json.dumps(answer, default=float)

    def handle(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=content)

    client = AnchorClient("http://name:word@elsewhere:8545/x", transport=httpx.MockTransport(handle))
    with pytest.raises(UnexpectedAnswer) as raised:
        ask(client)
    assert why in str(raised.value)
    assert str(raised.value).startswith("http://elsewhere:8545/x/")


def test_no_key_is_in_what_an_error_says(server: tuple[BackgroundServer, str]) -> None:
    with AnchorClient(server[0].url, "ak_" + "A" * 43) as client:
        with pytest.raises(AnchorProblem) as raised:
            client.derive("acme")
        assert "AAAA" not in str(raised.value)
        assert "AAAA" not in repr(raised.value)


def test_many_at_once_under_one_reference_record_it_once(anchor: AnchorClient) -> None:
    with ThreadPoolExecutor(16) as threads:
        receipts = list(
            threads.map(lambda _: anchor.emit("acme", -5, reason="five", reference_id="r-1"), range(64))
        )
        others = list(threads.map(lambda n: anchor.emit("acme", 1, reference_id=f"o-{n}"), range(64)))
    assert len({receipt.receipt_id for receipt in receipts}) == 1
    assert sorted(receipt.idempotent for receipt in receipts) == [False] + [True] * 63
    assert sorted(receipt.index for receipt in others) == list(range(1, 65))
    assert anchor.derive("acme", audit=True).audit["agrees"]


def test_a_redirect_is_not_followed_and_its_place_is_named() -> None:
    seen = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return httpx.Response(301, headers={"location": "https://other.example/api?key=secret"})

    with (
        AnchorClient("http://anchor", key="k", transport=httpx.MockTransport(handle)) as client,
        pytest.raises(UnexpectedAnswer, match="it redirects to https:") as refused,
    ):
        client.status()
    assert "secret" not in str(refused.value)
    assert seen == ["anchor"]


def test_times_go_as_a_datetime_with_its_zone_and_never_as_a_float_or_a_local_time(
    anchor: AnchorClient,
) -> None:
    at = datetime(2026, 3, 1, 9, 30, 0, 123_456, tzinfo=timezone(timedelta(hours=1)))
    recorded = anchor.emit("acme", 1, reference_id="r", occurred_at=at)
    assert [note.code for note in recorded.notes] == ["cut_to_millisecond"]
    again = anchor.emit("acme", 1, reference_id="r", occurred_at="2026-03-01T08:30:00.123Z")
    assert (again.idempotent, again.notes) == (True, ())
    with pytest.raises(ValueError, match="no time zone"):
        anchor.emit("acme", 1, occurred_at=datetime(2026, 3, 1))  # noqa: DTZ001
    with pytest.raises(TypeError):
        anchor.emit("acme", 1, occurred_at=1_772_000_000.5)  # type: ignore[arg-type]
    with pytest.raises(AnchorProblem) as refused:
        anchor.emit("acme", 1, occurred_at=1_772_000_000)
    assert refused.value.code == "time_unit_suspected"


def test_64_bit_ids_in_metadata_are_carried_as_text_on_request(anchor: AnchorClient) -> None:
    metadata = {"trace": 2**64 - 1}
    with pytest.raises(AnchorProblem) as refused:
        anchor.emit("acme", 1, metadata=metadata)
    assert refused.value.code == "invalid_metadata"
    kept = anchor.emit("acme", 1, metadata=metadata, metadata_numbers="text")
    shown = anchor.receipt(kept.receipt_id).answer["delta"]["metadata"]
    assert shown == {"trace": str(2**64 - 1)}
