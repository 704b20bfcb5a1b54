"""No time that the operator wrote is believed beyond what a block bounds (section 8, 'Times')."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from anchor.proof.values import Anchor, FingerprintRecord, ProofFile
from anchor.proof.writing import write_proof_file
from anchor.protocol.times import moment
from anchor.verify.results import Verification
from anchor.verify.times import MOST_AHEAD, newest_as_of
from anchor.verify.verification import verify_proof
from tests.verify.building import BuiltLog, fingerprints_only
from tests.web.page_answers import Question, agree, page_answers

YEAR_2099 = 4_070_908_800_000


def judged(log: BuiltLog, proof: ProofFile) -> Verification:
    """What Python says, and the page with it word for word."""
    raw = write_proof_file(proof)
    result = verify_proof(proof, log.chain, finality="latest")
    (page,) = page_answers(log.chain, [Question(raw)])
    agree(raw, result, page)
    return result


def failure(result: Verification) -> str:
    assert result.verdict == "invalid"
    assert result.failed is not None
    return result.failed.name


def sealed_at(log: BuiltLog, time: int) -> int:
    """Seal a batch that says it was sealed at that time, and anchor it now."""
    now, log.now = log.now, time - 1_000
    number = log.seal().batch.number
    log.now = now
    log.anchor()
    return number


def test_a_span_and_a_batch_of_the_future() -> None:
    log = BuiltLog(41)
    log.record_many("UA", 3)
    number = sealed_at(log, YEAR_2099)
    everything = (log.now - 10**6, YEAR_2099 - 60_000)
    for proof in (
        log.delta("UA", 0, number),
        log.balance("UA", 2, number),
        log.freshness("UA", number),
        log.absence("AA", number),
        log.period("UA", 0, 2, number, listed=True),
        log.period("UA", 0, 2, number, span=everything),
    ):
        result = judged(log, proof)
        assert failure(result).partition(" (")[0] in ("block time", "span: closing block")
        assert "2099" in result.statements[-1]


@pytest.mark.parametrize("late", [0, 1])
def test_a_block_fifteen_minutes_before_a_batch_was_sealed_is_the_earliest_that_proves_it(late: int) -> None:
    log = BuiltLog(42)
    log.now += 60_000
    log.record("UA", 1)
    block_time = -(-log.now // 1000) * 1000
    sealed_at(log, block_time + MOST_AHEAD + late)
    result = judged(log, log.delta("UA", 0, 1))
    assert result.verdict == ("invalid" if late else "valid")
    # While it is the head, a later block proves it, as of its own time.
    log.chain.mine()
    result = judged(log, log.delta("UA", 0, 1))
    assert result.valid
    assert result.facts["chain"]["batches"][0]["by"] == ("head" if late else "event")
    # A head that followed it leaves its early block alone, which proves nothing.
    log.now += MOST_AHEAD + 10_000
    early = log.delta("UA", 0, 1)
    log.seal()
    log.anchor()
    assert judged(log, early).verdict == ("invalid" if late else "valid")
    # And through that later batch it is proven all the same.
    claim: Any = early.claim
    location = log.locations[2][2]
    anchors = (
        *claim.head.batch.anchors,
        Anchor(log.chain.id, log.chain.contract, location, log.through(1, 2)),
    )
    both = replace(claim.head, batch=replace(claim.head.batch, anchors=anchors))
    assert judged(log, replace(early, claim=replace(claim, head=both))).valid


def test_a_delta_recorded_after_its_batch_was_sealed_proves_nothing() -> None:
    log = BuiltLog(43)
    log.record_many("UA", 2)
    log.record("UA", 1, recorded_at=log.now + 10**6)
    number = log.seal().batch.number
    log.anchor()
    assert failure(judged(log, log.delta("UA", 2, number))) == "recorded before sealing"
    assert failure(judged(log, log.balance("UA", 2, number))) == "recorded before sealing"
    assert failure(judged(log, log.period("UA", 0, 2, number))) == "recorded before sealing (closing)"
    record: Any = log.delta("UA", 2, number).claim
    stated = record.delta.record.fingerprint(log.separator, log.ledger("UA").identity.ledger_id)
    withheld = replace(record, delta=replace(record.delta, record=FingerprintRecord(2, stated)))
    assert judged(log, log.file("UA", withheld)).valid, "it says nothing of a time"


def test_a_batch_is_not_in_the_history_of_one_that_was_sealed_before_it() -> None:
    log = BuiltLog(44)
    log.record("UA", 1)
    late = log.seal().batch
    early = late.sealed_at - 5_000
    sealed_at(log, early)
    result = judged(log, log.delta("UA", 0, 1))
    assert failure(result) == "history times"
    assert moment(early) in (result.failed.expected or "")  # type: ignore[union-attr]


def test_a_pin_of_the_future_is_no_time() -> None:
    log = BuiltLog(45)
    log.record("UA", 1)
    log.seal()
    log.anchor()
    log.chain.pin()
    root = log.batches[0].root
    bare = log.delta("UA", 0, 1)
    claim: Any = bare.claim
    batch = replace(claim.head.batch, anchors=(Anchor(log.chain.id, log.chain.contract),))
    bare = replace(bare, claim=replace(claim, head=replace(claim.head, batch=batch)))
    assert judged(log, bare).valid
    log.chain.pins[-1][root] = log.chain.blocks[-1].timestamp + 1
    assert failure(judged(log, bare)) == "pin's time"


def test_what_is_newest_is_so_as_of_the_earlier_of_its_first_event_and_fifteen_minutes_before_its_seal() -> (
    None
):
    log = BuiltLog(46)
    log.record("UA", 1)
    sealed = log.seal().batch
    log.now += 3 * MOST_AHEAD
    log.anchor()
    for proof in (log.freshness("UA", 1), log.absence("AA", 1)):
        last = judged(log, proof).statements[-1]
        assert f"as of {moment(sealed.sealed_at - MOST_AHEAD)}, if the log anchored its batches in" in last
        assert "unless the same root was anchored before" in last
    log.now += 1_000
    # Sealed ahead of its block: the block's time counts.
    log.record("UA", 1)
    number = sealed_at(log, log.now + MOST_AHEAD)
    block = log.chain.blocks[-1].timestamp * 1000
    assert newest_as_of(block + 2 * MOST_AHEAD, block, block).time == block
    result = judged(log, log.freshness("UA", number))
    assert result.facts["chain"]["batches"][0]["newestAsOf"] <= block
    assert not any("the newest on the chain" in line for line in result.statements)


def test_where_no_event_was_seen_the_newest_is_so_by_the_operators_clock() -> None:
    log = BuiltLog(47)
    log.record("UA", 1)
    log.seal()
    log.anchor()
    proof = log.freshness("UA", 1)
    claim: Any = proof.claim
    batch = replace(claim.head.batch, anchors=(Anchor(log.chain.id, log.chain.contract),))
    bare = replace(proof, claim=replace(claim, head=replace(claim.head, batch=batch)))
    assert "by the operator's clock, and if the log" in judged(log, bare).statements[-1]
    assert newest_as_of(10**9, 10**8, 10**9, earlier_read=True).condition == ""


def test_the_balance_after_the_first_delta_is_its_amount() -> None:
    log = BuiltLog(48)
    log.record("UA", 5, balance=6)
    log.record("UA", 5)
    log.seal()
    log.anchor()
    assert failure(judged(log, log.delta("UA", 0, 1))) == "balance follows"
    assert failure(judged(log, log.balance("UA", 0, 1))) == "balance follows"
    assert failure(judged(log, log.period("UA", 0, 0, 1))) == "balance follows (closing)"
    assert judged(log, log.delta("UA", 1, 1)).valid


def test_the_two_ends_of_a_period_of_one_delta_are_neighbours() -> None:
    log = BuiltLog(49)
    log.record_many("UA", 3)
    log.record("UA", 5, balance=0)
    log.seal()
    log.anchor()
    assert failure(judged(log, log.period("UA", 3, 3, 1))) == "balance follows (closing)"
    assert judged(log, log.period("UA", 2, 3, 1)).valid, "nothing between them was shown"
    withheld = fingerprints_only(log.period("UA", 2, 3, 1, listed=True), {3})
    assert failure(judged(log, withheld)) == "balances"
