"""From the ledger's values to answers."""

from collections.abc import Sequence

from msgspec import UNSET

from anchor.protocol.amounts import UNITS_PER_ONE
from anchor.protocol.errors import hex_of
from anchor.server.api.errors import problem_of
from anchor.server.ledger.api_keys import ApiKey
from anchor.server.ledger.checkpoints import CheckpointView
from anchor.server.ledger.deriving import CountedBalance, Derived
from anchor.server.ledger.erasing import ErasableField
from anchor.server.ledger.errors import LedgerError
from anchor.server.ledger.model import Emission, Receipt
from anchor.server.ledger.views import BatchView, DeltaView, ReceiptView
from anchor.server.storage.reading import AnchorOnChain, LedgerRow
from anchor.wire.amounts import amount_json, json_object, number_of_digits
from anchor.wire.problems import Problem
from anchor.wire.responses import (
    BatchAnchor,
    BatchResponse,
    CheckpointResponse,
    DeltaResponse,
    DeltaSum,
    DeriveResponse,
    EmitBatchResponse,
    EmitNote,
    EmitRefusal,
    EmitResponse,
    KeyResponse,
    LedgerResponse,
    ReceiptResponse,
    Recomputation,
)


def recorded(receipt: Receipt, notes: tuple[EmitNote, ...] = ()) -> EmitResponse:
    """Return the answer to an emit; ``notes`` are those of its emission."""
    amount, balance = receipt.amount, receipt.balance
    return EmitResponse(
        receipt.receipt_id,
        "QUEUED",
        "0x" + receipt.fingerprint.hex(),
        receipt.customer_id,
        receipt.unit,
        "0x" + receipt.ledger_id.hex(),
        receipt.index,
        # Most amounts are whole; what a call would add is a tenth of an item's cost.
        number_of_digits(b"%d" % (amount // UNITS_PER_ONE))
        if amount % UNITS_PER_ONE == 0
        else amount_json(amount),
        number_of_digits(b"%d" % (balance // UNITS_PER_ONE))
        if balance % UNITS_PER_ONE == 0
        else amount_json(balance),
        receipt.recorded_at,
        receipt.idempotent,
        notes or UNSET,
    )


def batch_response(
    parsed: Sequence[Emission | Problem], results: Sequence[Receipt | LedgerError]
) -> EmitBatchResponse:
    """Return the answer to a batch, a result for each item; ``results`` are those of its emissions."""
    answers: list[EmitResponse | EmitRefusal] = []
    refused = idempotent = 0
    became = iter(results)
    for item in parsed:
        result = item if isinstance(item, Problem) else next(became)
        if isinstance(result, Receipt):
            idempotent += result.idempotent
            answers.append(recorded(result, item.notes if isinstance(item, Emission) else ()))
        else:
            refused += 1
            problem = result if isinstance(result, Problem) else problem_of(result)
            answers.append(EmitRefusal(problem.document()))
    return EmitBatchResponse(len(answers) - refused - idempotent, idempotent, refused, answers)


def checkpoint(view: CheckpointView) -> CheckpointResponse:
    """Return a checkpoint as it is answered."""
    sealed = view.checkpoint
    return CheckpointResponse(
        proof_token=view.proof_token,
        proof_hash=hex_of(view.proof_hash),
        delta_count=view.delta_count,
        status=view.status.value,
        customer_id=view.customer_id,
        unit=view.unit,
        ledger_id=hex_of(sealed.ledger_id),
        from_index=sealed.from_index,
        to_index=sealed.to_index,
        opening_balance=amount_json(sealed.opening_balance),
        closing_balance=amount_json(sealed.closing_balance),
        net_change=amount_json(view.net_change),
        opening_root=hex_of(sealed.opening_root),
        closing_root=hex_of(sealed.closing_root),
        created_at=view.created_at,
        start=view.span.start if view.span else None,
        end=view.span.end if view.span else None,
    )


def api_key(key: ApiKey, text: str | None = None) -> KeyResponse:
    """Return an API key as it is answered; ``text`` is the key itself, where it is new."""
    return KeyResponse(
        id=key.id,
        name=key.name,
        scopes=sorted(scope.value for scope in key.scopes),
        created_at=key.created_at,
        customer_id=key.customer_id,
        revoked_at=key.revoked_at,
        key=text,
    )


def delta(view: DeltaView) -> DeltaResponse:
    """Return a delta as it is answered."""
    row = view.delta
    return DeltaResponse(
        index=row.index_in_ledger,
        delta=amount_json(row.amount),
        balance=amount_json(row.balance),
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        reason=row.reason,
        reference_id=row.reference_id,
        metadata=None if row.metadata is None else json_object(row.metadata.encode()),
        adjusts=None if row.adjusts is None else hex_of(row.adjusts),
        fingerprint=hex_of(row.fingerprint),
        receipt_id=view.receipt_id,
        status=view.status.value,
        erased={
            ErasableField(name).public_name: hex_of(commitment) for name, commitment in row.erased.items()
        }
        or UNSET,
    )


def receipt(view: ReceiptView) -> ReceiptResponse:
    """Return what a receipt leads to, as it is answered."""
    return ReceiptResponse(
        receipt_id=view.delta.receipt_id,
        status=view.delta.status.value,
        fingerprint=hex_of(view.delta.delta.fingerprint),
        customer_id=view.ledger.customer_id,
        unit=view.ledger.unit,
        ledger_id=hex_of(view.ledger.ledger_id),
        delta=delta(view.delta),
        batch=view.batch,
        anchors=[anchor(each) for each in view.anchors],
    )


def ledger(row: LedgerRow) -> LedgerResponse:
    """Return a ledger as it is answered."""
    return LedgerResponse(
        ledger_id=hex_of(row.ledger_id),
        customer_id=row.customer_id,
        unit=row.unit,
        size=row.size,
        balance=amount_json(row.balance),
        last_recorded_at=row.last_recorded_at,
        sealed_size=row.sealed_size,
    )


def batch_summary(view: BatchView) -> BatchResponse:
    """Return a batch as it is answered."""
    row = view.batch
    return BatchResponse(
        number=row.number,
        sealed_at=row.sealed_at,
        anchor_root=hex_of(row.anchor_root),
        history_root=hex_of(row.history_root),
        map_root=hex_of(row.map_root),
        delta_count=row.delta_count,
        ledger_count=row.ledger_count,
        anchors=[anchor(each) for each in view.anchors],
    )


def anchor(each: AnchorOnChain) -> BatchAnchor:
    """Return where a batch is on a chain."""
    return BatchAnchor(
        chain=each.chain.name,
        chain_id=each.chain.chain_id,
        contract=hex_of(each.chain.contract),
        transaction_hash=hex_of(each.anchor.transaction_hash),
        block_number=each.anchor.block_number,
        block_hash=hex_of(each.anchor.block_hash),
        block_time=each.anchor.block_time,
        state=each.anchor.state,
        batch=each.anchor.batch,
    )


def derived(view: Derived) -> DeriveResponse:
    """Return a balance as it is answered."""
    again = view.recomputed
    return DeriveResponse(
        customer_id=view.customer_id,
        unit=view.unit,
        ledger_id=hex_of(view.ledger_id),
        balance=amount_json(view.verified.balance),
        delta_count=view.verified.delta_count,
        last_verified_index=view.last_verified_index,
        pending=_counted(view.pending),
        recorded=_counted(view.recorded),
        audit=None
        if again is None
        else Recomputation(
            again.mismatch is None, amount_json(again.balance), again.delta_count, again.mismatch
        ),
    )


def _counted(counted: CountedBalance) -> DeltaSum:
    return DeltaSum(amount_json(counted.balance), counted.delta_count)
