"""A delta as a row of a replica's file, and back."""

from typing import Any

from anchor.proof.values import DeltaRecord, Disclosed, Field, Withheld
from anchor.replica.values import Shown


def row_of(shown: Shown) -> tuple[Any, ...]:
    """Return a delta in the order of ``schema.DELTA_COLUMNS``."""
    record = shown.record
    return (
        record.index,
        str(record.amount),
        str(record.balance),
        record.occurred_at,
        record.recorded_at,
        *_columns(record.reason),
        *_columns(record.reference_id),
        *_columns(record.metadata),
        record.adjusts,
        shown.fingerprint,
    )


def record_of(row: tuple[Any, ...]) -> Shown:
    """Return the delta of a row."""
    return Shown(
        row[15],
        DeltaRecord(
            row[0],
            int(row[1]),
            int(row[2]),
            row[3],
            row[4],
            _field(row[5:8]),
            _field(row[8:11]),
            _field(row[11:14]),
            row[14],
        ),
    )


def _columns(field: Field) -> tuple[str | None, bytes | None, bytes | None]:
    if isinstance(field, Disclosed):
        return field.value, field.salt, None
    return None, None, field.commitment


def _field(columns: tuple[Any, ...]) -> Field:
    value, salt, commitment = columns
    return Disclosed(value, salt) if commitment is None else Withheld(commitment)
