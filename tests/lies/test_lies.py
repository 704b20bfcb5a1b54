"""No lie is valid, and no honest file is refused: at random, over every kind of claim, with a seed.

An operator that writes what it likes, a thief of the submitter's key and a counterparty that pieces files
together make tens of thousands of files. The world knows what is true; a file that is called valid has to
say nothing else.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from anchor.proof.bounds import ProofFileError
from anchor.proof.reading import parse_proof_file
from anchor.proof.values import ProofFile
from anchor.proof.writing import write_proof_file
from anchor.verify.results import Verification
from anchor.verify.verification import verify_proof
from tests.lies.files import honest_files, pieced_together, places, told_file
from tests.lies.truth import require_true
from tests.lies.worlds import World, honest_world, lying_world

pytestmark = pytest.mark.slow

HONEST_WORLDS = 250
LYING_WORLDS = 400
FILES_OF_A_WORLD = 50
PARTS = 4
"""The worlds are shared out over so many tests, for processes to run beside one another."""


def verified(world: World, proof: ProofFile) -> Verification | None:
    """What the verifier says of a file as read from its text; None where it cannot be written or read."""
    try:
        again = parse_proof_file(write_proof_file(proof))
    except (ProofFileError, ValueError, TypeError, AttributeError, OverflowError):
        return None
    return verify_proof(again, world.chain, finality="latest")


@pytest.mark.parametrize("part", range(PARTS))
def test_every_honest_file_is_valid_and_true(part: int) -> None:
    kinds: Counter[str] = Counter()
    for seed in range(part, HONEST_WORLDS, PARTS):
        world = honest_world(seed)
        rng = Random(seed)
        for _ in range(2):
            for proof in honest_files(world, rng):
                answer = verified(world, proof)
                assert answer is not None
                assert answer.valid, (seed, proof.kind, answer.failed)
                require_true(world, proof, answer)
                kinds[proof.kind] += 1
    assert {"delta", "balance", "period", "absence", "freshness", "consistency"} <= kinds.keys()


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_false_is_valid_whoever_made_it(part: int) -> None:
    verdicts: Counter[tuple[str, str]] = Counter()
    for seed in range(part, LYING_WORLDS, PARTS):
        world = lying_world(seed)
        rng = Random(seed)
        if not places(world):
            continue
        for at in range(FILES_OF_A_WORLD):
            proof = told_file(world, rng) if at % 2 else pieced_together(world, rng)
            answer = verified(world, proof)
            if answer is None:
                verdicts[proof.kind, "unreadable"] += 1
                continue
            verdicts[proof.kind, answer.verdict] += 1
            if answer.valid:
                require_true(world, proof, answer)
    # The machine proves nothing where it makes nothing that is valid, or nothing that is not.
    for kind in ("delta", "balance", "period", "absence", "consistency", "fraud"):
        assert verdicts[kind, "valid"] > 0, (kind, verdicts)
        assert verdicts[kind, "invalid"] > 0, (kind, verdicts)


@pytest.mark.parametrize("part", range(PARTS))
def test_nobody_makes_an_honest_operator_look_dishonest(part: int) -> None:
    """Files pieced together from an honest log's: what is valid is true, and no fraud is."""
    for seed in range(part, HONEST_WORLDS, PARTS):
        world = honest_world(seed)
        rng = Random(seed + 1)
        for _ in range(FILES_OF_A_WORLD // 2):
            proof = pieced_together(world, rng)
            answer = verified(world, proof)
            if answer is not None and answer.valid:
                require_true(world, proof, answer)
