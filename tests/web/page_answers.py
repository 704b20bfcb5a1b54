"""What the page's own script says of files, run by Node."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anchor.proof.bounds import ProofFileError, parse_json
from anchor.protocol.errors import hex_of
from anchor.verify.results import Verification
from anchor.verify.sampling import FORMAT, LARGEST_SAMPLE_FILE
from tests.verify.building import MemoryChain

ROOT = Path(__file__).parents[2]
NODE = ROOT / ".venv/bin/node"


@dataclass(frozen=True)
class Question:
    """A file, and, where no node is asked, the block that is trusted and the chain's evidence.

    ``now`` is the reader's time (ms); without it a final block may be of any age. ``agreed`` is what the
    reader names of a sample, as ``check_sample`` takes it. ``rpc`` are the nodes to ask, in place of a chain
    in memory.
    """

    raw: bytes
    trusted: bytes | None = None
    evidence: bytes | None = None
    now: int | None = None
    agreed: Mapping[str, int] = field(default_factory=dict)
    rpc: tuple[str, ...] = ()

    def line(self) -> str:
        parts = {"raw": self.raw, "evidence": self.evidence}
        texts = {name: base64.b64encode(part).decode() for name, part in parts.items() if part is not None}
        trusted = {} if self.trusted is None else {"trusted": hex_of(self.trusted)}
        now = {} if self.now is None else {"now": self.now}
        return json.dumps(texts | trusted | now | {"agreed": dict(self.agreed), "rpc": self.rpc})


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
                        "previousHead": hex_of(event.previous_head),
                        "newHead": hex_of(event.new_head),
                        "transactionHash": hex_of(event.transaction_hash),
                    }
                    for event in chain.events[at]
                ],
            }
            for at, block in enumerate(chain.blocks)
        ],
    }


def page_answers(chain: MemoryChain | None, questions: Sequence[Question]) -> list[dict[str, Any]]:
    """What the page's own script says of each file, asking the chain in memory where there is one."""
    setting = {
        "page": str(ROOT / "src/anchor/web/verify.html"),
        "chain": None if chain is None else dumped(chain),
    }
    run = subprocess.run(
        [NODE, ROOT / "tests/web/agreement.mjs"],
        input="\n".join([json.dumps(setting), *(question.line() for question in questions)]) + "\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    answers = [json.loads(line) for line in run.stdout.split("\n") if line]
    assert len(answers) == len(questions)
    return answers


def is_sample(raw: bytes) -> bool:
    """Whether the page takes a file for a sampled audit: it says so of itself."""
    try:
        value = parse_json(raw, LARGEST_SAMPLE_FILE)
    except ProofFileError:
        return False
    return isinstance(value, dict) and value.get("format") == FORMAT


def agree(about: object, python: Verification, page: dict[str, Any]) -> None:
    """Hold one file's two answers together; why a file is none may be worded otherwise."""
    if page["verdict"] == "valid":
        passed = {step["name"] for step in page["steps"] if step["outcome"] == "passed"}
        assert {"contract's log", "final block", "anchored root"} <= {
            name.partition(" (")[0] for name in passed
        }
        assert all(step["outcome"] != "failed" for step in page["steps"]), about
    ours = python.to_json()
    first = ours["steps"][0]["name"]
    if python.kind is not None and not first.startswith("evidence: "):
        for key in ("kind", "verdict", "steps", "statements"):
            assert page[key] == ours[key], about
        return
    assert (page["kind"], page["verdict"]) == (python.kind, python.verdict), about
    assert page["steps"][0]["name"] == first, about
    assert page["steps"][0]["found"] == ours["steps"][0]["found"], about
