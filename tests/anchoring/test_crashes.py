"""A worker that is killed at every instant of a cycle, and started again.

The invariants: the contract's heads are one line of our batches, each at most once and in order; nothing
that was pending is forgotten; nothing that was signed was signed twice for one plan.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.anchoring import Bench

ROOT = Path(__file__).resolve().parents[2]


class CrashingWorker:
    """The process that forks workers and lets them die."""

    def __init__(self, bench: Bench) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.anchoring.crashing_worker"],
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(
            {
                "database": bench.database.engine.url.render_as_string(hide_password=False),
                "rpc": bench.anvil.url,
                "contract": bench.contract.hex(),
                "secret": bench.anvil.accounts[1].private_key[2:],
            }
        )

    def run(self, kill_at: int | None) -> dict[str, Any]:
        """Let a worker do one cycle, killed at an instant of it; say how it ended."""
        self._say({"kill_at": kill_at})
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def _say(self, content: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(content) + "\n")
        self._process.stdin.flush()


@pytest.fixture
def worker(bench: Bench) -> Iterator[CrashingWorker]:
    crashing = CrashingWorker(bench)
    yield crashing
    crashing.stop()


@pytest.mark.slow
def test_a_worker_killed_at_any_instant_of_a_cycle_loses_nothing_and_anchors_nothing_twice(
    bench: Bench, worker: CrashingWorker
) -> None:
    worker.run(None)
    bench.check_caught_up()
    whole = worker.run(None)["instants"]
    bench.check_caught_up()
    assert whole > 60
    batches = 2
    for kill_at in range(1, whole + 1):
        assert worker.run(kill_at) == {"signal": 9}, kill_at
        # Started again, it takes up what was left, and seals and anchors one more.
        assert "instants" in worker.run(None), kill_at
        bench.check_caught_up()
        states = bench.states()
        assert set(states) <= {"final", "mined", "superseded"}, (kill_at, states)
        new = len(bench.anchor_rows()) - batches
        assert new in (1, 2), kill_at
        batches += new
    assert bench.alarms() == {}
    # Each plan was signed once: whatever was stored was sent again, unchanged.
    signed = [attempt.send for attempt in bench.attempt_rows()]
    assert len(signed) == len(set(signed))
