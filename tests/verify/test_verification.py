"""What a verifier accepts, what it refuses, and what it says of it, on a chain in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from anchor.node.view import AnchoredEvent, ChainUnavailable, EventsUnavailable, Finality
from anchor.proof.values import (
    Anchor,
    DeltaClaim,
    Disclosure,
    FreshnessClaim,
    Included,
    ProofFile,
    disclose,
)
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import Bytes32, keccak
from anchor.verify.results import Verification
from anchor.verify.verification import verify_proof
from tests.verify.building import (
    CONTRACT,
    BuiltLog,
    MemoryChain,
    example_log,
    example_proofs,
    fingerprints_only,
)

LOG = example_log()
PROOFS = example_proofs(LOG)


def said(result: Verification) -> str:
    return "\n".join(result.statements)


def failure(result: Verification, verdict: str = "invalid") -> str:
    """The name of the failed step of a result that must have this verdict."""
    assert result.verdict == verdict
    assert not result.valid
    assert result.failed is not None
    assert result.failed.expected != result.failed.found
    return result.failed.name


@pytest.mark.parametrize("name", PROOFS)
def test_an_honest_proof_is_valid(name: str) -> None:
    result = verify_proof(PROOFS[name], LOG.chain)
    assert result.verdict == "valid", result.failed
    assert all(step.outcome == "passed" for step in result.steps)


@pytest.mark.parametrize("name", PROOFS)
def test_without_a_chain_nothing_is_valid(name: str) -> None:
    result = verify_proof(PROOFS[name], None)
    assert result.verdict == "not_checked_against_a_chain"
    assert result.steps[-1].outcome == "skipped"
    assert "no proof" in said(result)


# What it says


def test_the_answer_names_the_contract_and_leaves_it_to_the_reader_to_recognise() -> None:
    result = verify_proof(PROOFS["delta"], LOG.chain)
    assert f"Valid under contract {hex_of(CONTRACT)} on chain 31337 (a development chain): " in said(result)
    assert "whether that is the agreed contract is for you to recognise" in said(result)
    result = verify_proof(PROOFS["delta"], LOG.chain, expected_contract=CONTRACT)
    assert "which you named" in said(result)


def test_the_answer_says_whose_ledger_it_is_or_that_nobody_is_named() -> None:
    assert "only one that customer “UA” can have in unit “mile”" in said(
        verify_proof(PROOFS["delta"], LOG.chain)
    )
    unnamed = verify_proof(PROOFS["delta without a name"], LOG.chain)
    assert "names no customer: it proves something about the ledger id" in said(unnamed)


def test_the_time_proven_is_that_of_the_block_of_the_head_it_was_reached_from() -> None:
    through = verify_proof(PROOFS["delta through a later batch"], LOG.chain)
    (batch,) = through.facts["chain"]["batches"]
    block = LOG.chain.blocks[batch["block"]]
    assert batch["through"] == 4
    assert LOG.locations[4][2].block_number == block.number  # type: ignore[union-attr]
    assert batch["committedBy"] == block.timestamp * 1000
    assert not batch["isHead"]


def test_a_balance_says_whether_the_ledger_went_on() -> None:
    assert "ledger's balance as of batch 4" in said(verify_proof(PROOFS["balance now"], LOG.chain))
    assert "went on: it has 14 deltas" in said(verify_proof(PROOFS["balance as of"], LOG.chain))


def test_a_withheld_delta_shows_its_fingerprint_only() -> None:
    claim = PROOFS["delta"].claim
    assert isinstance(claim, DeltaClaim)
    record: Any = claim.delta.record
    ledger_id = LOG.ledger("UA", "mile").identity.ledger_id
    for disclosure in Disclosure:
        less = disclose(record, disclosure, separator=LOG.separator, ledger_id=ledger_id)
        shown = replace(PROOFS["delta"], claim=replace(claim, delta=Included(less, claim.delta.path)))
        result = verify_proof(shown, LOG.chain)
        assert result.valid
        assert ("amount" in result.facts) == (disclosure is not Disclosure.FINGERPRINTS)
        assert ("reason" in result.facts) == (disclosure is Disclosure.FULL)


def test_balances_that_could_not_be_checked_are_not_said_to_be() -> None:
    period = LOG.period("AA", 5, 11, 4, "mile", listed=True)
    ends = replace(period, claim=replace(period.claim, deltas=None))
    assert verify_proof(ends, LOG.chain).facts["balancesChecked"] == 0
    for hidden, outcome, found, told in (
        (set(), "passed", "7 of 7", "Each balance is the one before it"),
        ({6}, "passed", "5 of 7", "5 of 7 balances were checked"),
        (set(range(5, 12)), "skipped", None, "No balance could be checked"),
    ):
        result = verify_proof(fingerprints_only(period, hidden), LOG.chain)
        (step,) = (step for step in result.steps if step.name == "balances")
        assert result.valid
        assert (step.outcome, step.found) == (outcome, found)
        assert step.explanation.startswith(told)
        unchecked = [line for line in result.statements if "was not checked" in line]
        assert len(unchecked) == bool(hidden), "the answer itself says what it does not rest on"
        assert all("add up to the closing balance" in line for line in unchecked)
        assert result.facts["balancesChecked"] == (0 if found is None else int(found[0]))


def test_the_first_delta_of_a_period_is_not_recorded_before_the_one_that_opens_it() -> None:
    log = BuiltLog(3)
    log.record_many("UA", 3)
    log.record("UA", 5, recorded_at=log.ledger("UA").records[0].recorded_at)
    number = log.seal().batch.number
    log.anchor()
    result = verify_proof(log.period("UA", 3, 3, number, listed=True), log.chain)
    assert result.failed is not None
    assert (result.verdict, result.failed.name) == ("invalid", "times")


# What the reader means


def test_another_contract_than_the_agreed_one_is_refused() -> None:
    other = keccak(b"another")[:20]
    assert failure(verify_proof(PROOFS["delta"], LOG.chain, expected_contract=other)) == "contract"


def test_another_customer_unit_or_ledger_than_meant_is_refused() -> None:
    proof = PROOFS["delta"]
    assert failure(verify_proof(proof, LOG.chain, expected_customer="AA")) == "expected customer"
    assert failure(verify_proof(proof, LOG.chain, expected_unit="hour")) == "expected unit"
    assert failure(verify_proof(proof, LOG.chain, expected_ledger_id=keccak(b""))) == "expected ledger"
    unnamed = PROOFS["delta without a name"]
    assert failure(verify_proof(unnamed, LOG.chain, expected_customer="AA")) == "expected customer"
    assert verify_proof(
        proof,
        LOG.chain,
        expected_customer="UA",
        expected_unit="mile",
        expected_ledger_id=LOG.ledger("UA", "mile").identity.ledger_id,
        expected_contract=CONTRACT,
    ).valid


@pytest.mark.parametrize("rule", ["final", "0", -1, 0, True, "1.0", "", "٣"])
def test_a_finality_rule_that_is_none_is_refused(rule: Any) -> None:
    with pytest.raises(ValueError, match="finality"):
        verify_proof(PROOFS["delta"], LOG.chain, finality=rule)


# What the chain shows


def test_a_chain_of_another_id_is_not_the_one() -> None:
    chain = MemoryChain(LOG.log_id, chain_id=1)
    assert failure(verify_proof(PROOFS["delta"], chain), "not_checked_against_a_chain") == "chain"


def test_nothing_at_the_address_or_the_anchor_of_another_log_is_refused() -> None:
    chain = MemoryChain(keccak(b"another log"))
    assert failure(verify_proof(PROOFS["delta"], chain)) == "contract's log"
    chain.anchored_log = None
    assert failure(verify_proof(PROOFS["delta"], chain), "not_checked_against_a_chain") == "contract"
    chain.mine(10)
    assert failure(verify_proof(PROOFS["delta"], chain)) == "contract"


def test_a_block_that_is_not_final_by_the_readers_rule_is_no_proof_yet() -> None:
    log = example_log(3)
    newest = log.delta("AA", 13, 4, "mile")
    assert verify_proof(newest, log.chain, finality=1).valid
    result = verify_proof(newest, log.chain, finality=2)
    assert failure(result, "not_checked_against_a_chain") == "finality"
    log.chain.mine()
    assert verify_proof(newest, log.chain, finality=2).valid


def test_a_block_that_was_reorganised_away_is_refused() -> None:
    log = example_log(4)
    proof = log.delta("AA", 13, 4, "mile")
    del log.chain.blocks[-1], log.chain.heads[-1], log.chain.events[-1], log.chain.pins[-1]
    log.chain.mine()
    assert failure(verify_proof(proof, log.chain)) == "block"


def with_anchors(proof: ProofFile, *anchors: Anchor) -> ProofFile:
    claim: Any = proof.claim
    head = replace(claim.head, batch=replace(claim.head.batch, anchors=anchors))
    return replace(proof, claim=replace(claim, head=head))


def test_a_block_without_the_event_is_refused_whatever_else_the_contract_holds() -> None:
    location = LOG.locations[4][2]
    proof = with_anchors(PROOFS["delta"], Anchor(LOG.chain.id, CONTRACT, location))
    assert failure(verify_proof(proof, LOG.chain)) == "anchored event"


def test_another_transaction_than_the_events_is_refused() -> None:
    location = LOG.locations[2][2]
    assert location is not None
    wrong = replace(location, transaction_hash=keccak(b"no such"))
    proof = with_anchors(PROOFS["delta"], Anchor(LOG.chain.id, CONTRACT, wrong))
    assert failure(verify_proof(proof, LOG.chain)) == "transaction"


def test_an_event_that_states_another_number_than_the_root_holds_is_refused() -> None:
    log = BuiltLog(6)
    log.record("UA", 1)
    sealed = log.seal()
    location = log.chain.anchor(sealed.root, 7)
    log.locations[1] = (log.chain.id, CONTRACT, location)
    assert failure(verify_proof(log.delta("UA", 0, 1), log.chain)) == "batch number"


def test_a_head_that_was_never_anchored_is_refused() -> None:
    log = BuiltLog(7)
    log.record("UA", 1)
    log.seal()
    proof = with_anchors(log.delta("UA", 0, 1), Anchor(log.chain.id, CONTRACT))
    assert failure(verify_proof(proof, log.chain)) == "contract's head"


class ForgetfulChain(MemoryChain):
    """A node that keeps no old events."""

    def anchored(self, contract: bytes, block_hash: Bytes32) -> tuple[AnchoredEvent, ...]:
        raise EventsUnavailable("the node keeps no events of that block")


def test_where_no_old_events_are_kept_a_pinned_head_or_the_current_one_serves() -> None:
    chain = ForgetfulChain(LOG.log_id)
    chain.__dict__.update(LOG.chain.__dict__)
    pinned = verify_proof(PROOFS["delta"], chain)
    assert pinned.valid
    assert "(pinned)" in said(pinned)
    assert any(step.outcome == "skipped" for step in pinned.steps)
    assert verify_proof(PROOFS["balance now"], chain).valid
    absent = verify_proof(PROOFS["delta without a name"], chain)
    assert failure(absent, "not_checked_against_a_chain") == "contract's head"
    assert "ask another node, one that keeps old events" in said(absent)


class BrokenChain(MemoryChain):
    """A node that stops answering."""

    def head(self, contract: bytes, block: int) -> Bytes32:
        raise ChainUnavailable("the node does not answer")


def test_a_node_that_does_not_answer_leaves_it_unchecked() -> None:
    chain = BrokenChain(LOG.log_id)
    chain.__dict__.update(LOG.chain.__dict__)
    result = verify_proof(PROOFS["delta"], chain)
    assert failure(result, "not_checked_against_a_chain") == "chain"
    assert "does not answer" in said(result)


def test_a_file_that_names_no_chain_can_be_held_against_the_agreed_contract() -> None:
    bare = with_anchors(PROOFS["balance now"])
    assert failure(verify_proof(bare, LOG.chain), "not_checked_against_a_chain") == "chain"
    assert verify_proof(bare, LOG.chain, expected_contract=CONTRACT).valid
    older = with_anchors(PROOFS["delta without a name"])
    result = verify_proof(older, LOG.chain, expected_contract=CONTRACT)
    assert failure(result) == "contract's head"


def test_one_good_place_among_several_is_enough() -> None:
    location = LOG.locations[2][2]
    assert location is not None
    good = Anchor(LOG.chain.id, CONTRACT, location)
    elsewhere = Anchor(1, keccak(b"elsewhere")[:20], location)
    stale = Anchor(LOG.chain.id, CONTRACT, replace(location, block_number=location.block_number - 1))
    proof = with_anchors(PROOFS["delta"], elsewhere, stale, good)
    result = verify_proof(proof, LOG.chain)
    assert result.valid
    assert all(step.outcome == "passed" for step in result.steps)
    nowhere = with_anchors(PROOFS["delta"], stale, stale)
    assert failure(verify_proof(nowhere, LOG.chain)) == "block"


def test_an_old_head_is_not_shown_as_current() -> None:
    for number in (1, 2):
        assert failure(verify_proof(LOG.freshness("B6", number, "mile"), LOG.chain)) == "current head"


def test_a_head_reached_through_the_history_is_not_current_either() -> None:
    proof = LOG.freshness("B6", 3, "mile")
    assert isinstance(proof.claim, FreshnessClaim)
    assert not verify_proof(proof, LOG.chain).valid


def test_a_root_reached_through_a_history_that_is_too_short_is_refused() -> None:
    anchor = LOG.anchored_batch(3).anchors[0]
    assert anchor.through is not None
    shorter = replace(anchor.through, batch=replace(anchor.through.batch, number=3))
    proof = with_anchors(PROOFS["delta through a later batch"], replace(anchor, through=shorter))
    assert failure(verify_proof(proof, LOG.chain)) == "history path"


def test_confirmations_are_counted_from_one() -> None:
    assert Finality.parse("12") == Finality(None, 12)
    assert Finality.parse("safe") == Finality("safe")
    assert str(Finality.parse(3)) == "3 confirmations"


def test_the_answer_is_json() -> None:
    text = json.dumps(verify_proof(PROOFS["span"], LOG.chain).to_json())
    assert '"verdict": "valid"' in text
