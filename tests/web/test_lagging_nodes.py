"""Python and the page say the same of a node that stands still at an old block, whole seconds and all."""

from __future__ import annotations

import json
from dataclasses import replace

from anchor.node.view import OLDEST_FINAL_BLOCK, Clock
from anchor.proof.reading import parse_proof_file
from anchor.proof.writing import proof_file_json
from anchor.verify import verify_file, write_proof_file
from anchor.verify.verification import verify_proof
from tests.verify.building import MemoryChain, example_log
from tests.web.odd_nodes import Odd, odd_node, spoiled
from tests.web.page_answers import Question, agree, page_answers


def test_python_and_the_page_agree_on_a_node_that_stands_still() -> None:
    log = example_log(1)
    location = log.locations[2][2]
    assert location is not None
    seen = location.block_number + 1
    still = MemoryChain(log.log_id)
    still.blocks, still.heads = log.chain.blocks[:seen], log.chain.heads[:seen]
    still.events, still.pins = log.chain.events[:seen], log.chain.pins[:seen]
    last = (still.blocks[-1].timestamp + OLDEST_FINAL_BLOCK) * 1000
    proofs = [log.freshness("B6", 2, "mile"), log.delta("UA", 4, 2, "mile"), log.freshness("B6", 1, "mile")]
    questions = [Question(write_proof_file(proof), now=now) for proof in proofs for now in (last, last + 1)]
    verdicts = []
    for question, page in zip(questions, page_answers(still, questions), strict=True):
        proof = proofs[len(verdicts) // 2]
        assert question.now is not None
        python = verify_proof(proof, still, finality="latest", clock=Clock(question.now))
        agree(question, python, page)
        verdicts.append(python.verdict)
    unchecked = "not_checked_against_a_chain"
    assert verdicts == ["valid", unchecked, "valid", "valid", "invalid", "invalid"]


def test_a_node_that_has_not_come_to_the_contract_yet_refutes_nothing() -> None:
    log = example_log(1)
    before, after = MemoryChain(log.log_id), MemoryChain(log.log_id)
    before.anchored_log = after.anchored_log = None
    after.mine(10)
    named = write_proof_file(log.delta("UA", 4, 2, "mile"))
    honest = {"": Odd("nothing", "", spoiled(lambda body: body))}
    unchecked = "not_checked_against_a_chain"
    for chain, verdict, told in ((before, unchecked, "The node lags behind"), (after, "invalid", "none at")):
        with odd_node(chain, honest) as url:
            question = Question(named, rpc=(url,))
            python = verify_file(named, rpc=url, finality="latest")
            agree(question, python, page_answers(None, [question])[0])
            assert python.failed is not None
            assert (python.verdict, python.failed.name) == (verdict, "contract")
            assert told in python.failed.explanation


def test_a_block_that_is_older_than_a_batch_refutes_no_root_of_it() -> None:
    log = example_log(1)
    whole = proof_file_json(log.delta("UA", 8, 3, "mile"))
    batch = whole["head"]["batch"]
    for name in ("transactionHash", "blockNumber", "blockHash"):
        del batch["anchors"][0][name]
    through = json.dumps(whole).encode()
    del batch["anchors"][0]["through"]
    unanchored = json.dumps(whole).encode()
    seen = []
    log.chain.heads[-1] = bytes(32)
    for sealed in (1, 3):
        # The newest block is a second after this batch was sealed.
        at = log.batches[sealed - 1].batch.sealed_at // 1000 + 1
        log.chain.blocks[-1] = replace(log.chain.blocks[-1], timestamp=at)
        questions = [Question(unanchored), Question(through)]
        for question, page in zip(questions, page_answers(log.chain, questions), strict=True):
            python = verify_proof(parse_proof_file(question.raw), log.chain, finality="latest")
            agree(question, python, page)
            assert python.failed is not None
            assert python.failed.name == "contract's head"
            seen.append((python.verdict, "before batch" in python.failed.explanation))
    unchecked = "not_checked_against_a_chain"
    # Batch 3 was sealed before the newest block of the second round, batch 4 after it.
    assert seen == [(unchecked, True), (unchecked, True), ("invalid", False), (unchecked, True)]
