"""Another contract asks an AnchorHub, through AnchorProof, whether the chain stands for a batch."""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest
from web3.contract import Contract

from tests.contracts.conftest import ProofLibrary
from tests.contracts.generated_log import GeneratedLog
from tests.contracts.hub import IDENTITY_KEY, deployed_hub, log_id_of
from tests.fixtures.eth_tester import Refusal


@pytest.fixture(scope="module")
def log(proof_library: ProofLibrary) -> GeneratedLog:
    founder = proof_library.web3.eth.accounts[0]
    return GeneratedLog(seed=3, ledgers=4, batches=6, log_id=log_id_of(IDENTITY_KEY, founder))


@pytest.fixture
def anchored(proof_library: ProofLibrary, log: GeneratedLog) -> Contract:
    """A hub in which the log anchored batches 2, 3 and 5; 3 was pinned while it was the head."""
    hub = deployed_hub(proof_library.web3)
    founder = proof_library.web3.eth.accounts[0]
    hub.functions.open(IDENTITY_KEY, founder).transact({"from": founder})
    previous = bytes(32)
    for number in (2, 3, 5):
        root = log.batches[number - 1].root
        hub.functions.anchor(log.log_id, previous, root, number).transact()
        if number == 3:
            hub.functions.pin(log.log_id, root).transact()
        previous = root
    return hub


@pytest.mark.parametrize("number", [3, 5])
def test_the_head_and_a_pinned_head_are_held(
    proof_library: ProofLibrary, anchored: Contract, log: GeneratedLog, number: int
) -> None:
    sealed = log.batches[number - 1]
    assert (
        proof_library.outcome("heldRoot", anchored.address, log.log_id, astuple(sealed.batch)) == sealed.root
    )


@pytest.mark.parametrize("number", [1, 2, 4, 6])
def test_an_earlier_head_that_nobody_pinned_and_what_was_never_anchored_are_not_held(
    proof_library: ProofLibrary, anchored: Contract, log: GeneratedLog, number: int
) -> None:
    sealed = log.batches[number - 1]
    refusal = proof_library.outcome("heldRoot", anchored.address, log.log_id, astuple(sealed.batch))
    assert refusal == Refusal("RootNotHeld", (sealed.root, log.batches[4].root))


@pytest.mark.parametrize(("number", "newer"), [(1, 3), (2, 3), (1, 5), (2, 5), (3, 5), (4, 5)])
def test_every_earlier_batch_is_held_through_the_history_of_a_held_one(
    proof_library: ProofLibrary, anchored: Contract, log: GeneratedLog, number: int, newer: int
) -> None:
    earlier, through = log.batches[number - 1], log.history_proof(log.batches[newer - 1], number)
    outcome = proof_library.outcome(
        "heldRootThrough", anchored.address, log.log_id, astuple(earlier.batch), through
    )
    assert outcome == earlier.root


def test_a_history_that_the_contract_does_not_hold_proves_nothing(
    proof_library: ProofLibrary, anchored: Contract, log: GeneratedLog
) -> None:
    newest, earlier = log.batches[5], log.batches[0]
    through = log.history_proof(newest, 1)
    outcome = proof_library.outcome(
        "heldRootThrough", anchored.address, log.log_id, astuple(earlier.batch), through
    )
    assert outcome == Refusal("RootNotHeld", (newest.root, log.batches[4].root))


def test_the_hub_holds_nothing_for_a_log_that_is_another_logs(
    proof_library: ProofLibrary, anchored: Contract, log: GeneratedLog
) -> None:
    foreign = GeneratedLog(seed=4, ledgers=4, batches=6)
    for sealed in (foreign.batches[4], log.batches[4]):
        outcome = proof_library.outcome("heldRoot", anchored.address, foreign.log_id, astuple(sealed.batch))
        assert outcome == Refusal("RootNotHeld", (sealed.batch.anchor_root(foreign.log_id), bytes(32)))
    theirs = astuple(foreign.batches[4].batch)
    assert proof_library.outcome("heldRoot", anchored.address, log.log_id, theirs).name == "RootNotHeld"


def test_a_thief_of_the_submitters_key_anchors_what_the_library_takes(
    proof_library: ProofLibrary, anchored: Contract, log: GeneratedLog
) -> None:
    """What its documentation says: a contract cannot check the log's signature, and trusts the submitter."""
    junk = replace(log.batches[5].batch, map_root=bytes([7] * 32))
    root = junk.anchor_root(log.log_id)
    anchored.functions.anchor(log.log_id, log.batches[4].root, root, junk.number).transact()
    assert proof_library.outcome("heldRoot", anchored.address, log.log_id, astuple(junk)) == root
