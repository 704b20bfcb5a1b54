"""Python and the page judge sampled audits alike, honest ones and altered ones."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import pytest

from anchor.proof.writing import proof_file_json
from anchor.verify.results import Verification
from anchor.verify.sampling import LARGEST_SAMPLE, check_sample, largest_share_missed
from anchor.verify.verifying_files import verify_file
from tests.verify.building import MemoryChain
from tests.verify.sampled import AGREED, Sampled
from tests.web.claim_alterations import altered_claim
from tests.web.corpus import altered
from tests.web.page_answers import NODE, ROOT, Question, agree, is_sample, page_answers

Files = Iterator[tuple[bytes, Mapping[str, int]]]


def python_answer(chain: MemoryChain | None, raw: bytes, agreed: Mapping[str, int]) -> Verification:
    """What Python says of a file, which is a sample where it says so of itself."""
    return check_sample(raw, chain, finality="latest", **agreed) if is_sample(raw) else verify_file(raw)


def samples(seed: int, each: int) -> tuple[MemoryChain, list[tuple[bytes, Mapping[str, int]]]]:
    """A chain, and samples of a log on it, honest and altered, with what is agreed of each."""
    sampled = Sampled(seed)
    log = sampled.log
    log.record_many("UA", 1)
    log.seal()
    log.anchor()
    return log.chain, [*_written(sampled), *_altered(sampled, each, Random(seed))]


def _written(sampled: Sampled) -> Files:
    log, drawn = sampled.log, sampled.drawn
    honest = sampled.file(drawn)
    named: tuple[dict[str, int], ...] = ({}, {"count": 6}, {"from_index": 5, "to_index": 34}, AGREED)
    for agreed in named:
        yield honest, agreed
    for wrong in ({"count": 7}, {"count": 1_000}, {"count": 1}, {"from_index": 4}, {"to_index": 2**64}):
        yield honest, {**AGREED, **wrong}
    chosen = next(index for index in range(5, 35) if index not in drawn)
    for indexes in (
        drawn[:-1],
        [*drawn, drawn[-1]],
        drawn[::-1],
        sorted([*drawn[1:], chosen]),
        list(range(5, 35)),
    ):
        yield sampled.file(indexes), AGREED
    yield sampled.file(list(range(5, 35))), {**AGREED, "count": 1_000}
    earlier = sampled.before
    others = (
        None,
        log.freshness("UA", 2),
        log.absence("nobody", 1),
        log.delta("UA", 1, 1),
        log.freshness("other", 1),
    )
    for before in others:
        sampled.before = before
        yield sampled.file(drawn), AGREED
    sampled.before = earlier
    first, later = sampled.period, log.period("UA", 5, 34, 3)
    sampled.period = later
    yield sampled.file(sampled.draw(later), 3), AGREED
    yield sampled.file(sampled.draw(later), 2), AGREED
    sampled.period = first

    named = json.loads(honest)
    for names in (("before", "deltas"), ("deltas", "format", "period"), ("period", "version")):
        # One member whose name reads like several.
        joined = {name: value for name, value in named.items() if name not in names}
        yield (
            json.dumps(joined | {",".join(names): [], "format": "anchor-sample", "version": 2}).encode(),
            AGREED,
        )


def _altered(sampled: Sampled, each: int, random: Random) -> Files:
    whole = json.loads(sampled.file(sampled.drawn))
    for _ in range(each):
        yield altered(whole, random), AGREED
    # One of its proofs with a value altered, which still reads as a proof.
    for _ in range(2 * each):
        changed: dict[str, Any] = json.loads(json.dumps(whole))
        where: Any = random.choice(["period", "before", "deltas"])
        holder, key = (changed, where) if where != "deltas" else (changed["deltas"], random.randrange(6))
        ledger = holder[key]["ledger"]
        holder[key] = json.loads(altered_claim(holder[key], random))
        holder[key]["ledger"] = ledger
        yield json.dumps(changed).encode(), AGREED


def check(seeds: int, each: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    for seed in range(1, seeds + 1):
        chain, files = samples(seed, each)
        for asked in (chain, None):
            questions = [Question(raw, agreed=agreed) for raw, agreed in files]
            for question, page in zip(questions, page_answers(asked, questions), strict=True):
                python = python_answer(asked, question.raw, question.agreed)
                agree(question, python, page)
                failed = "" if python.failed is None else python.failed.name.partition(" (")[0]
                seen[f"{python.verdict} {failed}".strip()] += 1
    return seen


def test_python_and_the_page_agree_on_sampled_audits() -> None:
    seen = check(1, 30)
    assert seen["valid"] >= 5
    for step in ("range", "drawing", "deltas", "first anchor", "shape"):
        assert seen[f"invalid sample: {step}"], f"no sample failed at {step}"


@pytest.mark.slow
def test_python_and_the_page_agree_on_many_sampled_audits() -> None:
    assert sum(check(2, 80).values()) >= 1_000


def test_python_and_the_page_state_the_same_confidence() -> None:
    sizes = (1_000, 5_000, 999_999, 2**60)
    script = f"""
        import {{ largestShareMissed }} from "{ROOT}/web/verifier/sampling.js";
        const shares = [];
        for (const size of [{", ".join(f"{size}n" for size in sizes)}])
            for (let count = 1; count <= {LARGEST_SAMPLE}; count += 1)
                shares.push(largestShareMissed(count, size));
        console.log(JSON.stringify(shares));
    """
    run = subprocess.run(
        [NODE, "--input-type=module", "-e", script], capture_output=True, text=True, check=True
    )
    ours = [largest_share_missed(count, size) for size in sizes for count in range(1, LARGEST_SAMPLE + 1)]
    assert json.loads(run.stdout) == pytest.approx(ours, rel=1e-12)


def test_a_proof_within_a_sample_is_read_as_one_by_itself() -> None:
    sampled = Sampled()
    document = json.loads(sampled.file(sampled.drawn))
    document["deltas"][2] = proof_file_json(sampled.log.absence("nobody", 2))
    raw = json.dumps(document).encode()
    python = python_answer(sampled.log.chain, raw, AGREED)
    agree(raw, python, page_answers(sampled.log.chain, [Question(raw, agreed=AGREED)])[0])
    assert python.failed is not None
    assert python.failed.name == "sample: drawing"
