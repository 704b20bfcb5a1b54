"""A month of a large ledger, proven whole by the two batches around it and by its edges.

    .venv/bin/python -m benchmarks.spans [--most 1000000] [--runs 1]

One ledger of N deltas on SQLite, recorded over April by a clock that is set, with a batch before it, one a
minute after it and one each day. Told are the seconds to make the file and to verify it (all but the chain),
the peak memory of a process that does the one or the other, and the bytes of the file.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anchor.proof.reading import parse_proof_file
from anchor.proof.writing import write_proof_file
from anchor.protocol.identities import IdentityKey
from anchor.server.ledger.checkpoints import create_span_checkpoint
from anchor.server.ledger.log import create_log, open_log
from anchor.server.ledger.model import Emission
from anchor.server.ledger.periods import parse_period
from anchor.server.ledger.proving_periods import prove_period
from anchor.server.ledger.recording import Recorder
from anchor.server.ledger.sealing import Sealer
from anchor.server.storage.database import Database
from anchor.verify.verification import verify_proof
from benchmarks.measuring import (
    Measurement,
    in_a_fresh_process,
    median_of,
    print_table,
    shown_time,
    timed,
    write_results,
)

SIZES = (10_000, 100_000, 1_000_000)
GROUP = 1_000
APRIL = parse_period("2026-04")
DAYS = 30


@dataclass
class SetClock:
    """A clock that stands where it was set."""

    ms: int

    def now_ms(self, shared: int | None = None) -> int:  # noqa: ARG002
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000


def opened(folder: str) -> Database:
    return Database.open(f"sqlite:///{folder}/log.db")


def fill(folder: str, count: int) -> None:
    """Record all but a few of ``count`` deltas in April, and those before and after it."""
    clock, key = SetClock(APRIL.start - 120_000), IdentityKey.generate()
    database = opened(folder)
    database.migrate()
    log = create_log(database, key, bytes(20), clock)
    recorder, sealer = Recorder(database, log, key, clock), Sealer(database, log, clock)

    def record(first: int, more: int) -> None:
        numbers = range(first, first + more)
        recorder.record([Emission("acme", -(at + 1), "usage", f"job_{at}") for at in numbers])

    record(0, 1)
    sealer.seal()
    clock.ms = APRIL.start - 1_000
    record(1, 20)
    inside = count - 50
    step = (APRIL.end - APRIL.start - 1) // -(-inside // GROUP)
    clock.ms = APRIL.start
    for done in range(0, inside, GROUP):
        record(21 + done, min(GROUP, inside - done))
        before, clock.ms = clock.ms, min(clock.ms + step, APRIL.end - 1)
        if (before - APRIL.start) * DAYS // (APRIL.end - APRIL.start) != (clock.ms - APRIL.start) * DAYS // (
            APRIL.end - APRIL.start
        ):
            sealer.seal()
    clock.ms = APRIL.end + 30_000
    record(21 + inside, 29)
    clock.ms = APRIL.end + 60_000
    sealer.seal()
    database.close()


def made(folder: str) -> tuple[float, bytes]:
    """Return the seconds that the file takes, checkpoint included, and the file."""
    database = opened(folder)
    log = open_log(database)
    clock = SetClock(APRIL.end + 120_000)
    started = time.perf_counter()
    view = create_span_checkpoint(database, log, clock, "acme", "", APRIL)
    ends = view.checkpoint.from_index, view.checkpoint.to_index
    with database.read() as connection:
        proof = prove_period(connection, log, "acme", "", *ends, span=(APRIL.start, APRIL.end))
    raw = write_proof_file(proof)
    seconds = time.perf_counter() - started
    database.close()
    return seconds, raw


def verified(raw: bytes) -> float:
    """Return the seconds that verifying takes; every step but the chain's has to pass."""

    def verify() -> None:
        result = verify_proof(parse_proof_file(raw), None)
        if any(step.outcome != "passed" for step in result.steps[:-1]):
            raise AssertionError(result.steps)

    return timed(verify)


def measured(count: int, runs: int) -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory() as folder:
        fill(folder, count)
        making = [in_a_fresh_process(made, folder) for _ in range(runs)]
        raw = making[0][0][1]
        verifying = [in_a_fresh_process(verified, raw) for _ in range(runs)]
        detail = {"file_bytes": len(raw), "database_bytes": (Path(folder) / "log.db").stat().st_size}
        for name, figures in (
            ("make", [(seconds, peak) for (seconds, _), peak in making]),
            ("verify", verifying),
        ):
            yield Measurement(
                name,
                count,
                median_of([seconds for seconds, _ in figures]),
                runs,
                median_of([peak for _, peak in figures]),
                detail,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--most", type=int, default=SIZES[-1])
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    sizes = [size for size in SIZES if size <= options.most]
    measurements = [one for size in sizes for one in measured(size, options.runs)]
    print_table(
        "A month of one ledger, proven whole",
        ("deltas", "step", "time", "peak memory", "file"),
        [
            (
                f"{one.size:,}",
                one.name,
                shown_time(one.seconds),
                f"{one.peak_megabytes:.0f} MB",
                f"{one.detail['file_bytes']:,} bytes",
            )
            for one in measurements
        ],
    )
    print(f"\nwritten to {write_results('spans', measurements)}")


if __name__ == "__main__":
    main()
