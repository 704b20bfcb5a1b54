"""An operator for the auditor's benchmarks: a development directory that is filled, and served with a chain.

``anchor dev`` is the server and the chain in one process, as its user has it on a laptop; what is measured
runs in processes of its own beside it.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from anchor.server.ledger.model import Emission
from anchor.server.ledger.recording import Recorder
from anchor.server.ledger.sealing import Sealer
from anchor.server.service.assembly import open_directory
from anchor.server.service.development import KEY_FILE
from anchor.server.service.initializing import initialise
from anchor.server.service.key_files import write_private

ROOT = Path(__file__).parent.parent
ANCHOR = Path(sys.executable).parent / "anchor"
CUSTOMER = "acme"
GROUP = 1_000


@dataclass(frozen=True)
class Operated:
    """A running server and its chain: where they are, and the key that reads everything."""

    directory: Path
    url: str
    rpc: str
    contract: str
    key: str


def unit_of(number: int, ledgers: int) -> str:
    """Return the unit, and so the ledger of the one customer, that a delta goes into."""
    return "GPU-hrs" if ledgers == 1 else f"unit_{number % ledgers}"


def emissions(start: int, count: int, ledgers: int) -> list[Emission]:
    """Return deltas of one customer, dealt out to so many ledgers."""
    return [
        Emission(
            customer_id=CUSTOMER,
            amount=-(number % 997 + 1) * 10**15,
            reason="gpu_burst_capacity",
            reference_id=f"job_{number:09d}",
            unit=unit_of(number, ledgers),
        )
        for number in range(start, start + count)
    ]


def fill(directory: Path, start: int, count: int, ledgers: int) -> None:
    """Record so many deltas in a development directory, made where it is not there, and seal them."""
    if not directory.exists():
        made = initialise(directory, with_signing_key=False)
        write_private(directory / KEY_FILE, made.admin_key + "\n")
    opened = open_directory(directory, os.environ)
    try:
        recorder = Recorder(opened.database, opened.log, opened.identity_key, opened.clock)
        for at in range(start, start + count, GROUP):
            recorder.record(emissions(at, min(GROUP, start + count - at), ledgers))
        Sealer(opened.database, opened.log, opened.identity_key, opened.clock).seal()
    finally:
        opened.close()


@contextlib.contextmanager
def operating(directory: Path) -> Iterator[Operated]:
    """Serve a development directory, and anchor what is sealed in it, until the block ends."""
    command = [str(ANCHOR), "dev", str(directory), "--port", "0", "--rpc-port", "0", "--every", "1", "--json"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield Operated(directory, told["url"], told["rpc"], told["contract"], told["key"])
    finally:
        process.terminate()
        process.wait(timeout=60)


@dataclass(frozen=True)
class Ran:
    """How a command ran. ``peak_megabytes`` is of its whole tree of processes, in RSS."""

    seconds: float
    processor_seconds: float
    peak_megabytes: float
    code: int
    out: str
    error: str


def ran(*arguments: str, allowed: tuple[int, ...] = (0,), key: str = "") -> Ran:
    """Run an anchor command, and measure it; ``key`` is the API key that it has.

    Raises AssertionError where it ends otherwise than allowed.
    """
    # A child's peak can be had of the child alone: each command has one parent of its own that tells it.
    program = (
        "import json, resource, subprocess, sys, time\n"
        "started = time.perf_counter()\n"
        "done = subprocess.run(sys.argv[1:], capture_output=True, text=True)\n"
        "seconds = time.perf_counter() - started\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(json.dumps([seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024,"
        " done.returncode, done.stdout, done.stderr]))\n"
    )
    command = [sys.executable, "-c", program, str(ANCHOR), *arguments]
    environment = os.environ | ({"ANCHOR_API_KEY": key} if key else {})
    told = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    ).stdout
    result = Ran(*json.loads(told))
    assert result.code in allowed, (
        f"anchor {' '.join(arguments)}: {result.code}\n{result.out}\n{result.error}"
    )
    return result


def until(what: str, holds: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until something holds. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.1)
