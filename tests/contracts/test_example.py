"""The example in contracts/examples and docs/contracts.md does what it says."""

from __future__ import annotations

import re

from web3 import Web3
from web3.contract import Contract

from anchor.protocol.hub import HUB_ADDRESS, HUB_CODE_HASH, HUB_INIT_CODE_HASH
from scripts.compile_contracts import ROOT, compiled
from tests.contracts.generated_log import GeneratedLedger, GeneratedLog
from tests.contracts.hub import IDENTITY_KEY, deployed_hub, log_id_of
from tests.fixtures.eth_tester import deploy, refusal_of

BATCH = "(uint64,bytes32,bytes32,uint64)"
DELTA = "(bytes32,uint64,int256,int256,uint64,uint64,bytes32,bytes32,bytes32,bytes32)"
PROOF = f"({DELTA},uint64,bytes32[],bytes32[],{BATCH})"
SHOW = f"show({PROOF})"
SHOW_THROUGH = f"show({PROOF},(bytes32[],{BATCH}))"


def generated_log(web3: Web3) -> GeneratedLog:
    """A log that the chain's first account founded."""
    log_id = log_id_of(IDENTITY_KEY, web3.eth.accounts[0])
    return GeneratedLog(seed=8, ledgers=3, batches=3, log_id=log_id)


def deployed_gate(web3: Web3, log: GeneratedLog, ledger: GeneratedLedger, threshold: int) -> Contract:
    """The example on a chain whose hub holds the log's last batch."""
    founder = web3.eth.accounts[0]
    hub = deployed_hub(web3)
    hub.functions.open(IDENTITY_KEY, founder).transact({"from": founder})
    newest = log.batches[-1]
    hub.functions.anchor(log.log_id, bytes(32), newest.root, newest.batch.number).transact()
    example = compiled("contracts/examples/BalanceGate.sol", "BalanceGate")
    output = {"abi": example["abi"], "bytecode": example["evm"]["bytecode"]["object"]}
    return deploy(web3, output, hub.address, log.log_id, ledger.ledger_id, threshold)


def test_the_example_opens_for_a_balance_that_is_in_the_record(eth_tester_web3: Web3) -> None:
    log = generated_log(eth_tester_web3)
    newest = log.batches[-1]
    ledger = log.any_ledger(newest)
    size = newest.sizes[ledger.ledger_id]
    balance = ledger.deltas[size - 1].balance
    gate = deployed_gate(eth_tester_web3, log, ledger, balance)
    proof = log.delta_proof(newest, ledger, size - 1)

    other = next(one for one in log.ledgers.values() if one is not ledger and one.ledger_id in newest.sizes)
    foreign = log.delta_proof(newest, other, newest.sizes[other.ledger_id] - 1)
    assert refusal_of(gate, lambda: gate.functions[SHOW](foreign).transact()).name == "AnotherLedger"
    delta = proof[0]
    forged = ((*delta[:3], balance + 1, *delta[4:]), *proof[1:])
    assert refusal_of(gate, lambda: gate.functions[SHOW](forged).transact()).name == "MapRootMismatch"
    assert not gate.functions.open().call()

    gate.functions[SHOW](proof).transact()
    assert gate.functions.open().call()


def test_the_example_takes_an_older_batch_through_the_history(eth_tester_web3: Web3) -> None:
    log = generated_log(eth_tester_web3)
    older, newest = log.batches[0], log.batches[-1]
    ledger = log.any_ledger(older)
    size = older.sizes[ledger.ledger_id]
    gate = deployed_gate(eth_tester_web3, log, ledger, ledger.deltas[size - 1].balance)
    proof, through = log.delta_proof(older, ledger, size - 1), log.history_proof(newest, 1)

    assert refusal_of(gate, lambda: gate.functions[SHOW](proof).transact()).name == "RootNotHeld"
    gate.functions[SHOW_THROUGH](proof, through).transact()
    assert gate.functions.open().call()


def test_the_example_stays_shut_below_the_threshold(eth_tester_web3: Web3) -> None:
    log = generated_log(eth_tester_web3)
    newest = log.batches[-1]
    ledger = log.any_ledger(newest)
    last = newest.sizes[ledger.ledger_id] - 1
    balance = ledger.deltas[last].balance
    gate = deployed_gate(eth_tester_web3, log, ledger, balance + 1)
    proof = log.delta_proof(newest, ledger, last)
    refusal = refusal_of(gate, lambda: gate.functions[SHOW](proof).transact())
    assert (refusal.name, refusal.values) == ("BelowThreshold", (balance + 1, balance))


def test_the_documentation_shows_the_example_as_it_is() -> None:
    shown = re.findall(r"```solidity\n(.*?)```", (ROOT / "docs/contracts.md").read_text(), re.DOTALL)
    source = (ROOT / "contracts/examples/BalanceGate.sol").read_text()
    assert shown
    assert all(snippet in source for snippet in shown)


def test_the_documentation_names_every_error_of_the_library() -> None:
    page = (ROOT / "docs/contracts.md").read_text()
    for source, name in [("AnchorHub", "AnchorHub"), ("test/AnchorProofHarness", "AnchorProofHarness")]:
        for entry in compiled(f"contracts/{source}.sol", name)["abi"]:
            if entry["type"] in ("error", "event") or (name == "AnchorHub" and entry["type"] == "function"):
                assert f"`{entry['name']}" in page, entry["name"]


def test_the_documentation_gives_the_hubs_place_and_code() -> None:
    page = (ROOT / "docs/contracts.md").read_text()
    assert f"| address | `{Web3.to_checksum_address(HUB_ADDRESS)}` |" in page
    assert f"| Keccak-256 of its code | `{Web3.to_hex(HUB_CODE_HASH)}` |" in page
    assert f"| Keccak-256 of its init code | `{Web3.to_hex(HUB_INIT_CODE_HASH)}` |" in page
