"""Whatever is sent to any call, the answer is a success or a problem of the table, never a fault of ours."""

import contextlib
import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anchor.server.storage.database import Database
from anchor.wire.problems import KINDS
from tests.fixtures.service import Service, running_service

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["", "0", "-1", "1e400", "\0", "\ud800", "2026-02-30", "0x" + "ff" * 32, "a" * 300]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def fuzzed(module_database_url: str) -> Iterator[Service]:
    """A service with something on record, for all examples."""
    with contextlib.ExitStack() as stack:
        database = Database.open(module_database_url)
        stack.callback(database.close)
        service = stack.enter_context(running_service(database))
        service.emit("acme", -182, "run-7781")
        service.seal()
        yield service


def _bodies(service: Service) -> list[tuple[str, Any]]:
    document = service.anybody.get("/openapi.json").json()
    return [
        (path, example["value"])
        for path, methods in document["paths"].items()
        for operation in methods.values()
        for example in operation.get("requestBody", {})
        .get("content", {})
        .get("application/json", {})
        .get("examples", {})
        .values()
    ]


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _places(inner, (*at, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _places(inner, (*at, place))


def _changed(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    changed = copy.deepcopy(value)
    inner = changed
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = new
    return changed


@given(st.data())
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_body_with_anything_in_any_place_is_answered(fuzzed: Service, data: st.DataObject) -> None:
    path, example = data.draw(st.sampled_from(_bodies(fuzzed)))
    place = data.draw(st.sampled_from(list(_places(example))))
    body = _changed(example, place, data.draw(JSON))
    _assert_answered(fuzzed.http.post(path, content=json.dumps(body).encode()))


PATHS = (
    "/api/v1/balance/derive/{}",
    "/api/v1/receipts/{}",
    "/api/v1/receipts/{}/proof",
    "/api/v1/ledgers/{}",
    "/api/v1/ledgers/{}/deltas",
    "/api/v1/checkpoints/{}",
    "/api/v1/checkpoints/{}/proof",
    "/api/v1/batches/{}",
    "/api/v1/verify/{}",
)
PARAMETERS = ("unit", "asOfIndex", "asOfTime", "audit", "cursor", "limit", "customerId", "source", "deltas")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    ["acme", "0", "-1", "9" * 19, "9" * 30, "1.5", "true", "0x" + "ab" * 32, "rcpt_" + "a" * 26, "2026-01-01"]
)


@given(st.sampled_from(PATHS), TEXTS, st.dictionaries(st.sampled_from(PARAMETERS), TEXTS, max_size=2))
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_question_with_anything_in_it_is_answered(
    fuzzed: Service, path: str, value: str, query: dict[str, str]
) -> None:
    from urllib.parse import quote

    _assert_answered(fuzzed.http.get(path.format(quote(value, safe="")), params=query))


def _assert_answered(answer: Any) -> None:
    if answer.status_code >= 400:
        document = answer.json()
        kind = KINDS[document["code"]]
        assert kind.status == answer.status_code
        assert kind.code != "internal_error", answer.text
        assert answer.headers["content-type"] == "application/problem+json"
