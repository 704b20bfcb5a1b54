"""``anchor repair``, ``cancel`` and ``watch`` on a real node."""

import json
from pathlib import Path
from typing import Any

import pytest

from anchor.node.endpoint import HttpEndpoint
from anchor.server.chain.contract import AnchorLog, anchor_call
from anchor.server.chain.deploying import send_and_wait
from anchor.server.chain.node import Node
from anchor.server.chain.signers.local import signer_from_keystore
from anchor.server.chain.values import parse_address
from anchor.server.ledger.model import Emission
from anchor.server.service.assembly import connect_chains, open_directory
from tests.cli.running import anchor_here as anchor
from tests.fixtures.anvil import CHAIN_ID, Anvil
from tests.fixtures.rpc_proxy import MakeProxy, answer, change


@pytest.fixture
def data(anvil: Anvil, tmp_path: Path) -> Path:
    """A data directory with its contract deployed."""
    folder = tmp_path / "data"
    made = anchor("init", folder, "--rpc", anvil.url, "--chain-id", CHAIN_ID, "--json").json()
    anvil.rpc("anvil_setBalance", made["signer"], hex(10**18))
    assert anchor("deploy", "--data", folder).code == 0
    return folder


def anchor_one(data: Path) -> str:
    """Record, seal and anchor one delta; return the contract's address."""
    opened = open_directory(data, {})
    opened.recorder().record([Emission("acme", 1)])
    chains = connect_chains(opened.settings, {})
    loop = opened.loop(chains)
    assert loop.run_once()
    loop.lease.release()
    opened.close()
    contract = chains[0].settings.contract
    assert contract is not None
    return "0x" + contract.hex()


def intrude(data: Path, anvil: Anvil, contract: str, head: bytes = b"\x66" * 32, number: int = 2) -> bytes:
    """Anchor a head, nobody's unless given, with the signer's key."""
    signer = signer_from_keystore(
        data / "signing-key.json", (data / "signing-key.password").read_text().strip()
    )
    node = Node([HttpEndpoint(anvil.url)], CHAIN_ID)
    address = parse_address(contract)
    send_and_wait(node, signer, address, anchor_call(AnchorLog(node, address).head(), head, number))
    return head


def watched(*arguments: Any) -> tuple[int, list[dict[str, Any]]]:
    finished = anchor("watch", *arguments, "--once", "--json")
    return finished.code, [json.loads(line) for line in finished.out.splitlines()]


def test_repair_says_that_all_is_ours_and_then_what_is_not(anvil: Anvil, data: Path) -> None:
    contract = anchor_one(data)
    assert anchor("repair", "--data", data, "--json").json()["whole"] is True
    head = intrude(data, anvil, contract)
    found = anchor("repair", "--data", data, "--json")
    assert found.code == 1
    assert [event["batch"] for event in found.json()["missing"]] == [2]
    told = anchor("repair", "--data", data)
    assert "batch 2 is missing here" in told.out
    wrong = anchor("repair", "--data", data, "--accept-head", "0x" + "11" * 32)
    assert wrong.code == 3
    accepted = anchor("repair", "--data", data, "--accept-head", "0x" + head.hex(), "--json")
    assert (accepted.code, accepted.json()["headAccepted"]) == (0, True)
    # The worker goes on upon it.
    anchor_one(data)
    node = Node([HttpEndpoint(anvil.url)], CHAIN_ID)
    assert AnchorLog(node, parse_address(contract)).head() != head


def test_repair_calls_nothing_whole_that_it_could_not_read_or_that_goes_back(
    anvil: Anvil, data: Path, make_proxy: MakeProxy
) -> None:
    contract = anchor_one(data)
    anchor_one(data)
    log = AnchorLog(Node([HttpEndpoint(anvil.url)], CHAIN_ID), parse_address(contract))
    newest, oldest = log.anchored(0, log.node.tallest_block().number)
    proxy = make_proxy(anvil.url)
    through = {"ANCHOR_CHAINS_MAIN_RPC": f'["{proxy.url}"]'}
    # A node that has forgotten all events, and one that has the newest only.
    for fault, unread in ((answer([]), newest), (change(lambda events: events[-1:]), oldest)):
        proxy.on("eth_getLogs", fault)
        found = anchor("repair", "--data", data, "--json", env=through)
        assert (found.code, found.json()["whole"]) == (1, False)
        assert found.json()["unreadFrom"] == "0x" + unread.new_head.hex()
        told = anchor("repair", "--data", data, env=through)
        assert f"no event leads to head 0x{unread.new_head.hex()}" in told.out
        assert "every head" not in told.out
    proxy.heal()
    assert anchor("repair", "--data", data, env=through).code == 0
    # An old root of ours, anchored once more, and one of ours under another number.
    intrude(data, anvil, contract, oldest.new_head, 1)
    found = anchor("repair", "--data", data, "--json")
    assert (found.code, [event["batch"] for event in found.json()["repeated"]]) == (1, [1])
    assert "batch 1 is anchored again after a newer one" in anchor("repair", "--data", data).out
    intrude(data, anvil, contract, newest.new_head, 9)
    assert [event["batch"] for event in anchor("repair", "--data", data, "--json").json()["foreign"]] == [9]


def test_repair_calls_nothing_whole_that_it_could_not_adopt(
    anvil: Anvil, data: Path, make_proxy: MakeProxy
) -> None:
    anchor_one(data)
    opened = open_directory(data, {})
    with opened.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM anchors")
        connection.exec_driver_sql("UPDATE sends SET state = 'superseded'")
        connection.exec_driver_sql("UPDATE attempts SET block_hash = NULL")
    opened.close()
    proxy = make_proxy(anvil.url)
    proxy.on("eth_getTransactionReceipt", answer(None))
    through = {"ANCHOR_CHAINS_MAIN_RPC": f'["{proxy.url}"]'}
    found = anchor("repair", "--data", data, "--json", env=through)
    assert (found.code, found.json()["whole"], found.json()["adopted"]) == (1, False, [])
    assert [event["batch"] for event in found.json()["postponed"]] == [1]
    assert "batch 1 is not adopted yet" in anchor("repair", "--data", data, env=through).out
    proxy.heal()
    assert anchor("repair", "--data", data, "--json", env=through).json()["adopted"] == [1]


def test_cancel_says_where_nothing_is_in_flight(data: Path) -> None:
    anchor_one(data)
    finished = anchor("cancel", "--data", data)
    assert finished.code == 3
    assert "nothing is in flight on main" in finished.err


def test_watch_follows_the_heads_and_tells_of_what_does_not_fit(anvil: Anvil, data: Path) -> None:
    contract = anchor_one(data)
    where = ("--rpc", anvil.url, "--contract", contract, "--finality", "1")
    code, seen = watched(*where)
    assert code == 0
    heads = [sighting for sighting in seen if sighting["kind"] != "not_checked"]
    assert [(sighting["kind"], sighting["batch"]) for sighting in heads] == [("anchored", 1)]
    shown = anchor("watch", *where, "--once")
    assert "batch 1 in block" in shown.out
    node = Node([HttpEndpoint(anvil.url)], CHAIN_ID)
    signer = signer_from_keystore(
        data / "signing-key.json", (data / "signing-key.password").read_text().strip()
    )
    address = parse_address(contract)
    again = anchor_call(AnchorLog(node, address).head(), b"\x66" * 32, 1)
    send_and_wait(node, signer, address, again)
    code, seen = watched(*where)
    assert code == 1
    assert [sighting["kind"] for sighting in seen if sighting["alarm"]] == ["number_not_rising"]


def test_watch_refuses_what_is_no_contract(anvil: Anvil) -> None:
    finished = anchor("watch", "--rpc", anvil.url, "--contract", "0x" + "42" * 20, "--once")
    assert finished.code == 3
    assert "no AnchorLog" in finished.err
