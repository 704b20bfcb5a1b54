"""Erase a text field of a delta: value and salt go, the commitment stays, every proof stays valid.

What the fingerprint is taken of is the commitment, so nothing else changes. Who erased what and when
is on record. Erasing again is answered with the first erasure, and removes old pages once more.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from anchor.ledger.clock import Clock
from anchor.ledger.errors import LedgerError, UnknownReceipt
from anchor.ledger.model import Log
from anchor.ledger.receipt_ids import ReceiptIds
from anchor.protocol.commitments import commit
from anchor.protocol.hashing import Bytes32
from anchor.storage.database import Database
from anchor.storage.erasing import (
    drop_old_pages,
    erasure_of,
    field_and_salt,
    lock_for_erasing,
    write_erasure,
)


class ErasableField(StrEnum):
    """What may be erased. Amount, index and times cannot be: the balance stands on them."""

    REASON = "reason"
    REFERENCE_ID = "reference_id"
    METADATA = "metadata"


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure on record. ``erased_at`` in ms; ``pages_dropped``: no old page holds the bytes any more."""

    receipt_id: str
    field: ErasableField
    commitment: Bytes32
    erased_at: int
    erased_by: str
    already: bool
    pages_dropped: bool


@dataclass(eq=False)
class EraserMissing(LedgerError):
    """An erasure has to say who erased."""

    code: ClassVar[str] = "eraser_missing"

    def __str__(self) -> str:
        return "an erasure has to say who erased: 1 to 200 characters"


def erase_field(
    database: Database, log: Log, clock: Clock, receipt_id: str, field: ErasableField, erased_by: str
) -> Erasure:
    """Erase ``field`` of the delta with this receipt.

    Raises UnknownReceipt, EraserMissing, StorageUnavailable.
    """
    if not 1 <= len(erased_by.strip()) <= 200:
        raise EraserMissing
    ledger, index = ReceiptIds(log.receipt_key).read(receipt_id)
    if ledger >= 2**63 or index >= 2**63:
        raise UnknownReceipt(receipt_id)
    with database.write() as connection:
        lock_for_erasing(connection)
        found = field_and_salt(connection, ledger, index, field)
        if found is None:
            raise UnknownReceipt(receipt_id)
        value, salt = found
        already = salt is None
        if salt is not None:
            commitment = commit(salt, None if value is None else value.encode())
            write_erasure(connection, ledger, index, field, commitment, clock.now_ms(), erased_by.strip())
        erasure = erasure_of(connection, ledger, index, field)
        assert erasure is not None
    return Erasure(
        receipt_id, field, bytes(erasure[0]), erasure[1], erasure[2], already, drop_old_pages(database)
    )
