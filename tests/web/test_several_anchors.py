"""A batch with several anchors in one contract: one that holds is enough, and their order says nothing."""

from __future__ import annotations

import json
from itertools import permutations

import pytest

from anchor.proof.reading import parse_proof_file
from anchor.proof.writing import proof_file_json
from anchor.verify import verify_file
from anchor.verify.verification import verify_proof
from tests.verify.building import example_log
from tests.web.odd_nodes import Odd, odd_node, refused, replaced
from tests.web.page_answers import Question, agree, page_answers

UNCHECKED = "not_checked_against_a_chain"


def orders(*names: str) -> list[bytes]:
    """A proof file whose batch has these anchors, in every order."""
    log = example_log(1)
    whole = proof_file_json(log.delta("UA", 4, 2, "mile", named=False))
    batch = whole["head"]["batch"]
    good = batch["anchors"][0]
    kinds = {
        "good": good,
        "other transaction": good | {"transactionHash": "0x" + "11" * 32},
        "other block": good | {"blockHash": "0x" + "22" * 32},
        "not final": good | {"blockNumber": 10**6},
        "elsewhere": good | {"chainId": 5},
    }
    files = []
    for order in permutations(names):
        batch["anchors"] = [kinds[name] for name in order]
        files.append(json.dumps(whole).encode())
    return files


@pytest.mark.parametrize(
    ("names", "verdict"),
    [
        (("good", "other transaction", "not final"), "valid"),
        (("other transaction", "not final"), UNCHECKED),
        (("other transaction", "not final", "elsewhere", "other block"), UNCHECKED),
        (("other transaction", "other block", "elsewhere"), "invalid"),
        (("elsewhere",), UNCHECKED),
    ],
)
def test_the_order_of_anchors_decides_nothing(names: tuple[str, ...], verdict: str) -> None:
    chain, files = example_log(1).chain, orders(*names)
    for raw, page in zip(files, page_answers(chain, [Question(raw) for raw in files]), strict=True):
        python = verify_proof(parse_proof_file(raw), chain, finality="latest")
        agree(raw, python, page)
        assert python.verdict == verdict


@pytest.mark.parametrize(
    ("odd", "verdict"),
    [
        (Odd("no block", "eth_getBlockByNumber", replaced(3)), UNCHECKED),
        (Odd("no events", "eth_getLogs", replaced(3)), UNCHECKED),
        # The batch is pinned.
        (Odd("events refused", "eth_getLogs", refused({"message": "pruned"}, result=False)), "valid"),
    ],
)
def test_a_node_that_gives_out_on_the_way_leaves_the_same_steps(odd: Odd, verdict: str) -> None:
    files = orders("other transaction", "not final", "good")
    with odd_node(example_log(1).chain, {"odd": odd}) as url:
        questions = [Question(raw, rpc=(f"{url}/odd",)) for raw in files]
        for question, page in zip(questions, page_answers(None, questions), strict=True):
            python = verify_file(question.raw, rpc=question.rpc, finality="latest")
            agree(question, python, page)
            assert python.verdict == verdict
