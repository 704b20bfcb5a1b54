"""Erase a text field of a delta: value and salt go, the commitment stays, every proof stays valid.

What the fingerprint is taken of is the commitment, so nothing else changes. Who erased what and when
is on record. Erasing again is answered with the first erasure, and removes old pages once more.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from sqlalchemy import Connection

from anchor.protocol.commitments import commit
from anchor.protocol.hashing import Bytes32
from anchor.server.ledger.clock import Clock
from anchor.server.ledger.errors import LedgerError, UnknownReceipt
from anchor.server.ledger.model import Log
from anchor.server.ledger.ranges import require_index, standing_of
from anchor.server.ledger.receipt_ids import ReceiptIds
from anchor.server.storage.database import Database
from anchor.server.storage.erasing import (
    drop_old_pages,
    erasure_of,
    field_and_salt,
    transaction_number,
    write_erasure,
)
from anchor.server.storage.reading import ledger_numbered


class ErasableField(StrEnum):
    """What may be erased. Amount, index and times cannot be: the balance stands on them."""

    REASON = "reason"
    REFERENCE_ID = "reference_id"
    METADATA = "metadata"

    @property
    def public_name(self) -> str:
        """Return the field's name in requests, answers and proof files."""
        return _PUBLIC_NAMES[self]


_PUBLIC_NAMES: Final = {
    ErasableField.REASON: "reason",
    ErasableField.REFERENCE_ID: "referenceId",
    ErasableField.METADATA: "metadata",
}
_BY_PUBLIC_NAME: Final = {name: field for field, name in _PUBLIC_NAMES.items()}
MAX_ERASER_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure on record. ``erased_at`` in ms; ``already``: it was there before this call."""

    field: ErasableField
    commitment: Bytes32
    erased_at: int
    erased_by: str
    already: bool


@dataclass(frozen=True, slots=True)
class ErasedDelta:
    """What was erased of a delta. ``pages_dropped``: no old page holds the bytes any more."""

    receipt_id: str
    ledger_id: Bytes32
    index: int
    erasures: tuple[Erasure, ...]
    pages_dropped: bool


@dataclass(eq=False)
class EraserMissing(LedgerError):
    """An erasure has to say who erased."""

    code: ClassVar[str] = "eraser_missing"

    def __str__(self) -> str:
        return "an erasure has to say who erased: 1 to 200 characters, none of them control"


@dataclass(eq=False)
class NotErasable(LedgerError):
    """A field that stays."""

    code: ClassVar[str] = "not_erasable"
    field: str

    def __str__(self) -> str:
        return f"{self.field[:60]!r} cannot be erased; reason, referenceId and metadata can"


def erasable_field(name: str) -> ErasableField:
    """Return the field of a public name: reason, referenceId or metadata. Raises NotErasable."""
    found = _BY_PUBLIC_NAME.get(name)
    if found is None:
        raise NotErasable(name)
    return found


def receipt_at(database: Database, log: Log, customer_id: str, unit: str, index: int) -> str:
    """Return the receipt id of the delta at an index. Raises UnknownCustomer, IndexOutOfRange."""
    with database.read() as connection:
        ledger = standing_of(connection, customer_id, unit)
    require_index(index, ledger.size, "index")
    (receipt_id,) = ReceiptIds(log.receipt_key).make([(ledger.ledger, index)])
    return receipt_id


def erase_fields(
    database: Database,
    log: Log,
    clock: Clock,
    receipt_id: str,
    fields: Collection[ErasableField],
    erased_by: str,
) -> ErasedDelta:
    """Erase fields of the delta with this receipt: all of them, or none.

    Raises UnknownReceipt, EraserMissing, StorageUnavailable.
    """
    eraser = erased_by.strip()
    if not 1 <= len(eraser) <= MAX_ERASER_CHARACTERS or not eraser.isprintable():
        raise EraserMissing
    ledger, index = ReceiptIds(log.receipt_key).read(receipt_id)
    with database.write() as connection:
        row = ledger_numbered(connection, ledger)
        if row is None:
            raise UnknownReceipt(receipt_id)
        erasures = tuple(
            _erase(connection, clock, receipt_id, (ledger, index), field, eraser) for field in fields
        )
        transaction = transaction_number(connection)
    return ErasedDelta(receipt_id, row.ledger_id, index, erasures, drop_old_pages(database, transaction))


def _erase(
    connection: Connection,
    clock: Clock,
    receipt_id: str,
    place: tuple[int, int],
    field: ErasableField,
    erased_by: str,
) -> Erasure:
    found = field_and_salt(connection, *place, field)
    if found is None:
        raise UnknownReceipt(receipt_id)
    value, salt = found
    if salt is not None:
        commitment = commit(salt, None if value is None else value.encode())
        write_erasure(connection, *place, field, commitment, clock.now_ms(), erased_by)
    erasure = erasure_of(connection, *place, field)
    assert erasure is not None
    return Erasure(field, bytes(erasure[0]), erasure[1], erasure[2], already=salt is None)
