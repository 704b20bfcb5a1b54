"""A check that takes long can be stopped, and then nothing is said of its file."""

from __future__ import annotations

from playwright.sync_api import Page, Route

from anchor.verify import write_proof_file
from tests.verify.building import example_log
from tests.web.browser import verdicts, verify


def test_a_check_against_a_node_that_does_not_answer_can_be_stopped(page: Page) -> None:
    waiting: list[Route] = []
    page.route("http://silent.example/**", lambda route: waiting.append(route))
    proof = write_proof_file(example_log(1).delta("UA", 4, 2, "mile"))
    files = [{"name": name, "mimeType": "application/json", "buffer": proof} for name in ("a.json", "b.json")]
    page.fill("#rpc", "http://silent.example/")
    assert not page.locator("#stop").is_visible()
    page.set_input_files("#files", files)
    page.locator("#stop").click()
    assert verdicts(page) == ["not_checked_against_a_chain"]
    assert "You stopped this check: nothing is said of the file." in page.locator("article").inner_text()
    assert page.locator(".summary").inner_text() == "2 files: 0 done, then stopped"
    assert not page.locator("#stop").is_visible()
    for route in waiting:
        route.fulfill(status=500, body="too late")
    verify(page, {"c.json": proof})
    assert len(page.query_selector_all("article")) == 1
    assert not page.locator("#stop").is_visible()
