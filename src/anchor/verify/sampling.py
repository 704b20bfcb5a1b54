"""A sampled audit: some deltas of a period, drawn by the hash of the block that anchored it.

One file holds the period's proof (its two balances) and a proof of each drawn delta, all under the one
head. Once the period is in the block, nobody can choose the sample; who chooses among several anchors
of a period still could, so an auditor names the batch beforehand.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from anchor.protocol.hashing import Bytes32, keccak, u64
from anchor.verify.proof_file import DeltaClaim, DeltaRecord, PeriodClaim, ProofFile
from anchor.verify.proof_reading import parse_proof_file
from anchor.verify.proof_writing import write_proof_file
from anchor.verify.results import INVALID, Step, Verification
from anchor.verify.strict_json import ProofFileError, parse_json
from anchor.verify.verification import verify_proof

FORMAT: Final = "anchor-sample"
LARGEST_SAMPLE: Final = 1_000
_COUNTED_OUT: Final = 1_000_000
LARGEST_SAMPLE_FILE: Final = 1 << 26
_DRAWN_BY: Final = b"anchor sample 1"


def draw_sample(
    block_hash: Bytes32, ledger_id: Bytes32, from_index: int, to_index: int, count: int
) -> list[int]:
    """Return ``count`` different indexes of ``from_index..to_index``, ascending; all where it is as many.

    The k-th draw is ``H(name ‖ blockHash ‖ ledgerId ‖ u64(from) ‖ u64(to) ‖ u64(k))`` modulo the number
    of deltas; one that was drawn before is passed over. Raises ValueError where nothing can be drawn.
    """
    size = to_index - from_index + 1
    if not 0 <= from_index <= to_index or not 1 <= count <= LARGEST_SAMPLE:
        raise ValueError(f"a sample has 1 to {LARGEST_SAMPLE} deltas of a range that is not empty")
    if count >= size:
        return list(range(from_index, to_index + 1))
    seed = _DRAWN_BY + block_hash + ledger_id + u64(from_index) + u64(to_index)
    drawn: set[int] = set()
    place = 0
    while len(drawn) < count:
        drawn.add(from_index + int.from_bytes(keccak(seed + u64(place)), "big") % size)
        place += 1
    return sorted(drawn)


def largest_share_missed(sample: int, size: int, risk_percent: int = 5) -> float:
    """Return the share of wrong deltas that a sample without one misses in at most so many of 100 cases.

    Of more than this share, at least one is in the sample with the confidence ``100 - risk_percent``.
    """
    if sample >= size:
        return 0.0
    if size > _COUNTED_OUT:
        # As if drawn with repeats, which misses no less: a size that a file claims costs no time.
        return float(1 - (risk_percent / 100) ** (1 / sample))
    wrong, missed = 0, 1.0
    while missed > risk_percent / 100 and wrong < size - sample:
        missed *= 1 - sample / (size - wrong)
        wrong += 1
    return wrong / size


def anchoring_block(period: ProofFile) -> Bytes32:
    """Return the hash of the one block that anchored a period's batch.

    Raises ProofFileError where the file names no block, or several to choose from.
    """
    if not isinstance(period.claim, PeriodClaim) or period.ledger is None:
        raise ProofFileError("shape", "/period", "is not the proof of a period")
    anchors = period.claim.head.batch.anchors
    if len(anchors) != 1 or anchors[0].location is None:
        raise ProofFileError("shape", "/period", "has to name one anchor with its block, and no other")
    return anchors[0].location.block_hash


def under_one_anchor(proof: ProofFile, chain_id: int) -> ProofFile:
    """Return the proof with only its anchor on one chain. Raises LookupError where it has none."""
    claim = proof.claim
    assert isinstance(claim, PeriodClaim | DeltaClaim)
    anchor = next(one for one in (*claim.head.batch.anchors, None) if one is None or one.chain_id == chain_id)
    if anchor is None or anchor.location is None:
        raise LookupError(chain_id)
    batch = replace(claim.head.batch, anchors=(anchor,))
    return replace(proof, claim=replace(claim, head=replace(claim.head, batch=batch)))


def write_sample(period: ProofFile, deltas: Sequence[ProofFile]) -> bytes:
    """Return the file of a sampled audit."""
    document = {
        "format": FORMAT,
        "version": 1,
        "period": json.loads(write_proof_file(period)),
        "deltas": [json.loads(write_proof_file(delta)) for delta in deltas],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def check_sample(
    raw: bytes, verify: Callable[[bytes], Verification], *, count: int | None = None
) -> Verification:
    """Check the file of a sampled audit. ``verify`` verifies the period's proof against a chain.

    ``count``: how many deltas the auditor asked for. The answer is the period's, with a step for the
    drawing and one for the drawn deltas, and says what confidence the sample gives.
    """
    try:
        document = parse_json(raw, LARGEST_SAMPLE_FILE)
        period, deltas = _parts(document)
        block = anchoring_block(period)
    except ProofFileError as error:
        place = error.place or "the file"
        step = Step(f"sample: {error.step}", "failed", "a sample", place, f"{place} {error.reason}.")
        return Verification(None, INVALID, (step,), ("This is not a sample.", step.explanation))
    result = verify(write_proof_file(period))
    steps = [*result.steps, *_drawing(period, deltas, block, count)]
    if any(step.outcome == "failed" for step in steps):
        return replace(result, verdict=INVALID, steps=tuple(steps), statements=("The sample is not valid.",))
    claim = period.claim
    assert isinstance(claim, PeriodClaim)
    size = claim.to_index - claim.from_index + 1
    share = largest_share_missed(len(deltas), size)
    said = (
        f"{len(deltas)} of {size} deltas were drawn by the hash of the anchoring block. Where none of them "
        f"is wrong, no more than {100 * share:.2f} % of the period's deltas are, with 95 % confidence."
    )
    facts = {**result.facts, "sample": len(deltas), "of": size, "largestShareMissed": f"{share:.6f}"}
    return replace(result, steps=tuple(steps), statements=(*result.statements, said), facts=facts)


def _parts(document: Any) -> tuple[ProofFile, list[ProofFile]]:
    if not isinstance(document, dict) or set(document) != {"format", "version", "period", "deltas"}:
        raise ProofFileError("shape", "", "has other members than format, version, period and deltas")
    if document["format"] != FORMAT:
        raise ProofFileError("format", "/format", f"is not {FORMAT!r}")
    if document["version"] != 1 or isinstance(document["version"], bool):
        raise ProofFileError("version", "/version", "is not 1")
    deltas = document["deltas"]
    if not isinstance(deltas, list) or not 1 <= len(deltas) <= LARGEST_SAMPLE:
        raise ProofFileError("shape", "/deltas", f"is not a list of 1 to {LARGEST_SAMPLE} proofs")
    return _proof(document["period"]), [_proof(delta) for delta in deltas]


def _proof(value: Any) -> ProofFile:
    return parse_proof_file(json.dumps(value, ensure_ascii=False).encode())


def _drawing(period: ProofFile, deltas: Sequence[ProofFile], block: Bytes32, count: int | None) -> list[Step]:
    claim, ledger = period.claim, period.ledger
    assert isinstance(claim, PeriodClaim)
    assert ledger is not None
    wanted = len(deltas) if count is None else count
    drawn = draw_sample(block, ledger.ledger_id, claim.from_index, claim.to_index, wanted)
    found = [
        delta.claim.delta.record.index
        for delta in deltas
        if isinstance(delta.claim, DeltaClaim) and isinstance(delta.claim.delta.record, DeltaRecord)
    ]
    steps = [
        Step(
            "sample: drawing",
            "passed" if found == drawn else "failed",
            str(drawn),
            str(found),
            "The deltas are those that the hash of the anchoring block draws.",
        )
    ]
    for delta in deltas:
        one = delta.claim
        same = isinstance(one, DeltaClaim) and one.head == claim.head
        same = same and delta.log == period.log and delta.ledger == ledger
        failed = verify_proof(delta, None).failed if same else None
        if not same or failed is not None:
            why = "another head, log or ledger" if failed is None else failed.name
            told = "Each drawn delta is proven under the head of the period."
            steps.append(Step("sample: deltas", "failed", "under the period's head", why, told))
            return steps
    told = "Each drawn delta is proven under the head of the period."
    steps.append(Step("sample: deltas", "passed", str(len(deltas)), str(len(deltas)), told))
    return steps
