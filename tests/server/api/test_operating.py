"""Health, readiness, status, metrics, back-pressure, and a database that cannot be used."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from anchor.server.api.app import create_app
from anchor.server.ledger.errors import LedgerError
from anchor.server.ledger.group_commit import GroupCommit
from anchor.server.ledger.model import Emission, Receipt
from anchor.server.ledger.recording import Recorder
from anchor.server.storage.database import Database
from tests.fixtures.service import Caller, Service, running_service

DELTA = "/api/v1/balance/delta"
BODY = {"customerId": "acme", "delta": 1, "reason": "usage"}


def test_a_running_service_is_healthy_and_ready(service: Service) -> None:
    assert service.anybody.get("/healthz").json() == {"status": "ok"}
    assert service.anybody.get("/readyz").json() == {"status": "ready"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/api/v1/status"])
def test_a_parameter_that_is_none_here_is_refused(service: Service, path: str) -> None:
    answer = service.http.get(path, params={"x": 1})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "unknown_field", "x")


def test_the_status_names_what_is_recorded_and_sealed(service: Service) -> None:
    service.emit("acme", 1)
    service.seal()
    status = service.http.get("/api/v1/status").json()
    assert (status["deltaCount"], status["ledgerCount"], status["newestBatch"]) == (1, 1, 1)
    assert status["chains"] == []


def test_the_metrics_count_what_came_in(service: Service) -> None:
    service.emit("acme", 1, "r-1")
    service.emit("acme", 1, "r-1")
    service.http.post(DELTA, content=b"{}")
    service.http.post("/api/v1/balance/delta/batch", json={"deltas": [BODY, BODY, 1]})
    text = service.http.get("/metrics").text
    for line in (
        'anchor_deltas_total{outcome="recorded"} 3.0',
        'anchor_deltas_total{outcome="idempotent"} 1.0',
        'anchor_deltas_total{outcome="refused"} 2.0',
        'anchor_emit_seconds_count{route="batch"} 1.0',
        "anchor_log_deltas 3.0",
        "anchor_database_up 1.0",
    ):
        assert line in text
    assert "acme" not in text


def test_two_apps_in_one_process_share_nothing(make_database_url: Callable[[], str]) -> None:
    databases = [Database.open(make_database_url()) for _ in range(2)]
    with running_service(databases[0]) as first, running_service(databases[1]) as second:
        first.emit("acme", 1)
        assert second.http.get("/api/v1/balance/derive/acme").status_code == 404
        assert second.http.get("/healthz", headers={"X-Api-Key": first.http.key}).status_code == 200
        stranger = Caller(second.anybody, first.http.key)
        assert stranger.get("/api/v1/ledgers").status_code == 401
        assert 'outcome="recorded"} 1.0' not in second.http.get("/metrics").text
    for database in databases:
        database.close()


class HeldRecorder(Recorder):
    """A recorder whose transactions wait until the test lets them go."""

    go: threading.Event

    def record(self, emissions: Sequence[Emission]) -> list[Receipt | LedgerError]:
        self.go.wait(30)
        return super().record(emissions)


def test_when_too_much_waits_the_answer_is_503_and_when_to_come_again(service: Service) -> None:
    components = service.components
    recorder = HeldRecorder(components.database, components.log, components.identity_key, components.clock)
    recorder.go = threading.Event()
    group_commit = GroupCommit(recorder, queue_limit=4)
    held = create_app(
        type(components)(
            components.database, components.log, components.identity_key, components.clock, group_commit
        )
    )
    with TestClient(held) as anybody:
        caller = Caller(anybody, service.http.key)
        answers: list[int] = []

        def emit() -> None:
            answers.append(caller.post(DELTA, json=BODY).status_code)

        threads = [threading.Thread(target=emit) for _ in range(4)]
        try:
            for thread in threads:
                thread.start()
            _until(lambda: group_commit.waiting == 4)
            refused = caller.post(DELTA, json=BODY)
        finally:
            recorder.go.set()
        for thread in threads:
            thread.join(30)
        assert refused.status_code == 503
        assert refused.json()["code"] == "overloaded"
        assert int(refused.headers["retry-after"]) >= 1
        assert answers == [201] * 4
        assert caller.post(DELTA, json=BODY).status_code == 201


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.databases("sqlite")
def test_a_database_that_cannot_be_used_is_503_and_recovers(service: Service) -> None:
    service.emit("acme", 1, "r-1")
    path = Path(str(service.database.engine.url.database))
    away = path.with_suffix(".away")
    # Every connection that is opened from now on finds a directory where the file was.
    service.database.close()
    for end in ("", "-wal", "-shm"):
        if (path.parent / (path.name + end)).exists():
            os.rename(path.parent / (path.name + end), away.parent / (away.name + end))
    path.mkdir()
    service.clock.advance(10_000)
    for answer in (
        service.http.post(DELTA, json=BODY),
        service.http.get("/api/v1/balance/derive/acme"),
        service.anybody.get("/readyz"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable"), answer.text
        assert answer.headers["retry-after"] == "1"
        assert str(path) not in answer.text
    path.rmdir()
    service.database.close()
    for end in ("", "-wal", "-shm"):
        if (away.parent / (away.name + end)).exists():
            os.rename(away.parent / (away.name + end), path.parent / (path.name + end))
    assert service.http.post(DELTA, json=BODY).status_code == 201
    assert service.anybody.get("/readyz").status_code == 200


def test_what_goes_wrong_inside_says_nothing_of_it(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret is 1234")

    monkeypatch.setattr("anchor.server.api.routes.deriving.derive", broken)
    monkeypatch.setattr("anchor.server.api.routes.emitting.parse_emission", broken)
    for answer in (
        service.http.get("/api/v1/balance/derive/acme"),
        service.http.post(DELTA, json=BODY),
    ):
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert "1234" not in answer.text


def test_deeply_nested_json_does_not_end_the_process(service: Service) -> None:
    import web3  # noqa: F401  (it raises the recursion limit)

    for depth in (1_000, 100_000):
        body = b'{"customerId":"a","delta":1,"metadata":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
        assert service.http.post(DELTA, content=body).status_code in (400, 422)
    assert service.anybody.get("/healthz").status_code == 200
