"""A log with nothing new seals an empty batch where a time span needs one as its bound."""

from __future__ import annotations

import pytest

from anchor.server.audit.whole_log import audit
from anchor.server.ledger.checkpoints import create_span_checkpoint
from anchor.server.ledger.model import Emission
from anchor.server.ledger.periods import Span
from anchor.server.ledger.span_bounds import BEFORE, DAY, bound_is_due
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
