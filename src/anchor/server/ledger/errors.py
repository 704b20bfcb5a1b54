"""What the ledger refuses, each with a stable ``code`` and the values that disagreed.

``record`` returns these in the place of the item they belong to; everything else raises them.
``StorageUnavailable`` (the database cannot be used now) is storage's own.
"""

from dataclasses import dataclass
from typing import ClassVar

from anchor.protocol.amounts import format_units
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import Bytes32
from anchor.server.ledger.model import Emission, Receipt
from anchor.server.storage.database import StorageUnavailable

__all__ = [
    "AdjustedDeltaMissing",
    "BalanceOverflow",
    "CustomerHasLedger",
    "IdempotencyKeyConflict",
    "IndexOutOfRange",
    "LedgerError",
    "LogMissing",
    "NotSealedYet",
    "Overloaded",
    "ReferenceConflict",
    "StorageUnavailable",
    "UnknownBatch",
    "UnknownCustomer",
    "UnknownReceipt",
    "WrongIdentityKey",
]


class LedgerError(Exception):
    """Something that the ledger refuses. Nothing was changed."""

    code: ClassVar[str]


# Not frozen: context managers set __traceback__ on what passes through them.
@dataclass(eq=False)
class ReferenceConflict(LedgerError):
    """The reference was recorded before, with other content."""

    code: ClassVar[str] = "reference_conflict"
    existing: Receipt
    offered: Emission

    def __str__(self) -> str:
        return (
            f"reference {self.offered.reference_id!r} is on record at index {self.existing.index} "
            "with other content"
        )


@dataclass(eq=False)
class IdempotencyKeyConflict(LedgerError):
    """The idempotency key was used before, for another request."""

    code: ClassVar[str] = "idempotency_key_conflict"
    existing: Receipt
    offered: Emission

    def __str__(self) -> str:
        return "this idempotency key was used before, for another request"


@dataclass(eq=False)
class AdjustedDeltaMissing(LedgerError):
    """The delta to be corrected is not in the same ledger."""

    code: ClassVar[str] = "adjusted_delta_missing"
    reference_id: str

    def __str__(self) -> str:
        return f"no earlier delta of this ledger has the reference {self.reference_id!r}"


@dataclass(eq=False)
class BalanceOverflow(LedgerError):
    """The balance would leave int256."""

    code: ClassVar[str] = "balance_overflow"
    balance: int
    amount: int

    def __str__(self) -> str:
        return f"{format_units(self.amount)} on top of {format_units(self.balance)} does not fit a balance"


@dataclass(eq=False)
class UnknownCustomer(LedgerError):
    """No delta of this customer in this unit is on record."""

    code: ClassVar[str] = "unknown_customer"
    customer_id: str
    unit: str

    def __str__(self) -> str:
        unit = f" in unit {self.unit!r}" if self.unit else ""
        return f"nothing is on record for customer {self.customer_id!r}{unit}"


@dataclass(eq=False)
class CustomerHasLedger(LedgerError):
    """A proof was asked for that a customer has no ledger, and there is one."""

    code: ClassVar[str] = "customer_has_ledger"
    customer_id: str
    unit: str

    def __str__(self) -> str:
        return "this customer has a ledger in this unit"


@dataclass(eq=False)
class UnknownReceipt(LedgerError):
    """No delta has this receipt."""

    code: ClassVar[str] = "unknown_receipt"
    receipt_id: str

    def __str__(self) -> str:
        return "no delta has this receipt"


@dataclass(eq=False)
class UnknownBatch(LedgerError):
    """No batch has this number."""

    code: ClassVar[str] = "unknown_batch"
    number: int
    name: str | None = None
    """What a request calls the number, where it named one."""

    def __str__(self) -> str:
        return f"there is no batch {self.number}"


@dataclass(eq=False)
class IndexOutOfRange(LedgerError):
    """An index that the ledger does not have."""

    code: ClassVar[str] = "index_out_of_range"
    index: int
    size: int
    name: str | None = None
    """What a request calls it: ``fromIndex``, ``asOfIndex``."""

    def __str__(self) -> str:
        size = "1 delta" if self.size == 1 else f"{self.size} deltas"
        return f"index {self.index} is outside the ledger, which holds {size}"


@dataclass(eq=False)
class NotSealedYet(LedgerError):
    """A proof was asked for of a delta that is in no batch yet."""

    code: ClassVar[str] = "not_sealed_yet"
    index: int
    sealed_size: int

    def __str__(self) -> str:
        return f"the delta at index {self.index} is in no batch yet; the first {self.sealed_size} are"


@dataclass(eq=False)
class Overloaded(LedgerError):
    """The queue is full."""

    code: ClassVar[str] = "overloaded"
    retry_after_seconds: int

    def __str__(self) -> str:
        return f"too many deltas are waiting; try again in {self.retry_after_seconds} s"


@dataclass(eq=False)
class LogMissing(LedgerError):
    """The database holds no log."""

    code: ClassVar[str] = "log_missing"

    def __str__(self) -> str:
        return "the database holds no log; create one first"


@dataclass(eq=False)
class WrongIdentityKey(LedgerError):
    """The identity key is not the one that this log was created with."""

    code: ClassVar[str] = "wrong_identity_key"
    expected: Bytes32
    found: Bytes32

    def __str__(self) -> str:
        return f"this log is {hex_of(self.expected)}; the identity key given makes {hex_of(self.found)}"
