"""Compare what two sides counted, entry by entry, with the record.

Each side's list is matched to the record by reference, so the order of a list does not matter to
what is found; a different order is reported beside it. Entries without a reference can only be
matched by their amount. The record is read once, in order, and is never held; a list is held while
it is compared (about 200 bytes an entry).
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from anchor.compare.books import Discrepancy, DiscrepancyKind, Entry, RecordEntry

DEFAULT_LISTED = 1_000
"""How many discrepancies of a side are listed unless told; all are counted."""


class Side(StrEnum):
    """Whose books."""

    YOURS = "yours"
    COUNTERPARTY = "counterparty"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many discrepancies of one kind there are, and by how many units they put the total off."""

    count: int
    off_by: int


@dataclass(frozen=True, slots=True)
class ConfirmedUpTo:
    """Up to and including ``index`` the list and the record are the same, entry for entry."""

    index: int
    balance: int


@dataclass(frozen=True, slots=True)
class PartedAt:
    """The first index after which the two running balances differ.

    ``index`` is one past the record's last where the list goes on after the record ends; then
    ``record_balance`` is the record's last.
    """

    index: int
    record_balance: int
    listed_balance: int


@dataclass(frozen=True, slots=True)
class Moved:
    """An entry that stands elsewhere in the list than the order of the record would have it."""

    index: int
    position: int


@dataclass(frozen=True, slots=True)
class ListComparison:
    """One side's list against the record.

    ``total`` is the sum of the list and ``off_by`` how far it is off the sum of the compared range;
    ``tallies`` holds every kind, ``discrepancies`` the first ones in the order of the record.
    ``confirmed`` is None where not even the first entry is the same, and where there is none.
    ``moved_count`` is the fewest entries that must be moved to bring the matched ones in order.
    """

    side: Side
    count: int
    total: int
    off_by: int
    tallies: dict[DiscrepancyKind, Tally]
    discrepancies: tuple[Discrepancy, ...]
    discrepancy_count: int
    confirmed: ConfirmedUpTo | None
    parted: PartedAt | None
    moved: tuple[Moved, ...]
    moved_count: int

    @property
    def agrees(self) -> bool:
        """Whether every entry is in the record, once, with its amount, and none is missing."""
        return self.discrepancy_count == 0


@dataclass(frozen=True, slots=True)
class DeltaComparison:
    """Both lists (or one) against the record from ``from_index`` up to, not including, ``size``.

    ``shared`` are discrepancies that both sides have alike: there the two agree with each other and
    not with the record. ``elsewhere`` gives, where a part of the record was compared, the index of those
    extra references among the listed that the record has outside this part.
    """

    from_index: int
    size: int
    record_total: int
    sides: tuple[ListComparison, ...]
    shared: tuple[Discrepancy, ...]
    shared_count: int
    elsewhere: Mapping[str, int] = field(default_factory=dict)

    @property
    def match(self) -> bool:
        """Whether every list given agrees with the record."""
        return all(side.agrees for side in self.sides)


def compare_deltas(
    record: Iterable[RecordEntry],
    balance_at: Callable[[int], int],
    lists: dict[Side, Iterable[Entry]],
    *,
    from_index: int = 0,
    listed: int | None = DEFAULT_LISTED,
) -> DeltaComparison:
    """Return the exact discrepancies of each list.

    ``record`` gives the deltas of the compared range in index order, the first at ``from_index``;
    ``balance_at(index)`` the record's balance after a delta, 0 for -1. At most ``listed``
    discrepancies of each side are listed (None: all), and as many moved entries.
    """
    books = {side: _Books(entries) for side, entries in lists.items()}
    matching = list(books.values())
    size, record_total = from_index, 0
    for index, reference_id, amount in record:
        for book in matching:
            book.match(index, reference_id, amount)
        record_total += amount
        size = index + 1
    found = {side: book.discrepancies(from_index) for side, book in books.items()}
    sides = tuple(
        _summary(side, books[side], found[side], record_total, range(from_index, size), balance_at, listed)
        for side in books
    )
    shared = _shared([[placed.discrepancy for placed in side] for side in found.values()])
    return DeltaComparison(from_index, size, record_total, sides, tuple(shared[:listed]), len(shared))


@dataclass(frozen=True, slots=True)
class _Placed:
    """A discrepancy and the index of the record from which on it counts."""

    place: int
    discrepancy: Discrepancy


class _Books:
    """One list while it is matched: where each of its entries stands in the record."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.references: list[str | None] = []
        self.amounts: list[int] = []
        # Where a reference stands first, and where it stands again.
        self._first: dict[str, int] = {}
        self._again: dict[str, list[int]] = {}
        self._unreferenced: dict[int, list[int]] = {}
        for position, (reference_id, amount) in enumerate(entries):
            self.references.append(reference_id)
            self.amounts.append(amount)
            if reference_id is None:
                self._unreferenced.setdefault(amount, []).append(position)
            elif self._first.setdefault(reference_id, position) != position:
                self._again.setdefault(reference_id, []).append(position)
        for positions in self._unreferenced.values():
            positions.reverse()
        self.places = array("q", [-1]) * len(self.amounts)
        self._unmatched: list[_Placed] = []

    def match(self, index: int, reference_id: str | None, amount: int) -> None:
        """Take the next delta of the record."""
        if reference_id is None:
            waiting = self._unreferenced.get(amount)
            position = waiting.pop() if waiting else None
        else:
            position = self._first.get(reference_id)
        if position is None:
            missing = Discrepancy(DiscrepancyKind.MISSING, reference_id, index, None, amount, None)
            self._unmatched.append(_Placed(index, missing))
            return
        if self.amounts[position] != amount:
            position = self._settle_amount(index, reference_id, amount, position)
        self.places[position] = index

    def _settle_amount(self, index: int, reference_id: str | None, amount: int, position: int) -> int:
        """Return the entry that stands for a delta whose reference the list has first with another amount."""
        if reference_id in self._again:
            for other in self._again[reference_id]:
                if self.amounts[other] == amount:
                    self._first[reference_id] = other
                    return other
        altered = Discrepancy(
            DiscrepancyKind.ALTERED, reference_id, index, position, amount, self.amounts[position]
        )
        self._unmatched.append(_Placed(index, altered))
        return position

    def discrepancies(self, from_index: int) -> list[_Placed]:
        """Return all discrepancies once the record is read, in the record's order.

        An entry that the record does not have counts from the index after the entry before it.
        """
        place = from_index
        for position, matched in enumerate(self.places):
            if matched >= 0:
                place = matched + 1
            else:
                self._unmatched.append(_Placed(place, self._unknown(position)))
        self._unmatched.sort(key=lambda placed: placed.place)
        return self._unmatched

    def _unknown(self, position: int) -> Discrepancy:
        """Return what is wrong with an entry that stands for no delta."""
        reference_id, amount = self.references[position], self.amounts[position]
        if reference_id is None or self._first[reference_id] == position:
            return Discrepancy(DiscrepancyKind.EXTRA, reference_id, None, position, None, amount)
        matched = self.places[self._first[reference_id]]
        return Discrepancy(
            DiscrepancyKind.DUPLICATED,
            reference_id,
            matched if matched >= 0 else None,
            position,
            None,
            amount,
        )


def _summary(
    side: Side,
    book: _Books,
    placed: list[_Placed],
    record_total: int,
    indices: range,
    balance_at: Callable[[int], int],
    listed: int | None,
) -> ListComparison:
    counts: Counter[DiscrepancyKind] = Counter()
    off_by: Counter[DiscrepancyKind] = Counter()
    for each in placed:
        counts[each.discrepancy.kind] += 1
        off_by[each.discrepancy.kind] += each.discrepancy.off_by
    total = sum(book.amounts)
    confirmed_end = placed[0].place if placed else indices.stop
    moved = _moved(book.places)
    return ListComparison(
        side=side,
        count=len(book.amounts),
        total=total,
        off_by=total - record_total,
        tallies={kind: Tally(counts[kind], off_by[kind]) for kind in DiscrepancyKind},
        discrepancies=tuple(each.discrepancy for each in placed[:listed]),
        discrepancy_count=len(placed),
        confirmed=(
            ConfirmedUpTo(confirmed_end - 1, balance_at(confirmed_end - 1))
            if confirmed_end > indices.start
            else None
        ),
        parted=_parted(placed, indices, balance_at),
        moved=tuple(moved[:listed]),
        moved_count=len(moved),
    )


def _parted(placed: list[_Placed], indices: range, balance_at: Callable[[int], int]) -> PartedAt | None:
    gap = 0
    for at, each in enumerate(placed):
        gap += each.discrepancy.off_by
        last_of_place = at + 1 == len(placed) or placed[at + 1].place != each.place
        if gap and last_of_place:
            balance = balance_at(min(each.place, indices.stop - 1))
            return PartedAt(each.place, balance, balance + gap)
    return None


def _moved(places: "array[int]") -> list[Moved]:
    """Return the matched entries that are not in a longest run of rising indices, in list order."""
    if _rising(index for index in places if index >= 0):
        return []
    # Patience sorting: tails[k] ends the best run of length k + 1 so far.
    tails: list[int] = []
    tail_positions: list[int] = []
    before = array("q", [-1]) * len(places)
    for position, index in enumerate(places):
        if index < 0:
            continue
        length = bisect_left(tails, index)
        if length:
            before[position] = tail_positions[length - 1]
        if length == len(tails):
            tails.append(index)
            tail_positions.append(position)
        else:
            tails[length] = index
            tail_positions[length] = position
    kept = bytearray(len(places))
    position = tail_positions[-1]
    while position >= 0:
        kept[position] = 1
        position = before[position]
    return [
        Moved(index, position) for position, index in enumerate(places) if index >= 0 and not kept[position]
    ]


def _rising(numbers: Iterator[int]) -> bool:
    last = -1
    for number in numbers:
        if number < last:
            return False
        last = number
    return True


def _shared(sides: list[list[Discrepancy]]) -> list[Discrepancy]:
    if len(sides) < 2:
        return []
    first, second = sides
    theirs = Counter(_content(each) for each in second)
    shared = []
    for each in first:
        if theirs[_content(each)] > 0:
            theirs[_content(each)] -= 1
            shared.append(each)
    return shared


def _content(each: Discrepancy) -> tuple[DiscrepancyKind, str | None, int | None, int | None]:
    return each.kind, each.reference_id, each.record_amount, each.listed_amount
