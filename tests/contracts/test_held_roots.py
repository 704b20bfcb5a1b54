"""Another contract asks an AnchorLog, through AnchorProof, whether the chain stands for a batch."""

from __future__ import annotations

import json
from dataclasses import astuple

import pytest
from web3.contract import Contract

from scripts.compile_contracts import ARTIFACT
from tests.contracts.conftest import ProofLibrary
from tests.contracts.generated_log import GeneratedLog
from tests.fixtures.eth_tester import Refusal, deploy


@pytest.fixture(scope="module")
def log() -> GeneratedLog:
    return GeneratedLog(seed=3, ledgers=4, batches=6)


@pytest.fixture
def anchored(proof_library: ProofLibrary, log: GeneratedLog) -> Contract:
    """The log's contract with batches 2, 3 and 5 anchored, and 3 pinned while it was the head."""
    owner = submitter = proof_library.web3.eth.accounts[0]
    contract = deploy(proof_library.web3, json.loads(ARTIFACT.read_text()), log.log_id, owner, submitter)
    previous = bytes(32)
    for number in (2, 3, 5):
        root = log.batches[number - 1].root
        contract.functions.anchor(previous, root, number).transact()
        if number == 3:
            contract.functions.pin().transact()
        previous = root
    return contract


@pytest.mark.parametrize("number", [3, 5])
def test_the_head_and_a_pinned_head_are_held(
    proof_library: ProofLibrary, anchored: Contract, log: GeneratedLog, number: int
) -> None:
    sealed = log.batches[number - 1]
    assert proof_library.outcome("heldRoot", anchored.address, astuple(sealed.batch)) == sealed.root


@pytest.mark.parametrize("number", [1, 2, 4, 6])
def test_an_earlier_head_that_nobody_pinned_and_what_was_never_anchored_are_not_held(
    proof_library: ProofLibrary, anchored: Contract, log: GeneratedLog, number: int
) -> None:
    sealed = log.batches[number - 1]
    refusal = proof_library.outcome("heldRoot", anchored.address, astuple(sealed.batch))
    assert refusal == Refusal("RootNotHeld", (sealed.root, log.batches[4].root))


@pytest.mark.parametrize(("number", "newer"), [(1, 3), (2, 3), (1, 5), (2, 5), (3, 5), (4, 5)])
def test_every_earlier_batch_is_held_through_the_history_of_a_held_one(
    proof_library: ProofLibrary, anchored: Contract, log: GeneratedLog, number: int, newer: int
) -> None:
    earlier, through = log.batches[number - 1], log.history_proof(log.batches[newer - 1], number)
    outcome = proof_library.outcome("heldRootThrough", anchored.address, astuple(earlier.batch), through)
    assert outcome == earlier.root


def test_a_history_that_the_contract_does_not_hold_proves_nothing(
    proof_library: ProofLibrary, anchored: Contract, log: GeneratedLog
) -> None:
    newest, earlier = log.batches[5], log.batches[0]
    through = log.history_proof(newest, 1)
    outcome = proof_library.outcome("heldRootThrough", anchored.address, astuple(earlier.batch), through)
    assert outcome == Refusal("RootNotHeld", (newest.root, log.batches[4].root))


def test_another_logs_contract_holds_nothing_of_ours(proof_library: ProofLibrary, anchored: Contract) -> None:
    foreign = GeneratedLog(seed=4, ledgers=4, batches=6)
    outcome = proof_library.outcome("heldRoot", anchored.address, astuple(foreign.batches[4].batch))
    assert outcome.name == "RootNotHeld"
