"""Python and the page judge audit packs and a chain's evidence alike, honest ones and altered ones."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from anchor.node.reader import JsonRpcChain
from anchor.proof.bounds import ProofFileError
from anchor.proof.reading import parse_proof_file
from anchor.proof.values import FingerprintRecord, Record, withhold
from anchor.protocol.merkle import LEDGER_TREE, Frontier
from anchor.server.chain.signers.local import LocalSigner
from anchor.verify import verify_file, write_proof_file
from anchor.verify.audit_pack import (
    DELTAS,
    PEAKS,
    PERIOD,
    README,
    TABLE,
    AuditPack,
    PackParts,
    check_pack,
    write_audit_pack,
)
from anchor.verify.evidence import ChainEvidence, collect_evidence
from anchor.verify.results import Verification
from anchor.verify.verification import verify_proof
from anchor.verify.verifying_files import not_a_proof_file
from tests.fixtures.anvil import running_anvil
from tests.verify.anchored_log import AnchoredLog
from tests.verify.building import START, BuiltLog, MemoryChain
from tests.web.corpus import altered
from tests.web.evidence_corpus import spoiled, spoiled_evidence
from tests.web.page_answers import Question, agree, page_answers


def pack_of(
    log: BuiltLog,
    path: Path,
    start: int,
    end: int,
    *,
    withheld: bool = False,
    hidden: bool = False,
    forged: bool = False,
) -> bytes:
    """A pack of the one ledger of a log in memory; a forged one lists another amount than was anchored."""
    ledger = log.ledger("UA", "mile")
    records: list[Record] = list(ledger.records[start : end + 1])
    if withheld:
        records = [withhold(record) if at % 2 else record for at, record in enumerate(records)]
    if hidden:
        ledger_id = ledger.identity.ledger_id
        records = [
            FingerprintRecord(record.index, record.fingerprint(log.separator, ledger_id))
            for record in records
        ]
    if forged:
        records[0] = replace(ledger.records[start], amount=1)
    peaks = Frontier.empty().extend(LEDGER_TREE, ledger.leaves[:start]).peaks
    number = log.batches[-1].batch.number
    parts = PackParts(log.period("UA", start, end, number, "mile"), peaks, page="<!doctype html>")
    write_audit_pack(path, parts, records, made_at=START)
    return path.read_bytes()


def spoiled_packs(whole: bytes, count: int, seed: int) -> Iterator[bytes]:
    """The pack with something in it altered: a proof, a line, a row, its list of files, or some bytes."""
    random = Random(seed)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for _ in range(count):
        what = random.random()
        if what < 0.25:
            yield _spoiled_archive(whole, random)
            continue
        changed = dict(files)
        if what < 0.45:
            name = random.choice([PERIOD, PERIOD, PEAKS])
            changed[name] = altered(json.loads(files[name]), random)
        elif what < 0.65:
            lines = files[DELTAS].splitlines(keepends=True)
            at = random.randrange(len(lines))
            lines[at] = altered(json.loads(lines[at]), random) + b"\n"
            changed[DELTAS] = b"".join(lines)
        elif what < 0.8:
            _spoil_lines(changed, random)
        elif what < 0.9:
            changed[TABLE] = spoiled(files[TABLE], random)
        else:
            _spoil_names(changed, random)
        yield zipped(changed, random.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def _spoiled_archive(whole: bytes, random: Random) -> bytes:
    directory = int.from_bytes(whole[-6:-2], "little")
    start, end = random.choice([(4, len(whole)), (directory, len(whole)), (len(whole) - 22, len(whole))])
    if random.random() < 0.2:
        return whole[: random.randrange(4, len(whole))]
    return whole[:start] + spoiled(whole[start:end], random)


def _spoil_lines(files: dict[str, bytes], random: Random) -> None:
    """Move, drop or double lines, in both lists alike or in one."""
    pairs = list(
        zip(files[DELTAS].splitlines(keepends=True), files[TABLE].splitlines(keepends=True)[1:], strict=False)
    )
    title = files[TABLE].splitlines(keepends=True)[0]
    at = random.randrange(len(pairs))
    what = random.randrange(4)
    if what == 0:
        del pairs[at]
    elif what == 1:
        pairs.insert(at, random.choice(pairs))
    elif what == 2:
        random.shuffle(pairs)
    else:
        pairs[at] = (random.choice([b"\n", b"{}\n", b"", b'"' * 300_000, pairs[at][0].strip()]), pairs[at][1])
    if random.random() < 0.8:
        files[DELTAS] = b"".join(line for line, _ in pairs)
    if random.random() < 0.8:
        files[TABLE] = title + b"".join(row for _, row in pairs)


def _spoil_names(files: dict[str, bytes], random: Random) -> None:
    name = random.choice(list(files))
    if random.random() < 0.5:
        files[random.choice(["more.txt", "../x", "Period.json", "é.json", "x" * 300])] = files.pop(name)
    else:
        del files[name]


def python_answer(chain: MemoryChain, raw: bytes) -> Verification:
    """What Python says of a pack, against a chain in memory."""

    def period(given: bytes) -> Verification:
        try:
            return verify_proof(parse_proof_file(given), chain, finality="latest")
        except ProofFileError as error:
            return not_a_proof_file(error)

    try:
        with ExitStack() as stack:
            return check_pack(AuditPack(io.BytesIO(raw), stack), period)
    except ProofFileError as error:
        return not_a_proof_file(error)


def agree_on_pack(raw: bytes, python: Verification, page: dict[str, object]) -> None:
    """Where an archive is damaged in the middle, which side meets the damage first may differ."""
    damage = [python.steps[-1].explanation, str(page["steps"][-1]["explanation"])]  # type: ignore[index]
    if any("is damaged" in line for line in damage):
        assert python.verdict == page["verdict"] == "invalid", raw
    else:
        agree(raw, python, page)


def test_python_and_the_page_agree_on_audit_packs(tmp_path: Path) -> None:
    log = BuiltLog(11)
    log.record("UA", 10**18, "mile", reason=log.disclosed('=SUM(A1) "quoted", é\r\nand broken'))
    log.record("UA", 5, "mile", reason=log.disclosed("\n\u2028\x00\x85"))
    log.record_many("UA", 5, "mile")
    log.record("UA", 5, "mile", balance=7)
    log.record_many("UA", 3, "mile")
    log.record("UA", 5, "mile", recorded_at=START)
    log.seal()
    log.anchor()
    path = tmp_path / "pack.zip"
    ranges = [(0, 5), (3, 6), (0, 0), (2, 8), (8, 11), (11, 11)]
    packs = [pack_of(log, path, *one, withheld=withheld) for one in ranges[:5] for withheld in (False, True)]
    packs += [one for number, pack in enumerate(list(packs)) for one in spoiled_packs(pack, 45, number)]
    packs += [pack_of(log, path, *one, hidden=True) for one in ranges]
    packs += [pack_of(log, path, *one, forged=True) for one in ranges]
    packs += [b"PK\x03\x04", b"PK\x03\x04" + bytes(100)]
    seen: Counter[str] = Counter()
    for raw, page in zip(packs, page_answers(log.chain, [Question(raw) for raw in packs]), strict=True):
        python = python_answer(log.chain, raw)
        agree_on_pack(raw, python, page)
        seen[f"{python.verdict} {python.failed.name if python.failed else ''}".strip()] += 1
    assert seen.total() > 400
    assert seen["valid"] >= 5
    for step in ("file: pack", "file: json", "file: shape", "file: size", "delta count", "delta order"):
        assert seen[f"invalid {step}"], f"no pack failed at {step}"
    for step in ("table", "all deltas", "balances", "times", "opening peaks", "opening peaks' root"):
        assert seen[f"invalid {step}"], f"no pack failed at {step}"


@pytest.fixture(scope="module")
def anchored() -> Iterator[tuple[AnchoredLog, ChainEvidence]]:
    """A log on Anvil, and the evidence of its newest block with a pinned root."""
    with running_anvil() as anvil:
        log = AnchoredLog(anvil.url, LocalSigner(bytes.fromhex(anvil.accounts[1].private_key[2:])))
        log.grow()
        anvil.mine(3)
        yield log, collect_evidence(JsonRpcChain(log.url), log.contract, roots=[log.built.batches[1].root])


def test_python_and_the_page_agree_on_a_chains_evidence(anchored: tuple[AnchoredLog, ChainEvidence]) -> None:
    log, evidence = anchored
    built = log.built
    proofs = [
        built.freshness("UA", 4, "mile"),
        built.delta("UA", 4, 2, "mile"),
        built.delta("UA", 1, 1, "mile"),
        built.absence("Nobody", 4),
        built.freshness("UA", 2, "mile"),
    ]
    raws = [write_proof_file(proof) for proof in proofs]
    questions = [Question(raw, evidence.block_hash, evidence.to_bytes()) for raw in raws]
    questions += [
        Question(raws[number % 2], trusted, given)
        for number, (given, trusted) in enumerate(spoiled_evidence(evidence, 600, 5))
    ]
    questions += [Question(raws[0], bytes(32), given) for given in (b"", b"{}", b"[" * 1000, b"\xff")]
    seen: Counter[str] = Counter()
    for question, page in zip(questions, page_answers(None, questions), strict=True):
        python = verify_file(
            question.raw, evidence=question.evidence, block_hash=question.trusted, finality="latest"
        )
        agree(question, python, page)
        seen[f"{python.verdict} {python.failed.name if python.failed else ''}".strip()] += 1
    assert seen["valid"] >= 3
    for step in ("block header", "account proof", "storage proof", "contract code", "shape", "json"):
        assert seen[f"not_checked_against_a_chain evidence: {step}"], f"no evidence failed at {step}"


def test_a_pack_is_checked_offline_by_its_own_evidence(
    anchored: tuple[AnchoredLog, ChainEvidence], tmp_path: Path
) -> None:
    log, evidence = anchored
    ledger = log.built.ledger("UA", "mile")
    peaks = Frontier.empty().extend(LEDGER_TREE, ledger.leaves[:2]).peaks
    parts = PackParts(log.built.period("UA", 2, 9, 4, "mile"), peaks, evidence=evidence)
    path = tmp_path / "pack.zip"
    write_audit_pack(path, parts, ledger.records[2:10], made_at=START)
    trusted = (evidence.block_hash, bytes(32))
    questions = [Question(path.read_bytes(), one) for one in trusted]
    for block_hash, page in zip(trusted, page_answers(None, questions), strict=True):
        agree_on_pack(b"", verify_file(path, block_hash=block_hash, finality="latest"), page)
    assert [page["verdict"] for page in page_answers(None, questions)] == [
        "valid",
        "not_checked_against_a_chain",
    ]
    assert README in zipfile.ZipFile(path).namelist()
