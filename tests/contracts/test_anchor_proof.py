"""Proofs made in Python are accepted by Solidity; altered ones are refused, and the error names the step."""

from __future__ import annotations

from dataclasses import astuple
from random import Random
from typing import Any

import pytest

from anchor.protocol.errors import ProofError
from anchor.protocol.merkle import LEDGER_TREE, check_consistency, root_from_inclusion
from tests.contracts.alterations import alterations, flipped
from tests.contracts.conftest import Call, ProofLibrary
from tests.contracts.generated_log import GeneratedLog, SealedBatch
from tests.fixtures.eth_tester import Refusal

DELTA: tuple[str, ...] = ("ledgerId", "index", "amount", "balance", "occurredAt", "recordedAt")
DELTA += ("reason", "referenceId", "metadata", "adjusts")
BATCH = ("number", "historyRoot", "mapRoot", "sealedAt")
DELTA_PROOF = (("delta", DELTA), "size", "inclusion", "siblings", ("batch", BATCH))
ABSENCE_PROOF = ("ledgerId", "siblings", ("place", ("occupied", "ledgerId", "head")), ("batch", BATCH))
HEAD_PROOF = ("ledgerId", "size", "root", "siblings", ("batch", BATCH))
HISTORY_PROOF = ("path", ("newer", BATCH))

pytestmark = pytest.mark.slow

LENGTH = {"InclusionPathLength"}
MAP = {"MapRootMismatch"}
ANCHORED = {"AnchoredRootMismatch"}
NUMBER = {"AnchoredRootMismatch", "BatchNumberIsZero"}
PLACE = {"IndexOutsideTree", "InclusionPathLength", "MapRootMismatch"}
SIBLINGS = {"MapRootMismatch", "TooManySiblings", "NotOnTheWay"}
NAMED_STEPS = {
    "delta.index": PLACE,
    "size": PLACE,
    "batch.number": NUMBER,
    "batch.historyRoot": ANCHORED,
    "batch.sealedAt": ANCHORED,
    "place.occupied": {"MapRootMismatch", "EmptyPlaceNamesLedger", "NotOnTheWay"},
    "place.ledgerId": {"MapRootMismatch", "EmptyPlaceNamesLedger", "NotOnTheWay"},
    "place.head": {"MapRootMismatch", "EmptyPlaceNamesLedger"},
    "ledgerId": {"MapRootMismatch", "NotOnTheWay", "SameLedger"},
    "newer.number": {*NUMBER, *LENGTH, "NotAnEarlierBatch", "IndexOutsideTree", "HistoryRootMismatch"},
    "newer.historyRoot": {"HistoryRootMismatch"},
    "newer.mapRoot": ANCHORED,
    "newer.sealedAt": ANCHORED,
}


def expected_steps(what: str) -> set[str]:
    """The errors that may name the step at which an alteration of a delta or absence proof fails."""
    if what.startswith(("inclusion", "path")):
        same_length = what.endswith(("swapped", "flipped", "reversed"))
        return {"MapRootMismatch", "HistoryRootMismatch"} if same_length else LENGTH
    if what.startswith("siblings"):
        return SIBLINGS
    return NAMED_STEPS.get(what, MAP)


@pytest.fixture(scope="module", params=range(3), ids="log {}".format)
def log(request: pytest.FixtureRequest) -> GeneratedLog:
    return GeneratedLog(seed=request.param)


def some_delta_proofs(log: GeneratedLog, count: int) -> list[tuple[SealedBatch, tuple[Any, ...]]]:
    proofs = []
    for _ in range(count):
        sealed = log.random.choice(log.batches)
        ledger = log.any_ledger(sealed)
        index = log.random.randrange(sealed.sizes[ledger.ledger_id])
        proofs.append((sealed, log.delta_proof(sealed, ledger, index)))
    return proofs


def absent_ids(log: GeneratedLog, sealed: SealedBatch) -> list[bytes]:
    """Ledgers not yet there, ids near those that are, and others."""
    near = [flipped(log.random, ledger_id) for ledger_id in sorted(sealed.sizes)]
    last_bit = [ledger_id[:-1] + bytes([ledger_id[-1] ^ 1]) for ledger_id in sorted(sealed.sizes)]
    wanted = [*log.ledgers, *near, *last_bit, log.random.randbytes(32)]
    return [ledger_id for ledger_id in wanted if ledger_id not in sealed.sizes]


def assert_refused_at_the_right_step(
    library: ProofLibrary, calls: list[tuple[str, Call]], steps: Any = expected_steps
) -> None:
    refusals = library.refusals([call for _, call in calls])
    for (what, call), refusal in zip(calls, refusals, strict=True):
        assert refusal.name in steps(what), (what, refusal, call)


def test_generated_deltas_are_accepted(proof_library: ProofLibrary, log: GeneratedLog) -> None:
    proofs = some_delta_proofs(log, 70)
    calls = [Call("verifyDelta", (log.log_id, sealed.root, proof)) for sealed, proof in proofs]
    fingerprints = [log.fingerprint(log.ledgers[proof[0][0]].deltas[proof[0][1]]) for _, proof in proofs]
    assert proof_library.outcomes(calls) == fingerprints


def test_altered_deltas_are_refused(proof_library: ProofLibrary, log: GeneratedLog) -> None:
    calls = [
        (what, Call("verifyDelta", (log.log_id, sealed.root, altered)))
        for sealed, proof in some_delta_proofs(log, 6)
        for what, altered in alterations(log.random, DELTA_PROOF, proof)
    ]
    assert len(calls) > 150
    assert_refused_at_the_right_step(proof_library, calls)


def test_a_delta_is_refused_under_another_root_and_in_another_log(
    proof_library: ProofLibrary, log: GeneratedLog
) -> None:
    sealed, proof = some_delta_proofs(log, 1)[0]
    others = [other.root for other in log.batches if other is not sealed] + [flipped(log.random, sealed.root)]
    refusals = proof_library.refusals([Call("verifyDelta", (log.log_id, other, proof)) for other in others])
    assert refusals == [Refusal("AnchoredRootMismatch", (other, sealed.root)) for other in others]
    foreign = proof_library.outcome("verifyDelta", flipped(log.random, log.log_id), sealed.root, proof)
    assert foreign.name == "MapRootMismatch"


def test_the_last_delta_opens_the_balance(proof_library: ProofLibrary, log: GeneratedLog) -> None:
    calls, balances = [], []
    for sealed in log.batches[::3]:
        for ledger_id, size in sealed.sizes.items():
            proof = log.delta_proof(sealed, log.ledgers[ledger_id], size - 1)
            calls.append(Call("verifyBalance", (log.log_id, sealed.root, proof)))
            balances.append(log.ledgers[ledger_id].deltas[size - 1].balance)
    assert proof_library.outcomes(calls) == balances


def test_an_earlier_delta_does_not_open_the_balance(proof_library: ProofLibrary, log: GeneratedLog) -> None:
    sealed = log.batches[-1]
    ledger_id, size = max(sealed.sizes.items(), key=lambda item: item[1])
    for index in range(size - 1):
        proof = log.delta_proof(sealed, log.ledgers[ledger_id], index)
        refusal = proof_library.outcome("verifyBalance", log.log_id, sealed.root, proof)
        assert refusal == Refusal("NotTheLastDelta", (index, size))
        nothing = (proof[0], 0, *proof[2:])
        refusal = proof_library.outcome("verifyBalance", log.log_id, sealed.root, nothing)
        assert refusal == Refusal("NotTheLastDelta", (index, 0))


def test_an_altered_balance_is_refused(proof_library: ProofLibrary, log: GeneratedLog) -> None:
    sealed = log.batches[-1]
    ledger_id, size = max(sealed.sizes.items(), key=lambda item: item[1])
    proof = log.delta_proof(sealed, log.ledgers[ledger_id], size - 1)
    calls = [
        (what, Call("verifyBalance", (log.log_id, sealed.root, altered)))
        for what, altered in alterations(log.random, DELTA_PROOF, proof)
    ]
    assert_refused_at_the_right_step(
        proof_library, calls, lambda what: expected_steps(what) | {"NotTheLastDelta"}
    )


def test_heads_are_accepted_and_altered_ones_refused(proof_library: ProofLibrary, log: GeneratedLog) -> None:
    honest, altered = [], []
    for sealed in log.batches[::3]:
        for ledger_id in sorted(sealed.sizes)[::3]:
            proof = log.head_proof(sealed, log.ledgers[ledger_id])
            honest.append(Call("verifyHead", (log.log_id, sealed.root, proof)))
            altered += [
                (what, Call("verifyHead", (log.log_id, sealed.root, change)))
                for what, change in alterations(log.random, HEAD_PROOF, proof)
            ]
    assert proof_library.outcomes(honest) == [None] * len(honest)
    assert_refused_at_the_right_step(proof_library, altered)


def test_absent_ledgers_are_shown_to_be_absent(proof_library: ProofLibrary, log: GeneratedLog) -> None:
    calls = [
        Call("verifyAbsence", (log.log_id, sealed.root, log.absence_proof(sealed, ledger_id)))
        for sealed in log.batches[::2]
        for ledger_id in absent_ids(log, sealed)[::2]
    ]
    assert len(calls) > 50
    assert proof_library.outcomes(calls) == [None] * len(calls)


def test_altered_absences_are_refused(proof_library: ProofLibrary, log: GeneratedLog) -> None:
    """But for one kind: the same place proves the absence of every key whose way ends there."""
    calls = []
    for sealed in log.batches[::4]:
        for ledger_id in absent_ids(log, sealed)[::5]:
            proof = log.absence_proof(sealed, ledger_id)
            for what, altered in alterations(log.random, ABSENCE_PROOF, proof):
                if what == "ledgerId" and same_way(ledger_id, altered[0], len(proof[1])):
                    continue
                calls.append((what, Call("verifyAbsence", (log.log_id, sealed.root, altered))))
    assert len(calls) > 100
    assert_refused_at_the_right_step(proof_library, calls)


def same_way(one: bytes, other: bytes, depth: int) -> bool:
    """Whether two keys share the first `depth` bits."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")) >> (256 - depth) == 0


def test_a_ledger_that_is_there_cannot_be_shown_to_be_absent(
    proof_library: ProofLibrary, log: GeneratedLog
) -> None:
    sealed = log.batches[-1]
    for ledger_id in sealed.sizes:
        ledger_id_again, siblings, place, batch = log.absence_proof(sealed, ledger_id)
        honest = proof_library.outcome(
            "verifyAbsence", log.log_id, sealed.root, (ledger_id_again, siblings, place, batch)
        )
        assert honest == Refusal("SameLedger", (ledger_id,))
        empty = (ledger_id, siblings, (False, bytes(32), bytes(32)), batch)
        refusal = proof_library.outcome("verifyAbsence", log.log_id, sealed.root, empty)
        assert refusal.name == "MapRootMismatch"


def test_every_earlier_batch_is_in_the_history(proof_library: ProofLibrary, log: GeneratedLog) -> None:
    calls, roots = [], []
    for newer in log.batches:
        for earlier in log.batches[: newer.batch.number - 1]:
            proof = log.history_proof(newer, earlier.batch.number)
            calls.append(Call("verifyHistory", (log.log_id, newer.root, astuple(earlier.batch), proof)))
            roots.append(earlier.root)
    assert proof_library.outcomes(calls) == roots


def test_altered_histories_are_refused(proof_library: ProofLibrary, log: GeneratedLog) -> None:
    calls = []
    for newer in log.batches[1:]:
        earlier = log.random.choice(log.batches[: newer.batch.number - 1])
        proof, batch = log.history_proof(newer, earlier.batch.number), astuple(earlier.batch)
        for what, altered in alterations(log.random, HISTORY_PROOF, proof):
            calls.append((what, Call("verifyHistory", (log.log_id, newer.root, batch, altered))))
        for _, altered in alterations(log.random, BATCH, batch):
            calls.append(("earlier", Call("verifyHistory", (log.log_id, newer.root, altered, proof))))
    earlier_steps = {"HistoryRootMismatch", "NotAnEarlierBatch", "BatchNumberIsZero", "InclusionPathLength"}
    assert_refused_at_the_right_step(
        proof_library, calls, lambda what: earlier_steps if what == "earlier" else expected_steps(what)
    )


def test_no_batch_is_in_its_own_history_or_in_that_of_an_earlier_one(
    proof_library: ProofLibrary, log: GeneratedLog
) -> None:
    newer = log.batches[4]
    proof = log.history_proof(newer, 2)
    for other in log.batches[4:]:
        refusal = proof_library.outcome("verifyHistory", log.log_id, newer.root, astuple(other.batch), proof)
        assert refusal == Refusal("NotAnEarlierBatch", (other.batch.number, newer.batch.number))


def test_a_ledger_only_grew(proof_library: ProofLibrary) -> None:
    ledger = next(iter(GeneratedLog(seed=7, ledgers=1, batches=1, most_deltas=40).ledgers.values()))
    sizes = range(min(len(ledger.deltas), 24) + 1)
    assert len(sizes) > 12
    calls = [
        Call(
            "verifyConsistency",
            (old, ledger.root(old), new, ledger.root(new), ledger.consistency(old, new)),
        )
        for new in sizes
        for old in range(new + 1)
    ]
    assert proof_library.outcomes(calls) == [None] * len(calls)


def test_an_empty_ledger_has_the_root_zero_before_and_after(proof_library: ProofLibrary) -> None:
    zero, other = bytes(32), b"\x01" * 32
    assert proof_library.outcome("verifyConsistency", 0, zero, 0, zero, []) is None
    for arguments, error, values in (
        ((0, zero, 0, other, []), "NewRootMismatch", (zero, other)),
        ((0, other, 0, zero, []), "OldRootMismatch", (zero, other)),
        ((0, other, 5, other, []), "OldRootMismatch", (zero, other)),
        ((0, zero, 5, other, [other]), "ConsistencyPathLength", (0, 5, 1)),
    ):
        assert proof_library.outcome("verifyConsistency", *arguments) == Refusal(error, values)


def test_altered_consistency_is_refused_by_solidity_as_by_python(proof_library: ProofLibrary) -> None:
    log = GeneratedLog(seed=7, ledgers=1, batches=1, most_deltas=40)
    ledger = next(iter(log.ledgers.values()))
    names = ("oldSize", "oldRoot", "newSize", "newRoot", "path")
    proofs = []
    for _ in range(40):
        old, new = sorted(log.random.randrange(len(ledger.deltas) + 1) for _ in range(2))
        proofs.append((old, ledger.root(old), new, ledger.root(new), ledger.consistency(old, new)))
    altered = [change for proof in proofs for _, change in alterations(log.random, names, proof)]
    outcomes = proof_library.outcomes([Call("verifyConsistency", change) for change in altered])
    refused = 0
    for change, outcome in zip(altered, outcomes, strict=True):
        try:
            check_consistency(LEDGER_TREE, *change)
        except ProofError:
            assert isinstance(outcome, Refusal), change
            refused += 1
        else:
            # Sizes are the caller's to know: some sizes share a path, as in any tree of RFC 9162.
            assert outcome is None, change
    assert refused > 300


def test_solidity_and_python_agree_on_any_inclusion_path(proof_library: ProofLibrary) -> None:
    random = Random(11)
    cases = []
    for _ in range(300):
        size = random.choice(
            [random.randrange(1, 70), random.getrandbits(20) + 1, 2**64 - 1 - random.randrange(9)]
        )
        index = random.choice([random.randrange(size), size - 1, random.randrange(max(size - 1, 1)), size])
        path = [
            random.randbytes(32) for _ in range(right_length(index, size) + random.choice([0, 0, 0, 1, -1]))
        ]
        cases.append((random.randbytes(32), index, size, path))
    calls = [Call("rootFromInclusion", (b"\x01", *case)) for case in cases]
    accepted = 0
    for case, outcome in zip(cases, proof_library.outcomes(calls), strict=True):
        try:
            expected = root_from_inclusion(LEDGER_TREE, *case)
        except ProofError:
            assert isinstance(outcome, Refusal), case
        else:
            assert outcome == expected, case
            accepted += 1
    assert 100 < accepted < 280


def right_length(index: int, size: int) -> int:
    """The length of a path, by the definition: halve the tree at the largest power of two below its size."""
    length = 0
    while size > 1 and index < size:
        split = 1 << ((size - 1).bit_length() - 1)
        index, size = (index, split) if index < split else (index - split, size - split)
        length += 1
    return max(length, 1)
