"""Comparisons with the record in the database, on both engines."""

import pytest

from anchor.compare.balances import Behind, Candidate, CandidateKind, RecordBalance, Standing
from anchor.compare.books import DiscrepancyKind, Entry
from anchor.compare.lists import ConfirmedUpTo, PartedAt, Side
from anchor.server.ledger import comparing
from anchor.server.ledger.comparing import compare_balances_with_record, compare_deltas_with_record
from anchor.server.ledger.errors import IndexOutOfRange, UnknownCustomer
from anchor.server.ledger.periods import Span
from anchor.server.ledger.ranges import RangeReversed
from anchor.server.storage.database import Database
from tests.server.ledger.written_ledgers import CUSTOMER, anchor_batch, seal_ledger, write_ledger

ONE = 10**18
AMOUNTS = [1000 * ONE, -182 * ONE, -41 * ONE, -7 * ONE, -41 * ONE]
BOOKS = [Entry(f"job_{index}", amount) for index, amount in enumerate(AMOUNTS)]


def both(yours: int, counterparty: int) -> dict[Side, int]:
    return {Side.YOURS: yours, Side.COUNTERPARTY: counterparty}


def test_the_record_decides_between_two_balances(database: Database) -> None:
    write_ledger(database, AMOUNTS)
    comparison = compare_balances_with_record(database, CUSTOMER, "", both(729 * ONE, 818 * ONE))
    assert comparison.agreeing == (Side.YOURS,)
    assert comparison.record_balance is RecordBalance.RECORDED
    assert comparison.sides[1].off_by == 89 * ONE
    assert comparison.sides[1].behind == Behind(1, 2, 3, 0)
    assert comparison.searched_from == 0


def test_the_delta_that_is_the_gap_is_a_candidate_with_its_reference(database: Database) -> None:
    write_ledger(database, AMOUNTS)
    comparison = compare_balances_with_record(database, CUSTOMER, "", both(729 * ONE, 736 * ONE))
    assert comparison.sides[1].candidates == (Candidate(CandidateKind.MISSING, 3, "job_3", -7 * ONE),)


def test_the_latest_candidates_are_named_and_all_are_counted(database: Database) -> None:
    write_ledger(database, [-2] * 25)
    side = compare_balances_with_record(database, CUSTOMER, "", both(-50, -46)).sides[1]
    assert side.candidate_count == 0
    side = compare_balances_with_record(database, CUSTOMER, "", both(-50, -52)).sides[1]
    assert side.candidate_count == 25
    assert [candidate.index for candidate in side.candidates] == list(range(24, 14, -1))


def test_balances_beyond_64_bits_are_found(database: Database) -> None:
    huge = 2**126
    write_ledger(database, [huge, huge, huge, -1])
    side = compare_balances_with_record(database, CUSTOMER, "", both(0, 2 * huge)).sides[1]
    assert side.behind == Behind(1, 2, 2, 0)


def test_the_verified_balance_is_the_one_of_the_newest_final_batch(database: Database) -> None:
    write_ledger(database, AMOUNTS)
    seal_ledger(database, 2, number=1, sealed_at=2, balance=818 * ONE)
    seal_ledger(database, 4, number=2, sealed_at=4, balance=770 * ONE)
    anchor_batch(database, 1)
    anchor_batch(database, 2, state="mined")
    anchor_batch(database, 2, primary=False)
    comparison = compare_balances_with_record(database, CUSTOMER, "", both(818 * ONE, 818 * ONE))
    assert comparison.match
    assert comparison.record_balance is RecordBalance.VERIFIED
    assert comparison.verified == comparison.used == Standing(2, 818 * ONE)


def test_balances_can_be_meant_as_of_an_index(database: Database) -> None:
    write_ledger(database, AMOUNTS)
    comparison = compare_balances_with_record(
        database, CUSTOMER, "", both(818 * ONE, 1000 * ONE), as_of_index=1
    )
    assert comparison.agreeing == (Side.YOURS,)
    assert comparison.sides[1].behind == Behind(0, 1, 1, 0)
    with pytest.raises(IndexOutOfRange):
        compare_balances_with_record(database, CUSTOMER, "", both(0, 0), as_of_index=5)


def test_a_long_ledger_is_searched_from_a_stated_index(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "SEARCHED_AT_MOST", 2)
    write_ledger(database, AMOUNTS)
    comparison = compare_balances_with_record(database, CUSTOMER, "", both(729 * ONE, 818 * ONE))
    assert comparison.searched_from == 3
    assert comparison.sides[1].behind is None


def test_lists_are_compared_with_the_whole_record(database: Database) -> None:
    write_ledger(database, AMOUNTS)
    theirs = [*BOOKS[:2], Entry("job_2", -14 * ONE), BOOKS[4]]
    comparison = compare_deltas_with_record(
        database, CUSTOMER, "", {Side.YOURS: BOOKS, Side.COUNTERPARTY: theirs}
    )
    yours, counterparty = comparison.sides
    assert yours.agrees
    assert [(each.kind, each.index) for each in counterparty.discrepancies] == [
        (DiscrepancyKind.ALTERED, 2),
        (DiscrepancyKind.MISSING, 3),
    ]
    assert counterparty.confirmed == ConfirmedUpTo(1, 818 * ONE)
    assert counterparty.parted == PartedAt(2, 777 * ONE, 804 * ONE)


def test_the_counterpartys_list_alone_is_enough(database: Database) -> None:
    write_ledger(database, AMOUNTS)
    assert compare_deltas_with_record(database, CUSTOMER, "", {Side.COUNTERPARTY: BOOKS}).match


def test_a_list_of_a_range_is_compared_with_that_range(database: Database) -> None:
    write_ledger(database, AMOUNTS)
    comparison = compare_deltas_with_record(
        database, CUSTOMER, "", {Side.YOURS: BOOKS[1:4]}, from_index=1, to_index=2
    )
    (side,) = comparison.sides
    assert [(each.kind, each.reference_id) for each in side.discrepancies] == [
        (DiscrepancyKind.EXTRA, "job_3")
    ]
    assert comparison.elsewhere == {"job_3": 3}


def test_a_list_of_a_period_is_compared_with_what_was_recorded_in_it(database: Database) -> None:
    write_ledger(database, AMOUNTS, recorded_at=[10, 20, 20, 30, 40])
    for span, within in (
        (Span(20, 30), slice(1, 3)),
        (Span(11, 31), slice(1, 4)),
        (Span(0, 10), slice(0, 0)),
        (Span(41, 99), slice(5, 5)),
        (Span(0, 99), slice(0, 5)),
    ):
        assert compare_deltas_with_record(
            database, CUSTOMER, "", {Side.YOURS: BOOKS[within]}, span=span
        ).match


def test_ranges_that_the_ledger_does_not_have_are_refused(database: Database) -> None:
    write_ledger(database, AMOUNTS)
    with pytest.raises(RangeReversed):
        compare_deltas_with_record(database, CUSTOMER, "", {}, from_index=3, to_index=2)
    with pytest.raises(IndexOutOfRange):
        compare_deltas_with_record(database, CUSTOMER, "", {}, from_index=0, to_index=5)
    with pytest.raises(IndexOutOfRange):
        compare_deltas_with_record(database, CUSTOMER, "", {}, from_index=-1, to_index=2)


def test_another_unit_or_customer_is_unknown(database: Database) -> None:
    write_ledger(database, AMOUNTS)
    for customer_id, unit in (("nobody", ""), (CUSTOMER, "GPU-hrs")):
        with pytest.raises(UnknownCustomer):
            compare_deltas_with_record(database, customer_id, unit, {Side.YOURS: BOOKS})
        with pytest.raises(UnknownCustomer):
            compare_balances_with_record(database, customer_id, unit, both(0, 0))


def test_the_record_is_read_in_pieces(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anchor.server.storage.comparing.CHUNK", 3)
    write_ledger(database, list(range(20)))
    books = [Entry(f"job_{index}", index) for index in range(20)]
    assert compare_deltas_with_record(database, CUSTOMER, "", {Side.YOURS: books}).match
