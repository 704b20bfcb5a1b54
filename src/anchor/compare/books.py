"""One side's books: its list of entries, and how such a list can differ from the record.

Everything that compares lists speaks in these values: the service over its database, the client
over a counterparty's file, and the replica over its own copy.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias


class Entry(NamedTuple):
    """One line of a side's books: a reference (None where it has none) and an amount in units of 10**-18.

    A tuple, since a comparison reads a million of them.
    """

    reference_id: str | None
    amount: int


RecordEntry: TypeAlias = tuple[int, str | None, int]
"""One delta of the record as a comparison reads it: index, reference or None, amount in units of 10**-18."""


class DiscrepancyKind(StrEnum):
    """How one entry of a list differs from the record."""

    MISSING = "missing"
    """In the record, not in the list."""
    EXTRA = "extra"
    """In the list, not in the record."""
    ALTERED = "altered"
    """In both, with different amounts."""
    DUPLICATED = "duplicated"
    """In the list more than once: this is one of the entries too many."""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One entry that differs.

    ``index`` is the delta's place in the record, None where the record has no such reference;
    ``position`` is the entry's place in the list (from 0), None where the list lacks it. Amounts are
    in units of 10**-18, ``record_amount`` is None where there is no delta, ``listed_amount`` where
    there is no entry.
    """

    kind: DiscrepancyKind
    reference_id: str | None
    index: int | None
    position: int | None
    record_amount: int | None
    listed_amount: int | None

    @property
    def off_by(self) -> int:
        """By how many units this entry puts the list's total off the record's."""
        listed, recorded = self.listed_amount or 0, self.record_amount or 0
        return listed if self.kind is DiscrepancyKind.DUPLICATED else listed - recorded


class RecordContradictsItself(Exception):
    """A record elsewhere gave answers that do not fit together: it lies, or it changed as none may."""
