"""Whatever a server answers, the copy stays a whole copy of the true record's beginning."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from anchor.client.errors import AnchorProblem, AnchorUnreachable, ClientError, UnexpectedAnswer
from anchor.replica.following import Follower
from anchor.replica.operator import Operator, UnreadableAnswer
from anchor.replica.store import Store
from anchor.replica.values import Wanted
from tests.client.altered_answers import MISSING, TOKENS, places, pointer, read
from tests.client.altered_answers import altered as odd_answer
from tests.replica.playing import CUSTOMER, Hearing, Log, PlayedServer
from tests.verify.building import BuiltLog

PATHS = ("/records", "/freshness", "/consistency", "/batches", "/balance")


@pytest.fixture
def hearing(tmp_path: Path) -> Hearing:
    built = BuiltLog(5)
    hearing = Hearing(PlayedServer(Log(built)), tmp_path / "ua.replica")
    for count in (17, 4):
        built.record_many(CUSTOMER, count)
        built.record_many("AA", 2)
        built.seal()
        built.anchor()
        assert hearing.round().findings == ()
    # Two batches at once: the one between has to be asked for.
    built.record_many("AA", 1)
    built.seal()
    built.record_many(CUSTOMER, 9)
    built.seal()
    built.anchor()
    return hearing


BAD: dict[str, Any] = {
    "nothing": b"",
    "no JSON": b"<html>",
    "another JSON": b"[]",
    "a key twice": b'{"log":1,"log":2}',
    "deep": b"[" * 100_000,
    "not UTF-8": b"\xff\xfe",
    "an object": {},
    "a number that is none": b'{"size":1e400}',
}


@pytest.mark.parametrize("path", PATHS[:4])
@pytest.mark.parametrize("name", BAD)
def test_an_answer_of_another_form_is_named_as_such_and_changes_nothing(
    hearing: Hearing, name: str, path: str
) -> None:
    hearing.server.lies[path] = lambda _request, _answer: BAD[name]
    with pytest.raises(UnreadableAnswer):
        hearing.round()
    assert hearing.held() == hearing.truth[: len(hearing.held())]
    hearing.server.lies.clear()
    went = hearing.round()
    assert (went.findings, went.size) == ((), 30)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(500, content=b"oops"), UnexpectedAnswer),
        (httpx.Response(302, headers={"location": "http://elsewhere"}), AnchorUnreachable),
        (httpx.Response(403, json={"status": "403", "code": 5, "title": []}), UnexpectedAnswer),
        (httpx.Response(403, json={"status": 403, "code": "scope_missing", "title": "No."}), AnchorProblem),
    ],
)
def test_a_refusal_is_no_finding(hearing: Hearing, answer: httpx.Response, error: type[Exception]) -> None:
    hearing.server.lies["/records"] = lambda _request, _answer: answer
    with pytest.raises(error):
        hearing.round()
    assert len(hearing.held()) == 21


@pytest.mark.parametrize("status", [401, 403, 408, 429])
def test_whoever_is_refused_halfway_through_a_round_accuses_nobody(hearing: Hearing, status: int) -> None:
    def refuse(_request: httpx.Request, _answer: Any, status: int = status, code: str = "refused") -> Any:
        return httpx.Response(status, json={"status": status, "code": code, "title": "No."})

    gone = partial(refuse, status=404, code="unknown_customer")
    for lies in ({"/consistency": refuse}, {"/records": gone, "/absence": refuse}):
        hearing.server.lies = lies
        with pytest.raises(AnchorProblem) as told:
            hearing.round()
        assert told.value.status == status
        assert list(hearing.path.parent.glob("*.json")) == [], "no evidence was saved"
    hearing.server.lies = {}
    went = hearing.round()
    assert (went.findings, went.size) == ((), 30)


def test_more_deltas_than_were_asked_for_are_refused(hearing: Hearing) -> None:
    hearing.server.lies["/records"] = lambda _, answer: answer | {"items": answer["items"] * 1001}
    with pytest.raises(UnreadableAnswer, match="at most"):
        hearing.round()


def test_whatever_one_value_of_an_answer_becomes_the_copy_stays_true(hearing: Hearing) -> None:
    """Every answer of a round, with a value altered at random: refused, told, or of no meaning to a copy."""
    chance = random.Random(11)
    outcomes = {"refused": 0, "told": 0, "nothing": 0}
    before = hearing.path.read_bytes()
    for number in range(150):
        path = PATHS[number % len(PATHS)]
        hearing.path.write_bytes(before)
        for beside in hearing.path.parent.glob("*"):
            if beside != hearing.path:
                beside.unlink()

        def lie(_request: httpx.Request, answer: Any) -> Any:
            value = json.loads(answer) if isinstance(answer, bytes) else copy.deepcopy(answer)
            altered(value, chance)
            return value

        hearing.server.lies = {path: lie}
        try:
            went = hearing.round()
            outcomes["told" if went.findings else "nothing"] += 1
        except ClientError:
            outcomes["refused"] += 1
        held = hearing.held()
        assert held == hearing.truth[: len(held)]
        assert len(held) >= 21
    assert min(outcomes.values()) > 10, outcomes


def altered(value: Any, chance: random.Random) -> None:
    """Alter one value somewhere within a JSON value, in place."""
    places: list[tuple[Any, Any]] = []

    def walk(inside: Any) -> None:
        pairs = inside.items() if isinstance(inside, dict) else enumerate(inside)
        for key, one in list(pairs):
            places.append((inside, key))
            if isinstance(one, dict | list):
                walk(one)

    walk(value)
    inside, key = chance.choice(places)
    old = inside[key]
    if isinstance(old, bool) or old is None:
        new: Any = "0x" + "11" * 32
    elif isinstance(old, int):
        new = chance.choice([old + 1, max(0, old - 1), 0, 2**63, 2**64 - 1])
    elif isinstance(old, str):
        digits = list(old or "x")
        at = chance.randrange(len(digits))
        digits[at] = chance.choice("0123456789abcdef")
        new = chance.choice(["".join(digits), "", "0x" + "11" * 32])
    elif isinstance(old, list):
        new = chance.choice([old[1:], [*old, *old[:1]], old[::-1], []])
    else:
        new = chance.choice([{}, [old], None])
    inside[key] = new


def test_evidence_against_another_ledger_is_saved_once_though_no_copy_is_made(
    hearing: Hearing, tmp_path: Path
) -> None:
    path, built = tmp_path / "new.replica", hearing.server.log.built
    with (
        Operator("http://operator", "ak_x", transport=hearing.server) as operator,
        Follower(operator, built.chain, path, Wanted(CUSTOMER, log_id=bytes(32))) as follower,
    ):
        (first,) = follower.round().findings
        for _ in range(4):
            (again,) = follower.round().findings
            assert (again.misfit, again.files) == (first.misfit, ())
    assert sorted(tmp_path.glob("new.replica*")) == list(first.files)


ODD = (MISSING, "null", "a text", "true", "a negative number", "more than a signed word", "a billion years")
ODDER = ("a fraction", "NaN", "more digits than Python reads", "half a character", "a list", "deep objects")


@pytest.mark.parametrize("path", PATHS[:4])
def test_whatever_any_value_of_an_answer_becomes_a_round_ends_in_a_finding_or_a_known_error(
    hearing: Hearing, path: str
) -> None:
    """Every value of an answer of a round, each in turn in every odd form."""
    before = hearing.path.read_bytes()
    heard: list[bytes] = []

    def listen(_request: httpx.Request, answer: Any) -> Any:
        heard.append(answer if isinstance(answer, bytes) else json.dumps(answer).encode())
        return answer

    hearing.server.lies = {path: listen}
    hearing.round()
    honest = read(heard[0])
    told = 0
    for place in places(honest):
        for what in ODD + ODDER:
            hearing.path.write_bytes(before)
            for beside in hearing.path.parent.glob("*"):
                if beside != hearing.path:
                    beside.unlink()
            content = odd_answer(honest, place, TOKENS[what])
            hearing.server.lies = {path: lambda _request, _answer, content=content: content}
            try:
                told += bool(hearing.round().findings)
            except ClientError:
                told += 1
            except Exception as error:
                raise AssertionError(f"{what} at {pointer(place)}") from error
    assert told > 100


def test_a_head_in_a_block_of_a_time_that_cannot_be_is_not_checked(hearing: Hearing) -> None:
    blocks = hearing.server.log.built.chain.blocks
    before = list(blocks)
    blocks[:] = [replace(block, timestamp=2**64 - 1) for block in before]
    went = hearing.round()
    assert (went.findings, went.size, went.head is not None and went.head.head.size) == ((), 30, 21)
    assert went.not_checked is not None
    assert "18446744073709551615000 ms after 1970" in went.not_checked
    blocks[:] = before
    assert hearing.round().head is not None
    with Store.open(hearing.path) as store:
        assert store.newest_head().head.size == 30
