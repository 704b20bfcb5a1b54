"""Two neighbouring deltas whose balances do not add up prove fraud; honest ones never do."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.contracts.conftest import Call, ProofLibrary
from tests.contracts.generated_log import GeneratedLedger, GeneratedLog
from tests.fixtures.eth_tester import Refusal

INT256 = 2**256


class CheatingLog(GeneratedLog):
    """A log whose operator states a false balance at some indices."""

    def __init__(self, seed: int, false_at: set[int], by: int) -> None:
        self.false_at, self.by = false_at, by
        super().__init__(seed, ledgers=2, batches=4, most_deltas=32)

    def balance_after(self, ledger: GeneratedLedger, amount: int) -> int:
        true = super().balance_after(ledger, amount)
        stated = true + self.by if len(ledger.deltas) in self.false_at else true
        return (stated + INT256 // 2) % INT256 - INT256 // 2


def neighbours(log: GeneratedLog, index: int) -> Call:
    """The claim that the deltas at `index` and after it do not add up; from two batches where it can be."""
    ledger = max(log.ledgers.values(), key=lambda one: len(one.deltas))
    first = next(sealed for sealed in log.batches if sealed.sizes.get(ledger.ledger_id, 0) > index)
    last = log.batches[-1]
    proof, following = log.delta_proof(first, ledger, index), log.delta_proof(last, ledger, index + 1)
    return Call("verifyFalseBalance", (log.log_id, first.root, proof, last.root, following))


@pytest.mark.parametrize("by", [1, -1, 10**18, 2**254])
def test_a_false_balance_is_proven(proof_library: ProofLibrary, by: int) -> None:
    log = CheatingLog(seed=5, false_at={3}, by=by)
    assert proof_library.outcomes([neighbours(log, 2)]) == [None]


def test_honest_neighbours_prove_no_fraud(proof_library: ProofLibrary) -> None:
    log = CheatingLog(seed=5, false_at=set(), by=0)
    ledger = max(log.ledgers.values(), key=lambda one: len(one.deltas))
    indices = range(len(ledger.deltas) - 1)
    assert len(indices) > 5
    assert proof_library.outcomes([neighbours(log, index) for index in indices]) == [
        Refusal("BalancesAddUp", (ledger.deltas[index + 1].balance,)) for index in indices
    ]


@pytest.mark.parametrize(("seed", "by"), [(13, 2**255 - 1), (24, 1 - 2**255)])
def test_a_sum_that_fits_no_int256_is_a_false_balance(
    proof_library: ProofLibrary, seed: int, by: int
) -> None:
    log = CheatingLog(seed, false_at={1}, by=by)
    ledger = max(log.ledgers.values(), key=lambda one: len(one.deltas))
    pairs = [(before.balance, after) for before, after in pairwise(ledger.deltas)]
    honest = [before + after.amount == after.balance for before, after in pairs]
    wrapped = [not -(2**255) <= before + after.amount < 2**255 for before, after in pairs]
    assert any(wrapped)
    outcomes = proof_library.outcomes([neighbours(log, index) for index in range(len(pairs))])
    assert [isinstance(outcome, Refusal) for outcome in outcomes] == honest


def test_fraud_is_not_proven_with_deltas_that_the_operator_is_not_bound_to(
    proof_library: ProofLibrary,
) -> None:
    log = CheatingLog(seed=5, false_at=set(), by=0)
    log_id, root, proof, next_root, following = neighbours(log, 2).arguments
    delta = following[0]
    forged = ((*delta[:3], delta[3] + 1, *delta[4:]), *following[1:])
    refusal = proof_library.outcome("verifyFalseBalance", log_id, root, proof, next_root, forged)
    assert refusal.name == "MapRootMismatch"
    delta = proof[0]
    forged = ((*delta[:3], delta[3] + 1, *delta[4:]), *proof[1:])
    refusal = proof_library.outcome("verifyFalseBalance", log_id, root, forged, next_root, following)
    assert refusal.name == "MapRootMismatch"


def test_deltas_that_are_not_neighbours_prove_nothing(proof_library: ProofLibrary) -> None:
    log = CheatingLog(seed=5, false_at={3}, by=1)
    sealed = log.batches[-1]
    one, other = (log.ledgers[ledger_id] for ledger_id in sorted(sealed.sizes))
    root = sealed.root
    neighbourless = [(one, 1, one, 3), (one, 3, one, 2), (one, 1, one, 0), (one, 2, other, 3)]
    for ledger, index, next_ledger, next_index in neighbourless:
        proof = log.delta_proof(sealed, ledger, index)
        following = log.delta_proof(sealed, next_ledger, next_index)
        refusal = proof_library.outcome("verifyFalseBalance", log.log_id, root, proof, root, following)
        expected = (ledger.ledger_id, index, next_ledger.ledger_id, next_index)
        assert refusal == Refusal("NotNeighbours", expected)


def test_a_first_balance_that_is_not_the_first_amount_is_proven(proof_library: ProofLibrary) -> None:
    for log, expected in (
        (CheatingLog(seed=6, false_at={0}, by=7), "accepted"),
        (CheatingLog(seed=6, false_at=set(), by=0), "BalancesAddUp"),
    ):
        sealed = log.batches[-1]
        ledger = log.any_ledger(sealed)
        proof = log.delta_proof(sealed, ledger, 0)
        outcome = proof_library.outcome("verifyFalseOpening", log.log_id, sealed.root, proof)
        assert (outcome.name if isinstance(outcome, Refusal) else "accepted") == expected
        later = log.delta_proof(sealed, ledger, 1)
        outcome = proof_library.outcome("verifyFalseOpening", log.log_id, sealed.root, later)
        assert outcome == Refusal("NotNeighbours", (ledger.ledger_id, 0, ledger.ledger_id, 1))


def test_a_first_balance_that_the_operator_is_not_bound_to_proves_nothing(
    proof_library: ProofLibrary,
) -> None:
    log = CheatingLog(seed=6, false_at=set(), by=0)
    sealed = log.batches[-1]
    proof = log.delta_proof(sealed, log.any_ledger(sealed), 0)
    delta = proof[0]
    forged = ((*delta[:3], delta[3] + 1, *delta[4:]), *proof[1:])
    outcome = proof_library.outcome("verifyFalseOpening", log.log_id, sealed.root, forged)
    assert outcome.name == "MapRootMismatch"
