"""What takes long on a large ledger takes turns, and keeps nothing else from being answered."""

import threading
from typing import Any

import pytest

from anchor.server.api.routes import comparing, deriving
from tests.fixtures.service import Caller, Service

pytestmark = pytest.mark.databases("sqlite")

DELTA = "/api/v1/balance/delta"
COMPARE = "/api/v1/balance/compare"
LISTS = {"customerId": "acme", "yourDeltas": [], "counterpartyDeltas": []}
BALANCES = {"customerId": "acme", "yourBalance": 1}


class Held:
    """A computation that stops at its beginning until the test lets it go on."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()

    def __call__(self, *given: Any, **more: Any) -> Any:
        self.begun.release()
        assert self.go.wait(30)
        return self._real(*given, **more)


def ask(caller: Caller, what: str) -> int:
    if what == "audit":
        return caller.get("/api/v1/balance/derive/acme?audit=true").status_code
    return caller.post(COMPARE, json=LISTS).status_code


@pytest.mark.parametrize(
    ("what", "room", "computation"),
    [("audit", deriving, "derive"), ("lists", comparing, "compare_deltas_with_record")],
)
def test_two_compute_and_the_others_wait_while_all_else_is_answered(
    service: Service, monkeypatch: pytest.MonkeyPatch, what: str, room: Any, computation: str
) -> None:
    service.emit("acme", 1)
    held = Held(getattr(room, computation))
    with monkeypatch.context() as holding:
        holding.setattr(room, computation, held)
        turned_away, answered = threading.Semaphore(0), []

        def send() -> None:
            status = ask(service.http, what)
            (turned_away.release if status == 503 else lambda: answered.append(status))()

        too_many = 3
        taken = room.AT_ONCE + room.WAITING
        threads = [threading.Thread(target=send) for _ in range(taken + too_many)]
        for thread in threads:
            thread.start()
        for _ in range(room.AT_ONCE):
            assert held.begun.acquire(timeout=30)
        for _ in range(too_many):
            assert turned_away.acquire(timeout=30)
        assert not held.begun.acquire(blocking=False)
        assert service.http.post(DELTA, json={"customerId": "acme", "delta": 1}).status_code == 201
        assert service.http.post(COMPARE, json=BALANCES).status_code == 200
        held.go.set()
        for thread in threads:
            thread.join(60)
    assert answered == [200] * taken


def test_lists_are_compared_with_so_much_of_the_record_and_no_more(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        service.emit("acme", 1)
    monkeypatch.setattr(comparing, "LONGEST_RECORD", 3)
    refused = service.http.post(COMPARE, json=LISTS)
    assert (refused.status_code, refused.json()["code"]) == (422, "range_too_long")
    assert service.http.post(COMPARE, json=LISTS | {"fromIndex": 1}).status_code == 200
    assert service.http.post(COMPARE, json=BALANCES).status_code == 200
