"""``anchor name-submitter``, ``hand-over`` and ``new-signer`` on a real node: keys change hands."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from anchor.node.endpoint import HttpEndpoint
from anchor.server.anchoring.lease import Lease
from anchor.server.chain.contract import AnchorLog
from anchor.server.chain.deploying import send_and_wait
from anchor.server.chain.node import Node
from anchor.server.chain.ownership import name_submitter_call
from anchor.server.chain.signers.local import LocalSigner, create_keystore, signer_from_keystore
from anchor.server.chain.unfinished import UnfinishedTransaction
from anchor.server.chain.values import address_text, parse_address
from anchor.server.ledger.model import Emission
from anchor.server.service.assembly import connect_chains, open_directory
from tests.cli.running import Finished
from tests.cli.running import anchor_here as anchor
from tests.fixtures.anvil import CHAIN_ID, Anvil

NOBODY = "0x" + "00" * 20


@pytest.fixture
def data(anvil: Anvil, tmp_path: Path) -> Path:
    """A data directory whose contract its own signer owns."""
    return deployed(anvil, tmp_path / "data")


def deployed(anvil: Anvil, folder: Path, *options: object) -> Path:
    made = anchor("init", folder, "--rpc", anvil.url, "--chain-id", CHAIN_ID, "--json").json()
    fund(anvil, made["signer"])
    assert anchor("deploy", "--data", folder, *options).code == 0
    return folder


def fund(anvil: Anvil, address: str) -> None:
    anvil.rpc("anvil_setBalance", address, hex(10**18))


def contract_of(anvil: Anvil, data: Path) -> AnchorLog:
    stated = re.search(r'^contract = "(0x\w+)"', (data / "anchor.toml").read_text(), re.M)
    assert stated is not None
    return AnchorLog(Node([HttpEndpoint(anvil.url)], CHAIN_ID), parse_address(stated[1]))


def anchor_one(data: Path, amount: int = 1) -> set[str]:
    """Record, seal and send; return the alarms that last then."""
    opened = open_directory(data, {})
    opened.recorder().record([Emission("acme", amount)])
    loop = opened.loop(connect_chains(opened.settings, {}))
    loop.run_once()
    loop.lease.release()
    status = anchor("status", "--data", data, "--json")
    opened.close()
    return {alarm["name"] for alarm in status.json()["alarms"]}


def keystore(tmp_path: Path, name: str, anvil: Anvil) -> tuple[str, list[object]]:
    """A funded owner's key outside of the data directory, and the options that name it."""
    file, password = tmp_path / f"{name}.json", tmp_path / f"{name}.password"
    password.write_text("correct horse\n")
    address = address_text(create_keystore(file, "correct horse", cost=2))
    fund(anvil, address)
    return address, ["--owner-keystore", file, "--owner-password-file", password]


def refused(finished: Finished) -> Any:
    assert finished.code == 3, finished
    return json.loads(finished.err)["code"]


def test_the_signing_key_is_rotated_from_the_first_anchor_to_the_next(anvil: Anvil, data: Path) -> None:
    assert anchor_one(data) == set()
    contract = contract_of(anvil, data)
    old = address_text(contract.submitter())
    # Whoever sends funds has to know where to.
    assert f" at {old.lower()}" in anchor("status", "--data", data).out
    made = anchor("new-signer", "--data", data, "--json").json()
    assert made["file"] == "signing-key-2.json"
    assert {(data / made[which]).stat().st_mode & 0o777 for which in ("file", "passwordFile")} == {0o600}
    fund(anvil, made["address"])
    told = anchor("name-submitter", made["address"], "--data", data)
    assert told.code == 0, told.err
    assert f"{made['address']} may anchor" in told.out
    assert list(data.glob("owner-*")) == []
    assert address_text(contract.submitter()) == made["address"]
    # The settings still name the old key: nothing is sent, and the operator is told what to do.
    assert "not_submitter" in anchor_one(data)
    doctor = anchor("doctor", "--data", data)
    assert doctor.code == 1
    assert f"anchor name-submitter {old}" in re.sub(r"\s+", " ", doctor.out)
    settings = (data / "anchor.toml").read_text()
    settings = settings.replace("signing-key.", "signing-key-2.")
    (data / "anchor.toml").write_text(settings)
    assert anchor_one(data) == set()
    head = contract.head()
    assert any(head)
    assert anchor("audit", "--data", data).code == 0
    # Once more by the same word: there is nothing to say.
    signer = signer_from_keystore(
        data / "signing-key.json", (data / "signing-key.password").read_text().strip()
    )
    before = contract.node.nonce(signer.address)
    assert "already: " in anchor("name-submitter", made["address"], "--data", data).out
    assert contract.node.nonce(signer.address) == before


def test_a_third_key_takes_the_next_free_name_and_nothing_is_written_over(data: Path) -> None:
    first = (data / "signing-key.json").read_bytes()
    (data / "signing-key-2.password").write_text("mine")
    made = [anchor("new-signer", "--data", data, "--json").json() for _ in range(2)]
    assert [one["file"] for one in made] == ["signing-key-3.json", "signing-key-4.json"]
    assert (data / "signing-key-2.password").read_text() == "mine"
    assert (data / "signing-key.json").read_bytes() == first
    shown = anchor("new-signer", "--data", data)
    assert 'file = "signing-key-5.json"' in shown.out
    password = (data / "signing-key-5.password").read_text().strip()
    assert signer_from_keystore(data / "signing-key-5.json", password).address is not None
    assert password not in shown.out + shown.err


def test_the_contract_is_handed_to_a_key_kept_elsewhere_which_then_names_the_submitter(
    anvil: Anvil, data: Path, tmp_path: Path
) -> None:
    contract = contract_of(anvil, data)
    first = address_text(contract.owner())
    owner, by_owner = keystore(tmp_path, "owner", anvil)
    assert (
        refused(anchor("hand-over", "--accept", "--data", data, *by_owner, "--json")) == "nothing_to_accept"
    )
    offered = anchor("hand-over", owner, "--data", data)
    assert offered.code == 0, offered.err
    assert f"offered to {owner}, which has yet to accept" in offered.out
    assert address_text(contract.owner()) == first
    # Only the key that it was offered to can accept.
    assert refused(anchor("hand-over", "--accept", "--data", data, "--json")) == "not_the_owner"
    accepted = anchor("hand-over", "--accept", "--data", data, *by_owner)
    assert accepted.code == 0, accepted.err
    assert f"{owner} owns the contract" in accepted.out
    assert address_text(contract.owner()) == owner
    # From now on the key that anchors names nobody.
    assert refused(anchor("name-submitter", "0x" + "42" * 20, "--data", data, "--json")) == "not_the_owner"
    stopped = anchor("name-submitter", NOBODY, "--data", data, *by_owner)
    assert "nobody may anchor" in stopped.out
    assert contract.submitter() == bytes(20)
    assert anchor("name-submitter", first, "--data", data, *by_owner).code == 0
    assert anchor_one(data) == set()


def test_an_offer_is_withdrawn_and_the_owner_is_offered_nothing(anvil: Anvil, data: Path) -> None:
    contract = contract_of(anvil, data)
    assert anchor("hand-over", "0x" + "42" * 20, "--data", data).code == 0
    assert contract.pending_owner() == b"\x42" * 20
    assert "offered to nobody" in anchor("hand-over", NOBODY, "--data", data).out
    assert contract.pending_owner() == bytes(20)
    own = address_text(contract.owner())
    assert refused(anchor("hand-over", own, "--data", data, "--json")) == "owner_already"
    assert anchor("hand-over", "--data", data).code == 2
    assert anchor("hand-over", own, "--accept", "--data", data).code == 2


def test_an_unsigned_call_is_one_that_any_wallet_can_send(anvil: Anvil, tmp_path: Path) -> None:
    wallet = LocalSigner(bytes.fromhex(anvil.accounts[3].private_key[2:]))
    data = deployed(anvil, tmp_path / "data", "--owner", address_text(wallet.address))
    # The key that anchors is lost: nothing of it is asked for.
    (data / "signing-key.json").unlink()
    shown = anchor("name-submitter", "0x" + "42" * 20, "--data", data, "--unsigned", "--json").json()
    assert (shown["from"], shown["chainId"]) == (address_text(wallet.address), CHAIN_ID)
    told = anchor("name-submitter", "0x" + "42" * 20, "--data", data, "--unsigned").out
    assert shown["data"] in told
    contract = contract_of(anvil, data)
    assert contract.submitter() != b"\x42" * 20
    send_and_wait(contract.node, wallet, parse_address(shown["to"]), bytes.fromhex(shown["data"][2:]))
    assert contract.submitter() == b"\x42" * 20


def test_nothing_is_sent_beside_a_worker_or_an_anchor_in_flight(anvil: Anvil, data: Path) -> None:
    contract = contract_of(anvil, data)
    opened = open_directory(data, {})
    lease = Lease(opened.database, opened.clock)
    assert lease.acquire()
    wanted = ("name-submitter", "0x" + "42" * 20, "--data", data, "--json")
    assert refused(anchor(*wanted)) == "worker_running"
    lease.release()
    anvil.rpc("evm_setAutomine", False)
    anchor_one(data)
    assert refused(anchor(*wanted)) == "anchor_in_flight"
    assert any(contract.submitter())
    anvil.rpc("evm_setAutomine", True)
    anvil.mine()
    assert anchor(*wanted).code == 0
    assert contract.submitter() == b"\x42" * 20
    opened.close()


def test_bad_input_is_refused_and_changes_nothing(anvil: Anvil, data: Path, tmp_path: Path) -> None:
    contract = contract_of(anvil, data)
    before = contract.submitter()
    for address in ("", "0x12", "acme", "0x" + "zz" * 20, "0xD8da6BF26964aF9D7eEd9e03E53415D37aA96046"):
        assert refused(anchor("name-submitter", address, "--data", data, "--json")) == "not_an_address"
    owner, by_owner = keystore(tmp_path, "owner", anvil)
    without_password = anchor("name-submitter", owner, "--data", data, *by_owner[:2], "--json")
    assert refused(without_password) == "no_password"
    wrong = {"ANCHOR_OWNER_PASSWORD": "battery staple"}
    mistaken = anchor("name-submitter", owner, "--data", data, *by_owner[:2], "--json", env=wrong)
    assert refused(mistaken) == "signer_misconfigured"
    assert "battery" not in mistaken.out + mistaken.err
    anvil.rpc("anvil_setCode", "0x" + contract.address.hex(), "0x60")
    assert refused(anchor("name-submitter", owner, "--data", data, "--json")) == "wrong_log"
    assert any(before)


def test_a_word_that_was_killed_after_it_was_heard_is_said_again_where_another_was_heard_since(
    anvil: Anvil, data: Path
) -> None:
    contract = contract_of(anvil, data)
    signer = signer_from_keystore(
        data / "signing-key.json", (data / "signing-key.password").read_text().strip()
    )
    first, second = b"\x41" * 20, b"\x42" * 20
    # Killed before it could forget what it sent.
    kept = UnfinishedTransaction(data / f"owner-{CHAIN_ID}.transaction")
    send_and_wait(contract.node, signer, contract.address, name_submitter_call(first), unfinished=kept)
    send_and_wait(contract.node, signer, contract.address, name_submitter_call(second))
    assert contract.submitter() == second
    assert anchor("name-submitter", address_text(first), "--data", data).code == 0
    assert contract.submitter() == first
    assert kept.kept() is None
