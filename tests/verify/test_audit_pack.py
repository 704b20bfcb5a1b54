"""An audit pack: a period with all its deltas, whole, and refused where anything in it was altered."""

from __future__ import annotations

import json
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from anchor.node.reader import JsonRpcChain
from anchor.proof.values import Disclosure, Record, disclose, withhold
from anchor.protocol.errors import hex_of
from anchor.protocol.merkle import LEDGER_TREE, Frontier
from anchor.server.chain.signers.local import LocalSigner
from anchor.verify import Verification, verify_file
from anchor.verify.audit_pack import DELTAS, PEAKS, PERIOD, README, TABLE, PackParts, write_audit_pack
from anchor.verify.evidence import collect_evidence
from tests.fixtures.anvil import running_anvil
from tests.verify.anchored_log import AnchoredLog
from tests.verify.building import START


@pytest.fixture(scope="module")
def log() -> Iterator[AnchoredLog]:
    with running_anvil() as anvil:
        log = AnchoredLog(anvil.url, LocalSigner(bytes.fromhex(anvil.accounts[1].private_key[2:])))
        log.built.record("UA", 10**18, "mile", reason=log.built.disclosed('=SUM(A1) "quoted"\r\nand broken'))
        log.grow()
        anvil.mine(3)
        yield log


def packed(
    log: AnchoredLog, path: Path, start: int = 2, end: int = 9, records: list[Record] | None = None
) -> Path:
    built = log.built
    ledger = built.ledger("UA", "mile")
    parts = PackParts(
        built.period("UA", start, end, 4, "mile"),
        Frontier.empty().extend(LEDGER_TREE, ledger.leaves[:start]).peaks,
        evidence=collect_evidence(JsonRpcChain(log.url), log.contract),
        chain={"transaction": {}},
        page="<!doctype html>",
    )
    given: list[Record] = records if records is not None else list(ledger.records[start : end + 1])
    write_audit_pack(path, parts, given, made_at=START)
    return path


@pytest.fixture(scope="module")
def pack(log: AnchoredLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed(log, tmp_path_factory.mktemp("pack") / "pack.zip")


def check(log: AnchoredLog, path: Path) -> Verification:
    return verify_file(path, rpc=log.url, finality="latest", contract=log.contract)


def test_an_honest_pack_is_valid(log: AnchoredLog, pack: Path) -> None:
    result = check(log, pack)
    assert result.valid, result.failed
    assert "All 8 deltas are in the pack" in " ".join(result.statements)
    assert result.facts["balancesChecked"] == 8
    assert not any("was not checked" in line for line in result.statements)
    assert not any("not looked at" in line for line in result.statements)


def test_a_pack_is_valid_offline_against_a_trusted_block(log: AnchoredLog, pack: Path) -> None:
    block = json.loads(zipfile.ZipFile(pack).read("evidence.json"))["blockHeader"]
    from anchor.protocol.hashing import keccak

    trusted = keccak(bytes.fromhex(block[2:]))
    assert verify_file(pack, block_hash=trusted, contract=log.contract).valid
    assert verify_file(pack, block_hash=keccak(b"")).verdict == "not_checked_against_a_chain"


def test_without_a_chain_a_pack_is_unchecked(pack: Path) -> None:
    assert verify_file(pack).verdict == "not_checked_against_a_chain"


@pytest.mark.parametrize(("start", "end"), [(0, 11), (0, 0), (11, 11), (7, 8)])
def test_any_range_can_be_packed(log: AnchoredLog, tmp_path: Path, start: int, end: int) -> None:
    assert check(log, packed(log, tmp_path / "pack.zip", start, end)).valid


def test_a_pack_may_withhold_texts(log: AnchoredLog, tmp_path: Path) -> None:
    records: list[Record] = [withhold(record) for record in log.built.ledger("UA", "mile").records[2:10]]
    path = packed(log, tmp_path / "pack.zip", records=records)
    assert check(log, path).valid
    assert b"metered" not in zipfile.ZipFile(path).read(DELTAS)


def test_a_pack_without_amounts_says_that_nobody_saw_them_add_up(log: AnchoredLog, tmp_path: Path) -> None:
    built = log.built
    ledger_id = built.ledger("UA", "mile").identity.ledger_id
    hidden: list[Record] = [
        disclose(one, Disclosure.FINGERPRINTS, separator=built.separator, ledger_id=ledger_id)
        for one in built.ledger("UA", "mile").records[2:10]
    ]
    result = check(log, packed(log, tmp_path / "pack.zip", records=hidden))
    assert result.valid
    assert result.facts["balancesChecked"] == 0
    assert result.statements[1].startswith("All 8 deltas are in the pack")
    assert result.statements[2].startswith("Whether they add up to the closing balance was not checked")


def test_a_cell_that_a_spreadsheet_would_compute_is_text(log: AnchoredLog, tmp_path: Path) -> None:
    path = packed(log, tmp_path / "pack.zip", 0, 3)
    assert check(log, path).valid
    assert b"'=SUM(A1)" in zipfile.ZipFile(path).read(TABLE)


def test_the_summary_says_what_it_is(log: AnchoredLog, pack: Path) -> None:
    text = zipfile.ZipFile(pack).read(README).decode()
    for part in ("UA", "mile", "Opening balance", hex_of(log.contract), "anchor verify PACK.zip"):
        assert part in text


Alter = Callable[[bytes], bytes | None]


def altered(pack: Path, path: Path, changes: dict[str, Alter], extra: dict[str, bytes] | None = None) -> Path:
    """The pack with some of its files changed, or left out where a change gives None."""
    with zipfile.ZipFile(pack) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = changes.get(name, lambda same: same)(old.read(name))
            if content is not None:
                new.writestr(name, content)
        for name, content in (extra or {}).items():
            new.writestr(name, content)
    return path


def lines(change: Callable[[list[bytes]], list[bytes]]) -> Alter:
    return lambda content: b"".join(change(content.splitlines(keepends=True)))


ALTERATIONS: dict[str, tuple[dict[str, Alter], str]] = {
    "a delta dropped": ({DELTAS: lines(lambda rows: rows[:3] + rows[4:])}, "table"),
    "the last delta dropped": (
        {DELTAS: lines(lambda rows: rows[:-1]), TABLE: lines(lambda rows: rows[:-1])},
        "delta count",
    ),
    "a delta more": (
        {DELTAS: lines(lambda rows: [*rows, rows[-1]]), TABLE: lines(lambda rows: [*rows, rows[-1]])},
        "delta count",
    ),
    "two deltas swapped": (
        {
            DELTAS: lines(lambda rows: [*rows[:2], rows[3], rows[2], *rows[4:]]),
            TABLE: lines(lambda rows: [*rows[:3], rows[4], rows[3], *rows[5:]]),
        },
        "delta order",
    ),
    "an amount altered": (
        {DELTAS: lambda content: content.replace(b'"amount":"', b'"amount":"1', 1)},
        "table",
    ),
    "the table alone altered": ({TABLE: lambda content: content.replace(b"usage", b"abuse", 1)}, "table"),
    "a row more": ({TABLE: lambda content: content + content.splitlines(keepends=True)[-1]}, "file: pack"),
    "no rows": ({TABLE: lambda _: b""}, "file: pack"),
    "peaks dropped": ({PEAKS: lambda _: b'{"openingPeaks": []}'}, "opening peaks"),
    "other peaks": (
        {PEAKS: lambda _: json.dumps({"openingPeaks": ["0x" + "11" * 32]}).encode()},
        "opening peaks' root",
    ),
    "no peaks": ({PEAKS: lambda _: None}, "file: pack"),
    "no JSON": ({DELTAS: lambda _: b"{\n"}, "file: json"),
    "a line without end": ({DELTAS: lambda _: b'"' * 300_000}, "file: size"),
    "a proof of another kind": (
        {PERIOD: lambda content: content.replace(b'"period"', b'"delta"')},
        "file: shape",
    ),
    "a proof that is none": (
        {PERIOD: lambda content: content.replace(b'"size": 1', b'"size": 2')},
        "closing root",
    ),
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_an_altered_pack_is_refused(name: str, log: AnchoredLog, pack: Path, tmp_path: Path) -> None:
    changes, step = ALTERATIONS[name]
    result = check(log, altered(pack, tmp_path / "pack.zip", changes))
    assert result.verdict == "invalid"
    assert result.failed is not None
    if name != "a proof that is none":
        assert result.failed.name == step


def test_an_amount_altered_in_both_lists_does_not_lead_to_the_root(log: AnchoredLog, tmp_path: Path) -> None:
    records: list[Record] = list(log.built.ledger("UA", "mile").records[2:10])
    records[3] = replace(records[3], amount=1)  # type: ignore[type-var]
    result = check(log, packed(log, tmp_path / "pack.zip", records=records))
    assert result.failed is not None
    assert result.failed.name == "all deltas"
    # The tree says only that something was altered; the balances say where.
    assert "Delta 5: its balance is not the one before it plus its amount." in result.failed.explanation


def test_what_does_not_belong_there_is_refused(log: AnchoredLog, pack: Path, tmp_path: Path) -> None:
    for extra in ({"../evil": b""}, {"more.txt": b""}):
        result = check(log, altered(pack, tmp_path / "pack.zip", {}, extra))
        assert result.failed is not None
        assert result.failed.name == "file: pack"


def test_a_truncated_or_damaged_archive_is_refused(log: AnchoredLog, pack: Path, tmp_path: Path) -> None:
    whole = pack.read_bytes()
    path = tmp_path / "pack.zip"
    for size in (4, 30, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert check(log, path).verdict == "invalid"
    for at in range(0, len(whole), 499):
        spoiled = bytearray(whole)
        spoiled[at] ^= 0x55
        path.write_bytes(spoiled)
        if path.read_bytes()[:4] == whole[:4]:
            assert check(log, path).verdict in {"valid", "invalid", "not_checked_against_a_chain"}


@pytest.mark.slow
def test_a_pack_of_many_deltas_takes_bounded_memory(tmp_path: Path) -> None:
    from tests.verify.building import BuiltLog

    log = BuiltLog(3)
    log.record_many("UA", 20_000)
    log.seal()
    log.anchor()
    records = list(log.ledger("UA").records)
    path = tmp_path / "pack.zip"
    tracemalloc.start()
    base, _ = tracemalloc.get_traced_memory()
    write_audit_pack(path, PackParts(log.period("UA", 0, 19_999, 1), ()), records, made_at=START)
    tracemalloc.reset_peak()
    seen: list[int] = []
    result = verify_file(path, progress=lambda done, _of: seen.append(done))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.verdict == "not_checked_against_a_chain"
    assert seen[-1] == 20_000
    assert peak - base < 20_000_000
