"""What the page shows of a file's own texts, and of the rule that it was checked by."""

from __future__ import annotations

import json
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from anchor.proof.writing import proof_file_json
from anchor.protocol.errors import hex_of
from anchor.verify import write_proof_file
from tests.fixtures.anvil import Anvil
from tests.verify.anchored_log import AnchoredLog
from tests.verify.building import BuiltLog, example_log
from tests.web.browser import PAGE, verdicts, verify

UNSEEN = "U A\u200b\u202eeurt\u2066\u00ad\ufeff\u2028\x00\x1b[2J\u00a0\u3164\u034f\u2800\ufe0f"


def test_what_cannot_be_seen_of_a_text_is_written_out(page: Page, log: AnchoredLog, anvil: Anvil) -> None:
    log.built.record(UNSEEN, 1, "mile", reason=log.built.disclosed("two\nlines"))
    log.anchor()
    number = log.built.batches[-1].batch.number
    proof = write_proof_file(log.built.delta(UNSEEN, 0, number, "mile"))
    verify(page, {"a\u202egpj.json": proof}, rpc=anvil.url)
    assert verdicts(page) == ["valid"]
    text = page.locator("article").inner_text()
    written = (
        r"U A\u{200b}\u{202e}eurt\u{2066}\u{ad}\u{feff}\u{2028}\u{0}\u{1b}[2J"
        r"\u{a0}\u{3164}\u{34f}\u{2800}\u{fe0f}"
        f" (UTF-8 {UNSEEN.encode().hex()})"
    )
    assert f"customer “{written}”" in text
    assert page.locator(".shown td").first.inner_text() == written
    assert r"a\u{202e}gpj.json" in text
    assert not any(letter in text for letter in set(UNSEEN) - set("U Aeurt[2J"))
    assert "two\nlines" in page.locator(".shown").inner_text()


def test_texts_of_any_length_are_shown_by_their_beginnings(page: Page) -> None:
    log = example_log(1)
    whole = proof_file_json(log.period("AA", 5, 11, 4, "mile", listed=True))
    whole["ledger"]["customerId"] = "c" * 2_000_000
    for delta in whole["period"]["all"]["deltas"]:
        delta["referenceId"] = {"value": "r" * 100_000, "salt": "0x" + "00" * 16}
    verify(page, {"n" * 30 + ".json": json.dumps(whole).encode()})
    assert verdicts(page) == ["invalid"]
    text = page.locator("article").inner_text()
    assert len(text) < 50_000
    assert "c" * 10_000 in text
    assert "… (2,000,000 characters)" in text
    assert "r" * 256 + "… (100,000 characters)" in text


def test_how_old_a_final_block_may_be_is_told_where_a_link_sets_it(
    chromium: Browser, log: AnchoredLog, anvil: Anvil, good: bytes
) -> None:
    page = chromium.new_page()
    for oldest, told in (
        ("", ""),
        ("?oldest=3600", ""),
        ("?oldest=999999999", "of the last 999999999 seconds"),
    ):
        page.goto(PAGE.as_uri() + oldest)
        verify(page, {"proof.json": good}, rpc=anvil.url)
        asked = page.locator(".name").first.inner_text()
        assert told in asked
        assert ("seconds" in asked) == bool(told)
    page.close()


def test_what_a_link_filled_in_is_told_until_the_reader_types_it(
    chromium: Browser, log: AnchoredLog, anvil: Anvil, good: bytes
) -> None:
    page = chromium.new_page()
    contract = hex_of(log.contract)
    page.goto(f"{PAGE.as_uri()}?rpc={anvil.url}&contract={contract}&finality=latest&customer=")
    assert "the node, the agreed contract, when a block is final" in page.locator("#filled").inner_text()
    page.set_input_files("#files", [{"name": "a.json", "mimeType": "application/json", "buffer": good}])
    page.wait_for_selector("article[data-verdict=valid]")
    asked = page.locator(".name").first.inner_text()
    assert "a link filled in: the node, the agreed contract, when a block is final" in asked
    page.select_option("#finality", "safe")
    page.fill("#contract", contract.upper().replace("0X", "0x"))
    assert "the agreed contract" not in page.locator("#filled").inner_text()
    page.fill("#rpc", anvil.url)
    assert not page.locator("#filled").is_visible()
    verify(page, {"proof.json": good}, rpc=anvil.url, contract=contract)
    assert "link" not in page.locator(".name").first.inner_text()
    page.goto(PAGE.as_uri())
    assert not page.locator("#filled").is_visible()
    page.close()


def wide_period() -> bytes:
    """A period whose balances have as many digits as there can be."""
    log = BuiltLog(3)
    for at in range(12):
        reference = log.disclosed("reference " * 25) if at % 2 else log.disclosed("r")
        log.record("UA", 2**127 - 1, balance=-(2**255) + at, reference_id=reference)
    number = log.seal().batch.number
    return write_proof_file(log.period("UA", 2, 9, number, listed=True))


@pytest.mark.parametrize("medium", ["screen", "print"])
def test_no_amount_is_cut_off_on_a_phone_or_on_paper(
    chromium: Browser, medium: Literal["screen", "print"]
) -> None:
    width = {"screen": 360, "print": 680}[medium]
    context = chromium.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(PAGE.as_uri())
    verify(page, {"wide.json": wide_period()})
    page.emulate_media(media=medium)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cells = page.locator(".listed td").all()
    assert len(cells) == 8 * 5
    for cell in cells:
        box = cell.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    context.close()


def test_a_long_reference_leaves_the_amounts_in_sight_on_a_desk(chromium: Browser) -> None:
    log = BuiltLog(4)
    for _ in range(5):
        log.record("UA", 1234 * 10**18, reference_id=log.disclosed("reference " * 25))
    raw = write_proof_file(log.period("UA", 0, 4, log.seal().batch.number, listed=True))
    page = chromium.new_page(viewport={"width": 1100, "height": 800})
    page.goto(PAGE.as_uri())
    verify(page, {"long.json": raw})
    card, last = (page.locator(place).last.bounding_box() for place in ("article", ".listed td"))
    assert card is not None
    assert last is not None
    assert last["x"] + last["width"] <= card["x"] + card["width"]
    page.close()


def test_no_text_of_a_file_hides_the_step_that_failed(chromium: Browser) -> None:
    log = example_log(1)
    whole = proof_file_json(log.delta("UA", 4, 2, "mile"))
    for name in ("reason", "referenceId", "metadata"):
        whole["delta"][name] = {"value": "W" * 19_000 + "\n" * 300, "salt": "0x" + "00" * 16}
    whole["ledger"]["unit"] = "u" * 50_000
    page = chromium.new_page(viewport={"width": 390, "height": 800})
    page.goto(PAGE.as_uri())
    verify(page, {"long.json": json.dumps(whole).encode()})
    assert verdicts(page) == ["invalid"]
    start, failed = (page.locator(place).bounding_box() for place in ("article", ".steps li.failed"))
    assert start is not None
    assert failed is not None
    assert failed["y"] - start["y"] < 3_000
    page.close()
