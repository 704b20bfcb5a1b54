"""Python and the page say the same of ten thousand proof files, word for word."""

from __future__ import annotations

import base64
import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from anchor.protocol.errors import hex_of
from anchor.verify.proof_reading import parse_proof_file
from anchor.verify.results import Verification
from anchor.verify.strict_json import ProofFileError
from anchor.verify.verification import verify_proof
from anchor.verify.verifying_files import not_a_proof_file
from tests.verify.building import MemoryChain
from tests.web.corpus import corpus

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


def check(seeds: int, each: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    for chain, files in corpus(seeds, each):
        for raw, page in zip(files, page_answers(chain, files), strict=True):
            python = python_answer(chain, raw)
            agree(raw, python, page)
            failed = "" if python.failed is None else python.failed.name.partition(" (")[0]
            seen[f"{python.verdict} {failed}".strip()] += 1
    return seen


def test_python_and_the_page_agree_on_some_hundred_proof_files() -> None:
    seen = check(seeds=1, each=15)
    assert seen["valid"] >= 27


@pytest.mark.slow
def test_python_and_the_page_agree_on_ten_thousand_proof_files() -> None:
    seen = check(seeds=5, each=75)
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
        "contradiction",
        "block",
        "transaction",
        "anchored event",
        "current head",
    ):
        assert seen[f"invalid {step}"], f"no file failed at {step}"
    assert seen["not_checked_against_a_chain chain"]
