"""Reconcile one's own books with a record that is elsewhere, by reference, whatever the order.

What travels grows with the number of differences, not with the length of the lists: first a small
sketch of the record (see ``difference_sketch``), then the rest of one that is large enough, then the
record's side of what differs. The books themselves never leave this machine.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from anchor.compare.books import Discrepancy, DiscrepancyKind, Entry, RecordContradictsItself
from anchor.compare.difference_sketch import (
    MAX_LEVEL,
    SALT_SIZE,
    Difference,
    KeyMaker,
    Sketch,
    keyed,
    level_for,
)
from anchor.protocol.amounts import format_units

FIRST_LEVEL: Final = 5
"""96 cells, 4 KB: enough for some 60 differences, and to estimate any number within a fifth."""
OWN_LEVEL: Final = 14
"""The level that one's own books are sketched at once; it folds to any below."""
RESOLVED_AT_ONCE: Final = 10_000
"""Keys that are asked for in one request."""


class RecordCells(NamedTuple):
    """The record's answer to a request for cells.

    ``size`` and ``total`` (units of 10**-18) are those of the compared range of the record: its end
    (one past its last index) and the sum of its amounts.
    """

    size: int
    total: int
    cells: bytes


@dataclass(frozen=True, slots=True)
class ResolvedEntry:
    """One delta of the record that a key stands for; amount in units of 10**-18."""

    key: bytes
    index: int
    reference_id: str | None
    amount: int


class RemoteRecord(Protocol):
    """A range of a ledger's record, elsewhere. Every call is one round trip."""

    def cells(self, salt: bytes, level: int, above: int | None, size: int | None) -> RecordCells:
        """Return ``Sketch.cells(above)`` of the record at ``level``, as of ``size`` (None: as it is now)."""
        ...

    def resolve(self, salt: bytes, keys: list[bytes], size: int) -> list[ResolvedEntry]:
        """Return the deltas of at most ``RESOLVED_AT_ONCE`` keys; keys that are unknown are left out."""
        ...


@dataclass(eq=False)
class TooManyDifferences(Exception):
    """So much differs that reading the whole record costs less; ``estimate`` says about how much."""

    estimate: int

    def __str__(self) -> str:
        return f"about {self.estimate} entries differ: compare with the whole record instead"


@dataclass(eq=False)
class TotalsDisagree(RecordContradictsItself):
    """The differences that were found do not lead from the books' total to the record's."""

    expected_total: int
    found_total: int

    def __str__(self) -> str:
        return (
            f"the record says its total is {format_units(self.expected_total)}, but by its entries it would "
            f"be {format_units(self.found_total)}"
        )


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Every entry in which the books differ from the record, in the record's order, extra ones last.

    ``off_by`` is how far the books' total is off the record's (units of 10**-18); ``received`` counts
    the bytes of cells, keys and entries, before any encoding.
    """

    discrepancies: tuple[Discrepancy, ...]
    size: int
    record_total: int
    books_total: int
    round_trips: int
    received: int

    @property
    def match(self) -> bool:
        """Whether books and record hold the same entries."""
        return not self.discrepancies

    @property
    def off_by(self) -> int:
        """How far the books' total is off the record's."""
        return self.books_total - self.record_total


def reconcile(books: Iterable[Entry], record: RemoteRecord) -> Reconciliation:
    """Return where ``books`` differ from ``record``. Raises TooManyDifferences or RecordContradictsItself."""
    own = _OwnBooks(books)
    traffic = _Traffic()
    salt = secrets.token_bytes(SALT_SIZE)
    difference, size, record_total = _difference(own, record, salt, traffic)
    resolved = _resolve(own, record, salt, size, difference, traffic)
    discrepancies = _discrepancies(own, salt, difference, resolved)
    found_total = own.total - sum(each.off_by for each in discrepancies)
    if found_total != record_total:
        raise TotalsDisagree(record_total, found_total)
    return Reconciliation(
        tuple(discrepancies), size, record_total, own.total, traffic.round_trips, traffic.received
    )


class _OwnBooks:
    """The books, each reference once; entries that repeat one are set aside."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries: list[Entry] = []
        self.positions: list[int] = []
        self.total = 0
        self._first: dict[str, int] = {}
        # By reference: the entries that repeat it, with their positions.
        self.repeats: dict[str, list[tuple[int, int]]] = {}
        for position, (reference_id, amount) in enumerate(entries):
            self.total += amount
            if reference_id is not None:
                if reference_id in self._first:
                    self.repeats.setdefault(reference_id, []).append((position, amount))
                    continue
                self._first[reference_id] = len(self.entries)
            self.entries.append(Entry(reference_id, amount))
            self.positions.append(position)
        self._sketch: Sketch | None = None

    def sketch(self, salt: bytes, level: int) -> Sketch:
        """Return the books' sketch."""
        if self._sketch is None or self._sketch.level < level:
            self._sketch = Sketch.of(salt, max(level, OWN_LEVEL), keyed(salt, self.entries))
        return self._sketch.folded(level)

    def find(self, salt: bytes, keys: set[bytes]) -> dict[bytes, int]:
        """Return at which place of ``entries`` the entry of each key is."""
        if not keys:
            return {}
        key = KeyMaker(salt).key
        keys_in_order = (key(reference_id, amount) for reference_id, amount in self.entries)
        return {found: at for at, found in enumerate(keys_in_order) if found in keys}


@dataclass(slots=True)
class _Traffic:
    round_trips: int = 0
    received: int = 0

    def add(self, received: int) -> None:
        self.round_trips += 1
        self.received += received


def _difference(
    own: _OwnBooks, record: RemoteRecord, salt: bytes, traffic: _Traffic
) -> tuple[Difference, int, int]:
    """Return what only the books and only the record have, and the record's size and total."""
    level, above, size = FIRST_LEVEL, None, None
    theirs: Sketch | None = None
    while True:
        answer = record.cells(salt, level, above, size)
        traffic.add(len(answer.cells))
        size = answer.size
        try:
            theirs = Sketch.from_cells(salt, level, answer.cells, theirs)
        except ValueError as error:
            raise RecordContradictsItself(str(error)) from error
        left = own.sketch(salt, level).minus(theirs)
        difference = left.difference()
        if difference is not None:
            return difference, size, answer.total
        estimate = left.estimated_difference()
        level, above = max(level_for(estimate), level + 1), level
        if level > MAX_LEVEL:
            raise TooManyDifferences(estimate)


def _resolve(
    own: _OwnBooks,
    record: RemoteRecord,
    salt: bytes,
    size: int,
    difference: Difference,
    traffic: _Traffic,
) -> dict[bytes, ResolvedEntry]:
    """Return the record's side of all that differs and of what the books have twice."""
    key = KeyMaker(salt).key
    wanted = [key for key, _ in difference.second_only]
    wanted += {key(reference_id, 0) for reference_id in own.repeats} - set(wanted)
    resolved: dict[bytes, ResolvedEntry] = {}
    for at in range(0, len(wanted), RESOLVED_AT_ONCE):
        entries = record.resolve(salt, wanted[at : at + RESOLVED_AT_ONCE], size)
        traffic.add(sum(16 + 8 + 16 + len((entry.reference_id or "").encode()) for entry in entries))
        resolved.update((entry.key, entry) for entry in entries)
    return resolved


def _discrepancies(
    own: _OwnBooks, salt: bytes, difference: Difference, resolved: Mapping[bytes, ResolvedEntry]
) -> list[Discrepancy]:
    ours, theirs = dict(difference.first_only), dict(difference.second_only)
    found: list[Discrepancy] = []
    places = own.find(salt, set(ours))
    key_of = KeyMaker(salt).key
    for key, amount in theirs.items():
        entry = resolved.get(key)
        named = entry is not None and entry.reference_id is not None
        if entry is None or entry.amount != amount or (named and key_of(entry.reference_id, amount) != key):
            raise RecordContradictsItself("the record does not know an entry that its own sketch holds")
        if key not in ours:
            found.append(
                Discrepancy(DiscrepancyKind.MISSING, entry.reference_id, entry.index, None, amount, None)
            )
    repeats = dict(own.repeats)
    for key, amount in ours.items():
        if key not in places:
            raise RecordContradictsItself("the record's sketch holds an entry that neither side has")
        place = places[key]
        reference_id, position = own.entries[place].reference_id, own.positions[place]
        if key not in theirs:
            found.append(Discrepancy(DiscrepancyKind.EXTRA, reference_id, None, position, None, amount))
            continue
        standing = resolved[key]
        copies = repeats.get(reference_id or "", [])
        right = next((copy for copy in copies if copy[1] == standing.amount), None)
        if right is None:
            found.append(
                Discrepancy(
                    DiscrepancyKind.ALTERED, reference_id, standing.index, position, standing.amount, amount
                )
            )
        else:
            # A later copy has the record's amount: that one stands for the delta, this one is too many.
            assert reference_id is not None
            repeats[reference_id] = sorted([copy for copy in copies if copy != right] + [(position, amount)])
    for reference_id, copies in repeats.items():
        standing_entry = resolved.get(key_of(reference_id, 0))
        index = standing_entry.index if standing_entry else None
        found += [
            Discrepancy(DiscrepancyKind.DUPLICATED, reference_id, index, position, None, amount)
            for position, amount in copies
        ]
    return sorted(found, key=_in_the_records_order)


def _in_the_records_order(each: Discrepancy) -> tuple[bool, int, int]:
    return each.index is None, each.index or 0, -1 if each.position is None else each.position
