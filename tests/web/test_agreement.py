"""Python, the page and the Solidity library judge ten thousand proof files alike.

Python and the page say the same word for word. The library checks what a contract can: the way from a
delta, a head or an absence to an anchored root, histories, consistency, and false balances.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anchor.protocol.errors import hex_of
from anchor.verify.proof_reading import parse_proof_file
from anchor.verify.results import Verification
from anchor.verify.strict_json import ProofFileError
from anchor.verify.verification import verify_proof
from anchor.verify.verifying_files import not_a_proof_file
from tests.contracts.conftest import Call, ProofLibrary, proof_library_on
from tests.fixtures.anvil import running_anvil
from tests.fixtures.eth_tester import Refusal
from tests.verify.building import MemoryChain
from tests.web.corpus import corpus
from tests.web.solidity import WITHOUT_COUNTERPART, solidity_calls

ROOT = Path(__file__).parents[2]
NODE = ROOT / ".venv/bin/node"


def dumped(chain: MemoryChain) -> dict[str, Any]:
    """The chain in memory, as the other side reads it."""
    assert chain.anchored_log is not None
    return {
        "id": chain.id,
        "contract": hex_of(chain.contract),
        "logId": hex_of(chain.anchored_log),
        "blocks": [
            {
                "number": block.number,
                "hash": hex_of(block.hash),
                "timestamp": block.timestamp,
                "head": hex_of(chain.heads[at]),
                "pins": {hex_of(root): time for root, time in chain.pins[at].items()},
                "events": [
                    {
                        "number": event.number,
                        "newHead": hex_of(event.new_head),
                        "transactionHash": hex_of(event.transaction_hash),
                    }
                    for event in chain.events[at]
                ],
            }
            for at, block in enumerate(chain.blocks)
        ],
    }


def page_answers(chain: MemoryChain, files: list[bytes]) -> list[dict[str, Any]]:
    """What the page's own script says of each file."""
    given = [
        json.dumps({"page": str(ROOT / "src/anchor/web/verify.html"), "chain": dumped(chain)}),
        *(base64.b64encode(raw).decode() for raw in files),
    ]
    run = subprocess.run(
        [NODE, ROOT / "tests/web/agreement.mjs"],
        input="\n".join(given) + "\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(answers) == len(files)
    return answers


def python_answer(chain: MemoryChain, raw: bytes) -> Verification:
    try:
        proof = parse_proof_file(raw)
    except ProofFileError as error:
        return not_a_proof_file(error)
    return verify_proof(proof, chain, finality="latest")


def agree(raw: bytes, python: Verification, page: dict[str, Any]) -> None:
    """Hold one file's two answers together; why a file is none may be worded otherwise."""
    ours = python.to_json()
    if python.kind is None:
        assert page["kind"] is None, raw
        assert (page["verdict"], page["steps"][0]["name"]) == ("invalid", ours["steps"][0]["name"]), raw
        if ours["steps"][0]["name"] != "file: json":
            assert page["steps"][0]["found"] == ours["steps"][0]["found"], raw
        return
    for key in ("kind", "verdict", "steps", "statements"):
        assert page[key] == ours[key], raw


class SolidityVerdicts:
    """Holds the library against Python: it accepts what Python finds nothing wrong with, file by file."""

    def __init__(self, library: ProofLibrary) -> None:
        self.library = library
        self.pending: list[tuple[bytes, list[Call], bool]] = []
        self.accepted = self.refused = 0

    def add(self, raw: bytes) -> None:
        """Note a file, where the library has a check for its claim."""
        try:
            proof = parse_proof_file(raw)
        except ProofFileError:
            return
        calls = solidity_calls(proof)
        failed = verify_proof(proof, None).failed
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


def check(seeds: int, each: int, solidity: SolidityVerdicts) -> Counter[str]:
    seen: Counter[str] = Counter()
    for chain, files in corpus(seeds, each):
        for raw, page in zip(files, page_answers(chain, files), strict=True):
            python = python_answer(chain, raw)
            agree(raw, python, page)
            solidity.add(raw)
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
    seen = check(1, 15, solidity)
    assert seen["valid"] >= 27


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_python_the_page_and_solidity_agree_on_ten_thousand_proof_files(solidity: SolidityVerdicts) -> None:
    seen = check(5, 75, solidity)
    assert solidity.accepted >= 200
    assert solidity.refused >= 2_000
    assert seen.total() >= 10_000
    assert seen["valid"] >= 5 * 27
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
