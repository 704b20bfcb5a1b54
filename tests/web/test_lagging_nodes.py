"""Python and the page say the same of a node that stands still at an old block, whole seconds and all."""

from __future__ import annotations

from anchor.verify import write_proof_file
from anchor.verify.chain_view import OLDEST_FINAL_BLOCK, Clock
from anchor.verify.verification import verify_proof
from tests.verify.building import MemoryChain, example_log
from tests.web.page_answers import Question, agree, page_answers


def test_python_and_the_page_agree_on_a_node_that_stands_still() -> None:
    log = example_log(1)
    location = log.locations[2][2]
    assert location is not None
    seen = location.block_number + 1
    still = MemoryChain(log.key.log_id)
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
