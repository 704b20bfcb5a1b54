"""A sampled audit on the verifier's page, opened from disk."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Browser, Page

from anchor.verify.results import Verification
from anchor.verify.sampling import anchoring_block, draw_sample, under_one_anchor, write_sample
from anchor.verify.verifying_files import verify_file
from tests.fixtures.anvil import Anvil
from tests.verify.anchored_log import AnchoredLog
from tests.web.browser import PAGE, verdicts, verify

FROM, TO, COUNT = 3, 10, 4


@pytest.fixture(scope="module")
def sample(log: AnchoredLog) -> bytes:
    """Four of the deltas 3 to 10, which the second anchor's batch did not hold all."""
    period = under_one_anchor(log.built.period("UA", FROM, TO, 4, "mile"), log.chain_id)
    assert period.ledger is not None
    drawn = draw_sample(anchoring_block(period), period.ledger.ledger_id, FROM, TO, COUNT)
    deltas = [under_one_anchor(log.built.delta("UA", at, 4, "mile"), log.chain_id) for at in drawn]
    return write_sample(period, deltas, log.built.freshness("UA", 2, "mile"))


def agree_on(page: Page, start: str, end: str, count: str) -> None:
    page.click("#agreed summary")
    for name, value in (("from", start), ("to", end), ("count", count)):
        page.fill(f"#{name}", value)


def expected(raw: bytes, anvil: Anvil) -> Verification:
    return verify_file(raw, rpc=[anvil.url], count=COUNT, from_index=FROM, to_index=TO, finality="latest")


def test_a_sample_is_valid_step_by_step_as_anchor_check_sample_says(
    page: Page, sample: bytes, anvil: Anvil
) -> None:
    agree_on(page, f"{FROM}", f"{TO}", f"{COUNT}")
    verify(page, {"sample.json": sample}, rpc=anvil.url)
    result = expected(sample, anvil)
    assert verdicts(page) == [result.verdict] == ["valid"]
    names = page.locator(".steps .step").all_text_contents()
    assert names == [step.name for step in result.steps]
    assert names[-4:] == ["sample: range", "sample: drawing", "sample: deltas", "sample: first anchor"]
    assert page.locator(".statements li").all_text_contents() == list(result.statements)
    assert "95 % confidence" in page.locator(".statements").inner_text()
    drawn = [proof["delta"]["index"] for proof in json.loads(sample)["deltas"]]
    assert str(drawn) in page.locator(".steps").inner_text()
    listed = page.locator(".listed tbody tr td:first-child").all_text_contents()
    assert listed == [str(index) for index in drawn]


def test_a_chosen_sample_is_red_at_the_drawing_with_both_lists(
    page: Page, sample: bytes, anvil: Anvil
) -> None:
    document = json.loads(sample)
    document["deltas"].pop()
    chosen = json.dumps(document).encode()
    agree_on(page, f"{FROM}", f"{TO}", f"{COUNT}")
    verify(page, {"sample.json": chosen}, rpc=anvil.url)
    assert verdicts(page) == ["invalid"]
    failed = page.locator(".steps li.failed")
    step = expected(chosen, anvil).failed
    assert step is not None
    assert failed.locator(".step").inner_text().lower() == step.name == "sample: drawing"
    assert str(step.expected) in failed.inner_text()
    assert str(step.found) in failed.inner_text()


def test_without_what_was_agreed_on_no_confidence_is_stated(page: Page, sample: bytes, anvil: Anvil) -> None:
    verify(page, {"sample.json": sample}, rpc=anvil.url)
    assert verdicts(page) == ["valid"]
    assert "No confidence is stated" in page.locator(".statements").inner_text()
    assert "95 %" not in page.locator(".statements").inner_text()
    verify(page, {"sample.json": sample})
    assert verdicts(page) == ["not_checked_against_a_chain"]


@pytest.mark.parametrize(("start", "end", "count"), [("5", "4", "3"), ("x", "", ""), ("", "", "1001")])
def test_what_nobody_can_have_agreed_on_is_said(
    page: Page, sample: bytes, start: str, end: str, count: str
) -> None:
    verify(page, {"sample.json": sample})
    agree_on(page, start, end, count)
    page.click("#again")
    assert "agreed on of a sample" in page.locator("#trouble").inner_text()
    assert verdicts(page) == []


@pytest.mark.parametrize("width", [320, 1200])
def test_a_link_names_what_was_agreed_on_and_nothing_overflows(
    chromium: Browser, sample: bytes, anvil: Anvil, width: int
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(f"{PAGE.as_uri()}?from={FROM}&to={TO}&count={COUNT}")
    assert page.locator("#count").is_visible()
    verify(page, {"sample.json": sample}, rpc=anvil.url)
    assert "95 % confidence" in page.locator(".statements").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
