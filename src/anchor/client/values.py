"""What the client takes and gives. Amounts are Decimal; times are milliseconds since 1970."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from anchor.client.errors import AnchorProblem
from anchor.client.members import Json, Maybe, Members, require
from anchor.protocol.amounts import format_units, parse_amount, parse_balance, units_from_decimal

T = TypeVar("T")

Time: TypeAlias = int | str | datetime
"""Milliseconds since 1970, an instant as text with its offset, or a datetime with its time zone."""

_AUDIT: Final = {"agrees": bool, "balance": Decimal, "deltaCount": int, "firstMismatch": Maybe(int)}

Amount: TypeAlias = Decimal | int | str
"""An exact decimal with at most 18 fractional digits. A float is none."""


@dataclass(frozen=True, slots=True)
class NewDelta:
    """One usage event to record."""

    customer_id: str
    delta: Amount
    reason: str = ""
    reference_id: str | None = None
    unit: str = ""
    metadata: Mapping[str, Any] | None = None
    occurred_at: Time | None = None
    adjusts: str | None = None
    """The reference of the earlier delta that this one corrects."""
    metadata_numbers: Literal["exact", "text"] = "exact"
    """``text`` carries numbers of the metadata that a double does not, such as 64-bit ids, as text."""

    def to_json(self) -> dict[str, Json]:
        """Return the request's body.

        Raises TypeError for a float, AmountError for what is no amount, ValueError for a datetime without
        time zone.
        """
        body: dict[str, Json] = {"customerId": self.customer_id, "delta": amount_text(self.delta)}
        if self.reason:
            body["reason"] = self.reason
        if self.reference_id is not None:
            body["referenceId"] = self.reference_id
        if self.unit:
            body["unit"] = self.unit
        if self.metadata is not None:
            body["metadata"] = dict(self.metadata)
        if self.occurred_at is not None:
            body["occurredAt"] = time_json(self.occurred_at)
        if self.adjusts is not None:
            body["adjusts"] = {"referenceId": self.adjusts}
        if self.metadata_numbers != "exact":
            body["metadataNumbers"] = self.metadata_numbers
        return body


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was taken otherwise than it was sent: where (a JSON pointer), a code, and how."""

    field: str
    code: str
    detail: str

    @classmethod
    def from_json(cls, answer: Members) -> "Note":
        """Read the server's answer. Raises MemberError."""
        return cls(answer.text("field"), answer.text("code"), answer.text("detail"))


@dataclass(frozen=True, slots=True)
class Recorded:
    """A delta that is durably on record."""

    receipt_id: str
    status: str
    fingerprint: str
    customer_id: str
    unit: str
    ledger_id: str
    index: int
    delta: Decimal
    balance: Decimal
    recorded_at: int
    idempotent: bool
    notes: tuple[Note, ...] = ()

    @classmethod
    def from_json(cls, answer: Members) -> "Recorded":
        """Read the server's answer. Raises MemberError."""
        return cls(
            answer.text("receiptId"),
            answer.text("status"),
            answer.text("fingerprint"),
            answer.text("customerId"),
            answer.text("unit"),
            answer.text("ledgerId"),
            answer.whole("index"),
            answer.number("delta"),
            answer.number("balance"),
            answer.whole("recordedAt"),
            answer.flag("idempotent"),
            tuple(Note.from_json(note) for note in answer.parts("notes")) if "notes" in answer else (),
        )


@dataclass(frozen=True, slots=True)
class Refused:
    """One delta of a batch that was not recorded."""

    problem: AnchorProblem

    @classmethod
    def from_json(cls, answer: Members) -> "Refused":
        """Read the server's answer. Raises MemberError."""
        problem = answer.part("problem")
        return cls(AnchorProblem(problem.answer, place=problem.place))


@dataclass(frozen=True, slots=True)
class Standing:
    """A number of deltas, and their sum."""

    balance: Decimal
    delta_count: int

    @classmethod
    def from_json(cls, answer: Members) -> "Standing":
        """Read the server's answer. Raises MemberError."""
        return cls(answer.number("balance"), answer.whole("deltaCount"))


@dataclass(frozen=True, slots=True)
class Derived:
    """A customer's balance: ``balance`` and ``delta_count`` are of what is final on the chain."""

    customer_id: str
    unit: str
    ledger_id: str
    balance: Decimal
    delta_count: int
    last_verified_index: int | None
    pending: Standing
    recorded: Standing
    audit: Json
    """What adding up the log again came to, where that was asked for."""

    @classmethod
    def from_json(cls, answer: Members) -> "Derived":
        """Read the server's answer. Raises MemberError."""
        derived = cls(
            answer.text("customerId"),
            answer.text("unit"),
            answer.text("ledgerId"),
            answer.number("balance"),
            answer.whole("deltaCount"),
            answer.whole_or_none("lastVerifiedIndex"),
            Standing.from_json(answer.part("pending")),
            Standing.from_json(answer.part("recorded")),
            answer.any("audit"),
        )
        require(derived.audit, Maybe(_AUDIT), f"{answer.place}/audit")
        return derived


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delta on record and how far it has come. ``answer`` is all that the server said."""

    receipt_id: str
    status: str
    fingerprint: str
    customer_id: str
    unit: str
    ledger_id: str
    index: int
    delta: Decimal
    balance: Decimal
    batch: int | None
    answer: Json = field(repr=False)

    @classmethod
    def from_json(cls, answer: Members) -> "Receipt":
        """Read the server's answer. Raises MemberError."""
        delta = answer.part("delta")
        return cls(
            answer.text("receiptId"),
            answer.text("status"),
            answer.text("fingerprint"),
            answer.text("customerId"),
            answer.text("unit"),
            answer.text("ledgerId"),
            delta.whole("index"),
            delta.number("delta"),
            delta.number("balance"),
            answer.whole_or_none("batch"),
            answer.answer,
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A range of a ledger sealed under one hash."""

    proof_token: str
    proof_hash: str
    delta_count: int
    status: str
    customer_id: str
    unit: str
    ledger_id: str
    from_index: int
    to_index: int
    opening_balance: Decimal
    closing_balance: Decimal
    start: int | None
    end: int | None

    @classmethod
    def from_json(cls, answer: Members) -> "Checkpoint":
        """Read the server's answer. Raises MemberError."""
        return cls(
            answer.text("proofToken"),
            answer.text("proofHash"),
            answer.whole("deltaCount"),
            answer.text("status"),
            answer.text("customerId"),
            answer.text("unit"),
            answer.text("ledgerId"),
            answer.whole("fromIndex"),
            answer.whole("toIndex"),
            answer.number("openingBalance"),
            answer.number("closingBalance"),
            answer.whole_or_none("start"),
            answer.whole_or_none("end"),
        )


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list; ``next`` is the cursor of the part after it, None at the end."""

    items: tuple[T, ...]
    next: str | None


def amount_text(amount: Amount) -> str:
    """Return an amount as exact decimal text. Raises TypeError for a float, AmountError."""
    if isinstance(amount, str):
        return format_units(parse_amount(amount))
    return _text(amount)


def time_json(time: Time) -> int | str:
    """Return a time as a request carries it. Raises TypeError for a float, ValueError for a local time."""
    if isinstance(time, datetime):
        if time.utcoffset() is None:
            raise ValueError(f"{time.isoformat()} has no time zone: it means another instant in each")
        return time.isoformat()
    if isinstance(time, bool) or not isinstance(time, int | str):
        raise TypeError(f"a time is an int, a text or a datetime, never a {type(time).__name__}")
    return time


def balance_text(balance: Amount) -> str:
    """Return a balance, which may be larger than an amount, as exact decimal text."""
    if isinstance(balance, str):
        return format_units(parse_balance(balance))
    return _text(balance)


def _text(amount: Decimal | int) -> str:
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
        raise TypeError(f"an amount is a Decimal, an int or a text, never a {type(amount).__name__}")
    return str(amount) if isinstance(amount, int) else format_units(units_from_decimal(amount))
