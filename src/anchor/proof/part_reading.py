"""From JSON values to the parts of a proof file: the shape of every object, and nothing unknown in it."""

from typing import Any, Final

from anchor.proof.bounds import ProofFileError
from anchor.proof.members import (
    Members,
    address,
    amount,
    balance,
    hash32,
    inclusion_path,
    list_of,
    map_siblings,
    salt,
    text,
    u64,
)
from anchor.proof.parts import (
    Anchor,
    AnchoredBatch,
    BatchSignature,
    BlockLocation,
    DeltaRecord,
    Disclosed,
    Field,
    FingerprintRecord,
    Included,
    LedgerAbsence,
    LedgerHead,
    Record,
    Through,
    Withheld,
)
from anchor.proof.plain_records import plain_record
from anchor.protocol.batch import Batch
from anchor.protocol.hashing import ZERO
from anchor.protocol.ledger_map import MapLeaf

MOST_ANCHORS: Final = 64


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
    plain = plain_record(value)
    if plain is not None:
        return plain
    members = Members.of(value, place)
    record = _record_of(members)
    members.done()
    return record


def read_included(value: Any, place: str) -> Included:
    """Return a delta with its path. Raises ProofFileError."""
    members = Members.of(value, place)
    included = Included(_record_of(members), members.take("path", inclusion_path))
    members.done()
    return included


def read_shown_delta(value: Any, place: str) -> Included:
    """A record that must show its amounts, since the claim is about them."""
    included = read_included(value, place)
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


def read_anchored_batch(value: Any, place: str) -> AnchoredBatch:
    """Return a batch and where it is. Raises ProofFileError."""
    members = Members.of(value, place)
    batch = AnchoredBatch(
        _batch_of(members),
        members.take("anchors", list_of(_anchor, MOST_ANCHORS)),
        members.optional("signed", _signature),
    )
    members.done()
    return batch


def _signature(value: Any, place: str) -> BatchSignature:
    members = Members.of(value, place)
    signature = BatchSignature(members.take("checkpoint", text), members.take("path", inclusion_path))
    members.done()
    return signature


def read_head(value: Any, place: str) -> LedgerHead:
    """Return a ledger's head. Raises ProofFileError."""
    members = Members.of(value, place)
    head = LedgerHead(
        members.take("size", u64),
        members.take("root", hash32),
        members.take("mapSiblings", map_siblings),
        members.take("batch", read_anchored_batch),
    )
    members.done()
    return head


def _map_leaf(value: Any, place: str) -> MapLeaf:
    members = Members.of(value, place)
    leaf = MapLeaf(members.take("ledgerId", hash32), members.take("head", hash32))
    members.done()
    return leaf


def read_absence(value: Any, place: str) -> LedgerAbsence:
    """Return a place in a map where a ledger is not. Raises ProofFileError."""
    members = Members.of(value, place)
    absence = LedgerAbsence(
        members.take("mapSiblings", map_siblings),
        members.nullable("other", _map_leaf),
        members.take("batch", read_anchored_batch),
    )
    members.done()
    return absence
