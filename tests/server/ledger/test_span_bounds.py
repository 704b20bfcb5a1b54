"""A log with nothing new seals an empty batch where a time span needs one as its bound."""

from __future__ import annotations

import pytest

from anchor.proof.reading import parse_proof_file
from anchor.proof.values import Disclosure
from anchor.proof.writing import write_proof_file
from anchor.server.audit.whole_log import audit
from anchor.server.ledger.checkpoints import create_span_checkpoint
from anchor.server.ledger.model import Emission
from anchor.server.ledger.periods import Span, parse_period
from anchor.server.ledger.proving_periods import prove_period
from anchor.server.ledger.span_bounds import BEFORE, DAY, bound_is_due
from anchor.verify.verification import verify_proof
from tests.fixtures.clocks import START_MS
from tests.fixtures.logs import OpenedLog

MIDNIGHT = START_MS - START_MS % DAY + DAY


@pytest.mark.parametrize(
    ("sealed_at", "now", "due"),
    [
        (MIDNIGHT - BEFORE - 1, MIDNIGHT - BEFORE - 1, False),
        (MIDNIGHT - BEFORE - 1, MIDNIGHT - BEFORE, True),
        (MIDNIGHT - BEFORE, MIDNIGHT, False),
        (MIDNIGHT - 1, MIDNIGHT + 59_999, False),
        (MIDNIGHT - 1, MIDNIGHT + 60_000, True),
        (MIDNIGHT + 59_999, MIDNIGHT + 60_000, True),
        (MIDNIGHT + 60_000, MIDNIGHT + DAY - BEFORE - 1, False),
        (MIDNIGHT + 60_000, MIDNIGHT + 10 * DAY, True),
    ],
)
def test_an_empty_batch_is_due_before_and_after_each_midnight(sealed_at: int, now: int, due: bool) -> None:
    assert bound_is_due(sealed_at, now, None) is due


def test_an_empty_batch_is_sealed_a_minute_after_midnight_and_no_second_one(opened: OpenedLog) -> None:
    opened.record(Emission("acme", 1))
    assert opened.sealer.seal() is not None
    assert opened.sealer.seal() is None
    opened.clock.advance(MIDNIGHT + 59_999 - opened.clock.ms)
    assert opened.sealer.seal() is None
    opened.clock.advance(1)
    empty = opened.sealer.seal()
    assert empty is not None
    assert (empty.number, empty.delta_count, empty.sealed_at) == (2, 0, MIDNIGHT + 60_000)
    assert opened.sealer.seal() is None
    opened.record(Emission("acme", 2))
    following = opened.sealer.seal()
    assert following is not None
    assert (following.number, following.delta_count) == (3, 1)
    assert list(audit(opened.database)) == []


def test_a_span_that_was_asked_for_is_closed_by_an_empty_batch(opened: OpenedLog) -> None:
    opened.record(Emission("acme", 1))
    opened.sealer.seal()
    opened.clock.advance(5_000)
    span = Span(START_MS, START_MS + 5_000)
    create_span_checkpoint(opened.database, opened.log, opened.clock, "acme", "", span)
    opened.clock.advance(59_999)
    assert opened.sealer.seal() is None
    opened.clock.advance(1)
    closing = opened.sealer.seal()
    assert closing is not None
    assert closing.delta_count == 0
    assert opened.sealer.seal() is None


def test_a_log_without_a_batch_seals_none_that_is_empty(opened: OpenedLog) -> None:
    opened.clock.advance(3 * DAY)
    assert opened.sealer.seal() is None


def test_a_month_is_proven_between_the_batches_around_it(opened: OpenedLog) -> None:
    def record_and_seal(count: int, until: int) -> None:
        for _ in range(count):
            opened.record(Emission("acme", 2), Emission("another", 1))
        opened.clock.advance(until - opened.clock.ms)
        opened.sealer.seal()

    opened.record(Emission("another", 1))
    opened.sealer.seal()
    record_and_seal(3, MIDNIGHT - 60_000)
    opened.clock.advance(30_000)
    opened.record(Emission("acme", 5))
    opened.clock.advance(40_000)
    for day in range(1, 31):
        record_and_seal(2, MIDNIGHT + day * DAY - (day == 30) * 1_000)
    opened.clock.advance(2_000)
    opened.record(Emission("acme", 7))
    opened.clock.advance(59_000)
    opened.sealer.seal()
    record_and_seal(4, MIDNIGHT + 40 * DAY)
    april = parse_period("2026-04")
    view = create_span_checkpoint(opened.database, opened.log, opened.clock, "acme", "", april)
    indices = view.checkpoint.from_index, view.checkpoint.to_index
    assert indices == (4, 63)
    span = (april.start, april.end)
    for deltas in (None, Disclosure.FULL):
        with opened.database.read() as connection:
            proof = prove_period(connection, opened.log, "acme", "", *indices, span=span, deltas=deltas)
        result = verify_proof(parse_proof_file(write_proof_file(proof)), None)
        assert result.verdict == "not_checked_against_a_chain"
        assert all(step.outcome == "passed" or "signature" in step.name for step in result.steps[:-1])
        facts = result.facts["span"]
        assert (facts["openingBatch"], facts["closingBatch"]) == (2, 33)
        assert facts["before"] == {"count": 1, "sum": "0.000000000000000005"}
        assert facts["after"] == {"count": 1, "sum": "0.000000000000000007"}
