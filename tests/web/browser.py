"""Chromium under Playwright, and the verifier page in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

PAGE = Path(__file__).parents[2] / "src/anchor/web/verify.html"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """A headless Chromium of the system's."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path is not None, "Chromium is missing: run scripts/setup"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def verify(
    page: Page, files: dict[str, bytes], *, rpc: str = "", contract: str = "", finality: str = "latest"
) -> None:
    """Fill the form, choose files, and wait until each has its verdict."""
    page.fill("#rpc", rpc)
    page.fill("#contract", contract)
    page.select_option("#finality", finality)
    # Those of the files before would count as the answers of these.
    page.evaluate("document.querySelectorAll('article').forEach((card) => card.remove())")
    page.set_input_files(
        "#files",
        [{"name": name, "mimeType": "application/json", "buffer": raw} for name, raw in files.items()],
    )
    page.wait_for_function(
        "count => document.querySelectorAll('article[data-verdict]').length === count", arg=len(files)
    )


def verdicts(page: Page) -> list[str]:
    """The verdicts shown, in order."""
    return [card.get_attribute("data-verdict") or "" for card in page.query_selector_all("article")]
