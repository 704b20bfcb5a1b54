"""Books and a record elsewhere: every edit is found, for traffic that grows with the edits only."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.compare.books import Discrepancy, DiscrepancyKind, Entry, RecordContradictsItself
from anchor.compare.difference_sketch import KeyMaker, Sketch, keyed
from anchor.compare.lists import Side, compare_deltas
from anchor.compare.reconciliation import (
    Reconciliation,
    RecordCells,
    ResolvedEntry,
    TooManyDifferences,
    TotalsDisagree,
    reconcile,
)

MISSING, EXTRA, ALTERED, DUPLICATED = DiscrepancyKind


class ListedRecord:
    """A record in memory that answers as the service does."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries

    def cells(self, salt: bytes, level: int, above: int | None, size: int | None) -> RecordCells:
        entries = self.entries[:size]
        sketch = Sketch.of(salt, level, keyed(salt, entries))
        return RecordCells(len(entries), sum(entry.amount for entry in entries), sketch.cells(above))

    def resolve(self, salt: bytes, keys: list[bytes], size: int) -> list[ResolvedEntry]:
        entries = self.entries[:size]
        return [
            ResolvedEntry(key, index, *entry)
            for index, (entry, (key, _)) in enumerate(zip(entries, keyed(salt, entries), strict=True))
            if key in keys
        ]


def contents(result: Reconciliation) -> Counter[tuple[DiscrepancyKind, str | None, int | None, int | None]]:
    return Counter(
        (each.kind, each.reference_id, each.record_amount, each.listed_amount)
        for each in result.discrepancies
    )


RECORD = [Entry(f"job_{index}", amount) for index, amount in enumerate([-5, -7, 20, -7, -1])]


def test_the_same_books_in_any_order_match_in_one_round_trip() -> None:
    result = reconcile(RECORD[::-1], ListedRecord(RECORD))
    assert result.match
    assert (result.round_trips, result.off_by, result.size) == (1, 0, 5)


def test_each_kind_of_difference_is_named_with_its_places() -> None:
    books = [Entry("job_3", -70), Entry("job_x", 4), *RECORD[:1], RECORD[2], RECORD[4], RECORD[2]]
    result = reconcile(books, ListedRecord(RECORD))
    assert result.discrepancies == (
        Discrepancy(MISSING, "job_1", 1, None, -7, None),
        Discrepancy(DUPLICATED, "job_2", 2, 5, None, 20),
        Discrepancy(ALTERED, "job_3", 3, 0, -7, -70),
        Discrepancy(EXTRA, "job_x", None, 1, None, 4),
    )
    assert result.off_by == sum(each.off_by for each in result.discrepancies)


def test_the_copy_with_the_records_amount_stands_for_the_delta() -> None:
    books = [Entry("job_1", 9), *RECORD]
    result = reconcile(books, ListedRecord(RECORD))
    assert result.discrepancies == (Discrepancy(DUPLICATED, "job_1", 1, 0, None, 9),)


def test_entries_without_a_reference_are_counted_by_amount() -> None:
    record = [Entry(None, 5), Entry(None, 5), Entry(None, 6)]
    result = reconcile([Entry(None, 6), Entry(None, 5), Entry(None, 8)], ListedRecord(record))
    assert contents(result) == Counter({(MISSING, None, 5, None): 1, (EXTRA, None, None, 8): 1})


def test_two_empty_lists_match() -> None:
    assert reconcile([], ListedRecord([])).match


amounts = st.integers(-(2**127) + 1, 2**127 - 1) | st.integers(-3, 3)
references = st.none() | st.sampled_from([f"r{number}" for number in range(30)])


@given(st.lists(amounts, max_size=60), st.lists(st.tuples(references, amounts), max_size=60), st.randoms())
def test_any_books_are_brought_to_the_record_by_what_is_found(
    recorded: list[int], listed: list[tuple[str | None, int]], chosen: random.Random
) -> None:
    record = [Entry(f"r{index}" if index % 5 else None, amount) for index, amount in enumerate(recorded)]
    books = [Entry(*entry) for entry in listed]
    books += [entry for entry in record if chosen.random() < 0.7]
    chosen.shuffle(books)
    result = reconcile(books, ListedRecord(record))
    corrected = Counter(books)
    for each in result.discrepancies:
        if each.listed_amount is not None:
            corrected[Entry(each.reference_id, each.listed_amount)] -= 1
        if each.record_amount is not None:
            corrected[Entry(each.reference_id, each.record_amount)] += 1
            assert each.index is not None
            assert record[each.index] == (each.reference_id, each.record_amount)
        if each.position is not None:
            assert books[each.position] == (each.reference_id, each.listed_amount)
    assert +corrected == Counter(record)
    assert result.off_by == sum(each.off_by for each in result.discrepancies)
    with_the_whole_record = compare_deltas(
        [(index, *entry) for index, entry in enumerate(record)],
        lambda index: sum(recorded[: index + 1]),
        {Side.YOURS: books},
        listed=None,
    )
    assert set(result.discrepancies) == set(with_the_whole_record.sides[0].discrepancies)


@pytest.mark.parametrize("differences", [1, 60, 400, 3000])
def test_many_differences_take_traffic_of_their_own_number_and_few_round_trips(differences: int) -> None:
    chosen = random.Random(differences)
    record = [Entry(f"job_{index}", chosen.randrange(10**20)) for index in range(5000)]
    removed = set(chosen.sample(range(5000), differences))
    books = [entry for index, entry in enumerate(record) if index not in removed]
    result = reconcile(books, ListedRecord(record))
    assert {each.index for each in result.discrepancies} == removed
    assert result.round_trips <= 4
    assert result.received < 5_000 + 250 * differences


def test_a_record_that_contradicts_its_total_is_not_believed() -> None:
    class Wrong(ListedRecord):
        def cells(self, salt: bytes, level: int, above: int | None, size: int | None) -> RecordCells:
            return super().cells(salt, level, above, size)._replace(total=1)

    with pytest.raises(TotalsDisagree):
        reconcile(RECORD, Wrong(RECORD))


def test_a_record_that_does_not_own_up_to_its_entries_is_not_believed() -> None:
    class Silent(ListedRecord):
        def resolve(self, salt: bytes, keys: list[bytes], size: int) -> list[ResolvedEntry]:
            return [replace(entry, reference_id="another") for entry in super().resolve(salt, keys, size)]

    with pytest.raises(RecordContradictsItself, match="does not know"):
        reconcile(RECORD[1:], Silent(RECORD))


def test_cells_of_a_wrong_length_are_refused() -> None:
    class Short(ListedRecord):
        def cells(self, salt: bytes, level: int, above: int | None, size: int | None) -> RecordCells:
            answer = super().cells(salt, level, above, size)
            return answer._replace(cells=answer.cells[:-1])

    with pytest.raises(RecordContradictsItself, match="bytes"):
        reconcile(RECORD, Short(RECORD))


def test_cells_that_never_settle_end_with_a_refusal() -> None:
    class Noise(ListedRecord):
        def cells(self, salt: bytes, level: int, above: int | None, size: int | None) -> RecordCells:
            answer = super().cells(salt, level, above, size)
            return answer._replace(cells=random.Random(level).randbytes(len(answer.cells)))

    with pytest.raises(TooManyDifferences):
        reconcile(RECORD, Noise(RECORD))


@given(st.integers(0, 7), st.integers(0, 7), st.integers(0, 100))
def test_a_sketch_sent_in_parts_is_the_sketch_sent_whole(one: int, other: int, entries: int) -> None:
    low, high = sorted((one, other))
    salt = bytes(16)
    items = [(KeyMaker(salt).key(f"r{number}", number), -number) for number in range(entries)]
    sketch = Sketch.of(salt, high, items)
    first = Sketch.from_cells(salt, low, sketch.folded(low).cells())
    if low == high:
        assert first.cells() == sketch.cells()
    else:
        assert Sketch.from_cells(salt, high, sketch.cells(above=low), first).cells() == sketch.cells()
    assert Sketch.of(salt, low, items).cells() == sketch.folded(low).cells()


def test_the_estimate_is_near_the_truth() -> None:
    salt = bytes(range(16))
    for differences in (500, 5_000, 50_000):
        entries = [(KeyMaker(salt).key(f"r{number}", 0), 1) for number in range(differences)]
        half = differences // 3
        sketch = Sketch.of(salt, 5, entries[half:]).minus(Sketch.of(salt, 5, entries[:half]))
        assert 0.5 < sketch.estimated_difference() / differences < 1.7
