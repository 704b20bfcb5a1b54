"""A sampled audit: some deltas of a period, drawn by the hash of the block that anchored it.

One file holds the period's proof (its two balances) and a proof of each drawn delta, all under the one
head. Once the period is in the block, nobody can choose the sample. So that nobody chooses the block
either, it has to be that of the first anchor that holds the period: the file shows the ledger under the
head before it, which the contract's event names, and there the period is not yet whole.
"""

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final

from anchor.node.view import ChainUnavailable, ChainView, Finality
from anchor.proof.bounds import ProofFileError, parse_json
from anchor.proof.reading import proof_of
from anchor.proof.values import (
    AbsenceClaim,
    BlockLocation,
    DeltaClaim,
    DeltaRecord,
    FreshnessClaim,
    PeriodClaim,
    ProofFile,
)
from anchor.proof.writing import proof_file_json
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import ZERO, Bytes32, keccak, u64
from anchor.verify.known_logs import NO_LOGS, KnownLogs
from anchor.verify.results import INVALID, NOT_CHECKED, Outcome, Step, Verification, none_such
from anchor.verify.verification import verify_proof

FORMAT: Final = "anchor-sample"
VERSION: Final = 2
"""1 did not show that the anchor is the first."""
LARGEST_SAMPLE: Final = 1_000
_COUNTED_OUT: Final = 1_000_000
LARGEST_SAMPLE_FILE: Final = 1 << 26
_DRAWN_BY: Final = b"anchor sample 1"
_FIRST_ANCHOR: Final = "sample: first anchor"


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

    Raises ProofFileError where the file names no block, several to choose from, or a later batch's.
    """
    return _location(period).block_hash


def _location(period: ProofFile) -> BlockLocation:
    if not isinstance(period.claim, PeriodClaim) or period.ledger is None:
        raise ProofFileError("shape", "/period", "is not the proof of a period")
    anchors = period.claim.head.batch.anchors
    if len(anchors) != 1 or anchors[0].location is None:
        raise ProofFileError("shape", "/period", "has to name one anchor with its block, and no other")
    if anchors[0].through is not None:
        raise ProofFileError("shape", "/period", "has to be under the anchored batch itself")
    return anchors[0].location


def under_one_anchor(proof: ProofFile, chain_id: int) -> ProofFile:
    """Return the proof with only its anchor on one chain. Raises LookupError where it has none."""
    claim = proof.claim
    assert isinstance(claim, PeriodClaim | DeltaClaim)
    anchor = next(one for one in (*claim.head.batch.anchors, None) if one is None or one.chain_id == chain_id)
    if anchor is None or anchor.location is None:
        raise LookupError(chain_id)
    batch = replace(claim.head.batch, anchors=(anchor,))
    return replace(proof, claim=replace(claim, head=replace(claim.head, batch=batch)))


def write_sample(period: ProofFile, deltas: Sequence[ProofFile], before: ProofFile | None) -> bytes:
    """Return the file of a sampled audit.

    ``before``: the ledger's head, or its absence, under the head that the period's anchor followed; None
    where it was the first anchor of all.
    """
    document = {
        "format": FORMAT,
        "version": VERSION,
        "period": proof_file_json(period),
        "before": None if before is None else proof_file_json(before),
        "deltas": [proof_file_json(delta) for delta in deltas],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def is_sample(value: object) -> bool:
    """Return whether a file, given as its JSON value, says that it is a sample."""
    return isinstance(value, dict) and value.get("format") == FORMAT


def check_sample(
    file: bytes | dict[str, Any],
    chain: ChainView | None,
    *,
    count: int | None = None,
    from_index: int | None = None,
    to_index: int | None = None,
    expected_contract: bytes | None = None,
    expected_customer: str | None = None,
    expected_unit: str | None = None,
    expected_ledger_id: Bytes32 | None = None,
    expected_log: Bytes32 | None = None,
    expected_chains: Collection[int] = (),
    known_logs: KnownLogs = NO_LOGS,
    finality: Finality | str | int = "finalized",
) -> Verification:
    """Check the file of a sampled audit, or its value as ``parse_json`` gives it.

    What is expected is what ``verify_proof`` takes.

    ``count``: how many deltas the auditor asked for, of ``from_index`` to ``to_index`` (both included).
    The answer is the period's, with a step for the anchor before, one for the drawing and one for the drawn
    deltas. It says what confidence the sample gives where all three are named, and none otherwise: what
    the file chooses itself may have been chosen among many. Raises ValueError where ``finality`` is no
    rule, ``count`` is not 1 to ``LARGEST_SAMPLE``, or the range is reversed or begins below 0.
    """
    if count is not None and not 1 <= count <= LARGEST_SAMPLE:
        raise ValueError(f"a sample has 1 to {LARGEST_SAMPLE} deltas")
    if any(end is not None and end < 0 for end in (from_index, to_index)):
        raise ValueError("an index is 0 or more")
    if from_index is not None and to_index is not None and from_index > to_index:
        raise ValueError("the range ends before it begins")
    try:
        value = parse_json(file, LARGEST_SAMPLE_FILE) if isinstance(file, bytes) else file
        period, before, deltas = _parts(value)
        location = _location(period)
    except ProofFileError as error:
        return none_such("sample", "a sample", error)
    result = verify_proof(
        period,
        chain,
        expected_contract=expected_contract,
        expected_customer=expected_customer,
        expected_unit=expected_unit,
        expected_ledger_id=expected_ledger_id,
        expected_log=expected_log,
        expected_chains=expected_chains,
        known_logs=known_logs,
        finality=finality,
    )
    if result.verdict == INVALID:
        # Of a period that is none, nothing can be drawn.
        return result
    claim = period.claim
    assert isinstance(claim, PeriodClaim)
    asked = _range(claim, from_index, to_index)
    if asked is not None and asked.outcome == "failed":
        unasked = ("The sample is not valid.", asked.explanation)
        return replace(result, verdict=INVALID, steps=(*result.steps, asked), statements=unasked)
    taken = result.steps if asked is None else (*result.steps, asked)
    steps = [*taken, *_drawing(period, deltas, location.block_hash, count)]
    if result.valid and chain is not None:
        contract = bytes.fromhex(result.facts["chain"]["contract"][2:])
        try:
            steps.append(_first_anchor(period, before, location, chain, contract))
        except ChainUnavailable as unavailable:
            told = f"{unavailable.reason}."
            steps.append(Step(_FIRST_ANCHOR, "failed", "the event of the anchor", "none", told))
            unseen = ("No chain was seen to hold this anchor first.", told)
            return replace(result, verdict=NOT_CHECKED, steps=tuple(steps), statements=unseen)
    failed = next((step for step in steps[len(result.steps) :] if step.outcome == "failed"), None)
    if failed is not None:
        said = ("The sample is not valid.", failed.explanation)
        return replace(result, verdict=INVALID, steps=tuple(steps), statements=said)
    if not result.valid:
        return replace(result, steps=tuple(steps))
    size = claim.to_index - claim.from_index + 1
    facts = {**result.facts, "sample": len(deltas), "of": size}
    if count is None or from_index is None or to_index is None:
        confidence = (
            "No confidence is stated, since the file itself says how many were drawn, or of which range: "
            "agree on the count and the range first, before the period is anchored, and name them here."
        )
    else:
        share = largest_share_missed(len(deltas), size)
        # Rounded up: it is an upper bound.
        facts["largestShareMissed"] = f"{math.ceil(share * 10**6) / 10**6:.6f}"
        confidence = (
            f"Where none of them is wrong, no more than {math.ceil(share * 10**4) / 100:.2f} % of the "
            "period's deltas are, with 95 % confidence."
        )
    said = (
        f"{len(deltas)} of {size} deltas were drawn by the hash of the block that anchored the period: the "
        "first to do so, counted from the head before it. (That no anchor was taken back earlier is for who "
        "watches the contract's whole history.)",
        confidence,
    )
    ends = (line for line in result.statements if not line.startswith("Only its two ends are shown"))
    return replace(result, steps=tuple(steps), statements=(*ends, *said), facts=facts)


def _parts(document: Any) -> tuple[ProofFile, ProofFile | None, list[ProofFile]]:
    members = {"format", "version", "period", "before", "deltas"}
    if not isinstance(document, dict) or not {"format", "version"} <= set(document):
        raise ProofFileError("shape", "", "has no format and version")
    if document["format"] != FORMAT:
        raise ProofFileError("format", "/format", f"is not {FORMAT!r}")
    if document["version"] != VERSION or isinstance(document["version"], bool):
        raise ProofFileError("version", "/version", f"is not {VERSION}")
    if set(document) != members:
        raise ProofFileError("shape", "", f"has other members than {', '.join(sorted(members))}")
    deltas = document["deltas"]
    if not isinstance(deltas, list) or not 1 <= len(deltas) <= LARGEST_SAMPLE:
        raise ProofFileError("shape", "/deltas", f"is not a list of 1 to {LARGEST_SAMPLE} proofs")
    before = document["before"]
    return (
        _proof(document["period"], "/period"),
        None if before is None else _proof(before, "/before"),
        [_proof(delta, f"/deltas/{at}") for at, delta in enumerate(deltas)],
    )


def _proof(value: Any, place: str) -> ProofFile:
    try:
        return proof_of(value)
    except ProofFileError as error:
        raise ProofFileError(error.step, f"{place}{error.place}", error.reason) from None


def _first_anchor(
    period: ProofFile, before: ProofFile | None, location: BlockLocation, chain: ChainView, contract: bytes
) -> Step:
    """Check that the head before the anchor did not hold the period yet. Raises ChainUnavailable."""
    claim = period.claim
    assert isinstance(claim, PeriodClaim)
    root = claim.head.batch.batch.anchor_root(period.log.log_id)
    events = chain.anchored(contract, location.block_hash)
    previous = next((one.previous_head for one in events if one.new_head == root), None)
    if previous is None:
        raise ChainUnavailable("the node does not show the event of this anchor")
    told = "It is the first anchor that holds the period: under the head before it, the ledger ends earlier."
    if before is None:
        shown, failed = ZERO, None
    else:
        shown, failed = _head_before(before, period, claim.to_index)
    if failed is None and shown != previous:
        failed = "The contract went on from another head than the file shows the ledger under."
    outcome: Outcome = "passed" if failed is None else "failed"
    return Step(_FIRST_ANCHOR, outcome, hex_of(previous), hex_of(shown), failed or told)


def _head_before(before: ProofFile, period: ProofFile, to_index: int) -> tuple[Bytes32, str | None]:
    """Return the anchored root that the ledger is shown under, and what is wrong with that, if anything."""
    claim = before.claim
    if isinstance(claim, FreshnessClaim):
        batch, ends = claim.head.batch, claim.head.size
    elif isinstance(claim, AbsenceClaim):
        batch, ends = claim.absence.batch, 0
    else:
        return ZERO, "What stands before the period is neither a head of the ledger nor its absence."
    root = batch.batch.anchor_root(before.log.log_id)
    ledgers = (before.ledger and before.ledger.ledger_id, period.ledger and period.ledger.ledger_id)
    if before.log != period.log or ledgers[0] != ledgers[1]:
        return root, "The head before is of another log or ledger."
    if (step := verify_proof(before, None).failed) is not None:
        return root, f"The head before does not hold together: {step.explanation}"
    if ends > to_index:
        return root, "An earlier anchor held the whole period already: the sample is drawn by its block."
    return root, None


def _range(claim: PeriodClaim, from_index: int | None, to_index: int | None) -> Step | None:
    """Hold the period against the ends that the auditor named; None where he named neither."""
    if from_index is None and to_index is None:
        return None
    ends = ((from_index, claim.from_index), (to_index, claim.to_index))
    expected = " to ".join("any" if wanted is None else str(wanted) for wanted, _ in ends)
    found = f"{claim.from_index} to {claim.to_index}"
    if any(wanted not in (None, stated) for wanted, stated in ends):
        told = f"The sample is of deltas {found}: this is not the range that was asked for."
        return Step("sample: range", "failed", expected, found, told)
    return Step("sample: range", "passed", expected, found, "The period is the range that was asked for.")


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
            "The deltas are those that the hash of the anchoring block draws."
            if found == drawn
            else "The deltas are not those that the hash of the anchoring block draws.",
        )
    ]
    for delta in deltas:
        one = delta.claim
        same = isinstance(one, DeltaClaim) and one.head == claim.head
        same = same and delta.log == period.log and delta.ledger == ledger
        failed = verify_proof(delta, None).failed if same else None
        if not same or failed is not None:
            why = "another head, log or ledger" if failed is None else failed.name
            told = "A drawn delta is not proven under the head of the period."
            steps.append(Step("sample: deltas", "failed", "under the period's head", why, told))
            return steps
    told = "Each drawn delta is proven under the head of the period."
    steps.append(Step("sample: deltas", "passed", str(len(deltas)), str(len(deltas)), told))
    return steps
