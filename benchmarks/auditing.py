"""How long `anchor audit` takes without a chain, and how much memory: as the log grows.

    .venv/bin/python -m benchmarks.auditing [--most 1000000] [--runs 1]

N deltas, in one ledger and over 1,000 of them, sealed in batches of 10,000 on SQLite; then everything is
recomputed from the deltas. An honest log must come out without a finding, or there is no figure.
"""

import argparse

from anchor.protocol.identities import IdentityKey
from anchor.server.audit.sends import audit_anchoring
from anchor.server.audit.whole_log import audit
from anchor.server.ledger.clock import SystemClock
from anchor.server.ledger.log import create_log
from anchor.server.ledger.recording import Recorder
from anchor.server.ledger.sealing import Sealer
from benchmarks.ledgers import GROUP, LEDGERS, SIZES, emissions, empty_database
from benchmarks.measuring import (
    Measurement,
    in_a_fresh_process,
    median_of,
    print_table,
    shown_time,
    timed,
    write_results,
)

BATCH = 10_000


def audited(url: str, clock: SystemClock) -> None:
    """Audit a log, which must be honest."""
    from anchor.server.storage.database import Database

    database = Database.open(url)
    findings = [*audit(database), *audit_anchoring(database, clock.now_ms())]
    database.close()
    if findings:
        raise AssertionError(f"an honest log has findings: {findings[0]}")


def seconds_of(url: str) -> float:
    """Return how long the audit of a log takes."""
    return timed(lambda: audited(url, SystemClock()))


def measured(count: int, ledgers: int, runs: int) -> Measurement:
    """Fill a log, and audit it in fresh processes, so that the peak of memory is the audit's own."""
    clock, key = SystemClock(), IdentityKey.generate()
    with empty_database("sqlite") as database:
        log = create_log(database, key, bytes(20), clock)
        recorder, sealer = Recorder(database, log, key, clock), Sealer(database, log, key, clock)
        for start in range(0, count, GROUP):
            recorder.record(emissions(start, min(GROUP, count - start), ledgers))
            if (start + GROUP) % BATCH == 0:
                sealer.seal()
        sealer.seal()
        url = database.engine.url.render_as_string(hide_password=False)
        results = [in_a_fresh_process(seconds_of, url) for _ in range(runs)]
    seconds, peaks = zip(*results, strict=True)
    name = "audit, one ledger" if ledgers == 1 else f"audit, {ledgers:,} ledgers"
    return Measurement(name, count, median_of(seconds), runs, median_of(peaks))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    measurements = [
        measured(size, ledgers, options.runs)
        for ledgers in (1, LEDGERS)
        for size in SIZES
        if size <= options.most
    ]
    print_table(
        "Auditing a log on SQLite",
        ("what", "deltas", "median", "deltas a second", "peak memory"),
        [
            (
                one.name,
                f"{one.size:,}",
                shown_time(one.seconds),
                f"{one.rate:,.0f}",
                f"{one.peak_megabytes:.0f} MB",
            )
            for one in measurements
        ],
    )
    print(f"\nwritten to {write_results('auditing', measurements)}")


if __name__ == "__main__":
    main()
