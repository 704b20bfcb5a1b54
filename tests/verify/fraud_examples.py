"""One proof file for every way to cheat, each by an operator who did."""

from __future__ import annotations

from dataclasses import replace

from anchor.proof.values import (
    Backdated,
    FalseBalance,
    Fraud,
    FraudClaim,
    ProofFile,
    RecordedAfterSealed,
    ShrunkLedger,
    TimeReversed,
    TwoBatches,
    TwoDeltas,
    TwoHeads,
    VanishedLedger,
)
from tests.verify.building import BuiltLog


def cheated_log(seed: int = 31) -> tuple[BuiltLog, dict[str, Fraud]]:
    """A log in which everything went wrong, one batch after the other, and the proofs of it."""
    log = BuiltLog(seed)
    frauds: dict[str, Fraud] = {}

    def sealed() -> int:
        number = log.seal().batch.number
        log.anchor()
        return number

    log.record_many("UA", 5)
    one = sealed()
    log.now += 600_000
    two = sealed()
    log.record("UA", 7, balance=0, recorded_at=log.now - 300_000)
    log.record("UA", 7, recorded_at=log.now - 400_000)
    log.record("UA", 7, recorded_at=log.now + 10**7)
    three = sealed()
    head = log.head("UA", three)
    frauds["false_balance"] = FalseBalance(log.included("UA", 4, three), log.included("UA", 5, three), head)
    frauds["time_reversed"] = TimeReversed(log.included("UA", 5, three), log.included("UA", 6, three), head)
    frauds["recorded_after_sealed"] = RecordedAfterSealed(log.included("UA", 7, three), head)
    frauds["backdated"] = Backdated(log.head("UA", two), log.included("UA", 5, three), head)
    records = log.ledger("UA").records
    records[2] = replace(records[2], amount=1)
    four = sealed()
    frauds["two_deltas"] = TwoDeltas(
        log.included("UA", 2, one), log.head("UA", one), log.included("UA", 2, four), log.head("UA", four)
    )
    frauds["two_heads"] = TwoHeads(head, log.head("UA", four))
    records.pop()
    five = sealed()
    frauds["shrunk_ledger"] = ShrunkLedger(head, log.head("UA", five))
    records.clear()
    log.record_many("AA", 2)
    six = sealed()
    frauds["vanished_ledger"] = VanishedLedger(head, log.absence_of("UA", six))
    first = log.anchored_batch(six)
    log.batches.pop()
    log.record_many("AA", 1)
    sealed()
    frauds["two_batches"] = TwoBatches(first, log.anchored_batch(six))
    return log, frauds


def fraud_proofs() -> dict[str, ProofFile]:
    """The proof files alone."""
    log, frauds = cheated_log()
    return {name: fraud_file(log, fraud) for name, fraud in frauds.items()}


def fraud_file(log: BuiltLog, fraud: Fraud, customer: str = "UA") -> ProofFile:
    """The file of one fraud."""
    ledger = None if isinstance(fraud, TwoBatches) else log.proof_ledger(customer)
    return ProofFile(log.log(), ledger, FraudClaim(fraud))
