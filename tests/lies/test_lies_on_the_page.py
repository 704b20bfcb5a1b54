"""The page says of every lie, and of every honest file, what Python says: the same steps and sentences."""

from __future__ import annotations

from random import Random

import pytest

from anchor.proof.values import ProofFile
from anchor.proof.writing import write_proof_file
from tests.lies.files import honest_files, pieced_together, places, told_file
from tests.lies.test_lies import verified
from tests.lies.worlds import World, honest_world, lying_world
from tests.web.page_answers import Question, agree, page_answers

pytestmark = pytest.mark.slow

FILES_OF_A_WORLD = 60


def files_of(world: World, rng: Random) -> list[ProofFile]:
    """Some files of a world that can be written down."""
    if world.honest:
        made = [proof for _ in range(4) for proof in honest_files(world, rng)]
    else:
        made = [(told_file if at % 2 else pieced_together)(world, rng) for at in range(FILES_OF_A_WORLD)]
    return [proof for proof in made if verified(world, proof) is not None]


@pytest.mark.parametrize("seed", range(14))
def test_the_page_and_python_judge_every_lie_alike(seed: int) -> None:
    world = honest_world(seed) if seed % 4 == 0 else lying_world(seed)
    if not places(world):
        pytest.fail("the world of this seed holds nothing")
    files = files_of(world, Random(seed))
    answers = page_answers(world.chain, [Question(write_proof_file(proof)) for proof in files])
    for at, (proof, page) in enumerate(zip(files, answers, strict=True)):
        python = verified(world, proof)
        assert python is not None
        agree((seed, at, proof.kind), python, page)
