"""Which deltas of a ledger a request means: by their indices, or by when they were recorded."""

from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import Connection

from anchor.server.ledger.errors import IndexOutOfRange, LedgerError, UnknownCustomer
from anchor.server.ledger.periods import Span
from anchor.server.storage.comparing import (
    LedgerStanding,
    first_index_recorded_at_or_after,
    ledger_standing,
)


@dataclass(eq=False)
class RangeReversed(LedgerError):
    """A range that ends before it begins."""

    code: ClassVar[str] = "range_reversed"
    from_index: int
    to_index: int

    def __str__(self) -> str:
        return f"the range ends at index {self.to_index}, before it begins at {self.from_index}"


@dataclass(eq=False)
class RangeTooLong(LedgerError):
    """A range of more deltas than are looked at in one go."""

    code: ClassVar[str] = "range_too_long"
    count: int
    most: int

    def __str__(self) -> str:
        return f"the range has {self.count} deltas, and at most {self.most} are compared with lists"


def standing_of(connection: Connection, customer_id: str, unit: str) -> LedgerStanding:
    """Return how the ledger of a customer and unit stands. Raises UnknownCustomer."""
    standing = ledger_standing(connection, customer_id, unit)
    if standing is None:
        raise UnknownCustomer(customer_id, unit)
    return standing


def require_index(index: int, size: int, name: str | None = None) -> None:
    """Raise IndexOutOfRange unless a ledger of ``size`` deltas has this index; ``name`` is a request's."""
    if not 0 <= index < size:
        raise IndexOutOfRange(index, size, name)


def range_of_indices(size: int, from_index: int | None, to_index: int | None) -> range:
    """Return the indices from one to the other, both included; what is None is the ledger's own end.

    Raises IndexOutOfRange and RangeReversed.
    """
    start = 0 if from_index is None else from_index
    last = size - 1 if to_index is None else to_index
    if start > last:
        raise RangeReversed(start, last)
    require_index(start, size, "fromIndex")
    require_index(last, size, "toIndex")
    return range(start, last + 1)


def range_of_span(connection: Connection, ledger: LedgerStanding, span: Span) -> range:
    """Return the indices of the deltas that were recorded in a span; empty where none was."""
    return range(
        first_index_recorded_at_or_after(connection, ledger.ledger, ledger.size, span.start),
        first_index_recorded_at_or_after(connection, ledger.ledger, ledger.size, span.end),
    )
