"""From the text of a proof file to its values: the shape of every object, and nothing unknown in it."""

from collections.abc import Callable
from typing import Any, Final

from anchor.protocol.batch import Batch
from anchor.protocol.hashing import ZERO
from anchor.protocol.ledger_map import MapLeaf
from anchor.verify.proof_file import (
    FORMAT,
    VERSION,
    AbsenceClaim,
    Anchor,
    AnchoredBatch,
    Backdated,
    BalanceClaim,
    BlockLocation,
    Claim,
    ConsistencyClaim,
    DeltaClaim,
    DeltaRecord,
    Disclosed,
    FalseBalance,
    Field,
    FingerprintRecord,
    Fraud,
    FraudClaim,
    FreshnessClaim,
    Included,
    KeptHead,
    LedgerAbsence,
    LedgerCustomer,
    LedgerHead,
    PeriodClaim,
    PeriodDeltas,
    ProofFile,
    ProofLedger,
    ProofLog,
    Record,
    RecordedAfterSealed,
    ShrunkLedger,
    Span,
    Through,
    TimeReversed,
    TwoBatches,
    TwoDeltas,
    TwoHeads,
    VanishedLedger,
    Withheld,
)
from anchor.verify.proof_members import (
    Members,
    address,
    amount,
    balance,
    consistency_path,
    hash32,
    identity_proof,
    inclusion_path,
    list_of,
    map_siblings,
    salt,
    text,
    u64,
)
from anchor.verify.strict_json import ProofFileError, parse_json, shown

LARGEST_FILE: Final = 256 * 1024
"""The size limit in bytes of every kind but a period."""
LARGEST_PERIOD_FILE: Final = 64 * 1024 * 1024
MOST_ANCHORS: Final = 64


def parse_proof_file(
    raw: bytes, *, largest: int = LARGEST_FILE, largest_period: int = LARGEST_PERIOD_FILE
) -> ProofFile:
    """Return the values of a proof file given as its bytes.

    Raises ProofFileError, and nothing else, on whatever is not a proof file; limits are in bytes.
    """
    value = parse_json(raw, max(largest, largest_period))
    file = Members.of(value, "")
    if (found := file.fields.get("format")) != FORMAT:
        raise ProofFileError("format", "/format", f'is {shown(found)}, not "{FORMAT}"')
    version = file.fields.get("version")
    if type(version) is not int or version != VERSION:
        raise ProofFileError(
            "version", "/version", f"is {shown(version)}; this verifier knows {VERSION} only"
        )
    file.take("format", lambda value, _: value)
    file.take("version", lambda value, _: value)
    kind = file.take("kind", text)
    reader = _CLAIMS.get(kind)
    if reader is None:
        raise ProofFileError("shape", "/kind", f"is {shown(kind)}, not one of {', '.join(_CLAIMS)}")
    if kind != "period" and len(raw) > largest:
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
    if ledger is not None and ledger.customer is not None and log.public_key is None:
        raise ProofFileError("shape", "/log/identityPublicKey", "is missing, and a customer is named")
    return ProofFile(log, ledger, claim)


# A delta


def _field(value: Any, place: str) -> Field:
    field = Members.of(value, place)
    shown_field: Field
    if field.has("commitment"):
        shown_field = Withheld(field.take("commitment", hash32))
    else:
        shown_field = Disclosed(field.nullable("value", text), field.take("salt", salt))
    field.done()
    return shown_field


def _reason(value: Any, place: str) -> Field:
    field = _field(value, place)
    if isinstance(field, Disclosed) and field.value is None:
        raise ProofFileError("shape", f"{place}/value", "is null, and every delta has a reason")
    return field


def _record_of(record: Members) -> Record:
    index = record.take("index", u64)
    if record.has("fingerprint"):
        return FingerprintRecord(index, record.take("fingerprint", hash32))
    adjusts = record.nullable("adjusts", hash32)
    if adjusts == ZERO:
        raise ProofFileError(
            "shape", f"{record.place}/adjusts", "is zero; a delta that adjusts none says null"
        )
    return DeltaRecord(
        index=index,
        amount=record.take("amount", amount),
        balance=record.take("balance", balance),
        occurred_at=record.take("occurredAt", u64),
        recorded_at=record.take("recordedAt", u64),
        reason=record.take("reason", _reason),
        reference_id=record.take("referenceId", _field),
        metadata=record.take("metadata", _field),
        adjusts=ZERO if adjusts is None else adjusts,
    )


def read_record(value: Any, place: str) -> Record:
    """Return a delta without a path. Raises ProofFileError."""
    members = Members.of(value, place)
    record = _record_of(members)
    members.done()
    return record


def _included(value: Any, place: str) -> Included:
    members = Members.of(value, place)
    included = Included(_record_of(members), members.take("path", inclusion_path))
    members.done()
    return included


def _shown_delta(value: Any, place: str) -> Included:
    """A record that must show its amounts, since the claim is about them."""
    included = _included(value, place)
    if isinstance(included.record, FingerprintRecord):
        raise ProofFileError("shape", place, "withholds the amounts and times that the claim is about")
    return included


# Batches and heads


def _batch_of(members: Members) -> Batch:
    number = members.take("number", u64)
    if number == 0:
        raise ProofFileError("shape", f"{members.place}/number", "is 0; batches count from 1")
    return Batch(
        number,
        members.take("historyRoot", hash32),
        members.take("mapRoot", hash32),
        members.take("sealedAt", u64),
    )


def _batch(value: Any, place: str) -> Batch:
    members = Members.of(value, place)
    batch = _batch_of(members)
    members.done()
    return batch


def _through(value: Any, place: str) -> Through:
    members = Members.of(value, place)
    through = Through(members.take("batch", _batch), members.take("path", inclusion_path))
    members.done()
    return through


def _anchor(value: Any, place: str) -> Anchor:
    members = Members.of(value, place)
    chain_id = members.take("chainId", u64)
    contract = members.take("contract", address)
    location = None
    if members.has("transactionHash", "blockNumber", "blockHash"):
        location = BlockLocation(
            members.take("transactionHash", hash32),
            members.take("blockNumber", u64),
            members.take("blockHash", hash32),
        )
    anchor = Anchor(chain_id, contract, location, members.optional("through", _through))
    members.done()
    return anchor


def _anchored_batch(value: Any, place: str) -> AnchoredBatch:
    members = Members.of(value, place)
    batch = AnchoredBatch(_batch_of(members), members.take("anchors", list_of(_anchor, MOST_ANCHORS)))
    members.done()
    return batch


def _head(value: Any, place: str) -> LedgerHead:
    members = Members.of(value, place)
    head = LedgerHead(
        members.take("size", u64),
        members.take("root", hash32),
        members.take("mapSiblings", map_siblings),
        members.take("batch", _anchored_batch),
    )
    members.done()
    return head


def _kept_head(value: Any, place: str) -> LedgerHead | KeptHead:
    members = Members.of(value, place)
    if members.has("mapSiblings", "batch"):
        return _head(value, place)
    kept = KeptHead(members.take("size", u64), members.take("root", hash32))
    members.done()
    return kept


def _map_leaf(value: Any, place: str) -> MapLeaf:
    members = Members.of(value, place)
    leaf = MapLeaf(members.take("ledgerId", hash32), members.take("head", hash32))
    members.done()
    return leaf


def _absence(value: Any, place: str) -> LedgerAbsence:
    members = Members.of(value, place)
    absence = LedgerAbsence(
        members.take("mapSiblings", map_siblings),
        members.nullable("other", _map_leaf),
        members.take("batch", _anchored_batch),
    )
    members.done()
    return absence


# Claims


def _delta_claim(file: Members) -> Claim:
    return DeltaClaim(file.take("delta", _included), file.take("head", _head))


def _balance_claim(file: Members) -> Claim:
    return BalanceClaim(file.take("delta", _shown_delta), file.take("head", _head))


def _period_claim(file: Members) -> Claim:
    head = file.take("head", _head)
    period = file.take("period", Members.of)
    claim = PeriodClaim(
        from_index=period.take("fromIndex", u64),
        to_index=period.take("toIndex", u64),
        opening_root=period.take("openingRoot", hash32),
        closing_root=period.take("closingRoot", hash32),
        opening=period.nullable("opening", _shown_delta),
        closing=period.take("closing", _shown_delta),
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
        members.take("first", _shown_delta),
        members.nullable("next", _shown_delta),
    )
    members.done()
    return span


def _period_deltas(value: Any, place: str) -> PeriodDeltas:
    members = Members.of(value, place)
    deltas = PeriodDeltas(
        members.take("openingPeaks", inclusion_path),
        members.take("deltas", list_of(read_record, None)),
    )
    members.done()
    return deltas


def _absence_claim(file: Members) -> Claim:
    return AbsenceClaim(file.take("absence", _absence))


def _freshness_claim(file: Members) -> Claim:
    return FreshnessClaim(file.take("head", _head))


def _consistency_claim(file: Members) -> Claim:
    return ConsistencyClaim(
        file.take("earlier", _kept_head), file.take("path", consistency_path), file.take("head", _head)
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
        members.take("first", _included),
        members.take("firstHead", _head),
        members.take("second", _included),
        members.take("secondHead", _head),
    )


_FRAUDS: Final[dict[str, Callable[[Members], Fraud]]] = {
    "false_balance": lambda of: FalseBalance(
        of.nullable("before", _shown_delta), of.take("after", _shown_delta), of.take("head", _head)
    ),
    "time_reversed": lambda of: TimeReversed(
        of.take("before", _shown_delta), of.take("after", _shown_delta), of.take("head", _head)
    ),
    "recorded_after_sealed": lambda of: RecordedAfterSealed(
        of.take("delta", _shown_delta), of.take("head", _head)
    ),
    "backdated": lambda of: Backdated(
        of.take("earlier", _head), of.take("delta", _shown_delta), of.take("head", _head)
    ),
    "two_deltas": _two_deltas,
    "two_heads": lambda of: TwoHeads(of.take("first", _head), of.take("second", _head)),
    "shrunk_ledger": lambda of: ShrunkLedger(of.take("earlier", _head), of.take("later", _head)),
    "vanished_ledger": lambda of: VanishedLedger(of.take("earlier", _head), of.take("absence", _absence)),
    "two_batches": lambda of: TwoBatches(
        of.take("first", _anchored_batch), of.take("second", _anchored_batch)
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
    log = ProofLog(members.take("logId", hash32), members.optional("identityPublicKey", hash32))
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
