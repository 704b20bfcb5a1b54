"""Audit packs, folders and a chain's evidence on the verifier's page, opened from disk."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from anchor.node.reader import JsonRpcChain
from anchor.proof.values import Record
from anchor.protocol.errors import hex_of
from anchor.protocol.merkle import LEDGER_TREE, Frontier
from anchor.verify import verify_file, write_proof_file
from anchor.verify.audit_pack import DELTAS, PackParts, write_audit_pack
from anchor.verify.evidence import ChainEvidence, collect_evidence
from tests.fixtures.anvil import Anvil
from tests.verify.anchored_log import AnchoredLog
from tests.verify.building import START, BuiltLog
from tests.web.browser import PAGE, verdicts


@pytest.fixture(scope="module")
def evidence(log: AnchoredLog) -> ChainEvidence:
    return collect_evidence(JsonRpcChain(log.url), log.contract)


def packed(built: BuiltLog, path: Path, evidence: ChainEvidence | None, *, forged: bool = False) -> Path:
    """A pack of deltas 2 to 9; a forged one lists another amount than was anchored."""
    ledger = built.ledger("UA", "mile")
    records: list[Record] = list(ledger.records[2:10])
    if forged:
        records[3] = replace(ledger.records[5], amount=1)
    peaks = Frontier.empty().extend(LEDGER_TREE, ledger.leaves[:2]).peaks
    parts = PackParts(built.period("UA", 2, 9, 4, "mile"), peaks, evidence=evidence)
    write_audit_pack(path, parts, records, made_at=START)
    return path


@pytest.fixture
def pack(log: AnchoredLog, evidence: ChainEvidence, tmp_path: Path) -> Path:
    return packed(log.built, tmp_path / "pack.zip", evidence)


def choose(page: Page, paths: list[Path] | Path, cards: int) -> None:
    """Choose files, or a folder, and wait until each of so many has its verdict."""
    page.set_input_files("#folder" if isinstance(paths, Path) else "#files", paths)
    wait(page, cards)


def wait(page: Page, cards: int) -> None:
    page.wait_for_function(
        "count => document.querySelectorAll('article[data-verdict]').length === count", arg=cards
    )


def ask(page: Page, node: str) -> None:
    page.fill("#rpc", node)
    page.select_option("#finality", "latest")


def trust(page: Page, block_hash: str) -> None:
    page.check("#offline")
    page.fill("#block", block_hash)


def drop(page: Page, paths: list[Path]) -> None:
    """Drop files and folders from disk, as a person does."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 200, "y": 200, "data": data})


def test_a_pack_is_valid_step_by_step_as_anchor_verify_says(
    page: Page, pack: Path, anvil: Anvil, log: AnchoredLog
) -> None:
    ask(page, anvil.url)
    page.fill("#contract", hex_of(log.contract))
    choose(page, [pack], 1)
    expected = verify_file(pack, rpc=anvil.url, contract=log.contract, finality="latest")
    assert verdicts(page) == [expected.verdict] == ["valid"]
    assert page.locator(".steps .step").all_text_contents() == [step.name for step in expected.steps]
    assert page.locator(".statements li").all_text_contents() == list(expected.statements)
    assert page.locator(".listed tbody tr").count() == 8


def test_a_forged_pack_shows_the_roots_that_differ(
    page: Page, log: AnchoredLog, tmp_path: Path, anvil: Anvil
) -> None:
    path = packed(log.built, tmp_path / "pack.zip", None, forged=True)
    ask(page, anvil.url)
    choose(page, [path], 1)
    result = verify_file(path, rpc=anvil.url, finality="latest")
    assert verdicts(page) == [result.verdict] == ["invalid"]
    failed = page.locator(".steps li.failed")
    assert failed.locator(".step").inner_text().lower() == "all deltas"
    assert result.failed is not None
    assert str(result.failed.expected) in failed.inner_text()
    assert str(result.failed.found) in failed.inner_text()
    assert "Delta 5: its balance is not the one before it plus its amount." in failed.inner_text()


def test_files_packs_and_folders_are_dropped_at_once(
    page: Page, pack: Path, log: AnchoredLog, tmp_path: Path, anvil: Anvil
) -> None:
    inner = tmp_path / "march" / "inner"
    inner.mkdir(parents=True)
    (inner / "delta.json").write_bytes(write_proof_file(log.built.delta("UA", 8, 3, "mile")))
    (inner / "notes.txt").write_text("not looked at")
    (tmp_path / "march" / "absence.json").write_bytes(write_proof_file(log.built.absence("Nobody", 4)))
    nonsense = tmp_path / "nonsense.json"
    nonsense.write_text("[1, 2")
    ask(page, anvil.url)
    drop(page, [pack, nonsense, tmp_path / "march"])
    wait(page, 4)
    assert verdicts(page) == ["valid", "invalid", "valid", "valid"]
    names = page.locator(".name b").all_text_contents()
    assert names == ["pack.zip", "nonsense.json", "march/absence.json", "march/inner/delta.json"]
    assert page.locator(".summary").inner_text() == "4 files: 3 valid, 1 not valid"


def test_a_folder_is_chosen(page: Page, log: AnchoredLog, tmp_path: Path, anvil: Anvil) -> None:
    folder = tmp_path / "proofs"
    folder.mkdir()
    for number in (1, 2, 3):
        (folder / f"{number}.json").write_bytes(write_proof_file(log.built.delta("UA", number, 4, "mile")))
    (folder / "readme.md").write_text("not looked at")
    ask(page, anvil.url)
    choose(page, folder, 3)
    assert verdicts(page) == ["valid"] * 3


def test_an_unpacked_pack_is_a_folder_with_a_period_and_its_evidence(
    page: Page, pack: Path, evidence: ChainEvidence, tmp_path: Path
) -> None:
    with zipfile.ZipFile(pack) as archive:
        archive.extractall(tmp_path / "unpacked")
    trust(page, hex_of(evidence.block_hash))
    choose(page, tmp_path / "unpacked", 1)
    assert verdicts(page) == ["valid"]
    assert page.locator(".name b").inner_text() == "unpacked/period.json"


def test_a_pack_is_valid_offline_and_nothing_is_asked(
    page: Page, pack: Path, evidence: ChainEvidence
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.context.set_offline(True)
    trust(page, hex_of(evidence.block_hash).upper().replace("0X", "0x"))
    choose(page, [pack], 1)
    assert verdicts(page) == ["valid"]
    assert asked == []
    expected = verify_file(pack, block_hash=evidence.block_hash)
    assert page.locator(".steps .step").all_text_contents() == [step.name for step in expected.steps]


def test_another_block_than_the_evidences_says_nothing(
    page: Page, pack: Path, evidence: ChainEvidence
) -> None:
    trust(page, "0x" + "12" * 32)
    choose(page, [pack], 1)
    assert verdicts(page) == ["not_checked_against_a_chain"]
    failed = page.locator(".steps li.failed").inner_text()
    assert "block header" in failed
    assert "0x" + "12" * 32 in failed
    assert hex_of(evidence.block_hash) in failed
    page.fill("#block", "0x12")
    page.click("#again")
    assert "64 hexadecimal digits" in page.locator("#trouble").inner_text()
    assert verdicts(page) == []


def test_proof_files_are_checked_offline_with_the_evidence_beside_them(
    page: Page, log: AnchoredLog, evidence: ChainEvidence, tmp_path: Path
) -> None:
    proof = tmp_path / "proof.json"
    proof.write_bytes(write_proof_file(log.built.freshness("UA", 4, "mile")))
    beside = tmp_path / "evidence.json"
    beside.write_bytes(evidence.to_bytes())
    trust(page, hex_of(evidence.block_hash))
    choose(page, [proof], 1)
    assert verdicts(page) == ["not_checked_against_a_chain"]
    assert "evidence is missing" in page.locator("#trouble").inner_text()
    # The evidence alone is no proof: it serves the file that was chosen before.
    choose(page, [beside], 1)
    wait(page, 1)
    assert "evidence.json is used" in page.locator("#evidence").inner_text()
    assert verdicts(page) == ["valid"]
    assert not page.locator("#trouble").is_visible()


def test_hostile_archives_are_refused_and_the_page_goes_on(
    page: Page, pack: Path, tmp_path: Path, anvil: Anvil
) -> None:
    whole = pack.read_bytes()
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(pack) as old, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, bytes(200_000_000) if name == DELTAS else old.read(name))
    cut, foreign, huge = (tmp_path / name for name in ("cut.zip", "foreign.zip", "huge.json"))
    cut.write_bytes(whole[: len(whole) // 2])
    foreign.write_bytes(b"PK\x03\x04 and nothing of the kind")
    with huge.open("wb") as opened:
        opened.truncate(200 * 1024 * 1024)
    ask(page, anvil.url)
    choose(page, [bomb, cut, foreign, huge, pack], 5)
    assert verdicts(page) == ["invalid"] * 4 + ["valid"]
    said = page.locator(".steps li.failed").all_text_contents()
    assert "has a line of more than" in said[0]
    assert "is no archive that can be read" in said[1]
    assert "is no archive that can be read" in said[2]
    assert "is larger than" in said[3]


@pytest.mark.slow
def test_a_long_pack_shows_how_far_it_is_and_gives_way_to_the_next(page: Page, tmp_path: Path) -> None:
    log = BuiltLog(3)
    log.record_many("UA", 6_000)
    log.seal()
    log.anchor()
    path = tmp_path / "long.zip"
    records = list(log.ledger("UA").records)
    write_audit_pack(path, PackParts(log.period("UA", 0, 5_999, 1), ()), records, made_at=START)
    page.set_input_files("#files", path)
    page.wait_for_function("() => document.querySelector('progress')?.value > 0")
    assert "of 6000 deltas" in page.locator(".verdict").inner_text()
    page.click("#again")
    wait(page, 1)
    assert verdicts(page) == ["not_checked_against_a_chain"]
    assert page.locator("article").count() == 1
    assert "The first 500 of 6000" in page.locator("article").inner_text()


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (360, "dark"), (1200, "light")])
def test_a_pack_fits_a_phone_and_no_word_of_a_title_is_broken(
    chromium: Browser, pack: Path, evidence: ChainEvidence, width: int, scheme: str
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{PAGE.as_uri()}?block={hex_of(evidence.block_hash)}")
    choose(page, [pack], 1)
    assert verdicts(page) == ["valid"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    broken = page.evaluate(
        """[...document.querySelectorAll('.shown th')].filter(cell => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            const lines = new Set([...range.getClientRects()].map(rectangle => rectangle.top)).size;
            return lines > cell.textContent.split(' ').length;
        }).map(cell => cell.textContent)"""
    )
    assert broken == []
    context.close()


def test_on_paper_without_backgrounds_the_differing_digits_can_be_read(
    page: Page, log: AnchoredLog, tmp_path: Path
) -> None:
    choose(page, [packed(log.built, tmp_path / "pack.zip", None, forged=True)], 1)
    page.emulate_media(media="print")
    shown = page.locator(".steps mark").first.evaluate(
        "mark => [getComputedStyle(mark).color, getComputedStyle(mark).backgroundColor]"
    )
    assert shown == ["rgb(138, 21, 18)", "rgba(0, 0, 0, 0)"]
    assert len(page.pdf(format="A4")) > 5_000
