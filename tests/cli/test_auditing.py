"""``anchor audit`` and ``anchor sample`` on a real node, and ``anchor erase``."""

import json
import sqlite3
from pathlib import Path

import pytest

from anchor.ledger.model import Emission, Receipt
from anchor.service.assembly import connect_chains, open_directory
from anchor.storage.auditing import audited_anchors
from tests.cli.running import anchor_here as anchor
from tests.fixtures.anvil import CHAIN_ID, Anvil


@pytest.fixture
def data(anvil: Anvil, tmp_path: Path) -> Path:
    """A data directory with one delta recorded and anchored."""
    folder = tmp_path / "data"
    made = anchor("init", folder, "--rpc", anvil.url, "--chain-id", CHAIN_ID, "--json").json()
    anvil.rpc("anvil_setBalance", made["signer"], hex(10**18))
    assert anchor("deploy", "--data", folder).code == 0
    return folder


def record_and_anchor(data: Path) -> Receipt:
    opened = open_directory(data, {})
    (receipt,) = opened.recorder().record([Emission("acme", 1, "a private matter", "ref 1")])
    assert isinstance(receipt, Receipt)
    loop = opened.loop(connect_chains(opened.settings, {}))
    assert loop.run_once()
    loop.lease.release()
    opened.close()
    return receipt


def database_file(data: Path) -> Path:
    (path,) = data.glob("*.db")
    return path


def test_audit_finds_nothing_and_then_what_was_changed(data: Path) -> None:
    record_and_anchor(data)
    clean = anchor("audit", "--data", data, "--json")
    assert (clean.code, clean.json()["whole"]) == (0, True), clean
    assert "every head on the chains" in anchor("audit", "--data", data).out
    raw = sqlite3.connect(database_file(data))
    for (trigger,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        raw.execute(f"DROP TRIGGER {trigger}")
    raw.execute("UPDATE batches SET anchor_root = zeroblob(32)")
    raw.commit()
    raw.close()
    found = anchor("audit", "--data", data, "--json")
    assert found.code == 1
    named = {(one["table"], one["column"]) for one in found.json()["findings"]}
    assert named == {("batches", "anchor_root"), ("sends", "new_head"), ("chain", "head")}
    assert {
        one["table"] for one in anchor("audit", "--data", data, "--offline", "--json").json()["findings"]
    } == {"batches", "sends"}


def test_erase_removes_the_text_and_the_audit_stays_clean(data: Path) -> None:
    receipt = record_and_anchor(data)
    refused = anchor("erase", receipt.receipt_id, "amount", "--data", data, "--by", "office", "--yes")
    assert (refused.code, "cannot be erased" in refused.err) == (3, True)
    erased = anchor(
        "erase", receipt.receipt_id, "reason", "--data", data, "--by", "office", "--yes", "--json"
    )
    (one,) = erased.json()["erasures"]
    assert (erased.code, one["erasedBy"], one["already"]) == (0, "office", False), erased
    assert b"a private matter" not in b"".join(
        file.read_bytes() for file in data.glob(database_file(data).name + "*")
    )
    assert anchor("audit", "--data", data).code == 0


def test_a_sample_is_drawn_and_checked_on_the_chain(anvil: Anvil, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "sample.json"
    too_early = anchor("sample", "acme", "--data", data, "--from", 2, "--to", 27, "--out", file)
    assert too_early.code == 3
    record_and_anchor(data)
    early = anchor("sample", "acme", "--data", data, "--from", 0, "--to", 5, "--out", file, "--json")
    assert json.loads(early.err)["code"] == "index_out_of_range"
    opened = open_directory(data, {})
    for count in (30, 5):
        # The period is in the second of three anchors, and under the third, too.
        opened.recorder().record([Emission("acme", at, f"flight {at}") for at in range(count)])
        loop = opened.loop(connect_chains(opened.settings, {}))
        assert loop.run_once()
        loop.lease.release()
    with opened.database.read() as connection:
        blocks = [row[4] for row in audited_anchors(connection, opened.settings.chains[0].name)]
    contract = opened.settings.chains[0].contract
    assert contract is not None
    opened.close()
    anvil.mine(5)
    made = anchor(
        "sample", "acme", "--data", data, "--from", 2, "--to", 27, "--count", 5, "--out", file, "--json"
    )
    assert (made.code, len(made.json()["deltas"])) == (0, 5), made
    assert made.json()["block"] == "0x" + blocks[1].hex()
    where = ("--rpc", anvil.url, "--contract", "0x" + contract.hex(), "--finality", "latest")
    checked = anchor("check-sample", file, *where, "--count", 5)
    assert (checked.code, "95 % confidence" in checked.out) == (0, True), checked
    more = anchor("check-sample", file, *where, "--count", 6, "--json")
    assert (more.code, more.json()["verdict"]) == (1, "invalid")
    assert anchor("check-sample", file).code == 1
