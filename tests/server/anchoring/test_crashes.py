"""A worker that is killed at every instant of a cycle, and started again.

The invariants: the contract's heads are one line of our batches, each at most once and in order; nothing
that was pending is forgotten; nothing that was signed was signed twice for one plan.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from anchor.protocol.identities import IdentityKey
from anchor.server.anchoring.status import read_status
from anchor.server.ledger.clock import SystemClock
from anchor.server.ledger.log import create_log
from anchor.server.storage.database import Database
from tests.fixtures.anchoring import Bench, bench_on
from tests.fixtures.anvil import Anvil
from tests.fixtures.logs import FOUNDER

ROOT = Path(__file__).resolve().parents[3]
IDENTITY_SECRET = bytes(range(32))
IDENTITY = IdentityKey(IDENTITY_SECRET)


class CrashingWorker:
    """The process that forks workers and lets them die."""

    def __init__(self, bench: Bench) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.server.anchoring.crashing_worker"],
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
                "identity": IDENTITY_SECRET.hex(),
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


@pytest.fixture(params=["sqlite", "postgresql"])
def crashing_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database that outlives the processes; in memory where there is a file system of that kind, since
    no power fails here and thousands of transactions need not wait for a disk."""
    if request.param == "postgresql":
        yield request.getfixturevalue("postgresql_database")
        return
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        database = Database.open(f"sqlite:///{folder}/log.db")
        database.migrate()
        yield database
        database.close()


@pytest.fixture
def real_log(anvil: Anvil, crashing_database: Database) -> Bench:
    """A log with an identity of its own, whose batches the service itself seals."""
    log = create_log(crashing_database, IDENTITY, FOUNDER, SystemClock())
    return bench_on(anvil, crashing_database, log_id=log.log_id)


@pytest.fixture
def worker(real_log: Bench) -> Iterator[CrashingWorker]:
    crashing = CrashingWorker(real_log)
    yield crashing
    crashing.stop()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_worker_killed_at_any_instant_of_a_cycle_loses_nothing_and_anchors_nothing_twice(
    real_log: Bench, worker: CrashingWorker
) -> None:
    bench = real_log
    worker.run(None)
    bench.check_caught_up()
    whole = worker.run(None)["instants"]
    bench.check_caught_up()
    assert whole > 60
    batches = 2
    # Every instant on SQLite; every fifth on PostgreSQL, whose transactions are the only difference.
    for kill_at in range(1, whole + 1, 1 if bench.database.dialect == "sqlite" else 5):
        assert worker.run(kill_at) == {"signal": 9}, kill_at
        # Started again, it takes up what was left, and records, seals and anchors one more.
        assert "instants" in worker.run(None), kill_at
        # The line of heads never forgets: what went wrong would be found at the next whole check.
        if kill_at % 8 == 0:
            bench.check_caught_up()
        states = bench.states()
        assert set(states) <= {"final", "mined", "superseded"}, (kill_at, states)
        new = len(bench.anchor_rows()) - batches
        assert new in (1, 2), kill_at
        batches += new
    bench.check_caught_up()
    assert bench.alarms() == {}
    status = read_status(bench.database, SystemClock())
    assert status.delta_count >= batches
    assert (status.lag_ms, status.unsealed_since) == (0, None)
    # Each plan was signed once: whatever was stored was sent again, unchanged.
    signed = [attempt.send for attempt in bench.attempt_rows()]
    assert len(signed) == len(set(signed))
