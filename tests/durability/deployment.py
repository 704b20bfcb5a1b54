"""Real ``anchor serve`` processes over a real database, a load on them, and a check of what they said."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from sqlalchemy import text

from anchor.server.ledger.log import open_log
from anchor.server.ledger.receipt_ids import ReceiptIds
from anchor.server.service.initializing import initialise
from anchor.server.storage.database import Database
from tests.fixtures.logs import FOUNDER

_MAIN = "from anchor.cli.main import main; main()"
CUSTOMERS = 5


def until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """Return the condition's first true value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"it did not come true in {seconds} s: {what}")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class Process:
    """One process of Anchor's; what it prints goes to a file."""

    def __init__(self, log: Path, *arguments: object, env: dict[str, str] | None = None) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANCHOR_")}
        self.log = log
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-c", _MAIN, *map(str, arguments)],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment | (env or {}),
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    def kill(self) -> None:
        """SIGKILL it, and wait until it is gone."""
        self.popen.send_signal(signal.SIGKILL)
        assert self.popen.wait(30) == -signal.SIGKILL

    def end(self) -> None:
        """End it, whatever state it is in."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait(30)


class Server(Process):
    """A serving process on a port of its own."""

    def __init__(self, directory: Path, log: Path, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(log, "serve", "--data", directory, "--port", self.port)

    def wait_until_ready(self) -> None:
        def ready() -> bool:
            assert self.popen.poll() is None, self.log.read_text()
            try:
                return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
            except httpx.TransportError:
                return False

        until(ready, f"{self.url} is ready")


class Acknowledged(NamedTuple):
    """What a server said of a delta."""

    receipt_id: str
    index: int
    fingerprint: str


@dataclass
class Deployment:
    """A data directory, its first key, and everything that any server of it acknowledged."""

    directory: Path
    key: str
    database_url: str
    acknowledged: dict[tuple[str, str], Acknowledged] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _started: list[Process] = field(default_factory=list)

    def server(self, port: int | None = None) -> Server:
        """Start one more server; it ends with the test at the latest."""
        server = Server(self.directory, self.directory.parent / f"server-{len(self._started)}.log", port)
        self._started.append(server)
        return server

    def process(self, *arguments: object, env: dict[str, str] | None = None) -> Process:
        """Start one more process of Anchor's."""
        process = Process(self.directory.parent / f"process-{len(self._started)}.log", *arguments, env=env)
        self._started.append(process)
        return process

    def end(self) -> None:
        for process in self._started:
            process.end()

    def emit(self, client: httpx.Client, deltas: Sequence[dict[str, Any]]) -> httpx.Response:
        """Send a batch, and hold what is acknowledged against what was acknowledged before."""
        answer = client.post("/api/v1/balance/delta/batch", json={"deltas": list(deltas)})
        if answer.status_code == 200:
            for delta, result in zip(deltas, answer.json()["results"], strict=True):
                assert "problem" not in result, result
                said = Acknowledged(result["receiptId"], result["index"], result["fingerprint"])
                with self._lock:
                    first = self.acknowledged.setdefault((delta["customerId"], delta["referenceId"]), said)
                assert said == first, f"a retry was answered {said}, the first time {first}"
        return answer

    def client_of(self, url: str) -> httpx.Client:
        """Return a client of one server."""
        return httpx.Client(base_url=url, headers={"X-Api-Key": self.key}, timeout=30)

    def check(self) -> None:
        """Check the database itself: every acknowledged delta is there, and every ledger is whole."""
        database = Database.open(self.database_url)
        try:
            with database.read() as connection:
                rows = connection.execute(
                    text(
                        'SELECT l.id, l.customer_id, d."index", d.reference_id, d.fingerprint, d.amount, '
                        'd.balance FROM deltas d JOIN ledgers l ON l.id = d.ledger ORDER BY l.id, d."index"'
                    )
                ).all()
                sizes = {row.id: row.size for row in connection.execute(text("SELECT id, size FROM ledgers"))}
            ids = ReceiptIds(open_log(database).receipt_key)
        finally:
            database.close()
        found: dict[tuple[str, str], tuple[int, int, str]] = {}
        counts: dict[int, int] = defaultdict(int)
        balances: dict[int, int] = defaultdict(int)
        for row in rows:
            assert row.index == counts[row.id], f"a gap in ledger {row.id}"
            counts[row.id] += 1
            balances[row.id] += int(row.amount)
            assert int(row.balance) == balances[row.id]
            key = (row.customer_id, row.reference_id)
            assert key not in found, f"{key} is on record twice"
            found[key] = (row.id, row.index, "0x" + bytes(row.fingerprint).hex())
        assert {ledger: size for ledger, size in sizes.items() if size} == dict(counts)
        for key, said in self.acknowledged.items():
            assert key in found, f"{key} was acknowledged and is lost"
            ledger, index, fingerprint = found[key]
            assert (index, fingerprint) == (said.index, said.fingerprint)
            assert ids.read(said.receipt_id) == (ledger, index)


@contextmanager
def new_deployment(folder: Path, database_url: str | None = None) -> Iterator[Deployment]:
    """Make a data directory over a database (None: SQLite in it)."""
    made = initialise(folder / "data", database_url=database_url, founder=FOUNDER, with_signing_key=False)
    url = database_url or f"sqlite:///{folder / 'data' / 'anchor.db'}"
    deployment = Deployment(made.directory, made.admin_key, url)
    try:
        yield deployment
    finally:
        deployment.end()


def delta(customer: object, reference: str, amount: int = -1) -> dict[str, Any]:
    return {
        "customerId": f"customer-{customer}",
        "delta": amount,
        "referenceId": reference,
        "reason": "usage",
    }


class Load(threading.Thread):
    """Sends batches to one server until it is gone or told to stop; every third delta all loads send."""

    def __init__(self, deployment: Deployment, server: Server, name: str, shared: str) -> None:
        super().__init__()
        self._deployment = deployment
        self._server = server
        self._name = name
        self._shared = shared
        self.answered = 0
        self.refused = ""
        self.stop = threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            with self._deployment.client_of(self._server.url) as client:
                number = 0
                while not self.stop.is_set():
                    batch = [
                        delta(at % CUSTOMERS, f"{self._shared if at % 3 == 0 else self._name}-{number}-{at}")
                        for at in range(20)
                    ]
                    answer = self._deployment.emit(client, batch)
                    if answer.status_code == 200:
                        self.answered += 1
                        number += 1
                    else:
                        self.refused = answer.text
        except httpx.TransportError:
            pass  # Killed: what it answered before is what counts.
        except (AssertionError, json.JSONDecodeError, KeyError) as error:
            self.failure = error

    def end(self) -> None:
        """Wait until the thread has ended, and raise what it found wrong."""
        self.stop.set()
        self.join(60)
        if self.failure is not None:
            raise self.failure
