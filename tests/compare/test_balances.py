"""Two figures against the record: who agrees, by how much each is off, and what would explain it."""

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from anchor.compare.balances import (
    AmountSeen,
    BalanceComparison,
    BalanceSeen,
    Behind,
    Candidate,
    CandidateKind,
    RecordBalance,
    SideBalance,
    Standing,
    compare_balances,
)
from anchor.compare.lists import Side

LISTED = 3


class Record:
    """A record in memory, searched the plain way, from ``searched_from`` on."""

    def __init__(self, amounts: list[int], searched_from: int = 0) -> None:
        self.amounts = amounts
        self.balances = list(accumulate(amounts))
        self.searched_from = searched_from

    def standing(self, size: int) -> Standing:
        return Standing(size, self.balances[size - 1] if size else 0)

    def search(
        self, size: int, balances: frozenset[int], amounts: frozenset[int]
    ) -> tuple[int, dict[int, BalanceSeen], dict[int, AmountSeen]]:
        looked = range(self.searched_from, size)
        at = {figure: [i for i in looked if self.balances[i] == figure] for figure in balances}
        of = {figure: [i for i in looked if self.amounts[i] == figure] for figure in amounts}
        return (
            self.searched_from,
            {figure: BalanceSeen(where[-1] + 1, len(where)) for figure, where in at.items() if where},
            {
                figure: AmountSeen(len(where), tuple((i, f"job_{i}") for i in where[::-1][:LISTED]))
                for figure, where in of.items()
                if where
            },
        )


def compare(
    amounts: list[int],
    yours: int,
    counterparty: int,
    verified: int = 0,
    as_of: int | None = None,
    searched_from: int = 0,
) -> BalanceComparison:
    record = Record(amounts, searched_from)
    return compare_balances(
        record,
        {Side.YOURS: yours, Side.COUNTERPARTY: counterparty},
        recorded=record.standing(len(amounts)),
        verified=record.standing(verified),
        as_of=None if as_of is None else record.standing(as_of + 1),
    )


def counterparty_of(comparison: BalanceComparison) -> SideBalance:
    return comparison.sides[1]


AMOUNTS = [1000, -182, -41, -7, -41]


def test_two_figures_that_are_the_record_match() -> None:
    comparison = compare(AMOUNTS, 729, 729)
    assert comparison.match
    assert comparison.agreeing == (Side.YOURS, Side.COUNTERPARTY)
    assert comparison.used == Standing(5, 729)
    assert comparison.used.as_of_index == 4


def test_the_side_that_agrees_is_named_and_the_other_is_off_by_its_gap() -> None:
    comparison = compare(AMOUNTS, 729, 1_729)
    assert not comparison.match
    assert comparison.agreeing == (Side.YOURS,)
    assert counterparty_of(comparison).off_by == 1000


def test_two_sides_may_agree_with_each_other_and_not_with_the_record() -> None:
    comparison = compare(AMOUNTS, 5, 5)
    assert comparison.sides_agree
    assert not comparison.match


def test_one_figure_alone_says_nothing_of_the_other_side() -> None:
    record = Record(AMOUNTS)
    now = record.standing(5)
    comparison = compare_balances(record, {Side.YOURS: 729}, recorded=now, verified=now)
    assert comparison.match
    assert comparison.sides_agree is None


def test_a_figure_that_is_an_earlier_balance_misses_all_after_it() -> None:
    comparison = compare(AMOUNTS, 729, 818)
    assert counterparty_of(comparison).behind == Behind(
        as_of_index=1, missing_from=2, missing_count=3, earlier_times=0
    )


def test_of_several_such_indices_the_latest_is_told_and_that_there_are_more() -> None:
    comparison = compare([5, -5, 5, -5, 5, 7], 12, 5)
    assert counterparty_of(comparison).behind == Behind(4, 5, 1, earlier_times=2)


def test_a_figure_of_zero_may_miss_everything() -> None:
    assert counterparty_of(compare(AMOUNTS, 729, 0)).behind == Behind(None, 0, 5, 0)
    assert counterparty_of(compare([5, -5, 3], 3, 0)).behind == Behind(1, 2, 1, earlier_times=1)


def test_a_gap_of_one_delta_makes_it_a_candidate() -> None:
    comparison = compare(AMOUNTS, 729, 729 + 182)
    assert counterparty_of(comparison).candidates == (Candidate(CandidateKind.MISSING, 1, "job_1", -182),)


def test_a_delta_counted_twice_is_a_candidate_too() -> None:
    comparison = compare(AMOUNTS, 729, 722)
    assert counterparty_of(comparison).candidates == (Candidate(CandidateKind.COUNTED_TWICE, 3, "job_3", -7),)


def test_many_candidates_are_counted_and_the_latest_listed() -> None:
    side = counterparty_of(compare([-2] * 10, -20, -18))
    assert side.candidate_count == 10
    assert [candidate.index for candidate in side.candidates] == [9, 8, 7]


def test_figures_are_held_against_the_verified_balance_where_only_that_fits() -> None:
    comparison = compare(AMOUNTS, 777, 777, verified=3)
    assert comparison.match
    assert comparison.record_balance is RecordBalance.VERIFIED
    assert comparison.used == Standing(3, 777)
    assert comparison.recorded == Standing(5, 729)


def test_the_recorded_balance_goes_before_the_verified_one() -> None:
    comparison = compare(AMOUNTS, 777, 729, verified=3)
    assert comparison.record_balance is RecordBalance.RECORDED
    assert comparison.agreeing == (Side.COUNTERPARTY,)
    assert comparison.sides[0].behind == Behind(2, 3, 2, 0)


def test_an_empty_verified_record_is_not_what_a_zero_is_held_against() -> None:
    assert compare(AMOUNTS, 0, 0).record_balance is RecordBalance.RECORDED


def test_a_named_index_is_what_the_figures_are_held_against() -> None:
    comparison = compare(AMOUNTS, 818, 729, as_of=1)
    assert comparison.record_balance is RecordBalance.AS_OF_INDEX
    assert comparison.agreeing == (Side.YOURS,)
    assert counterparty_of(comparison).behind is None


def test_a_bounded_search_says_from_where_it_looked() -> None:
    comparison = compare(AMOUNTS, 729, 818, searched_from=2)
    assert comparison.searched_from == 2
    assert counterparty_of(comparison).behind is None
    assert counterparty_of(compare(AMOUNTS, 729, 0, searched_from=2)).behind is None


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=30), st.data())
def test_removing_one_delta_makes_it_a_candidate(amounts: list[int], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(amounts) - 1))
    comparison = compare(amounts, sum(amounts), sum(amounts) - amounts[index])
    side = counterparty_of(comparison)
    if amounts[index] == 0:
        assert comparison.match
    else:
        same = sum(1 for amount in amounts if amount == amounts[index])
        opposite = sum(1 for amount in amounts if amount == -amounts[index])
        assert side.candidate_count == same + opposite
        assert all(abs(candidate.amount) == abs(amounts[index]) for candidate in side.candidates)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=30), st.data())
def test_a_figure_from_the_past_is_known_as_the_latest_such_past(
    amounts: list[int], data: st.DataObject
) -> None:
    size = data.draw(st.integers(0, len(amounts)))
    figure = sum(amounts[:size])
    side = counterparty_of(compare(amounts, sum(amounts), figure))
    if side.agrees:
        assert figure == sum(amounts)
    else:
        assert side.behind is not None
        assert side.behind.missing_from >= size
        assert sum(amounts[: side.behind.missing_from]) == figure
        assert side.behind.missing_from + side.behind.missing_count == len(amounts)
