"""From the values of a proof file to its text."""

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from anchor.proof.values import (
    FORMAT,
    VERSION,
    AbsenceClaim,
    Anchor,
    AnchoredBatch,
    Backdated,
    BalanceClaim,
    Claim,
    ConsistencyClaim,
    DeltaClaim,
    Disclosed,
    Edge,
    FalseBalance,
    Field,
    FingerprintRecord,
    Fraud,
    FraudClaim,
    FreshnessClaim,
    Included,
    KeptHead,
    LedgerAbsence,
    LedgerHead,
    PeriodClaim,
    ProofFile,
    ProofLedger,
    ProofLog,
    Record,
    RecordedAfterSealed,
    ShrunkLedger,
    Span,
    TimeReversed,
    TwoBatches,
    TwoDeltas,
    TwoHeads,
    VanishedLedger,
)
from anchor.protocol.amounts import format_units
from anchor.protocol.batch import Batch
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import ZERO

Members = dict[str, Any]


def proof_file_json(proof: ProofFile) -> Members:
    """Return the JSON value of a proof file: dicts, lists, text, whole numbers and None."""
    members: Members = {
        "format": FORMAT,
        "version": VERSION,
        "kind": proof.kind,
        "log": log_json(proof.log),
    }
    if proof.ledger is not None:
        members["ledger"] = ledger_json(proof.ledger)
    return members | _claim(proof.claim)


def write_proof_file(proof: ProofFile) -> bytes:
    """Return the text of a proof file, UTF-8 with two spaces of indentation and a final newline."""
    return (json.dumps(proof_file_json(proof), ensure_ascii=False, indent=2) + "\n").encode()


def log_json(log: ProofLog) -> Members:
    """Return the JSON value of a log."""
    return {
        "logId": hex_of(log.log_id),
        "identityPublicKey": hex_of(log.public_key),
        "founder": hex_of(log.founder),
    }


def ledger_json(ledger: ProofLedger) -> Members:
    """Return the JSON value of a ledger."""
    members = {"ledgerId": hex_of(ledger.ledger_id)}
    if (customer := ledger.customer) is not None:
        members |= {
            "customerId": customer.customer_id,
            "unit": customer.unit,
            "identityProof": hex_of(customer.identity_proof),
        }
    return members


def _path(hashes: Iterable[bytes]) -> list[str]:
    return [hex_of(entry) for entry in hashes]


def _field(field: Field) -> Members:
    if isinstance(field, Disclosed):
        return {"value": field.value, "salt": hex_of(field.salt)}
    return {"commitment": hex_of(field.commitment)}


def record_json(record: Record) -> Members:
    """Return the JSON value of a delta without its path."""
    if isinstance(record, FingerprintRecord):
        return {"index": record.index, "fingerprint": hex_of(record.stated)}
    return {
        "index": record.index,
        "amount": format_units(record.amount),
        "balance": format_units(record.balance),
        "occurredAt": record.occurred_at,
        "recordedAt": record.recorded_at,
        "reason": _field(record.reason),
        "referenceId": _field(record.reference_id),
        "metadata": _field(record.metadata),
        "adjusts": None if record.adjusts == ZERO else hex_of(record.adjusts),
    }


def _included(included: Included) -> Members:
    return record_json(included.record) | {"path": _path(included.path)}


def _nullable(included: Included | None) -> Members | None:
    return None if included is None else _included(included)


def _batch(batch: Batch) -> Members:
    return {
        "number": batch.number,
        "historyRoot": hex_of(batch.history_root),
        "mapRoot": hex_of(batch.map_root),
        "sealedAt": batch.sealed_at,
    }


def _anchor(anchor: Anchor) -> Members:
    members: Members = {"chainId": anchor.chain_id, "contract": hex_of(anchor.contract)}
    if (location := anchor.location) is not None:
        members |= {
            "transactionHash": hex_of(location.transaction_hash),
            "blockNumber": location.block_number,
            "blockHash": hex_of(location.block_hash),
        }
    if (through := anchor.through) is not None:
        members["through"] = {"batch": _batch(through.batch), "path": _path(through.path)}
    return members


def _anchored_batch(batch: AnchoredBatch) -> Members:
    members = _batch(batch.batch) | {"anchors": [_anchor(anchor) for anchor in batch.anchors]}
    if (signed := batch.signed) is not None:
        members["signed"] = {"checkpoint": signed.checkpoint, "path": _path(signed.path)}
    return members


def _head(head: LedgerHead | KeptHead) -> Members:
    members: Members = {"size": head.size, "root": hex_of(head.root)}
    if isinstance(head, LedgerHead):
        members |= {"mapSiblings": _path(head.siblings), "batch": _anchored_batch(head.batch)}
    return members


def _absence(absence: LedgerAbsence) -> Members:
    other = absence.other
    return {
        "mapSiblings": _path(absence.siblings),
        "other": None if other is None else {"ledgerId": hex_of(other.ledger_id), "head": hex_of(other.head)},
        "batch": _anchored_batch(absence.batch),
    }


def _claim(claim: Claim) -> Members:
    match claim:
        case DeltaClaim(delta, head) | BalanceClaim(delta, head):
            return {"delta": _included(delta), "head": _head(head)}
        case PeriodClaim():
            return {"period": _period(claim), "head": _head(claim.head)}
        case AbsenceClaim(absence):
            return {"absence": _absence(absence)}
        case FreshnessClaim(head):
            return {"head": _head(head)}
        case ConsistencyClaim(earlier, path, head):
            return {"earlier": _head(earlier), "path": _path(path), "head": _head(head)}
        case FraudClaim(fraud):
            return {"fraud": {"cheat": CHEATS[type(fraud)]} | _FRAUDS[type(fraud)](fraud)}


def _period(claim: PeriodClaim) -> Members:
    members: Members = {
        "fromIndex": claim.from_index,
        "toIndex": claim.to_index,
        "openingRoot": hex_of(claim.opening_root),
        "closingRoot": hex_of(claim.closing_root),
        "opening": _nullable(claim.opening),
        "closing": _included(claim.closing),
        "openingPath": _path(claim.opening_path),
        "closingPath": _path(claim.closing_path),
    }
    if claim.span is not None:
        members["span"] = _span(claim.span)
    if claim.deltas is not None:
        members["all"] = {
            "openingPeaks": _path(claim.deltas.opening_peaks),
            "deltas": [record_json(record) for record in claim.deltas.records],
        }
    return members


def _span(span: Span) -> Members:
    return {
        "start": span.start,
        "end": span.end,
        "opening": _absence(span.opening)
        if isinstance(span.opening, LedgerAbsence)
        else None
        if span.opening is None
        else _head(span.opening),
        "before": _edge(span.before),
        "after": _edge(span.after),
    }


def _edge(edge: Edge) -> Members:
    return {
        "openingPeaks": _path(edge.peaks),
        "deltas": [record_json(record) for record in edge.records],
    }


CHEATS: Final[dict[type[Fraud], str]] = {
    FalseBalance: "false_balance",
    TimeReversed: "time_reversed",
    RecordedAfterSealed: "recorded_after_sealed",
    Backdated: "backdated",
    TwoDeltas: "two_deltas",
    TwoHeads: "two_heads",
    ShrunkLedger: "shrunk_ledger",
    VanishedLedger: "vanished_ledger",
    TwoBatches: "two_batches",
}

_FRAUDS: Final[dict[type[Fraud], Callable[[Any], Members]]] = {
    FalseBalance: lambda of: {
        "before": _nullable(of.before),
        "after": _included(of.after),
        "head": _head(of.head),
    },
    TimeReversed: lambda of: {
        "before": _included(of.before),
        "after": _included(of.after),
        "head": _head(of.head),
    },
    RecordedAfterSealed: lambda of: {"delta": _included(of.delta), "head": _head(of.head)},
    Backdated: lambda of: {
        "earlier": _head(of.earlier),
        "delta": _included(of.delta),
        "head": _head(of.head),
    },
    TwoDeltas: lambda of: {
        "first": _included(of.first),
        "firstHead": _head(of.first_head),
        "second": _included(of.second),
        "secondHead": _head(of.second_head),
    },
    TwoHeads: lambda of: {"first": _head(of.first), "second": _head(of.second)},
    ShrunkLedger: lambda of: {"earlier": _head(of.earlier), "later": _head(of.later)},
    VanishedLedger: lambda of: {"earlier": _head(of.earlier), "absence": _absence(of.absence)},
    TwoBatches: lambda of: {
        "first": _anchored_batch(of.first),
        "second": _anchored_batch(of.second),
    },
}
