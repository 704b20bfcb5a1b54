"""Pages on their way into the copy: what was checked is kept whatever becomes of the next page, in few
transactions, and the server is asked for each page once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from anchor.client.errors import ClientError
from anchor.replica.store import Store
from tests.replica.playing import CUSTOMER, Hearing, Log, PlayedServer
from tests.verify.building import BuiltLog

PAGE = 100
"""Deltas that this server shows at once, whatever it is asked for."""


@pytest.fixture
def hearing(tmp_path: Path) -> Hearing:
    """A counterparty without a copy yet, and a record of a few pages."""
    built = BuiltLog(5)
    built.record_many(CUSTOMER, 350)
    built.seal()
    built.anchor()
    return Hearing(PlayedServer(Log(built)), tmp_path / "ua.replica")


def cursors(hearing: Hearing, asked: list[httpx.Request]) -> list[int]:
    return [int(one.url.params["cursor"]) for one in asked if int(one.url.params["limit"]) == 1_000]


def hear(hearing: Hearing, change: Any = lambda _request, honest: honest) -> list[httpx.Request]:
    """Note what is asked of the record, and answer as told."""
    asked: list[httpx.Request] = []

    def lie(request: httpx.Request, honest: Any) -> Any:
        asked.append(request)
        del honest["items"][PAGE:]
        return change(request, honest)

    hearing.server.lies = {"/records": lie}
    return asked


def test_each_page_is_asked_for_once(hearing: Hearing) -> None:
    asked = hear(hearing)
    assert hearing.round().findings == ()
    assert cursors(hearing, asked) == [0, 100, 200, 300]
    assert hearing.held() == hearing.truth


def test_what_came_before_a_page_that_cannot_be_had_is_kept_and_gone_on_from(hearing: Hearing) -> None:
    def refuse(request: httpx.Request, honest: Any) -> Any:
        return httpx.Response(503) if request.url.params["cursor"] == "200" else honest

    hear(hearing, refuse)
    with pytest.raises(ClientError):
        hearing.round()
    assert hearing.held() == hearing.truth[:200]
    asked = hear(hearing)
    assert hearing.round().size == 350
    assert cursors(hearing, asked)[0] == 200
    assert hearing.held() == hearing.truth


def test_what_fits_before_what_does_not_is_kept(hearing: Hearing) -> None:
    def alter(_request: httpx.Request, honest: Any) -> Any:
        for item in honest["items"]:
            if item["delta"]["index"] == 150:
                item["delta"]["amount"] = "1"
        return honest

    hear(hearing, alter)
    found = hearing.round().findings
    assert (found[0].misfit.kind, found[0].misfit.index) == ("false_fingerprint", 150)
    assert hearing.held() == hearing.truth[:150]


def test_few_transactions_write_many_pages(hearing: Hearing, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    append = Store.append

    def counted(self: Store, before: Any, deltas: Any) -> None:
        kept.append(len(deltas))
        append(self, before, deltas)

    monkeypatch.setattr(Store, "append", counted)
    assert hearing.round().findings == ()
    assert kept == [350]


def test_a_slow_server_keeps_nothing_waiting_for_long(
    hearing: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anchor.replica.intake.LONGEST_UNKEPT", 0.0)
    sizes: list[int] = []

    def look(_request: httpx.Request, honest: Any) -> Any:
        if hearing.path.exists():
            with Store.open(hearing.path) as store:
                sizes.append(store.standing().size)
        return honest

    hear(hearing, look)
    assert hearing.round().findings == ()
    assert sizes == sorted(sizes)
    assert {100, 200} & set(sizes)
