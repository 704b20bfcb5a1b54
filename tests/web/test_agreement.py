"""Python, the page and the Solidity library judge ten thousand proof files alike.

Python and the page say the same word for word. The library checks what a contract can: the way from a
delta, a head or an absence to an anchored root, histories, consistency, and false balances.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from anchor.proof.bounds import ProofFileError
from anchor.proof.reading import parse_proof_file
from anchor.verify.results import Verification
from anchor.verify.verification import verify_proof
from anchor.verify.verifying_files import not_a_proof_file
from tests.contracts.conftest import Call, ProofLibrary, proof_library_on
from tests.fixtures.anvil import running_anvil
from tests.fixtures.eth_tester import Refusal
from tests.verify.building import MemoryChain
from tests.web.corpus import corpus
from tests.web.page_answers import Question, agree, page_answers
from tests.web.solidity import WITHOUT_COUNTERPART, solidity_calls


def python_answer(chain: MemoryChain, raw: bytes) -> Verification:
    try:
        proof = parse_proof_file(raw)
    except ProofFileError as error:
        return not_a_proof_file(error)
    return verify_proof(proof, chain, finality="latest")


class SolidityVerdicts:
    """Holds the library against Python: it accepts what Python finds nothing wrong with, file by file."""

    def __init__(self, library: ProofLibrary) -> None:
        self.library = library
        self.pending: list[tuple[bytes, list[Call], bool]] = []
        self.accepted = self.refused = 0

    def add(self, raw: bytes, with_chain: Verification) -> None:
        """Note a file, where the library has a check for its claim, and what Python says with the chain."""
        try:
            proof = parse_proof_file(raw)
        except ProofFileError:
            return
        calls = solidity_calls(proof)
        failed = None if with_chain.failed is None else verify_proof(proof, None).failed
        if calls is None or (failed is not None and failed.name.partition(" (")[0] in WITHOUT_COUNTERPART):
            return
        self.pending.append((raw, [Call(*call) for call in calls], failed is None))

    def settle(self) -> None:
        """Ask for all that was noted."""
        outcomes = iter(self.library.outcomes([call for _, calls, _ in self.pending for call in calls]))
        for raw, calls, expected in self.pending:
            refusals = [isinstance(next(outcomes), Refusal) for _ in calls]
            accepted = not any(refusals)
            assert accepted == expected, raw
            self.accepted += accepted
            self.refused += not accepted
        self.pending.clear()


def check(seeds: int, each: int, claims: int, solidity: SolidityVerdicts) -> Counter[str]:
    seen: Counter[str] = Counter()
    for chain, files in corpus(seeds, each, claims):
        for raw, page in zip(files, page_answers(chain, [Question(raw) for raw in files]), strict=True):
            python = python_answer(chain, raw)
            agree(raw, python, page)
            solidity.add(raw, python)
            failed = "" if python.failed is None else python.failed.name.partition(" (")[0]
            seen[f"{python.verdict} {failed}".strip()] += 1
        solidity.settle()
    return seen


@pytest.fixture(scope="module")
def solidity() -> Iterator[SolidityVerdicts]:
    """The library on Anvil, which computes faster than the chain in Python."""
    with running_anvil("--gas-limit", "1000000000") as anvil:
        yield SolidityVerdicts(proof_library_on(anvil.web3()))


def test_python_the_page_and_solidity_agree_on_some_hundred_proof_files(solidity: SolidityVerdicts) -> None:
    seen = check(1, 3, 5, solidity)
    assert seen["valid"] >= 27


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_python_the_page_and_solidity_agree_on_ten_thousand_proof_files(solidity: SolidityVerdicts) -> None:
    seen = check(4, 16, 41, solidity)
    # What all three judged; Python and the page judged the rest of the corpus, too.
    assert solidity.accepted + solidity.refused >= 10_000
    assert solidity.accepted >= 1_500
    assert solidity.refused >= 6_000
    assert seen["valid"] >= 4 * 150
    # The corpus goes everywhere: no step that can fail is left out.
    for step in (
        "file: json",
        "file: shape",
        "identity proof",
        "log id",
        "ledger inclusion",
        "map presence",
        "map absence",
        "history path",
        "consistency",
        "all deltas",
        "balances",
        "times",
        "contradiction",
        "block",
        "transaction",
        "anchored event",
        "current head",
    ):
        assert seen[f"invalid {step}"], f"no file failed at {step}"
    assert seen["not_checked_against_a_chain chain"]
