"""Two sides' lists against the record: every edit is found, and nothing else."""

import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.compare.books import Discrepancy, DiscrepancyKind, Entry, RecordEntry
from anchor.compare.lists import (
    ConfirmedUpTo,
    DeltaComparison,
    ListComparison,
    Moved,
    PartedAt,
    Side,
    compare_deltas,
)

MISSING, EXTRA, ALTERED, DUPLICATED = DiscrepancyKind

RECORD: list[RecordEntry] = [
    (index, f"job_{index}", amount) for index, amount in enumerate([-5, -7, 20, -7, -1])
]


def first_index(record: list[RecordEntry]) -> int:
    return record[0][0] if record else 0


def compare(record: list[RecordEntry], listed: int | None = None, **lists: list[Entry]) -> DeltaComparison:
    balances, start = {-1: 0}, first_index(record)
    balances[start - 1] = balance = 1000 * start
    for index, _, amount in record:
        balances[index] = balance = balance + amount
    return compare_deltas(
        record,
        balances.__getitem__,
        {Side(name): entries for name, entries in lists.items()},
        from_index=start,
        listed=listed,
    )


def against(record: list[RecordEntry], entries: list[Entry]) -> ListComparison:
    (side,) = compare(record, yours=entries).sides
    return side


def books(record: list[RecordEntry]) -> list[Entry]:
    return [Entry(reference_id, amount) for _, reference_id, amount in record]


def test_the_same_list_agrees_and_is_confirmed_to_its_end() -> None:
    side = against(RECORD, books(RECORD))
    assert side.agrees
    assert (side.total, side.off_by) == (0, 0)
    assert side.confirmed == ConfirmedUpTo(4, 0)
    assert side.parted is None
    assert side.moved == ()


def test_a_missing_delta_is_named_and_the_balances_part_there() -> None:
    entries = books(RECORD)
    del entries[1]
    side = against(RECORD, entries)
    assert side.discrepancies == (Discrepancy(MISSING, "job_1", 1, None, -7, None),)
    assert side.off_by == 7
    assert side.confirmed == ConfirmedUpTo(0, -5)
    assert side.parted == PartedAt(1, record_balance=-12, listed_balance=-5)


def test_an_extra_entry_counts_from_where_it_stands() -> None:
    entries = books(RECORD)
    entries.insert(2, Entry("job_x", -3))
    side = against(RECORD, entries)
    assert side.discrepancies == (Discrepancy(EXTRA, "job_x", None, 2, None, -3),)
    assert side.confirmed == ConfirmedUpTo(1, -12)
    assert side.parted == PartedAt(2, record_balance=8, listed_balance=5)


def test_an_extra_entry_at_the_end_parts_one_past_the_record() -> None:
    side = against(RECORD, [*books(RECORD), Entry("job_x", -3)])
    assert side.confirmed == ConfirmedUpTo(4, 0)
    assert side.parted == PartedAt(5, record_balance=0, listed_balance=-3)


def test_an_altered_amount_shows_both() -> None:
    entries = books(RECORD)
    entries[3] = Entry("job_3", -70)
    side = against(RECORD, entries)
    assert side.discrepancies == (Discrepancy(ALTERED, "job_3", 3, 3, -7, -70),)
    assert side.off_by == -63


def test_a_duplicate_is_the_copy_and_points_at_the_delta() -> None:
    side = against(RECORD, [*books(RECORD), Entry("job_1", -7)])
    assert side.discrepancies == (Discrepancy(DUPLICATED, "job_1", 1, 5, None, -7),)
    assert side.off_by == -7


def test_of_two_entries_with_one_reference_the_one_with_the_right_amount_stands_for_the_delta() -> None:
    entries = books(RECORD)
    entries.insert(0, Entry("job_3", 99))
    side = against(RECORD, entries)
    assert side.discrepancies == (Discrepancy(DUPLICATED, "job_3", 3, 0, None, 99),)
    assert side.confirmed is None
    assert side.parted == PartedAt(0, record_balance=-5, listed_balance=94)


def test_an_unknown_reference_twice_is_an_extra_and_its_duplicate() -> None:
    side = against(RECORD, [*books(RECORD), Entry("x", 1), Entry("x", 1)])
    assert [each.kind for each in side.discrepancies] == [EXTRA, DUPLICATED]
    assert side.off_by == 2


def test_discrepancies_that_cancel_out_end_the_confirmation_but_do_not_part_the_balances() -> None:
    entries = books(RECORD)
    entries[1] = Entry("other", -7)
    side = against(RECORD, entries)
    assert {each.kind for each in side.discrepancies} == {MISSING, EXTRA}
    assert side.off_by == 0
    assert side.confirmed == ConfirmedUpTo(0, -5)
    assert side.parted is None


def test_entries_without_a_reference_are_matched_by_amount() -> None:
    record: list[RecordEntry] = [(0, None, 5), (1, None, 5), (2, None, 6)]
    side = against(record, [Entry(None, 6), Entry(None, 5), Entry(None, 7)])
    assert side.discrepancies == (
        Discrepancy(MISSING, None, 1, None, 5, None),
        Discrepancy(EXTRA, None, None, 2, None, 7),
    )


def test_a_list_in_another_order_agrees_and_the_fewest_moves_are_told() -> None:
    entries = books(RECORD)
    entries.append(entries.pop(0))
    side = against(RECORD, entries)
    assert side.agrees
    assert side.parted is None
    assert side.moved == (Moved(index=0, position=4),)


def test_a_list_backwards_agrees() -> None:
    side = against(RECORD, books(RECORD)[::-1])
    assert side.agrees
    assert side.moved_count == 4


def test_an_empty_list_misses_everything_and_an_empty_record_has_nothing() -> None:
    side = against(RECORD, [])
    assert side.discrepancy_count == 5
    assert side.confirmed is None
    assert against([], []).agrees
    assert against([], [Entry("x", 1)]).parted == PartedAt(0, 0, 1)


def test_a_range_of_the_record_begins_with_its_own_balance() -> None:
    record: list[RecordEntry] = [(7, "a", 1), (8, "b", 2)]
    side = against(record, [Entry("b", 2)])
    assert side.confirmed is None
    assert side.parted == PartedAt(7, record_balance=7001, listed_balance=7000)


def test_what_both_sides_have_alike_against_the_record_is_shared() -> None:
    yours = [*books(RECORD)[1:], Entry("x", 1)]
    theirs = [*books(RECORD), Entry("x", 1)]
    comparison = compare(RECORD, yours=yours, counterparty=theirs)
    assert not comparison.match
    assert [(each.kind, each.reference_id) for each in comparison.shared] == [(EXTRA, "x")]


def test_the_lists_are_cut_and_the_counts_are_not() -> None:
    (side,) = compare(RECORD, listed=2, yours=[]).sides
    assert len(side.discrepancies) == 2
    assert side.discrepancy_count == 5
    assert side.tallies[MISSING].count == 5
    assert side.tallies[MISSING].off_by == side.off_by == 0
    (reversed_side,) = compare(RECORD, listed=2, yours=books(RECORD)[::-1]).sides
    assert (len(reversed_side.moved), reversed_side.moved_count) == (2, 4)


amounts = st.integers(-(2**127) + 1, 2**127 - 1) | st.integers(-3, 3)


@dataclass
class Edited:
    """A record, a list made from it by edits, and what the edits are."""

    record: list[RecordEntry]
    entries: list[Entry]
    edits: Counter[tuple[DiscrepancyKind, str | None, int | None, int | None]] = field(
        default_factory=Counter
    )
    moves: int = 0


@st.composite
def edited_lists(draw: st.DrawFn) -> Edited:
    start = draw(st.sampled_from([0, 3]))
    record: list[RecordEntry] = [
        (start + at, f"r{at}", amount) for at, amount in enumerate(draw(st.lists(amounts, max_size=40)))
    ]
    made = Edited(record, [])
    for _, reference, amount in record:
        edit = draw(st.sampled_from(["keep"] * 6 + ["remove", "alter", "duplicate"]))
        if edit == "remove":
            made.edits[MISSING, reference, amount, None] += 1
            continue
        if edit == "alter":
            other = draw(amounts.filter(amount.__ne__))
            made.edits[ALTERED, reference, amount, other] += 1
            made.entries.append(Entry(reference, other))
            continue
        made.entries.append(Entry(reference, amount))
        if edit == "duplicate":
            made.entries.append(Entry(reference, amount))
            made.edits[DUPLICATED, reference, None, amount] += 1
    for number in range(draw(st.integers(0, 4))):
        amount = draw(amounts)
        made.entries.insert(draw(st.integers(0, len(made.entries))), Entry(f"x{number}", amount))
        made.edits[EXTRA, f"x{number}", None, amount] += 1
    for _ in range(draw(st.integers(0, 3)) if made.entries else 0):
        moved = made.entries.pop(draw(st.integers(0, len(made.entries) - 1)))
        made.entries.insert(draw(st.integers(0, len(made.entries))), moved)
        made.moves += 1
    return made


@given(edited_lists())
def test_the_edits_that_made_a_list_come_back_exactly(made: Edited) -> None:
    side = against(made.record, made.entries)
    found = Counter(
        (each.kind, each.reference_id, each.record_amount, each.listed_amount) for each in side.discrepancies
    )
    assert found == made.edits
    assert side.off_by == sum(each.off_by for each in side.discrepancies)
    assert side.off_by == sum(tally.off_by for tally in side.tallies.values())
    assert side.moved_count <= made.moves
    for each in side.discrepancies:
        if each.position is not None:
            assert made.entries[each.position] == (each.reference_id, each.listed_amount)


@given(edited_lists())
def test_all_before_the_parting_index_is_the_same_and_the_balances_there_are_true(made: Edited) -> None:
    side = against(made.record, made.entries)
    start = first_index(made.record)
    confirmed_end = side.confirmed.index + 1 if side.confirmed else start
    listed = Counter(made.entries)
    for _, reference, amount in made.record[: confirmed_end - start]:
        assert listed[Entry(reference, amount)] >= 1
    if side.parted is None:
        assert side.off_by == 0
    if made.moves == 0:
        differ = [index for index, gap in enumerate(running_gaps(made), start) if gap]
        assert (side.parted.index if side.parted else None) == (differ[0] if differ else None)


def running_gaps(made: Edited) -> list[int]:
    """How far the list's running balance is off the record's at each index and one past the last."""
    start = first_index(made.record)
    gaps = [0] * (len(made.record) + 1)
    for index, _, amount in made.record:
        gaps[index - start] -= amount
    waiting = {reference: index - start for index, reference, _ in made.record}
    place = 0
    for entry in made.entries:
        known = waiting.pop(entry.reference_id, None)
        gaps[place if known is None else known] += entry.amount
        place = place if known is None else known + 1
    return list(accumulate(gaps))


@given(st.permutations(range(12)))
def test_as_few_entries_as_possible_are_said_to_be_moved(order: list[int]) -> None:
    record: list[RecordEntry] = [(index, f"r{index}", 1) for index in range(12)]
    side = against(record, [Entry(f"r{index}", 1) for index in order])
    moved = {entry.index for entry in side.moved}
    kept = [index for index in order if index not in moved]
    assert kept == sorted(kept)
    longest = [1] * 12
    for at in range(12):
        longest[at] = 1 + max(
            (longest[before] for before in range(at) if order[before] < order[at]), default=0
        )
    assert len(kept) == max(longest)


@pytest.mark.slow
def test_a_million_entries_against_a_million_take_seconds() -> None:
    chosen = random.Random(7)
    record: list[RecordEntry] = [(index, f"job_{index:07d}", -index % 977) for index in range(1_000_000)]
    entries = books(record)
    for position in sorted(chosen.sample(range(1_000_000), 3), reverse=True):
        del entries[position]
    (side,) = compare(record, yours=entries).sides
    assert side.tallies[MISSING].count == side.discrepancy_count == 3
