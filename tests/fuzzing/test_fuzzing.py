"""Each reader of what others send, fuzzed for a while; and what fuzzing once found, again.

With Atheris where it is installed (it is led by what the code reaches), else with mutations alone. What it
reached is put to the page too: both verifiers have to say the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest

from anchor.verify import Verification, verify_file
from anchor.verify.sampling import check_sample
from tests.fuzzing.targets import TARGETS, Target
from tests.web.evidence_corpus import spoiled
from tests.web.page_answers import NODE, ROOT, Question, agree, is_sample, page_answers

REGRESSIONS = Path(__file__).parent / "regressions"
PAGE_RUNS = 5_000
MOST_COMPARED = 300
FLAGS = ("-seed=1", "-max_len=20000", "-timeout=10", "-rss_limit_mb=1024", "-verbosity=0")


def fuzzed(name: str, corpus: Path) -> None:
    """Fuzz a target; the inputs that reached something new are in the folder then."""
    if find_spec("atheris") is None:
        mutate(TARGETS[name], corpus)
        return
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzzing.fuzz", name, corpus, f"-runs={TARGETS[name].runs}", *FLAGS],
        cwd=corpus.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    left = [path for path in corpus.parent.iterdir() if path.is_file()]
    assert run.returncode == 0, (run.stderr[-3000:], [(path.name, path.read_bytes()) for path in left])


def mutate(target: Target, corpus: Path) -> None:
    """Where Atheris does not run: some mutations of the seeds, each of which has to be answered."""
    random, seeds = Random(1), target.seeds()
    corpus.mkdir(exist_ok=True)
    for number in range(target.runs):
        data = spoiled(random.choice(seeds), random)
        target.run(data)
        if number < MOST_COMPARED:
            (corpus / f"{number}").write_bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_whatever_is_sent_is_answered_or_refused_and_alike_by_both(name: str, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    fuzzed(name, corpus)
    reached = [path.read_bytes() for path in sorted(corpus.iterdir())]
    assert reached
    compared_alike(TARGETS[name], Random(1).sample(reached, min(len(reached), MOST_COMPARED)))


def python_answer(question: Question) -> Verification:
    """What Python says of a file without a node, or of a sampled audit."""
    if is_sample(question.raw):
        return check_sample(question.raw, None)
    return verify_file(
        question.raw, evidence=question.evidence, block_hash=question.trusted, finality="latest"
    )


def compared_alike(target: Target, inputs: list[bytes]) -> None:
    """Put the inputs to Python and to the page."""
    if target.question is None:
        return
    questions = [target.question(data) for data in inputs]
    for question, page in zip(questions, page_answers(None, questions), strict=True):
        python = python_answer(question)
        damaged = [python.steps[-1].explanation, page["steps"][-1]["explanation"]]
        if any("is damaged" in line for line in damaged):
            assert python.verdict == page["verdict"] == "invalid", question
        else:
            agree(question, python, page)


@pytest.mark.parametrize(
    "path", sorted(REGRESSIONS.glob("*/*")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_what_was_found_once_is_answered(path: Path) -> None:
    target, data = TARGETS[path.parent.name], path.read_bytes()
    target.run(data)
    compared_alike(target, [data])


@pytest.mark.parametrize("name", TARGETS)
def test_what_fuzzing_begins_with_reaches_what_is_fuzzed(name: str) -> None:
    target = TARGETS[name]
    seeds = target.seeds()
    for seed in seeds:
        target.run(seed)
    compared_alike(target, seeds)


@pytest.mark.slow
def test_the_page_answers_whatever_is_dropped_on_it() -> None:
    questions = [
        target.question(seed) for target in TARGETS.values() if target.question for seed in target.seeds()
    ]
    setting = {"page": str(ROOT / "src/anchor/web/verify.html"), "seed": 1, "runs": PAGE_RUNS}
    run = subprocess.run(
        [NODE, ROOT / "tests/web/mutations.mjs"],
        input="\n".join([json.dumps(setting), *(one.line() for one in questions)]) + "\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, (run.stdout, run.stderr[-3000:])
    answer = json.loads(run.stdout)
    assert set(answer["verdicts"]) == {"valid", "invalid", "not_checked_against_a_chain"}


def test_the_made_up_block_is_one_that_a_proof_is_valid_against() -> None:
    for name in ("state_proof", "evidence"):
        target = TARGETS[name]
        assert target.question is not None
        asked = target.question(target.seeds()[0])
        assert verify_file(asked.raw, evidence=asked.evidence, block_hash=asked.trusted).valid
