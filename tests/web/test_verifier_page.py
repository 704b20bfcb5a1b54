"""The verifier page in Chromium, opened from disk: no server of ours anywhere."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request

from anchor.protocol.errors import hex_of
from anchor.server.api.app import Components, create_app
from anchor.server.ledger.group_commit import GroupCommit
from anchor.server.service.background_server import BackgroundServer
from anchor.server.service.http_app import verifier_page
from anchor.server.storage.database import Database
from anchor.verify import verify_file, write_proof_file
from tests.fixtures.anvil import Anvil, running_anvil
from tests.fixtures.hostile_node import headers_now_and_then, serving, silent
from tests.fixtures.logs import open_new_log
from tests.verify.anchored_log import AnchoredLog
from tests.web.browser import PAGE, verdicts, verify

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_its_sources_build(tmp_path: Path) -> None:
    built = tmp_path / "verify.html"
    subprocess.run([ROOT / ".venv/bin/node", ROOT / "web/verifier/build.mjs", built], check=True, timeout=60)
    assert built.read_text() == PAGE.read_text(), "run: node web/verifier/build.mjs"


def test_the_service_serves_this_page() -> None:
    assert verifier_page() == PAGE.read_text()


def test_the_page_works_from_the_service_as_well(
    chromium: Browser, sqlite_database: Database, good: bytes, anvil: Anvil
) -> None:
    opened = open_new_log(sqlite_database)
    components = Components(
        database=opened.database,
        log=opened.log,
        identity_key=opened.identity_key,
        clock=opened.clock,
        group_commit=GroupCommit(opened.recorder, queue_limit=100),
        verifier_page=verifier_page(),
    )
    server = BackgroundServer(create_app(components), "127.0.0.1", 0)
    server.start()
    page = chromium.new_page()
    page.goto(f"{server.url}/verify")
    verify(page, {"proof.json": good}, rpc=anvil.url)
    assert verdicts(page) == ["valid"]
    page.close()
    server.stop()


def test_the_page_is_small_and_holds_no_address_to_load_from() -> None:
    text = PAGE.read_text()
    assert len(zlib.compress(text.encode())) < 60_000
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=\"(?!data:,)", text)
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_an_honest_proof_is_valid_and_each_step_is_shown(
    page: Page, log: AnchoredLog, good: bytes, anvil: Anvil
) -> None:
    verify(page, {"proof.json": good}, rpc=anvil.url, contract=hex_of(log.contract))
    assert verdicts(page) == ["valid"]
    expected = verify_file(good, rpc=anvil.url, contract=log.contract, finality="latest")
    steps = page.locator(".steps li")
    assert steps.count() == len(expected.steps)
    assert page.locator(".steps li.passed").count() == len(expected.steps)
    assert page.locator(".steps .step").all_text_contents() == [step.name for step in expected.steps]
    assert page.locator(".statements li").all_text_contents() == list(expected.statements)
    assert "UA" in page.locator(".shown").inner_text()


def test_one_digit_changed_is_shown_in_red_with_both_values(page: Page, good: bytes, anvil: Anvil) -> None:
    altered = good.replace(b'"recordedAt": 1', b'"recordedAt": 2', 1)
    verify(page, {"proof.json": altered}, rpc=anvil.url)
    assert verdicts(page) == ["invalid"]
    failed = page.locator(".steps li.failed")
    assert failed.locator(".step").inner_text().lower() == "ledger inclusion"
    result = verify_file(altered)
    assert result.failed is not None
    shown = failed.inner_text()
    assert result.failed.expected in shown
    assert result.failed.found in shown
    assert "Not asked" in page.locator(".steps li.skipped").inner_text()


def test_without_a_node_nothing_is_valid(page: Page, good: bytes) -> None:
    verify(page, {"proof.json": good})
    assert verdicts(page) == ["not_checked_against_a_chain"]
    verify(page, {"proof.json": good}, rpc="http://127.0.0.1:1")
    assert verdicts(page) == ["not_checked_against_a_chain"]
    assert "does not answer this page" in page.locator("article").inner_text()


def test_several_files_each_get_their_verdict(
    page: Page, good: bytes, log: AnchoredLog, anvil: Anvil
) -> None:
    built = log.built
    files = {
        "delta.json": good,
        "no proof.json": b'{"format": "something else"}',
        "no json": b"\x00\xff",
        "period.json": write_proof_file(built.period("UA", 2, 9, 4, "mile", listed=True)),
        "absence.json": write_proof_file(built.absence("Nobody", 4)),
        "old.json": write_proof_file(built.freshness("UA", 2, "mile")),
        "fresh.json": write_proof_file(built.freshness("UA", 4, "mile")),
        "extension.json": write_proof_file(built.extension("UA", 1, 4, "mile")),
    }
    verify(page, files, rpc=anvil.url)
    assert verdicts(page) == ["valid", "invalid", "invalid", "valid", "valid", "invalid", "valid", "valid"]


@pytest.mark.parametrize("answer", [silent, headers_now_and_then])
def test_a_node_that_hangs_counts_as_unavailable(
    page: Page, answer: Callable[[socket.socket, threading.Event], None]
) -> None:
    ask = "url => new anchorVerifier.JsonRpcChain(url, {timeout: 500}).chainId().catch(error => error.reason)"
    with serving(answer) as url:
        assert "takes longer than 0.5 s to answer" in page.evaluate(ask, url)


def test_two_nodes_are_held_against_each_other(page: Page, good: bytes, anvil: Anvil) -> None:
    verify(page, {"proof.json": good}, rpc=f"{anvil.url} {anvil.url}/")
    assert verdicts(page) == ["valid"]
    with running_anvil("--chain-id", "5") as other:
        verify(page, {"proof.json": good}, rpc=f"{anvil.url} {other.url}")
        assert verdicts(page) == ["not_checked_against_a_chain"]
        assert "disagree about the chain's id" in page.locator("article").inner_text()


def test_another_contract_than_the_agreed_one_is_refused(page: Page, good: bytes, anvil: Anvil) -> None:
    verify(page, {"proof.json": good}, rpc=anvil.url, contract="0x" + "77" * 20)
    assert verdicts(page) == ["invalid"]
    page.fill("#contract", "not an address")
    page.click("#again")
    assert "not an address" in page.locator("#trouble").inner_text()


def test_nothing_is_asked_but_the_node(page: Page, good: bytes, anvil: Anvil) -> None:
    asked: set[str] = set()

    def note(request: Request) -> None:
        asked.add(request.url)

    page.on("request", note)
    verify(page, {"proof.json": good}, rpc=anvil.url)
    assert asked == {anvil.url + "/"}


def test_what_a_file_holds_is_shown_as_text(page: Page, log: AnchoredLog, anvil: Anvil) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(1)</script>"
    log.built.record("evil", 1, reason=log.built.disclosed(evil))
    log.anchor()
    number = log.built.batches[-1].batch.number
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    verify(page, {evil + ".json": write_proof_file(log.built.delta("evil", 0, number))}, rpc=anvil.url)
    assert verdicts(page) == ["valid"]
    assert evil in page.locator(".shown").inner_text()
    assert page.locator("article img, article script").count() == 0


def test_a_file_can_be_dropped(page: Page, good: bytes, anvil: Anvil) -> None:
    page.fill("#rpc", anvil.url)
    page.select_option("#finality", "latest")
    page.evaluate(
        """text => {
            const data = new DataTransfer();
            data.items.add(new File([text], "dropped.json"));
            document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
        }""",
        good.decode(),
    )
    page.wait_for_selector("article[data-verdict]")
    assert verdicts(page) == ["valid"]
    assert page.locator(".name").inner_text().startswith("dropped.json")


def test_a_link_can_name_node_contract_and_rule(chromium: Browser, anvil: Anvil) -> None:
    page = chromium.new_page()
    page.goto(f"{PAGE.as_uri()}?rpc={anvil.url}&contract=0x12&finality=7")
    assert page.input_value("#rpc") == anvil.url
    assert page.input_value("#contract") == "0x12"
    assert page.input_value("#finality") == "7"
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (390, "dark"), (1200, "light")])
def test_nothing_overflows_on_a_phone_or_a_desk(
    chromium: Browser, log: AnchoredLog, anvil: Anvil, width: int, scheme: str
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(PAGE.as_uri())
    period = write_proof_file(log.built.period("UA", 2, 9, 4, "mile", listed=True))
    verify(page, {"a" * 100 + ".json": period, "b.json": period.replace(b"5", b"6", 30)}, rpc=anvil.url)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_paper_shows_the_answer_and_not_the_form(page: Page, good: bytes, anvil: Anvil) -> None:
    verify(page, {"proof.json": good}, rpc=anvil.url)
    page.emulate_media(media="print")
    assert not page.locator("form").is_visible()
    assert page.locator(".verdict").is_visible()
    assert page.locator(".steps li").last.is_visible()
    assert len(page.pdf(format="A4")) > 5_000
