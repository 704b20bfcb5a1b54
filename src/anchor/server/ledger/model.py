"""What goes into the record and what comes out of it.

Amounts and balances are ``int`` units of 10**-18; times are milliseconds since 1970; hashes and
ledger ids are 32 bytes. Parsed at the edge, trusted here.
"""

from enum import StrEnum

import msgspec

from anchor.protocol.hashing import Bytes32
from anchor.server.storage.logs import Log
from anchor.wire.responses import EmitNote

__all__ = ["Emission", "Log", "Receipt", "Status"]


class Emission(msgspec.Struct, frozen=True, gc=False):
    """One delta that a caller wants recorded.

    A msgspec record, as Receipt is: tens of thousands a second are made, and a frozen dataclass
    takes ten times as long to make.
    """

    customer_id: str
    amount: int
    reason: str = ""
    reference_id: str | None = None
    unit: str = ""
    metadata: bytes | None = None
    """A JSON object in its RFC 8785 form."""
    occurred_at: int | None = None
    adjusts: str | None = None
    """The reference of the earlier delta of the same ledger that this one corrects."""
    idempotency_key: str | None = None
    api_key_id: int | None = None
    """Whose idempotency keys these are."""
    notes: tuple[EmitNote, ...] = ()
    """What its answer says of how it was read; not recorded."""


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What was recorded for an emission."""

    receipt_id: str
    ledger_id: Bytes32
    customer_id: str
    unit: str
    index: int
    amount: int
    balance: int
    occurred_at: int
    recorded_at: int
    reason: str | None
    """None only where it was erased; the same holds for the next two, which may also be absent."""
    reference_id: str | None
    metadata: bytes | None
    adjusts: Bytes32 | None
    """The fingerprint of the delta that this one corrects."""
    fingerprint: Bytes32
    idempotent: bool
    """True where this had been recorded before, and nothing was recorded now."""


class Status(StrEnum):
    """How far a delta has come. Derived from batches and anchors, never stored."""

    QUEUED = "QUEUED"
    """Durably stored, in no batch yet."""
    PROCESSING = "PROCESSING"
    """In a batch that is on its way to the chain."""
    VERIFIED = "VERIFIED"
    """In a batch that is final on the primary chain."""
