"""The tables of a replica's file."""

from typing import Any, Final

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


APPLICATION_ID: Final = 0x416E5270
"""'AnRp', in the header of the file: what ``file`` and this program know a replica by."""
VERSION: Final = 1
STORED_HEIGHTS: Final = 4
"""Complete subtrees are stored at every multiple of this height; those between are folded from them."""

_FIELDS: Final = ("reason", "reference_id", "metadata")
DELTA_COLUMNS: Final = ", ".join(
    (
        '"index"',
        *("amount", "balance", "occurred_at", "recorded_at"),
        *(column for field in _FIELDS for column in (field, f"{field}_salt", f"{field}_commitment")),
        *("adjusts", "fingerprint"),
    )
)
_WRITTEN_ONCE: Final = ("deltas", "nodes", "batches", "heads", "findings")

SCHEMA: Final = (
    """CREATE TABLE pins (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        log_id BLOB NOT NULL, public_key BLOB NOT NULL, founder BLOB NOT NULL,
        ledger_id BLOB NOT NULL,
        customer_id TEXT NOT NULL, unit TEXT NOT NULL, identity_proof BLOB NOT NULL,
        made_at INTEGER NOT NULL, chain_id INTEGER, contract BLOB) STRICT""",
    # Amounts are whole units of 10**-18, beyond what an SQLite integer holds. A field that is not shown
    # has a commitment, any other a salt, and a value unless it is absent.
    f"""CREATE TABLE deltas (
        "index" INTEGER PRIMARY KEY,
        amount TEXT NOT NULL, balance TEXT NOT NULL,
        occurred_at INTEGER NOT NULL, recorded_at INTEGER NOT NULL,
        {" ".join(f"{field} TEXT, {field}_salt BLOB, {field}_commitment BLOB," for field in _FIELDS)}
        adjusts BLOB NOT NULL, fingerprint BLOB NOT NULL) STRICT""",
    "CREATE INDEX deltas_by_fingerprint ON deltas (fingerprint)",
    """CREATE TABLE nodes (
        height INTEGER, position INTEGER, hash BLOB NOT NULL,
        PRIMARY KEY (height, position)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE batches (
        number INTEGER PRIMARY KEY, history_root BLOB NOT NULL, map_root BLOB NOT NULL,
        sealed_at INTEGER NOT NULL, anchor_root BLOB NOT NULL) STRICT""",
    # Some heads as they were shown, proof files; time is that of the block that a head was seen in.
    """CREATE TABLE heads (
        batch INTEGER PRIMARY KEY, size INTEGER NOT NULL UNIQUE,
        time INTEGER NOT NULL, file BLOB NOT NULL) STRICT""",
    """CREATE TABLE findings (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, statement TEXT NOT NULL,
        found_at INTEGER NOT NULL, files TEXT NOT NULL) STRICT""",
    """CREATE TABLE progress (
        one INTEGER PRIMARY KEY CHECK (one = 1), peaks BLOB NOT NULL, history_peaks BLOB NOT NULL,
        head BLOB, head_time INTEGER, waiting BLOB, missed_head BLOB, missed_since INTEGER) STRICT""",
    *(
        f"""CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table}
        BEGIN SELECT RAISE(ABORT, '{table} are written once'); END"""
        for table in _WRITTEN_ONCE
        for action in ("UPDATE", "DELETE")
    ),
    """CREATE TRIGGER pins_stay BEFORE UPDATE ON pins WHEN OLD.chain_id IS NOT NULL
        OR (NEW.log_id, NEW.public_key, NEW.founder, NEW.ledger_id, NEW.customer_id, NEW.unit,
        NEW.identity_proof) IS NOT (OLD.log_id, OLD.public_key, OLD.founder, OLD.ledger_id,
        OLD.customer_id, OLD.unit, OLD.identity_proof)
        BEGIN SELECT RAISE(ABORT, 'what a replica is of stays'); END""",
    "CREATE TRIGGER pins_no_delete BEFORE DELETE ON pins BEGIN SELECT RAISE(ABORT, 'pins stay'); END",
)
