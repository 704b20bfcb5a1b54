"""One chain, one log on it, and one Chromium for a module of tests of the page.

None of them outlives its module: Playwright keeps an event loop in its thread, in which no other test could
run one.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from anchor.server.chain.signers.local import LocalSigner
from anchor.verify import write_proof_file
from tests.fixtures.anvil import Anvil, running_anvil
from tests.verify.anchored_log import AnchoredLog
from tests.web.browser import PAGE, running_chromium


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with running_anvil() as node:
        yield node


@pytest.fixture(scope="module")
def log(anvil: Anvil) -> AnchoredLog:
    """A log anchored on Anvil."""
    log = AnchoredLog(anvil.url, LocalSigner(bytes.fromhex(anvil.accounts[1].private_key[2:])))
    log.grow()
    anvil.mine(3)
    return log


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """The page, opened from disk; anything that it complains about fails the test."""
    context = chromium.new_context()
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "warning" else None)
    page.goto(PAGE.as_uri())
    yield page
    context.close()
    assert not complaints


@pytest.fixture(scope="module")
def good(log: AnchoredLog) -> bytes:
    return write_proof_file(log.built.delta("UA", 8, 3, "mile"))
