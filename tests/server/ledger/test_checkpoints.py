"""Checkpoints: one range, one hash, and what must be final before it counts."""

import pytest

from anchor.protocol.checkpoint import checkpoint_hash
from anchor.protocol.fingerprint import domain_separator
from anchor.protocol.hashing import ZERO
from anchor.protocol.merkle import LEDGER_TREE, tree_root
from anchor.server.ledger.checkpoints import (
    CheckpointStatus,
    SpanEmpty,
    SpanNotOver,
    UnknownCheckpoint,
    checkpoints_page,
    create_checkpoint,
    create_span_checkpoint,
    find_checkpoint,
    find_checkpoints_of_hash,
)
from anchor.server.ledger.errors import IndexOutOfRange, UnknownCustomer
from anchor.server.ledger.ledger_tree import ledger_root
from anchor.server.ledger.periods import Span
from anchor.server.ledger.ranges import RangeReversed
from anchor.server.storage.database import Database
from anchor.server.storage.fence import nothing_more_before
from tests.fixtures.clocks import FixedClock
from tests.server.ledger.written_ledgers import (
    CUSTOMER,
    LOG,
    anchor_batch,
    fingerprint_of,
    seal_ledger,
    write_ledger,
    write_log,
)

AMOUNTS = [1000, -182, -41, -7, -41]
TIMES = [10, 20, 20, 30, 40]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(100)


@pytest.fixture
def recorded(database: Database) -> Database:
    write_log(database)
    write_ledger(database, AMOUNTS, recorded_at=TIMES)
    return database


def root_of(size: int) -> bytes:
    return tree_root(LEDGER_TREE, [LEDGER_TREE.leaf(fingerprint_of(index)) for index in range(size)])


def test_a_checkpoint_states_the_balances_and_roots_at_its_two_ends(
    recorded: Database, clock: FixedClock
) -> None:
    made = create_checkpoint(recorded, LOG, clock, CUSTOMER, "", from_index=1, to_index=3)
    assert (made.checkpoint.opening_balance, made.checkpoint.closing_balance) == (1000, 770)
    assert (made.checkpoint.opening_root, made.checkpoint.closing_root) == (root_of(1), root_of(4))
    assert (made.delta_count, made.net_change) == (3, -230)
    assert made.proof_hash == checkpoint_hash(domain_separator(LOG.log_id), made.checkpoint)
    assert made.proof_token.startswith("ckpt_")
    assert len(made.proof_token) == 31


def test_a_checkpoint_from_the_start_opens_at_nothing(recorded: Database, clock: FixedClock) -> None:
    made = create_checkpoint(recorded, LOG, clock, CUSTOMER, "")
    assert (made.checkpoint.opening_balance, made.checkpoint.opening_root) == (0, ZERO)
    assert (made.checkpoint.from_index, made.checkpoint.to_index) == (0, 4)


def test_the_same_range_gives_the_same_checkpoint(recorded: Database, clock: FixedClock) -> None:
    first = create_checkpoint(recorded, LOG, clock, CUSTOMER, "", from_index=1, to_index=3)
    clock.advance(5)
    assert create_checkpoint(recorded, LOG, clock, CUSTOMER, "", from_index=1, to_index=3) == first
    other = create_checkpoint(recorded, LOG, clock, CUSTOMER, "", from_index=1, to_index=2)
    assert other.proof_token != first.proof_token
    assert other.proof_hash != first.proof_hash


def test_a_span_holds_what_was_recorded_in_it(recorded: Database, clock: FixedClock) -> None:
    made = create_span_checkpoint(recorded, LOG, clock, CUSTOMER, "", Span(20, 40))
    assert (made.checkpoint.from_index, made.checkpoint.to_index) == (1, 3)
    assert made.span == Span(20, 40)
    assert create_span_checkpoint(recorded, LOG, clock, CUSTOMER, "", Span(20, 40)) == made
    by_index = create_checkpoint(recorded, LOG, clock, CUSTOMER, "", from_index=1, to_index=3)
    assert by_index.proof_hash == made.proof_hash
    assert by_index.proof_token != made.proof_token


def test_a_span_without_a_delta_has_no_checkpoint_and_shows_its_neighbours(
    recorded: Database, clock: FixedClock
) -> None:
    for span, previous_index, next_index in (
        (Span(21, 30), 2, 3),
        (Span(0, 10), None, 0),
        (Span(41, 100), 4, None),
    ):
        with pytest.raises(SpanEmpty) as refusal:
            create_span_checkpoint(recorded, LOG, clock, CUSTOMER, "", span)
        assert (refusal.value.previous_index, refusal.value.next_index) == (previous_index, next_index)
    assert checkpoints_page(recorded, CUSTOMER, "") == []


def test_a_span_that_is_not_over_has_no_checkpoint(recorded: Database, clock: FixedClock) -> None:
    with pytest.raises(SpanNotOver):
        create_span_checkpoint(recorded, LOG, clock, CUSTOMER, "", Span(20, 101))


def test_nothing_can_be_recorded_into_a_span_that_has_its_checkpoint(
    recorded: Database, clock: FixedClock
) -> None:
    with recorded.read() as connection:
        assert not nothing_more_before(connection, 1, 100)
    create_span_checkpoint(recorded, LOG, clock, CUSTOMER, "", Span(20, 100))
    with recorded.read() as connection:
        assert nothing_more_before(connection, 1, 100)
        assert not nothing_more_before(connection, 1, 101)


def test_a_checkpoint_is_queued_until_its_last_delta_is_final(recorded: Database, clock: FixedClock) -> None:
    token = create_checkpoint(recorded, LOG, clock, CUSTOMER, "", from_index=1, to_index=3).proof_token
    assert find_checkpoint(recorded, token).status is CheckpointStatus.QUEUED
    seal_ledger(recorded, 3, number=1, sealed_at=30)
    anchor_batch(recorded, 1)
    assert find_checkpoint(recorded, token).status is CheckpointStatus.QUEUED
    seal_ledger(recorded, 4, number=2, sealed_at=40, ledger=1)
    assert find_checkpoint(recorded, token).status is CheckpointStatus.QUEUED
    anchor_batch(recorded, 2)
    assert find_checkpoint(recorded, token).status is CheckpointStatus.VERIFIED


def test_a_span_is_verified_when_its_end_is(recorded: Database, clock: FixedClock) -> None:
    to_the_next = create_span_checkpoint(recorded, LOG, clock, CUSTOMER, "", Span(20, 40)).proof_token
    to_the_end = create_span_checkpoint(recorded, LOG, clock, CUSTOMER, "", Span(20, 90)).proof_token
    seal_ledger(recorded, 4, number=1, sealed_at=39)
    anchor_batch(recorded, 1)
    assert find_checkpoint(recorded, to_the_next).status is CheckpointStatus.QUEUED
    seal_ledger(recorded, 5, number=2, sealed_at=60_039)
    anchor_batch(recorded, 2)
    assert find_checkpoint(recorded, to_the_next).status is CheckpointStatus.QUEUED
    seal_ledger(recorded, 5, number=3, sealed_at=60_040)
    anchor_batch(recorded, 3, block_time=39)
    assert find_checkpoint(recorded, to_the_next).status is CheckpointStatus.QUEUED
    seal_ledger(recorded, 5, number=4, sealed_at=60_040)
    anchor_batch(recorded, 4, block_time=40)
    assert find_checkpoint(recorded, to_the_next).status is CheckpointStatus.VERIFIED
    assert find_checkpoint(recorded, to_the_end).status is CheckpointStatus.QUEUED


def test_a_checkpoint_is_found_by_its_token_and_by_its_hash(recorded: Database, clock: FixedClock) -> None:
    by_index = create_checkpoint(recorded, LOG, clock, CUSTOMER, "", from_index=1, to_index=3)
    by_span = create_span_checkpoint(recorded, LOG, clock, CUSTOMER, "", Span(20, 40))
    assert find_checkpoint(recorded, by_span.proof_token) == by_span
    assert find_checkpoints_of_hash(recorded, by_index.proof_hash) == [by_index, by_span]
    assert checkpoints_page(recorded, CUSTOMER, "", limit=1) == [by_index]
    assert checkpoints_page(recorded, CUSTOMER, "", after=by_index.id) == [by_span]
    with pytest.raises(UnknownCheckpoint):
        find_checkpoint(recorded, "ckpt_unknown")
    with pytest.raises(UnknownCheckpoint):
        find_checkpoints_of_hash(recorded, ZERO)


def test_ranges_and_customers_that_do_not_exist_are_refused(recorded: Database, clock: FixedClock) -> None:
    with pytest.raises(RangeReversed):
        create_checkpoint(recorded, LOG, clock, CUSTOMER, "", from_index=3, to_index=1)
    with pytest.raises(IndexOutOfRange):
        create_checkpoint(recorded, LOG, clock, CUSTOMER, "", from_index=0, to_index=5)
    with pytest.raises(UnknownCustomer):
        create_checkpoint(recorded, LOG, clock, "nobody", "", from_index=0, to_index=1)
    with pytest.raises(UnknownCustomer):
        create_span_checkpoint(recorded, LOG, clock, "nobody", "", Span(0, 1))


@pytest.mark.parametrize("sealed", [0, 15, 16, 100, 259, 300])
def test_roots_are_the_same_from_stored_subtrees_and_from_leaves(database: Database, sealed: int) -> None:
    write_ledger(database, [1] * 300)
    if sealed:
        seal_ledger(database, sealed, number=1, sealed_at=0)
    with database.read() as connection:
        for size in (0, 1, 15, 16, 17, 255, 256, 257, 258, 272, 299, 300):
            assert ledger_root(connection, 1, size) == root_of(size)


def test_a_sealed_root_reads_few_hashes(sqlite_database: Database) -> None:
    size = (1 << 14) - 1
    write_ledger(sqlite_database, [1] * size)
    seal_ledger(sqlite_database, size, number=1, sealed_at=0)
    with sqlite_database.read() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        statements: list[str] = []
        raw.set_trace_callback(statements.append)
        assert ledger_root(connection, 1, size) == root_of(size)
        raw.set_trace_callback(None)
    assert len(statements) <= 16
