"""A counterparty's copy, as its user makes it: ``anchor follow`` from a server with its chain, then the copy.

    .venv/bin/python -m benchmarks.replicas [--most 1000000] [--runs 1] [--only one|many]

One ledger of N deltas on SQLite: the first sync, a run with nothing new, one that is killed halfway and the
one after it, and one with 1,000 new deltas; then, without the server, deriving, comparing, and the check of
the copy. And 1,000 ledgers of one customer with N deltas among them. Server and chain are one process
(``anchor dev``), which works beside the follower. A copy that is not whole, or begins anew, gives no figure.
"""

import argparse
import json
import os
import resource
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anchor.client import AnchorClient, NewDelta
from anchor.node.reader import JsonRpcChain
from anchor.node.view import Finality
from anchor.protocol.amounts import format_units
from anchor.replica.following import Follower
from anchor.replica.operator import Operator
from anchor.replica.store import Store
from anchor.replica.values import Wanted
from benchmarks.measuring import (
    Measurement,
    in_a_fresh_process,
    median_of,
    print_table,
    shown_time,
    write_results,
)
from benchmarks.operated import (
    ANCHOR,
    CUSTOMER,
    ROOT,
    Operated,
    Ran,
    emissions,
    fill,
    operating,
    ran,
    unit_of,
    until,
)

SIZES = (10_000, 100_000, 1_000_000)
LEDGERS = 1_000
BY_COMMAND = 10
NEW = 1_000
UNIT = unit_of(0, 1)


def follow_arguments(operated: Operated, store: Path, unit: str = UNIT) -> list[str]:
    """Return the arguments of one round of a follower."""
    where = ["--url", operated.url, "--rpc", operated.rpc, "--contract", operated.contract]
    return [
        "follow",
        CUSTOMER,
        "--unit",
        unit,
        "--store",
        str(store),
        *where,
        "--finality",
        "latest",
        "--once",
    ]


def followed(operated: Operated, store: Path, new: int, unit: str = UNIT) -> Ran:
    """Make one round, which must add so many deltas and see them all on the chain."""
    told = ran(*follow_arguments(operated, store, unit), "--json", key=operated.key)
    answer = json.loads(told.out)
    assert answer["newDeltas"] == new, answer
    assert not answer["findings"], answer
    assert answer["notChecked"] is None, answer
    assert answer["head"]["size"] == answer["deltaCount"], answer
    return told


def anchored(operated: Operated, count: int, unit: str = UNIT) -> None:
    """Wait until so many deltas of a ledger are on the chain."""
    with AnchorClient(operated.url, operated.key) as client:
        until("the anchor", lambda: client.derive(CUSTOMER, unit).delta_count == count)


def emit(operated: Operated, start: int, count: int) -> None:
    """Record more deltas through the server."""
    with AnchorClient(operated.url, operated.key) as client:
        client.emit_batch(
            [
                NewDelta(one.customer_id, format_units(one.amount), one.reason, one.reference_id, one.unit)
                for one in emissions(start, count, 1)
            ]
        )


def killed_halfway(operated: Operated, store: Path, count: int) -> int:
    """Kill a follower once its copy holds half; return how many deltas it holds then."""
    process = subprocess.Popen(
        [str(ANCHOR), *follow_arguments(operated, store)],
        cwd=ROOT,
        env=os.environ | {"ANCHOR_API_KEY": operated.key},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until("half of the copy", lambda: copied(store) >= count // 2 or process.poll() is not None, 3_600)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return copied(store)


def copied(store: Path) -> int:
    if not store.exists():
        return 0
    with Store.open(store) as opened:
        return opened.standing().size


def write_books(path: Path, count: int) -> None:
    """Write the counterparty's own books: one entry of them differs, and one is missing."""
    with path.open("w") as books:
        books.write("referenceId,delta\n")
        for start in range(0, count, 10_000):
            for at, one in enumerate(emissions(start, min(10_000, count - start), 1), start):
                if at != count // 3:
                    amount = one.amount + (at == count // 2)
                    books.write(f"{one.reference_id},{format_units(amount)}\n")


def one_ledger(count: int, directory: Path) -> Iterator[tuple[str, int, Ran, dict[str, Any]]]:
    """Yield what was done, with how many deltas, and how it ran."""
    store, again, books = (directory / name for name in ("acme.replica", "again.replica", "books.csv"))
    with operating(directory / "operator") as operated:
        anchored(operated, count)
        first = followed(operated, store, count)
        yield "first sync", count, first, {"file_megabytes": store.stat().st_size / 2**20}
        yield "sync, nothing new", count, followed(operated, store, 0), {}
        kept = killed_halfway(operated, again, count)
        yield f"sync after a kill at {kept:,}", count - kept, followed(operated, again, count - kept), {}
        emit(operated, count, NEW)
        anchored(operated, count + NEW)
        yield f"sync, {NEW:,} new", NEW, followed(operated, store, NEW), {}
    # The server is gone.
    yield "derive", count, ran("replica", "derive", str(store), "--json"), {}
    yield (
        "derive as of the middle",
        count,
        ran("replica", "derive", str(store), "--as-of-index", str(count // 2), "--json"),
        {},
    )
    figures = ("--yours", "-182", "--theirs", "-150")
    compared = ran("replica", "compare", str(store), *figures, "--json", allowed=(1,))
    yield "compare two balances", count, compared, {}
    write_books(books, count)
    compared = ran(
        *("replica", "compare", str(store), "--your-books", str(books), "--to", str(count - 1), "--json"),
        allowed=(1,),
    )
    assert [side["discrepancyCount"] for side in json.loads(compared.out)["sides"]] == [2], compared.out
    yield "compare books", count, compared, {}
    yield "check the copy", count, ran("replica", "check", str(store), "--json"), {}


def follow_all(url: str, rpc: str, contract: str, key: str, folder: str, each: int) -> list[float]:
    """Follow every ledger of the customer once, one after the other in one process; return their times."""
    times = []
    chain = JsonRpcChain(rpc)
    with Operator(url, key) as operator:
        for number in range(LEDGERS):
            started = time.perf_counter()
            wanted = Wanted(
                CUSTOMER,
                unit_of(number, LEDGERS),
                contract=bytes.fromhex(contract[2:]),
                finality=Finality.parse("latest"),
            )
            with Follower(operator, chain, Path(folder) / f"{number}.replica", wanted) as follower:
                went = follower.round()
            assert went.size == each, went
            assert went.head is not None, went
            assert not went.findings, went
            times.append(time.perf_counter() - started)
    chain.close()
    return [*times, resource.getrusage(resource.RUSAGE_SELF).ru_utime]


def many_ledgers(count: int, directory: Path) -> Iterator[Measurement]:
    """Follow 1,000 ledgers of one customer: by a command for each, and in one process."""
    each = count // LEDGERS
    with operating(directory / "operator") as operated:
        anchored(operated, each, unit_of(LEDGERS - 1, LEDGERS))
        commands = [
            followed(operated, directory / f"by-command-{number}", each, unit_of(number, LEDGERS))
            for number in range(BY_COMMAND)
        ]
        yield Measurement(
            f"one of {LEDGERS:,} ledgers, a command of its own",
            each,
            statistics.median(one.seconds for one in commands),
            BY_COMMAND,
            statistics.median(one.peak_megabytes for one in commands),
        )
        for what, folder in (("first sync", "copies"), ("sync, nothing new", "copies")):
            (directory / folder).mkdir(exist_ok=True)
            times, peak = in_a_fresh_process(
                follow_all,
                *(operated.url, operated.rpc, operated.contract, operated.key),
                *(str(directory / folder), each),
            )
            *times, processor = times
            yield Measurement(
                f"{LEDGERS:,} ledgers in one process: {what}",
                count,
                sum(times),
                1,
                peak,
                {"processor_seconds": processor, "median_latency": statistics.median(times)},
            )


@contextmanager
def filled(count: int, ledgers: int) -> Iterator[Path]:
    """Make a folder with an operator's directory in it, which has so many deltas."""
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder) / "operator", 0, count, ledgers)
        yield Path(folder)


def measured(count: int, runs: int) -> list[Measurement]:
    """Run everything of one ledger so many times, and return the medians."""
    found: list[list[tuple[str, int, Ran, dict[str, Any]]]] = []
    for _ in range(runs):
        with filled(count, 1) as folder:
            found.append(list(one_ledger(count, folder)))

    def median(line: int, of: Callable[[Ran], float]) -> float:
        return median_of([of(one[line][2]) for one in found])

    return [
        Measurement(
            what,
            count if size == count else size,
            median(line, lambda one: one.seconds),
            runs,
            median(line, lambda one: one.peak_megabytes),
            {"processor_seconds": median(line, lambda one: one.processor_seconds), "deltas": count, **detail},
        )
        for line, (what, size, _, detail) in enumerate(found[0])
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--only", choices=("one", "many"))
    options = parser.parse_args()
    load = os.getloadavg()[0]
    measurements: list[Measurement] = []
    if options.only != "many":
        for size in (size for size in SIZES if size <= options.most):
            measurements += measured(size, options.runs)
    if options.only != "one":
        with filled(options.most, LEDGERS) as folder:
            measurements += many_ledgers(options.most, folder)
    print_table(
        f"A counterparty's copy (load average before: {load:.1f})",
        ("what", "deltas", "seconds", "of processor", "deltas a second", "peak memory"),
        [
            (
                one.name,
                f"{one.detail.get('deltas', one.size):,}",
                shown_time(one.seconds),
                f"{one.detail['processor_seconds']:.1f} s" if "processor_seconds" in one.detail else "",
                f"{one.rate:,.0f}" if "sync" in one.name or one.name.startswith("check") else "",
                f"{one.peak_megabytes:.0f} MB",
            )
            for one in measurements
        ],
    )
    print(f"\nwritten to {write_results('replicas', measurements)}")


if __name__ == "__main__":
    main()
