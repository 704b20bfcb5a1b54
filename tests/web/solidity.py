"""The claims of proof files as calls of the Solidity library, for those claims that it checks."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

from anchor.proof.values import (
    AbsenceClaim,
    AnchoredBatch,
    Backdated,
    BalanceClaim,
    Claim,
    ConsistencyClaim,
    DeltaClaim,
    DeltaRecord,
    FalseBalance,
    Fraud,
    FraudClaim,
    FreshnessClaim,
    Included,
    LedgerAbsence,
    LedgerHead,
    PeriodClaim,
    ProofFile,
    RecordedAfterSealed,
    ShrunkLedger,
    TimeReversed,
    TwoDeltas,
    TwoHeads,
    VanishedLedger,
)
from anchor.protocol.fingerprint import Delta
from anchor.protocol.hashing import ZERO

Call = tuple[str, tuple[Any, ...]]


class SolidityCalls:
    """All that the library has to accept of one proof file: what the file's own numbers have to show."""

    def __init__(self, proof: ProofFile) -> None:
        assert proof.ledger is not None
        self.log_id = proof.log.log_id
        self.ledger_id = proof.ledger.ledger_id
        self.calls: list[Call] = []

    def _batch(self, batch: AnchoredBatch) -> tuple[Any, ...]:
        """A batch, after asking for the history paths that are given for it."""
        for anchor in batch.anchors:
            if anchor.through is not None:
                later = anchor.through.batch
                self.calls.append(
                    (
                        "verifyHistory",
                        (
                            self.log_id,
                            later.anchor_root(self.log_id),
                            astuple(batch.batch),
                            (list(anchor.through.path), astuple(later)),
                        ),
                    )
                )
        return astuple(batch.batch)

    def _delta(self, included: Included, head: LedgerHead) -> tuple[bytes, tuple[Any, ...]]:
        record = included.record
        assert isinstance(record, DeltaRecord)
        delta: Delta = record.delta(self.ledger_id)
        root = head.batch.batch.anchor_root(self.log_id)
        parts = (astuple(delta), head.size, list(included.path), list(head.siblings), self._batch(head.batch))
        return root, parts

    def delta(self, included: Included, head: LedgerHead) -> None:
        root, parts = self._delta(included, head)
        self.calls.append(("verifyDelta", (self.log_id, root, parts)))
        # A delta's proof leads to whatever root the path gives; a file states the root as well.
        self.head(head)

    def head(self, head: LedgerHead) -> None:
        parts = (self.ledger_id, head.size, head.root, list(head.siblings), self._batch(head.batch))
        root = head.batch.batch.anchor_root(self.log_id)
        self.calls.append(("verifyHead", (self.log_id, root, parts)))

    def absence(self, absence: LedgerAbsence) -> None:
        other = absence.other
        place = (False, ZERO, ZERO) if other is None else (True, other.ledger_id, other.head)
        parts = (self.ledger_id, list(absence.siblings), place, self._batch(absence.batch))
        root = absence.batch.batch.anchor_root(self.log_id)
        self.calls.append(("verifyAbsence", (self.log_id, root, parts)))

    def consistency(self, claim: ConsistencyClaim) -> None:
        if isinstance(claim.earlier, LedgerHead):
            self.head(claim.earlier)
        self.head(claim.head)
        old, new = claim.earlier, claim.head
        self.calls.append(("verifyConsistency", (old.size, old.root, new.size, new.root, list(claim.path))))

    def false_balance(self, fraud: FalseBalance) -> None:
        root, after = self._delta(fraud.after, fraud.head)
        if fraud.before is None:
            self.calls.append(("verifyFalseOpening", (self.log_id, root, after)))
        else:
            _, before = self._delta(fraud.before, fraud.head)
            self.calls.append(("verifyFalseBalance", (self.log_id, root, before, root, after)))
        self.head(fraud.head)

    def period(self, claim: PeriodClaim) -> None:
        if claim.opening is not None:
            self.delta(claim.opening, claim.head)
        self.delta(claim.closing, claim.head)
        closing = (claim.to_index + 1, claim.closing_root)
        head = (claim.head.size, claim.head.root)
        opening = (claim.from_index, claim.opening_root)
        for old, new, path in ((closing, head, claim.closing_path), (opening, closing, claim.opening_path)):
            self.calls.append(("verifyConsistency", (*old, *new, list(path))))
        if claim.span is not None:
            opening = claim.span.opening
            if isinstance(opening, LedgerHead):
                self.head(opening)
            elif opening is not None:
                self.absence(opening)

    def fraud(self, fraud: Fraud) -> None:
        match fraud:
            case FalseBalance():
                self.false_balance(fraud)
            case TimeReversed(before, after, head):
                self.delta(before, head)
                self.delta(after, head)
            case RecordedAfterSealed(delta, head):
                self.delta(delta, head)
            case Backdated(earlier, delta, head):
                self.head(earlier)
                self.delta(delta, head)
            case TwoDeltas(first, first_head, second, second_head):
                # That they are at one index and differ, a contract sees by comparing them.
                self.delta(first, first_head)
                self.delta(second, second_head)
            case TwoHeads(first, second) | ShrunkLedger(first, second):
                self.head(first)
                self.head(second)
            case VanishedLedger(earlier, absence):
                self.head(earlier)
                self.absence(absence)


def solidity_calls(proof: ProofFile) -> list[Call] | None:
    """The calls for one file; None where the library has no such check."""
    if proof.ledger is None:
        return None
    calls = SolidityCalls(proof)
    claim: Claim = proof.claim
    match claim:
        case DeltaClaim(delta, head) | BalanceClaim(delta, head) if isinstance(delta.record, DeltaRecord):
            calls.delta(delta, head)
        case FreshnessClaim(head):
            calls.head(head)
        case AbsenceClaim(absence):
            calls.absence(absence)
        case ConsistencyClaim():
            calls.consistency(claim)
        case PeriodClaim() if claim.closing.record.index < 2**64 - 1:
            calls.period(claim)
        case FraudClaim(fraud):
            calls.fraud(fraud)
        case _:
            return None
    return calls.calls


WITHOUT_COUNTERPART = frozenset(
    {
        "log's signature",
        "signed batch",
        "log id",
        "identity proof",
        "head size",
        "batch order",
        "range",
        "opening delta",
        "closing delta",
        "delta count",
        "opening peaks",
        "opening peaks' root",
        "delta order",
        "all deltas",
        "last delta",
        "balances",
        "times",
        "span",
        "span: closing delta",
        "span: opening batch",
        "span: closing batch",
        "span: opening size",
        "span: listed deltas",
        *(
            f"span: {what}{edge}"
            for what in ("", "deltas ", "peaks ", "tree ", "balances ", "times ")
            for edge in ("before", "after")
        ),
        "recorded before sealing",
        "balance follows",
        "history times",
        "same size",
        "contradiction",
        "neighbours",
        "first delta",
    }
)
"""Steps that a caller of the library takes itself, or that it takes in another order."""
