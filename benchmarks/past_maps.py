"""The map of ledgers as a batch of long ago sealed it, rebuilt from the heads: what a sampled audit of an old
period needs when the map's own nodes are not stored any more.

    .venv/bin/python -m benchmarks.past_maps [--deltas 1000000] [--ledgers 10000,100000] [--runs 3]

N deltas over many ledgers, sealed in ten batches that change every ledger; then the way of one ledger in the
first batch, one in the middle, and the newest, in fresh processes. Each must lead to the root that the batch
has, or there is no figure.
"""

import argparse
import time
from typing import Any

from anchor.protocol.identities import IdentityKey
from anchor.protocol.ledger_map import MapLeaf, head_hash, root_from_presence
from anchor.protocol.sorted_leaves import path_among
from anchor.server.ledger.clock import SystemClock
from anchor.server.ledger.log import create_log
from anchor.server.ledger.recording import Recorder
from anchor.server.ledger.sealing import Sealer
from anchor.server.storage.past_maps import heads_at
from anchor.server.storage.proving import batch_numbered
from anchor.server.storage.reading import ledger_of
from benchmarks.ledgers import emissions, empty_database
from benchmarks.measuring import (
    Measurement,
    in_a_fresh_process,
    median_of,
    print_table,
    shown_time,
    timed,
    write_results,
)

BATCHES = 10
GROUP = 10_000
KINDS = ("sqlite", "postgresql")


def nothing(url: str) -> None:
    """Open a database: the memory that every process of this kind takes."""
    from anchor.server.storage.database import Database

    Database.open(url).close()


def rebuilt(url: str, number: int) -> tuple[float, float]:
    """Rebuild a batch's map for one ledger's way, check where it leads, and return the time that it took, and
    how much of that was this process's."""
    from anchor.server.storage.database import Database

    database = Database.open(url)

    def rebuild() -> None:
        with database.read() as connection:
            ledger = ledger_of(connection, "cust_7", "GPU-hrs")
            batch = batch_numbered(connection, number)
            assert ledger is not None
            assert batch is not None
            leaves = (MapLeaf(key, head_hash(size, root)) for key, size, root in heads_at(connection, number))
            path = path_among(leaves, ledger.ledger_id)
            assert path.found is not None
            root = root_from_presence(ledger.ledger_id, path.found.head, path.siblings)
            if root != batch.map_root:
                raise AssertionError(f"the map of batch {number} was rebuilt wrongly")

    before = time.process_time()
    try:
        return timed(rebuild), time.process_time() - before
    finally:
        database.close()


def measured(kind: str, count: int, ledgers: int, runs: int) -> list[Measurement]:
    """Fill a log and rebuild its maps."""
    clock, key = SystemClock(), IdentityKey.generate()
    found = []
    with empty_database(kind) as database:
        log = create_log(database, key, bytes(20), clock)
        recorder, sealer = Recorder(database, log, key, clock), Sealer(database, log, key, clock)
        group = min(GROUP, count // BATCHES)
        for start in range(0, count, group):
            recorder.record(emissions(start, min(group, count - start), ledgers))
            if (start + group) % (count // BATCHES) == 0:
                sealer.seal()
        url = database.engine.url.render_as_string(hide_password=False)
        _, idle = in_a_fresh_process(nothing, url)
        for number in (1, BATCHES // 2, BATCHES):
            times, peaks = zip(*(in_a_fresh_process(rebuilt, url, number) for _ in range(runs)), strict=True)
            seconds, processor = zip(*times, strict=True)
            found.append(
                Measurement(
                    f"{kind}: the map of batch {number} of {BATCHES}, {ledgers:,} ledgers",
                    ledgers,
                    median_of(seconds),
                    runs,
                    median_of(peaks),
                    {"deltas": count, "idle_megabytes": idle, "processor_seconds": median_of(processor)},
                )
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--deltas", type=int, default=1_000_000)
    parser.add_argument("--ledgers", default="10000,100000", help="how many, with commas between them")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--database", choices=(*KINDS, "both"), default="both")
    options = parser.parse_args()
    kinds = KINDS if options.database == "both" else (options.database,)
    measurements = [
        one
        for kind in kinds
        for ledgers in map(int, options.ledgers.split(","))
        for one in measured(kind, options.deltas, ledgers, options.runs)
    ]
    print_table(
        f"The map of an old batch, rebuilt from the heads of {options.deltas:,} deltas",
        ("what", "median", "of processor", "ledgers a second", "peak memory", "of which idle"),
        [_row(one) for one in measurements],
    )
    print(f"\nwritten to {write_results('past_maps', measurements)}")


def _row(one: Measurement) -> list[str]:
    idle: Any = one.detail["idle_megabytes"]
    return [
        one.name,
        shown_time(one.seconds),
        shown_time(one.detail["processor_seconds"]),
        f"{one.rate:,.0f}",
        f"{one.peak_megabytes:.0f} MB",
        f"{idle:.0f} MB",
    ]


if __name__ == "__main__":
    main()
