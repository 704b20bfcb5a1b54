"""A sample is drawn by the anchoring block, and nothing else passes for it."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from anchor.verify import ProofFile, verify_file, write_proof_file
from anchor.verify.sampling import (
    check_sample,
    draw_sample,
    largest_share_missed,
    write_sample,
)
from tests.verify.building import BuiltLog
from tests.verify.sampled import AGREED, Sampled

DOCS: Final = Path(__file__).parents[2] / "docs"
PROOFS: Final = "proof-file.schema.json"


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


def test_a_sample_that_the_block_drew_is_valid_and_says_its_confidence() -> None:
    sampled = Sampled()
    result = sampled.check(sampled.file(sampled.drawn))
    assert result.valid, result.failed
    assert "95 % confidence" in result.statements[-1]
    # The drawn ones were looked at.
    assert not any("what lies between was not looked at" in line for line in result.statements)


def test_a_file_is_judged_as_a_sample_where_it_says_that_it_is_one() -> None:
    sampled = Sampled()
    sample, period = sampled.file(sampled.drawn), write_proof_file(sampled.period)
    assert verify_file(sample) == check_sample(sample, None)
    assert verify_file(sample, **AGREED) == check_sample(sample, None, **AGREED)
    assert verify_file(period).kind == "period"
    for asked in ({"count": 6}, {"from_index": 5}, {"to_index": 34}):
        with pytest.raises(ValueError, match="those of a sample"):
            verify_file(period, **asked)


def test_a_sample_in_a_pack_does_not_pass_for_the_packs_period(tmp_path: Path) -> None:
    sampled = Sampled()
    pack = tmp_path / "pack.zip"
    with zipfile.ZipFile(pack, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("period.json", sampled.file(sampled.drawn))
        archive.writestr("deltas.jsonl", b"")
    assert verify_file(pack).verdict == "invalid"


@pytest.mark.parametrize("unnamed", ["count", "from_index", "to_index"])
def test_no_confidence_is_stated_where_the_auditor_did_not_name_what_was_agreed(unnamed: str) -> None:
    sampled = Sampled()
    result = sampled.check(sampled.file(sampled.drawn), **{unnamed: None})
    assert result.valid, result.failed
    assert "95 %" not in " ".join(result.statements)
    assert "agree on the count and the range first" in result.statements[-1]
    assert (result.facts["sample"], result.facts["of"]) == (6, 30)
    assert "largestShareMissed" not in result.facts


def test_a_sample_of_another_range_ledger_unit_or_customer_is_refused() -> None:
    sampled = Sampled()
    raw = sampled.file(sampled.drawn)
    for named, step in (
        ({"from_index": 4}, "sample: range"),
        ({"to_index": 35, "from_index": None}, "sample: range"),
        ({"expected_customer": "other"}, "expected customer"),
        ({"expected_unit": "mile"}, "expected unit"),
        ({"expected_ledger_id": bytes(32)}, "expected ledger"),
    ):
        result = sampled.check(raw, **named)
        assert result.failed is not None
        assert (result.verdict, result.failed.name) == ("invalid", step)


@pytest.mark.parametrize(
    "named", [{"count": 0}, {"count": 1001}, {"from_index": -1}, {"from_index": 5, "to_index": 4}]
)
def test_what_nobody_can_have_agreed_on_is_refused(named: dict[str, int]) -> None:
    sampled = Sampled()
    with pytest.raises(ValueError, match=r"sample has|index|range"):
        sampled.check(sampled.file(sampled.drawn), **named)


def test_a_sample_without_a_chain_is_not_valid() -> None:
    sampled = Sampled()
    result = check_sample(sampled.file(sampled.drawn), None, count=6)
    assert result.verdict == "not_checked_against_a_chain"


def test_a_sample_drawn_by_a_later_anchor_is_refused() -> None:
    sampled = Sampled()
    sampled.log.record_many("UA", 1)
    sampled.log.seal()
    sampled.log.anchor()
    sampled.period = sampled.log.period("UA", 5, 34, 3)
    drawn = sampled.draw(sampled.period)
    for before, told in (
        (sampled.log.freshness("UA", 2), "held the whole period already"),
        (sampled.log.freshness("UA", 1), "went on from another head"),
        (sampled.log.absence("nobody", 2), "another log or ledger"),
        (sampled.log.delta("UA", 1, 1), "neither a head of the ledger nor its absence"),
        (None, "went on from another head"),
    ):
        sampled.before = before
        result = sampled.check(sampled.file(drawn, 3))
        assert result.failed is not None
        assert (result.verdict, result.failed.name) == ("invalid", "sample: first anchor")
        assert told in result.failed.explanation


def test_the_head_before_has_to_hold_together() -> None:
    sampled = Sampled()
    assert sampled.before is not None
    claim: Any = sampled.before.claim
    sampled.before = replace(sampled.before, claim=replace(claim, head=replace(claim.head, size=19)))
    result = sampled.check(sampled.file(sampled.drawn))
    assert result.failed is not None
    assert (result.verdict, result.failed.name) == ("invalid", "sample: first anchor")


def test_a_ledger_that_was_not_there_before_and_the_first_anchor_of_all_are_good() -> None:
    for anchored_before in (True, False):
        sampled = Sampled()
        log = BuiltLog(8)
        if anchored_before:
            log.record_many("other", 2)
            log.seal()
            log.anchor()
        log.record_many("UA", 40)
        log.seal()
        log.anchor()
        number = 2 if anchored_before else 1
        sampled.log, sampled.period = log, log.period("UA", 5, 34, number)
        sampled.before = log.absence("UA", 1) if anchored_before else None
        result = sampled.check(sampled.file(sampled.draw(sampled.period), number))
        assert result.valid, result.failed


def test_a_chosen_sample_is_refused() -> None:
    sampled = Sampled()
    chosen = next(index for index in range(5, 35) if index not in sampled.drawn)
    for wrong in ([*sampled.drawn[:-1], chosen], sampled.drawn[:-1], [*sampled.drawn, sampled.drawn[-1]]):
        result = sampled.check(sampled.file(wrong))
        assert result.failed is not None
        assert (result.verdict, result.failed.name) == ("invalid", "sample: drawing")


def test_an_altered_delta_is_refused() -> None:
    sampled = Sampled()
    deltas = [sampled.log.delta("UA", index, 2) for index in sampled.drawn]
    claim: Any = deltas[2].claim
    forged = replace(claim.delta, record=replace(claim.delta.record, amount=1))
    deltas[2] = replace(deltas[2], claim=replace(claim, delta=forged))
    result = sampled.check(write_sample(sampled.period, deltas, sampled.before))
    assert result.failed is not None
    assert (result.verdict, result.failed.name) == ("invalid", "sample: deltas")


def test_two_anchors_to_choose_from_are_refused() -> None:
    sampled = Sampled()
    claim: Any = sampled.period.claim
    batch = replace(claim.head.batch, anchors=claim.head.batch.anchors * 2)
    period: ProofFile = replace(sampled.period, claim=replace(claim, head=replace(claim.head, batch=batch)))
    deltas = [sampled.log.delta("UA", index, 2) for index in sampled.drawn]
    assert sampled.check(write_sample(period, deltas, sampled.before)).verdict == "invalid"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"format":"anchor-sample","version":2,"period":{},"before":null,"deltas":[]}',
    ],
)
def test_what_is_no_sample_is_refused(raw: bytes) -> None:
    result = check_sample(raw, None)
    assert result.verdict == "invalid"
    assert result.failed is not None


def test_a_later_version_is_refused() -> None:
    sampled = Sampled()
    document = json.loads(sampled.file(sampled.drawn))
    result = sampled.check(json.dumps(document | {"version": 3}).encode())
    assert result.failed is not None
    assert result.failed.name == "sample: version"


def test_the_schema_and_the_reader_agree_about_a_sample() -> None:
    sampled = Sampled()
    documents = [json.loads(path.read_text()) for path in (DOCS / "sample-file.schema.json", DOCS / PROOFS)]
    registry: Registry[Any] = Registry().with_resource(PROOFS, Resource.from_contents(documents[1]))
    schema = Draft202012Validator(documents[0], registry=registry)
    sample = json.loads(sampled.file(sampled.drawn))
    schema.validate(sample)
    schema.validate(sample | {"before": None})
    through = json.loads(json.dumps(sample))
    through["period"]["head"]["batch"]["anchors"] *= 2
    for wrong in (
        sample | {"version": 1},
        sample | {"deltas": []},
        sample | {"deltas": [sample["period"]]},
        sample | {"period": sample["deltas"][0]},
        sample | {"before": sample["period"]},
        sample | {"more": 1},
        through,
    ):
        assert not schema.is_valid(wrong)
        assert sampled.check(json.dumps(wrong).encode()).verdict == "invalid"
