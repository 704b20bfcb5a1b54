"""From the text of a proof file to its values: the shape of every object, and nothing unknown in it."""

from collections.abc import Callable
from typing import Any, Final

from anchor.proof.bounds import REFUSAL, UNSIGNED, ProofFileError, parse_json, shown
from anchor.proof.members import (
    Members,
    address,
    consistency_path,
    hash32,
    identity_proof,
    inclusion_path,
    list_of,
    text,
    u64,
)
from anchor.proof.part_reading import (
    read_absence,
    read_anchored_batch,
    read_head,
    read_included,
    read_record,
    read_shown_delta,
)
from anchor.proof.values import (
    FORMAT,
    VERSION,
    AbsenceClaim,
    Backdated,
    BalanceClaim,
    Claim,
    ConsistencyClaim,
    DeltaClaim,
    DeltaRecord,
    Edge,
    FalseBalance,
    Fraud,
    FraudClaim,
    FreshnessClaim,
    KeptHead,
    LedgerAbsence,
    LedgerCustomer,
    LedgerHead,
    PeriodClaim,
    PeriodDeltas,
    ProofFile,
    ProofLedger,
    ProofLog,
    RecordedAfterSealed,
    ShrunkLedger,
    Span,
    TimeReversed,
    TwoBatches,
    TwoDeltas,
    TwoHeads,
    VanishedLedger,
)

LARGEST_FILE: Final = 256 * 1024
"""The size limit in bytes of every kind but a period."""
LARGEST_PERIOD_FILE: Final = 64 * 1024 * 1024


def parse_proof_file(
    raw: bytes, *, largest: int = LARGEST_FILE, largest_period: int = LARGEST_PERIOD_FILE
) -> ProofFile:
    """Return the values of a proof file given as its bytes.

    Raises ProofFileError, and nothing else, on whatever is not a proof file; limits are in bytes.
    """
    return proof_of(parse_json(raw, max(largest, largest_period)), len(raw), largest)


def proof_of(value: Any, size: int = 0, largest: int = LARGEST_FILE) -> ProofFile:
    """Return the values of a proof file given as its JSON value, or of a proof within a larger file.

    ``size`` is the bytes that it was written in: more than ``largest`` are refused of every kind but a
    period. Raises ProofFileError.
    """
    file = Members.of(value, "")
    if (found := file.fields.get("format")) != FORMAT:
        refusal = REFUSAL if {"code", "status", "title"} <= set(file.fields) else None
        raise ProofFileError("format", "/format", f'is {shown(found)}, not "{FORMAT}"', refusal)
    version = file.fields.get("version")
    if type(version) is not int or version != VERSION:
        unsigned = UNSIGNED if type(version) is int and version == 1 else None
        reason = f"is {shown(version)}; this verifier knows {VERSION} only"
        raise ProofFileError("version", "/version", reason, unsigned)
    file.take("format", lambda value, _: value)
    file.take("version", lambda value, _: value)
    kind = file.take("kind", text)
    reader = _CLAIMS.get(kind)
    if reader is None:
        raise ProofFileError("shape", "/kind", f"is {shown(kind)}, not one of {', '.join(_CLAIMS)}")
    if kind != "period" and size > largest:
        raise ProofFileError("size", "", f"is larger than {largest} bytes")
    log = file.take("log", read_log)
    ledger = file.optional("ledger", read_ledger)
    claim = reader(file)
    file.done()
    about_batches = isinstance(claim, FraudClaim) and isinstance(claim.fraud, TwoBatches)
    if about_batches and ledger is not None:
        raise ProofFileError("shape", "/ledger", "does not belong to a proof about two batches")
    if not about_batches and ledger is None:
        raise ProofFileError("shape", "/ledger", "is missing")
    return ProofFile(log, ledger, claim)


# Claims


def _delta_claim(file: Members) -> Claim:
    return DeltaClaim(file.take("delta", read_included), file.take("head", read_head))


def _balance_claim(file: Members) -> Claim:
    return BalanceClaim(file.take("delta", read_shown_delta), file.take("head", read_head))


def _period_claim(file: Members) -> Claim:
    head = file.take("head", read_head)
    period = file.take("period", Members.of)
    claim = PeriodClaim(
        from_index=period.take("fromIndex", u64),
        to_index=period.take("toIndex", u64),
        opening_root=period.take("openingRoot", hash32),
        closing_root=period.take("closingRoot", hash32),
        opening=period.nullable("opening", read_shown_delta),
        closing=period.take("closing", read_shown_delta),
        opening_path=period.take("openingPath", consistency_path),
        closing_path=period.take("closingPath", consistency_path),
        span=period.optional("span", _span),
        deltas=period.optional("all", _period_deltas),
        head=head,
    )
    period.done()
    return claim


def _span(value: Any, place: str) -> Span:
    members = Members.of(value, place)
    span = Span(
        members.take("start", u64),
        members.take("end", u64),
        members.nullable("opening", _opening),
        members.take("before", _edge),
        members.take("after", _edge),
    )
    members.done()
    return span


def _opening(value: Any, place: str) -> LedgerHead | LedgerAbsence:
    if Members.of(value, place).has("other"):
        return read_absence(value, place)
    return read_head(value, place)


def _edge(value: Any, place: str) -> Edge:
    members = Members.of(value, place)
    edge = Edge(
        members.take("openingPeaks", inclusion_path), members.take("deltas", list_of(_shown_record, None))
    )
    members.done()
    return edge


def _shown_record(value: Any, place: str) -> DeltaRecord:
    record = read_record(value, place)
    if not isinstance(record, DeltaRecord):
        raise ProofFileError("shape", place, "withholds the amounts and times that the claim is about")
    return record


def _period_deltas(value: Any, place: str) -> PeriodDeltas:
    members = Members.of(value, place)
    deltas = PeriodDeltas(
        members.take("openingPeaks", inclusion_path),
        members.take("deltas", list_of(read_record, None)),
    )
    members.done()
    return deltas


def _absence_claim(file: Members) -> Claim:
    return AbsenceClaim(file.take("absence", read_absence))


def _freshness_claim(file: Members) -> Claim:
    return FreshnessClaim(file.take("head", read_head))


def _kept_head(value: Any, place: str) -> LedgerHead | KeptHead:
    members = Members.of(value, place)
    if members.has("mapSiblings", "batch"):
        return read_head(value, place)
    kept = KeptHead(members.take("size", u64), members.take("root", hash32))
    members.done()
    return kept


def _consistency_claim(file: Members) -> Claim:
    return ConsistencyClaim(
        file.take("earlier", _kept_head), file.take("path", consistency_path), file.take("head", read_head)
    )


def _fraud_claim(file: Members) -> Claim:
    members = file.take("fraud", Members.of)
    name = members.take("cheat", text)
    reader = _FRAUDS.get(name)
    if reader is None:
        raise ProofFileError(
            "shape", f"{members.place}/cheat", f"is {shown(name)}, not one of {', '.join(_FRAUDS)}"
        )
    fraud = reader(members)
    members.done()
    return FraudClaim(fraud)


def _two_deltas(members: Members) -> TwoDeltas:
    return TwoDeltas(
        members.take("first", read_included),
        members.take("firstHead", read_head),
        members.take("second", read_included),
        members.take("secondHead", read_head),
    )


_FRAUDS: Final[dict[str, Callable[[Members], Fraud]]] = {
    "false_balance": lambda of: FalseBalance(
        of.nullable("before", read_shown_delta),
        of.take("after", read_shown_delta),
        of.take("head", read_head),
    ),
    "time_reversed": lambda of: TimeReversed(
        of.take("before", read_shown_delta), of.take("after", read_shown_delta), of.take("head", read_head)
    ),
    "recorded_after_sealed": lambda of: RecordedAfterSealed(
        of.take("delta", read_shown_delta), of.take("head", read_head)
    ),
    "backdated": lambda of: Backdated(
        of.take("earlier", read_head), of.take("delta", read_shown_delta), of.take("head", read_head)
    ),
    "two_deltas": _two_deltas,
    "two_heads": lambda of: TwoHeads(of.take("first", read_head), of.take("second", read_head)),
    "shrunk_ledger": lambda of: ShrunkLedger(of.take("earlier", read_head), of.take("later", read_head)),
    "vanished_ledger": lambda of: VanishedLedger(
        of.take("earlier", read_head), of.take("absence", read_absence)
    ),
    "two_batches": lambda of: TwoBatches(
        of.take("first", read_anchored_batch), of.take("second", read_anchored_batch)
    ),
}

_CLAIMS: Final[dict[str, Callable[[Members], Claim]]] = {
    "delta": _delta_claim,
    "balance": _balance_claim,
    "period": _period_claim,
    "absence": _absence_claim,
    "freshness": _freshness_claim,
    "consistency": _consistency_claim,
    "fraud": _fraud_claim,
}


# Log and ledger


def read_log(value: Any, place: str) -> ProofLog:
    """Return which log. Raises ProofFileError."""
    members = Members.of(value, place)
    log = ProofLog(
        members.take("logId", hash32),
        members.take("identityPublicKey", hash32),
        members.take("founder", address),
    )
    members.done()
    return log


def read_ledger(value: Any, place: str) -> ProofLedger:
    """Return which ledger. Raises ProofFileError."""
    members = Members.of(value, place)
    ledger_id = members.take("ledgerId", hash32)
    customer = None
    if members.has("customerId", "unit", "identityProof"):
        customer = LedgerCustomer(
            members.take("customerId", text),
            members.take("unit", text),
            members.take("identityProof", identity_proof),
        )
    members.done()
    return ProofLedger(ledger_id, customer)
