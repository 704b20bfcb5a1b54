"""Every way to cheat that a proof file can show, played by an operator who cheats; and no false alarm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from anchor.proof.reading import parse_proof_file
from anchor.proof.values import (
    Anchor,
    AnchoredBatch,
    Backdated,
    FalseBalance,
    Fraud,
    RecordedAfterSealed,
    ShrunkLedger,
    TimeReversed,
    TwoBatches,
    TwoDeltas,
    TwoHeads,
    VanishedLedger,
)
from anchor.proof.writing import CHEATS, write_proof_file
from anchor.verify.results import Verification
from anchor.verify.verification import verify_proof
from tests.verify.building import CONTRACT, BuiltLog
from tests.verify.fraud_examples import cheated_log, fraud_file


def check(log: BuiltLog, fraud: Fraud, customer: str = "UA") -> Verification:
    """Verify a fraud, by way of its file."""
    proof = fraud_file(log, fraud, customer)
    again = parse_proof_file(write_proof_file(proof))
    assert again == proof
    return verify_proof(again, log.chain)


def proven(log: BuiltLog, fraud: Fraud) -> str:
    result = check(log, fraud)
    assert result.valid, result.failed
    assert result.statements[0].startswith("The operator cheated.")
    return result.statements[0]


def nothing_wrong(log: BuiltLog, fraud: Fraud, step: str = "contradiction") -> None:
    result = check(log, fraud)
    assert result.verdict == "invalid"
    assert result.failed is not None
    assert result.failed.name == step


@pytest.fixture
def log() -> BuiltLog:
    """Two ledgers of six deltas, sealed and anchored honestly as batch 1."""
    log = BuiltLog(11)
    log.record_many("UA", 6)
    log.record_many("AA", 6)
    log.seal()
    log.anchor()
    return log


def seal_and_anchor(log: BuiltLog) -> int:
    number = log.seal().batch.number
    log.anchor()
    return number


def rewrite(log: BuiltLog, index: int, **fields: Any) -> None:
    """Alter a delta that was recorded before."""
    records = log.ledger("UA").records
    records[index] = replace(records[index], **fields)


def test_a_balance_that_does_not_add_up(log: BuiltLog) -> None:
    log.record("UA", 5, balance=10**18)
    two = seal_and_anchor(log)
    fraud = FalseBalance(log.included("UA", 5, two), log.included("UA", 6, two), log.head("UA", two))
    assert "says 1." in proven(log, fraud)


def test_a_first_balance_that_is_not_the_first_amount() -> None:
    log = BuiltLog(12)
    log.record("UA", 10**18, balance=2 * 10**18)
    one = seal_and_anchor(log)
    assert "has to be 1, and the record says 2." in proven(
        log, FalseBalance(None, log.included("UA", 0, one), log.head("UA", one))
    )


def test_balances_that_add_up_are_no_fraud(log: BuiltLog) -> None:
    head = log.head("UA", 1)
    nothing_wrong(log, FalseBalance(log.included("UA", 2, 1), log.included("UA", 3, 1), head))
    nothing_wrong(log, FalseBalance(None, log.included("UA", 0, 1), head))


def test_deltas_that_are_no_neighbours_prove_nothing(log: BuiltLog) -> None:
    head = log.head("UA", 1)
    fraud = FalseBalance(log.included("UA", 1, 1), log.included("UA", 3, 1), head)
    nothing_wrong(log, fraud, "neighbours")
    nothing_wrong(log, FalseBalance(None, log.included("UA", 3, 1), head), "first delta")


def test_a_delta_recorded_before_the_one_before_it(log: BuiltLog) -> None:
    earlier = log.ledger("UA").records[5].recorded_at - 1
    log.record("UA", 5, recorded_at=earlier)
    two = seal_and_anchor(log)
    head = log.head("UA", two)
    assert "before delta 5" in proven(
        log, TimeReversed(log.included("UA", 5, two), log.included("UA", 6, two), head)
    )
    nothing_wrong(log, TimeReversed(log.included("UA", 4, two), log.included("UA", 5, two), head))


def test_a_delta_recorded_after_its_batch_was_sealed(log: BuiltLog) -> None:
    log.record("UA", 5, recorded_at=log.now + 10**8)
    two = seal_and_anchor(log)
    proven(log, RecordedAfterSealed(log.included("UA", 6, two), log.head("UA", two)))
    nothing_wrong(log, RecordedAfterSealed(log.included("UA", 5, two), log.head("UA", two)))


def test_a_delta_slipped_into_the_past(log: BuiltLog) -> None:
    log.now += 600_000
    two = seal_and_anchor(log)
    log.record("UA", 5, recorded_at=log.now - 300_000)
    three = seal_and_anchor(log)
    fraud = Backdated(log.head("UA", two), log.included("UA", 6, three), log.head("UA", three))
    assert "put in later" in proven(log, fraud)
    held = Backdated(log.head("UA", two), log.included("UA", 3, three), log.head("UA", three))
    nothing_wrong(log, held)


def test_a_delta_recorded_within_a_minute_of_sealing_is_not_backdated(log: BuiltLog) -> None:
    sealed_at = log.batches[0].batch.sealed_at
    for early, wrong in ((60_000, False), (60_001, True)):
        log.ledger("UA").records[6:] = []
        log.record("UA", 5, recorded_at=sealed_at - early)
        number = seal_and_anchor(log)
        head = log.head("UA", number)
        result = check(log, Backdated(log.head("UA", 1), log.included("UA", 6, number), head))
        assert result.valid is wrong


def test_a_delta_that_was_altered_later(log: BuiltLog) -> None:
    first, first_head = log.included("UA", 2, 1), log.head("UA", 1)
    rewrite(log, 2, amount=1)
    two = seal_and_anchor(log)
    fraud = TwoDeltas(first, first_head, log.included("UA", 2, two), log.head("UA", two))
    assert "two different deltas 2" in proven(log, fraud)
    same = TwoDeltas(log.included("UA", 1, 1), first_head, log.included("UA", 1, two), log.head("UA", two))
    nothing_wrong(log, same)
    other = TwoDeltas(log.included("UA", 1, 1), first_head, log.included("UA", 2, two), log.head("UA", two))
    nothing_wrong(log, other, "same index")


def test_deltas_that_changed_places(log: BuiltLog) -> None:
    first, first_head = log.included("UA", 1, 1), log.head("UA", 1)
    records = log.ledger("UA").records
    records[1], records[2] = replace(records[2], index=1), replace(records[1], index=2)
    two = seal_and_anchor(log)
    proven(log, TwoDeltas(first, first_head, log.included("UA", 1, two), log.head("UA", two)))


def test_two_heads_of_one_size(log: BuiltLog) -> None:
    rewrite(log, 5, amount=1)
    two = seal_and_anchor(log)
    proven(log, TwoHeads(log.head("UA", 1), log.head("UA", two)))
    nothing_wrong(log, TwoHeads(log.head("UA", 1), log.head("UA", 1)))
    log.record("UA", 1)
    three = seal_and_anchor(log)
    nothing_wrong(log, TwoHeads(log.head("UA", 1), log.head("UA", three)), "same size")


def test_a_delta_that_was_removed(log: BuiltLog) -> None:
    log.ledger("UA").records.pop()
    two = seal_and_anchor(log)
    assert "6 deltas, and later 5" in proven(log, ShrunkLedger(log.head("UA", 1), log.head("UA", two)))
    nothing_wrong(log, ShrunkLedger(log.head("UA", two), log.head("UA", 1)), "batch order")
    log.record_many("UA", 9)
    three = seal_and_anchor(log)
    nothing_wrong(log, ShrunkLedger(log.head("UA", two), log.head("UA", three)))


def test_a_ledger_that_was_removed(log: BuiltLog) -> None:
    earlier = log.head("UA", 1)
    kept = log.ledger("UA").records.copy()
    log.ledger("UA").records.clear()
    two = seal_and_anchor(log)
    assert "gone" in proven(log, VanishedLedger(earlier, log.absence_of("UA", two)))
    log.ledger("UA").records.extend(kept)
    three = seal_and_anchor(log)
    later = log.head("UA", three)
    nothing_wrong(log, VanishedLedger(later, log.absence_of("UA", two)), "batch order")


def test_a_log_that_was_rewritten_and_anchored_again(log: BuiltLog) -> None:
    first = log.anchored_batch(1)
    log.batches.clear()
    rewrite(log, 3, amount=1)
    seal_and_anchor(log)
    second = log.anchored_batch(1)
    assert "two different batches 1" in proven(log, TwoBatches(first, second))
    nothing_wrong(log, TwoBatches(first, first))


def test_a_rewritten_log_is_caught_through_its_history_as_well(log: BuiltLog) -> None:
    first = log.anchored_batch(1)
    log.batches.clear()
    log.locations.clear()
    rewrite(log, 3, amount=1)
    log.seal()
    seal_and_anchor(log)
    proven(log, TwoBatches(first, log.anchored_batch(1)))


def test_nobody_is_accused_by_a_root_that_was_never_anchored(log: BuiltLog) -> None:
    first = log.anchored_batch(1)
    log.batches.clear()
    log.locations.clear()
    rewrite(log, 3, amount=1)
    log.seal()
    forged = AnchoredBatch(log.batches[0].batch, (Anchor(log.chain.id, CONTRACT),), log.signature(1))
    nothing_wrong(log, TwoBatches(first, forged), "contract's head (second batch)")
    located = AnchoredBatch(log.batches[0].batch, first.anchors, log.signature(1))
    nothing_wrong(log, TwoBatches(first, located), "anchored event (second batch)")


def test_nobody_is_accused_by_a_contract_that_the_accuser_deployed(log: BuiltLog) -> None:
    first = log.anchored_batch(1)
    log.batches.clear()
    rewrite(log, 3, amount=1)
    log.seal()
    own = b"\x77" * 20
    forged = AnchoredBatch(log.batches[0].batch, (Anchor(log.chain.id, own),), log.signature(1))
    result = check(log, TwoBatches(first, forged))
    assert result.verdict == "not_checked_against_a_chain"
    assert result.failed is not None
    assert result.failed.name == "chain (second batch)"


def test_one_operator_who_cheated_in_every_way_is_caught_in_each() -> None:
    log, frauds = cheated_log()
    assert len(frauds) == len(CHEATS)
    for fraud in frauds.values():
        proven(log, fraud)
