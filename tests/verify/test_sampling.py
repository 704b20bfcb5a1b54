"""A sample is drawn by the anchoring block, and nothing else passes for it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.verify import ProofFile, Verification, verify_file
from anchor.verify.proof_reading import parse_proof_file
from anchor.verify.sampling import (
    anchoring_block,
    check_sample,
    draw_sample,
    largest_share_missed,
    write_sample,
)
from anchor.verify.verification import verify_proof
from tests.verify.building import BuiltLog


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**40), st.integers(1, 500), st.integers(1, 200))
def test_a_drawing_is_of_the_range_without_repeats(block: bytes, start: int, size: int, count: int) -> None:
    drawn = draw_sample(block, b"\x01" * 32, start, start + size - 1, count)
    assert len(drawn) == len(set(drawn)) == min(count, size)
    assert drawn == sorted(drawn)
    assert all(start <= index < start + size for index in drawn)
    assert drawn == draw_sample(block, b"\x01" * 32, start, start + size - 1, count)


def test_more_deltas_give_more_confidence() -> None:
    # 59 without a wrong one: at most 5 % are wrong, with 95 % confidence (1 - 0.95**59 = 0.9515).
    assert largest_share_missed(59, 1_000_000) == pytest.approx(0.05, abs=0.001)
    assert largest_share_missed(299, 1_000_000) == pytest.approx(0.01, abs=0.001)
    assert largest_share_missed(10, 10) == 0
    assert largest_share_missed(59, 2**60) == pytest.approx(0.05, abs=0.001)


class Sampled:
    """A period of a log on a chain in memory, and a sample of it."""

    def __init__(self) -> None:
        self.log = BuiltLog(7)
        self.log.record_many("UA", 40)
        self.log.seal()
        self.log.anchor()
        self.period = self.log.period("UA", 5, 34, 1)
        ledger = self.period.ledger
        assert ledger is not None
        self.drawn = draw_sample(anchoring_block(self.period), ledger.ledger_id, 5, 34, 6)

    def file(self, indexes: list[int]) -> bytes:
        return write_sample(self.period, [self.log.delta("UA", index, 1) for index in indexes])

    def check(self, raw: bytes, count: int | None = 6) -> Verification:
        def verify(period: bytes) -> Verification:
            return verify_proof(parse_proof_file(period), self.log.chain)

        return check_sample(raw, verify, count=count)


def test_a_sample_that_the_block_drew_is_valid_and_says_its_confidence() -> None:
    sampled = Sampled()
    result = sampled.check(sampled.file(sampled.drawn))
    assert result.valid, result.failed
    assert "95 % confidence" in result.statements[-1]


def test_a_sample_without_a_chain_is_not_valid() -> None:
    sampled = Sampled()
    result = check_sample(sampled.file(sampled.drawn), verify_file, count=6)
    assert not result.valid


def test_a_chosen_sample_is_refused() -> None:
    sampled = Sampled()
    chosen = next(index for index in range(5, 35) if index not in sampled.drawn)
    for wrong in ([*sampled.drawn[:-1], chosen], sampled.drawn[:-1], [*sampled.drawn, sampled.drawn[-1]]):
        result = sampled.check(sampled.file(wrong))
        assert result.failed is not None
        assert (result.verdict, result.failed.name) == ("invalid", "sample: drawing")


def test_an_altered_delta_is_refused() -> None:
    sampled = Sampled()
    deltas = [sampled.log.delta("UA", index, 1) for index in sampled.drawn]
    claim: Any = deltas[2].claim
    forged = replace(claim.delta, record=replace(claim.delta.record, amount=1))
    deltas[2] = replace(deltas[2], claim=replace(claim, delta=forged))
    result = sampled.check(write_sample(sampled.period, deltas))
    assert result.failed is not None
    assert (result.verdict, result.failed.name) == ("invalid", "sample: deltas")


def test_two_anchors_to_choose_from_are_refused() -> None:
    sampled = Sampled()
    claim: Any = sampled.period.claim
    batch = replace(claim.head.batch, anchors=claim.head.batch.anchors * 2)
    period: ProofFile = replace(sampled.period, claim=replace(claim, head=replace(claim.head, batch=batch)))
    deltas = [sampled.log.delta("UA", index, 1) for index in sampled.drawn]
    assert sampled.check(write_sample(period, deltas)).verdict == "invalid"


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b"\xff", b'{"format":"anchor-sample","version":1,"period":{},"deltas":[]}']
)
def test_what_is_no_sample_is_refused(raw: bytes) -> None:
    result = check_sample(raw, verify_file)
    assert result.verdict == "invalid"
    assert result.failed is not None


def test_a_later_version_is_refused() -> None:
    sampled = Sampled()
    document = json.loads(sampled.file(sampled.drawn))
    result = sampled.check(json.dumps(document | {"version": 2}).encode())
    assert result.failed is not None
    assert result.failed.name == "sample: version"
