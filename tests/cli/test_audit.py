"""``anchor audit`` and ``anchor sample`` on a real node, and ``anchor erase``."""

import json
import re
import sqlite3
from pathlib import Path

import pytest

from anchor.server.audit.rows import audited_anchors
from anchor.server.ledger.model import Emission, Receipt
from anchor.server.service.assembly import connect_chains, open_directory
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


def rewrite_the_roots(data: Path) -> None:
    """What somebody does who can open the database: past its triggers, another root for each batch."""
    raw = sqlite3.connect(database_file(data))
    for (trigger,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        raw.execute(f"DROP TRIGGER {trigger}")
    raw.execute("UPDATE batches SET anchor_root = zeroblob(32)")
    raw.commit()
    raw.close()


def test_audit_finds_nothing_and_then_what_was_changed(data: Path) -> None:
    record_and_anchor(data)
    clean = anchor("audit", "--data", data, "--json")
    assert (clean.code, clean.json()["whole"]) == (0, True), clean
    (name,) = clean.json()["chainsAsked"]
    assert clean.json()["chainsNotAsked"] == []
    assert f"every head on {name} is a batch" in anchor("audit", "--data", data).out
    offline = anchor("audit", "--data", data, "--offline")
    assert (offline.code, "no chain was asked" in offline.out, "every head" in offline.out) == (
        0,
        True,
        False,
    )
    rewrite_the_roots(data)
    found = anchor("audit", "--data", data, "--json")
    assert found.code == 1
    named = {(one["table"], one["column"]) for one in found.json()["findings"]}
    assert named == {
        ("batches", "anchor_root"),
        ("signed_checkpoints", "note"),
        ("sends", "new_head"),
        ("chain", "head"),
    }
    assert {
        one["table"] for one in anchor("audit", "--data", data, "--offline", "--json").json()["findings"]
    } == {"batches", "sends", "signed_checkpoints"}


def test_audit_says_which_chains_it_did_not_ask(anvil: Anvil, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    anchor("init", folder, "--rpc", anvil.url, "--chain-id", CHAIN_ID)
    opened = open_directory(folder, {})
    name = opened.settings.chains[0].name
    opened.close()
    shown = anchor("audit", "--data", folder)
    assert (shown.code, "every head" in shown.out) == (0, False), shown
    assert "no chain was asked" in shown.out
    assert f"{name} was not asked: it has no contract" in shown.out
    told = anchor("audit", "--data", folder, "--json").json()
    assert (told["whole"], told["chainsAsked"]) == (True, [])
    assert told["chainsNotAsked"] == [{"name": name, "why": "it has no contract"}]


def test_an_audit_whose_node_is_away_tells_what_it_recomputed_and_is_not_whole(data: Path) -> None:
    record_and_anchor(data)
    settings = data / "anchor.toml"
    settings.write_text(re.sub(r"http://[^\"]+", "http://127.0.0.1:1", settings.read_text()))
    done = anchor("audit", "--data", data, "--json")
    told = done.json()
    (away,) = told["chainsNotAsked"]
    assert (done.code, told["whole"], told["recordWhole"], told["deltaCount"]) == (4, None, True, 1)
    assert (told["chainsAsked"], told["findings"]) == ([], [])
    assert "it gives no answer that counts: " in away["why"]
    shown = anchor("audit", "--data", data)
    assert shown.code == 4
    assert "everything on record follows from its deltas" in shown.out
    assert f"{away['name']} was not asked: it gives no answer that counts" in shown.out
    rewrite_the_roots(data)
    found = anchor("audit", "--data", data, "--json")
    told = found.json()
    assert (found.code, told["whole"], told["recordWhole"]) == (1, False, False)
    assert {one["table"] for one in told["findings"]} == {"batches", "sends", "signed_checkpoints"}
    assert told["chainsNotAsked"] == [away]


def test_audit_says_that_a_retired_chain_was_not_asked(data: Path) -> None:
    record_and_anchor(data)
    raw = sqlite3.connect(database_file(data))
    raw.execute(
        "INSERT INTO chains (name, chain_id, contract, genesis_hash, first_block, is_primary, created_at, "
        "retired_at) SELECT name, chain_id, zeroblob(20), genesis_hash, 0, false, created_at, created_at "
        "FROM chains"
    )
    raw.commit()
    raw.close()
    told = anchor("audit", "--data", data, "--json").json()
    (left,) = told["chainsNotAsked"]
    assert (told["whole"], told["chainsAsked"]) == (True, [left["name"]])
    assert left["why"] == f"it is retired (contract 0x{'00' * 20})"


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
    anvil.mine(5)
    # The log's signature leaves the server once a final block holds the batch.
    loop = opened.loop(connect_chains(opened.settings, {}))
    loop.run_once()
    loop.lease.release()
    opened.close()
    made = anchor(
        "sample", "acme", "--data", data, "--from", 2, "--to", 27, "--count", 5, "--out", file, "--json"
    )
    assert (made.code, len(made.json()["deltas"])) == (0, 5), made
    assert made.json()["block"] == "0x" + blocks[1].hex()
    where = ("--rpc", anvil.url, "--contract", "0x" + contract.hex(), "--finality", "latest")
    text = file.read_text()
    assert text.count('"salt"') == 3 * 5, "a text of a delta that was not drawn is in the file"
    agreed = ("--from", 2, "--to", 27, "--count", 5, "--customer", "acme", "--unit", "")
    checked = anchor("check-sample", file, *where, *agreed)
    assert (checked.code, "95 % confidence" in checked.out) == (0, True), checked
    assert all(name in checked.out for name in ("sample: range", "sample: drawing", "sample: first anchor"))
    loose = anchor("check-sample", file, *where, "--count", 5)
    assert (loose.code, "95 %" in loose.out, "agree on the count" in loose.out) == (0, False, True), loose
    other = anchor("check-sample", file, *where, "--from", 1, "--json")
    assert (other.code, other.json()["steps"][-1]["name"]) == (1, "sample: range")
    more = anchor("check-sample", file, *where, "--count", 6, "--json")
    assert (more.code, more.json()["verdict"]) == (1, "invalid")
    unchecked = anchor("check-sample", file)
    assert (unchecked.code, "NOT CHECKED AGAINST A CHAIN" in unchecked.out) == (4, True)
    assert anchor("check-sample", file, "--from", 3, "--to", 2).code == 2
    assert "begins with http" in anchor("check-sample", file, "--rpc", "nonsense").err
    pack = ("pack", "acme", "--data", data, "--out", tmp_path / "pack.zip", "--show")
    refused = anchor(*pack, "nonsense")
    assert (refused.code, "reason,referenceId,metadata" in refused.err) == (2, True), refused
    assert anchor(*pack, "reason").code == 0
    assert anchor("verify", tmp_path / "pack.zip").code == 4
