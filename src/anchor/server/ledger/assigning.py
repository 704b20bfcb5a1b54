"""Give each emission of a group its place, as if they had come one after the other.

Indices, running balances, times and fingerprints are assigned here, over what the transaction read of the
ledgers and references concerned. No database is asked and nothing is random. It is the innermost loop of
recording and runs while the ledgers are locked, so whatever does not depend on a delta's place is done
outside of it: the fields are committed to before (``preparing``), the receipts are written after.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from anchor.protocol.amounts import MAX_BALANCE_UNITS, MIN_BALANCE_UNITS
from anchor.protocol.hashing import ZERO, Bytes32, keccak
from anchor.protocol.salted_fingerprint import CommittedFingerprint
from anchor.server.ledger.errors import (
    AdjustedDeltaMissing,
    BalanceOverflow,
    IdempotencyKeyConflict,
    LedgerError,
    ReferenceConflict,
)
from anchor.server.ledger.model import Emission, Receipt
from anchor.server.ledger.preparing import PreparedFields
from anchor.server.ledger.receipt_ids import ReceiptIds
from anchor.server.storage.recording import (
    DeltaColumns,
    IdempotencyKey,
    KeptIdempotencyKey,
    LedgerKey,
    LedgerNumber,
    LedgerState,
    RecordedDelta,
    ReferenceKey,
)


@dataclass(frozen=True, slots=True)
class OnRecord:
    """A delta on record, and whose it is."""

    delta: RecordedDelta
    ledger_id: Bytes32
    customer_id: str
    unit: str


@dataclass(frozen=True, slots=True)
class GroupContext:
    """What the transaction knows before it assigns: all that the group's emissions touch."""

    fingerprint: CommittedFingerprint
    receipt_ids: ReceiptIds
    amounts_as_text: bool
    earliest: int
    """No delta is recorded before this time (ms)."""
    numbers: Mapping[LedgerKey, LedgerNumber]
    states: Mapping[int, LedgerState]
    references: Mapping[ReferenceKey, RecordedDelta]
    idempotency_keys: Mapping[IdempotencyKey, tuple[KeptIdempotencyKey, OnRecord]]


class Assignment:
    """One pass over a group: what is to be written, and, once it is, what became of each emission.

    ``prepared`` has the fields of each emission, in their order. ``rows`` and the lists beside it grow
    together, one entry a new delta.
    """

    def __init__(
        self, context: GroupContext, emissions: Sequence[Emission], prepared: Sequence[PreparedFields]
    ) -> None:
        self._context = context
        self._emissions = emissions
        self.rows: list[DeltaColumns] = []
        self.idempotency_keys: dict[IdempotencyKey, KeptIdempotencyKey] = {}
        self._fresh: list[tuple[int, LedgerNumber, int]] = []
        """For each row: whose emission, in which ledger, and the balance after it."""
        self._fresh_references: dict[ReferenceKey, int] = {}
        self._kept_deltas: dict[IdempotencyKey, OnRecord | int] = {}
        """Their deltas: on record before, or the place in ``rows``."""
        self._answered: dict[int, Receipt | LedgerError] = {}
        states: dict[int, tuple[int, int, int]] = {}
        self._assign(prepared, states)
        self.states: dict[int, LedgerState] = {
            number: LedgerState(*state) for number, state in states.items()
        }

    def _assign(self, prepared: Sequence[PreparedFields], states: dict[int, tuple[int, int, int]]) -> None:
        context = self._context
        fingerprint_of, earliest, numbers = context.fingerprint, context.earliest, context.numbers
        references, fresh_references = context.references, self._fresh_references
        as_text = context.amounts_as_text
        rows, fresh, answered = self.rows, self._fresh, self._answered
        for place, (emission, fields) in enumerate(zip(self._emissions, prepared, strict=True)):
            ledger = numbers[emission.customer_id, emission.unit]
            number, ledger_id = ledger
            reference, amount = emission.reference_id, emission.amount
            if emission.idempotency_key is not None:
                answer = self._known_by_key(emission)
                if answer is not None:
                    answered[place] = answer
                    continue
            if reference is not None:
                key = (number, reference)
                if key in references or key in fresh_references:
                    answered[place] = self._known_by_reference(emission, ledger, reference)
                    continue
            adjusts, adjusts_index = ZERO, None
            if emission.adjusts is not None:
                adjusted = self._find(number, emission.adjusts)
                if adjusted is None:
                    answered[place] = AdjustedDeltaMissing(emission.adjusts)
                    continue
                adjusts, adjusts_index = adjusted.fingerprint, adjusted.place
            index, before, recorded_at = states.get(number) or context.states[number]
            balance = before + amount
            if not MIN_BALANCE_UNITS <= balance <= MAX_BALANCE_UNITS:
                answered[place] = BalanceOverflow(before, amount)
                continue
            if recorded_at < earliest:
                recorded_at = earliest
            states[number] = (index + 1, balance, recorded_at)
            occurred_at = recorded_at if emission.occurred_at is None else emission.occurred_at
            reason_salt, reason, reference_salt, hidden_reference, metadata_salt, hidden_metadata = fields
            metadata = emission.metadata
            fingerprint = fingerprint_of(
                ledger_id,
                index,
                amount,
                balance,
                occurred_at,
                recorded_at,
                reason,
                hidden_reference,
                hidden_metadata,
                adjusts,
            )
            if reference is not None:
                fresh_references[number, reference] = len(rows)
            if emission.idempotency_key is not None:
                self._keep(emission, number, index, len(rows))
            fresh.append((place, ledger, balance))
            rows.append(
                (
                    number,
                    index,
                    str(amount) if as_text else amount,
                    str(balance) if as_text else balance,
                    occurred_at,
                    recorded_at,
                    emission.reason,
                    reason_salt,
                    reference,
                    reference_salt,
                    None if metadata is None else metadata.decode(),
                    metadata_salt,
                    None if adjusts_index is None else adjusts,
                    adjusts_index,
                    fingerprint,
                )
            )

    def results(self) -> list[Receipt | LedgerError]:
        """Return what became of each emission, in their order; true once the rows are committed."""
        emissions, rows, answered = self._emissions, self.rows, dict(self._answered)
        ids = self._context.receipt_ids.make([row[:2] for row in rows])
        for receipt_id, row, (place, ledger, balance) in zip(ids, rows, self._fresh, strict=True):
            emission = emissions[place]
            answered[place] = Receipt(
                receipt_id,
                ledger.ledger_id,
                emission.customer_id,
                emission.unit,
                row[1],
                emission.amount,
                balance,
                row[4],
                row[5],
                emission.reason,
                emission.reference_id,
                emission.metadata,
                row[12],
                row[14],
                False,
            )
        return [answered[place] for place in range(len(emissions))]

    def _known_by_key(self, emission: Emission) -> Receipt | LedgerError | None:
        """Return the answer to an idempotency key that was used before."""
        key = _key_of(emission)
        if key in self.idempotency_keys:
            used, met = self.idempotency_keys[key], self._kept_deltas[key]
            existing = self._fresh_delta(met) if isinstance(met, int) else met
        elif key in self._context.idempotency_keys:
            used, existing = self._context.idempotency_keys[key]
        else:
            return None
        receipt = receipt_of(existing, self._context.receipt_ids)
        if used.request_hash == request_hash(emission):
            return receipt
        return IdempotencyKeyConflict(receipt, emission)

    def _known_by_reference(
        self, emission: Emission, ledger: LedgerNumber, reference: str
    ) -> Receipt | LedgerError:
        existing = self._find(ledger.id, reference)
        assert existing is not None
        on_record = OnRecord(existing, ledger.ledger_id, emission.customer_id, emission.unit)
        receipt = receipt_of(on_record, self._context.receipt_ids)
        adjusted = None if emission.adjusts is None else self._find(ledger.id, emission.adjusts)
        unresolved = emission.adjusts is not None and adjusted is None
        if unresolved or not same_content(
            emission, existing, None if adjusted is None else adjusted.fingerprint
        ):
            return ReferenceConflict(receipt, emission)
        if emission.idempotency_key is not None:
            self._keep(emission, existing.ledger, existing.place, on_record)
        return receipt

    def _keep(self, emission: Emission, number: int, index: int, delta: OnRecord | int) -> None:
        key = _key_of(emission)
        self.idempotency_keys[key] = KeptIdempotencyKey(request_hash(emission), number, index)
        self._kept_deltas[key] = delta

    def _find(self, number: int, reference: str) -> RecordedDelta | None:
        """Return the delta with this reference, on record or new in this group."""
        row_at = self._fresh_references.get((number, reference))
        if row_at is not None:
            return self._fresh_delta(row_at).delta
        return self._context.references.get((number, reference))

    def _fresh_delta(self, row_at: int) -> OnRecord:
        row = self.rows[row_at]
        place, ledger, balance = self._fresh[row_at]
        emission = self._emissions[place]
        delta = RecordedDelta(
            ledger=ledger.id,
            place=row[1],
            amount=emission.amount,
            balance=balance,
            occurred_at=row[4],
            recorded_at=row[5],
            reason=row[6],
            reason_erased=False,
            reference_id=row[8],
            metadata=row[10],
            metadata_erased=False,
            adjusts=row[12],
            fingerprint=row[14],
        )
        return OnRecord(delta, ledger.ledger_id, emission.customer_id, emission.unit)


def same_content(emission: Emission, existing: RecordedDelta, adjusts: Bytes32 | None) -> bool:
    """Return whether an emission says what is on record under its reference.

    What was not said must not have been said then either: an ``occurredAt`` left out matches one left
    out. A field that was erased cannot be compared and is taken to match.
    """
    occurred_at = existing.recorded_at if emission.occurred_at is None else emission.occurred_at
    metadata = None if emission.metadata is None else emission.metadata.decode()
    return (
        existing.amount == emission.amount
        and existing.occurred_at == occurred_at
        and existing.adjusts == adjusts
        and (existing.reason_erased or existing.reason == emission.reason)
        and (existing.metadata_erased or existing.metadata == metadata)
    )


def request_hash(emission: Emission) -> Bytes32:
    """Return a hash of all that an emission says, its idempotency key aside."""
    return keccak(
        msgspec.json.encode(
            (
                emission.customer_id,
                emission.unit,
                str(emission.amount),
                emission.reason,
                emission.reference_id,
                None if emission.metadata is None else emission.metadata.decode(),
                emission.occurred_at,
                emission.adjusts,
            )
        )
    )


def receipt_of(on_record: OnRecord, receipt_ids: ReceiptIds) -> Receipt:
    """Return the first receipt of a delta that was recorded before."""
    delta = on_record.delta
    return Receipt(
        receipt_ids.make([(delta.ledger, delta.place)])[0],
        on_record.ledger_id,
        on_record.customer_id,
        on_record.unit,
        delta.place,
        delta.amount,
        delta.balance,
        delta.occurred_at,
        delta.recorded_at,
        delta.reason,
        delta.reference_id,
        None if delta.metadata is None else delta.metadata.encode(),
        delta.adjusts,
        delta.fingerprint,
        True,
    )


def _key_of(emission: Emission) -> IdempotencyKey:
    assert emission.idempotency_key is not None
    return (emission.api_key_id or 0, emission.idempotency_key)
