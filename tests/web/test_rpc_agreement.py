"""Python and the page judge alike what a node answers, however odd it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from anchor.verify import verify_file, write_proof_file
from anchor.verify.results import Verification
from tests.verify.building import MemoryChain, example_log
from tests.web.odd_nodes import METHODS, TOO_DEEP, Odd, odd_answers, odd_node, spoiled
from tests.web.page_answers import Question, page_answers

UNCHECKED = "not_checked_against_a_chain"


def asked(
    chain: MemoryChain, raw: bytes, answers: Sequence[Odd]
) -> list[tuple[Odd, Verification, dict[str, Any]]]:
    """What each odd answer is, and what Python and the page say of a file, asking a node that gives it."""
    with odd_node(chain, {str(number): odd for number, odd in enumerate(answers)}) as url:
        rpcs = [(f"{url}/{number}",) for number in range(len(answers))]
        pages = page_answers(None, [Question(raw, rpc=rpc) for rpc in rpcs])
        return [
            (odd, verify_file(raw, rpc=rpc, finality="latest"), page)
            for odd, rpc, page in zip(answers, rpcs, pages, strict=True)
        ]


def test_python_and_the_page_agree_on_every_odd_answer() -> None:
    log = example_log(2)
    seen: Counter[str] = Counter()
    raw = write_proof_file(log.delta("AA", 2, 1, "mile", named=False))
    for odd, python, page in asked(log.chain, raw, list(odd_answers())):
        ours = python.to_json()
        for key in ("verdict", "steps", "statements"):
            assert page[key] == ours[key], (odd.method, odd.name)
        seen[python.verdict] += 1
    # An odd answer refutes nothing but where it is a whole answer, and another one.
    assert seen[UNCHECKED] > 10 * seen["invalid"]
    assert seen["valid"] >= 20


def test_an_answer_that_nests_too_deep_leaves_a_file_unchecked() -> None:
    log = example_log(2)
    raw = write_proof_file(log.delta("AA", 2, 1, "mile", named=False))
    answers = [Odd(name, method, spoiled(make)) for method in METHODS for name, make in TOO_DEEP.items()]
    for odd, python, page in asked(log.chain, raw, answers):
        assert (python.verdict, page["verdict"]) == (UNCHECKED, UNCHECKED), odd.name
