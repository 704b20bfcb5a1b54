"""What was aimed at beside what one run measured: the first table of docs/benchmarks.md."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.measuring import shown_time


class Line(NamedTuple):
    """One aim: what it is of, what is at least asked, what was measured, and whether that is enough."""

    what: str
    aim: str
    measured: str
    reached: bool


class Figures:
    """The measurements of a folder of results, by file, name and size."""

    def __init__(self, results: Path) -> None:
        self._rows: dict[tuple[str, str], dict[int, Mapping[str, Any]]] = {}
        for file in ("ingest", "ledgers", "auditing", "trees", "importing"):
            path = results / f"{file}.json"
            for row in json.loads(path.read_text())["measurements"] if path.exists() else ():
                self._rows.setdefault((file, row["name"]), {})[row["size"]] = row

    def row(self, file: str, name: str, size: int | None = None) -> Mapping[str, Any]:
        """Return one measurement: of the size, or of the only or largest one. Raises KeyError."""
        sizes = self._rows[file, name]
        return sizes[max(sizes) if size is None else size]

    def sizes(self, file: str, name: str) -> list[int]:
        """Return the sizes that a measurement was made at, smallest first. Raises KeyError."""
        return sorted(self._rows[file, name])


MILLION = 1_000_000


def reach(results: Path) -> list[Line]:
    """Return each aim beside what this folder of results says of it."""
    figures = Figures(results)
    lines = []
    for name, line in _LINES.items():
        try:
            lines.append(line(figures))
        except KeyError:
            lines.append(Line(name, "", "not measured in this run", False))
    return lines


def _single(figures: Figures) -> Line:
    ours, noop = figures.row("ingest", "sqlite, single"), figures.row("ingest", "FastAPI no-op, single")
    part, last = ours["rate"] / noop["rate"], ours["detail"]["p99_latency"]
    return Line(
        "single emits over HTTP, durable, SQLite",
        "70 % of a FastAPI no-op; p99 under 60 ms",
        f"{ours['rate']:,.0f}/s, {part:.0%} of {noop['rate']:,.0f}/s; p99 {shown_time(last)}",
        part >= 0.7 and last < 0.06,
    )


def _batch(figures: Figures) -> Line:
    ours, bare = figures.row("ingest", "sqlite, batch"), figures.row("ingest", "bare inserts, SQLite")
    part = ours["rate"] / bare["rate"]
    return Line(
        "batch emits, durable, SQLite",
        "30,000/s on one core; 35 % of bare inserts",
        f"{ours['rate']:,.0f}/s, {part:.0%} of {bare['rate']:,.0f}/s",
        ours["rate"] >= 30_000 and part >= 0.35,
    )


def _two(kind: str, customers: str) -> Callable[[Figures], Line]:
    def line(figures: Figures) -> Line:
        one = figures.row("ingest", f"{kind}, batch")
        two = figures.row("ingest", f"{kind}, batch, 2 processes, {customers}")
        ratio = two["rate"] / one["rate"]
        sqlite = kind == "sqlite"
        return Line(
            f"batch emits, two processes, {customers}, {'SQLite' if sqlite else 'PostgreSQL'}",
            "40,000/s on both cores" if sqlite else "1.6 times one",
            f"{two['rate']:,.0f}/s, {ratio:.2f} times one",
            two["rate"] >= 40_000 if sqlite else ratio >= 1.6,
        )

    return line


def _postgresql(figures: Figures) -> Line:
    ours, bare = figures.row("ingest", "postgresql, batch"), figures.row("ingest", "bare COPY, PostgreSQL")
    part = ours["rate"] / bare["rate"]
    return Line(
        "batch emits, durable, PostgreSQL",
        "25,000/s",
        f"{ours['rate']:,.0f}/s, {part:.0%} of a bare COPY's {bare['rate']:,.0f}/s",
        ours["rate"] >= 25_000,
    )


def _hot(kind: str) -> Callable[[Figures], Line]:
    def line(figures: Figures) -> Line:
        hot = figures.row("ingest", f"{kind}, batch, one hot ledger")
        part = hot["rate"] / figures.row("ingest", f"{kind}, batch")["rate"]
        name = "SQLite" if kind == "sqlite" else "PostgreSQL"
        return Line(
            f"one hot ledger, {name}",
            "half of the spread-out rate",
            f"{hot['rate']:,.0f}/s, {part:.0%}",
            part >= 0.5,
        )

    return line


def _seal(figures: Figures) -> Line:
    row = figures.row("ledgers", "sqlite: seal", MILLION)
    return Line(
        "seal 1,000,000 new deltas in 1,000 ledgers",
        "10 s, under 300 MB",
        f"{shown_time(row['seconds'])}, {row['peak_megabytes']:.0f} MB (recording them included)",
        row["seconds"] <= 10 and row["peak_megabytes"] < 300,
    )


def _tree(figures: Figures) -> Line:
    ours = figures.row("trees", "anchor: build", MILLION)
    peers = {
        name: figures.row("trees", f"{name}: build", MILLION)["seconds"]
        for name in ("merkletreejs", "@openzeppelin/merkle-tree", "pymerkle")
        if MILLION in figures.sizes("trees", f"{name}: build")
    }
    fastest = min(peers, key=lambda name: peers[name])
    times = peers[fastest] / ours["seconds"]
    return Line(
        "tree of 1,000,000 leaves",
        "4 times as fast as the fastest peer, under 200 MB",
        f"{shown_time(ours['seconds'])}, {ours['peak_megabytes']:.0f} MB; "
        f"{times:.1f} times as fast as {fastest}",
        times >= 4 and ours["peak_megabytes"] < 200,
    )


def _proof(figures: Figures) -> Line:
    seconds = figures.row("ledgers", "sqlite: proof", MILLION)["seconds"]
    return Line("proof, ledger of 1,000,000", "1 ms", shown_time(seconds), seconds <= 1e-3)


def _verify(figures: Figures) -> Line:
    seconds = figures.row("ledgers", "sqlite: verify", MILLION)["seconds"]
    first = figures.row("ledgers", "sqlite: verify, first file of a ledger", MILLION)["seconds"]
    return Line(
        "verify a proof file, ledger of 1,000,000",
        "0.2 ms",
        f"{shown_time(seconds)}; the first file of a ledger {shown_time(first)}",
        seconds <= 0.2e-3,
    )


def _derive(figures: Figures) -> Line:
    sizes = figures.sizes("ledgers", "sqlite: derive")
    times = [figures.row("ledgers", "sqlite: derive", size)["seconds"] for size in sizes]
    shown = f"{shown_time(times[0])} at {sizes[0]:,}, {shown_time(times[-1])} at {sizes[-1]:,}"
    return Line("derive", "flat from 10³ to 10⁷", shown, sizes[-1] >= 10**7 and times[-1] <= 1.5 * times[0])


def _audit(figures: Figures) -> Line:
    seconds = figures.row("auditing", "audit, 1,000 ledgers", MILLION)["seconds"]
    return Line("full audit of 1,000,000 deltas from the log", "30 s", shown_time(seconds), seconds <= 30)


def _import(figures: Figures) -> Line:
    row = figures.row("importing", "import, first")
    return Line(
        f"import of {row['size']:,} flights", "15,000/s", f"{row['rate']:,.0f}/s", row["rate"] >= 15_000
    )


_LINES: Mapping[str, Callable[[Figures], Line]] = {
    "single emits, SQLite": _single,
    "batch emits, SQLite": _batch,
    "two processes, SQLite": _two("sqlite", "the same customers"),
    "two processes, SQLite, customers of their own": _two("sqlite", "customers of their own"),
    "one hot ledger, SQLite": _hot("sqlite"),
    "batch emits, PostgreSQL": _postgresql,
    "two processes, PostgreSQL": _two("postgresql", "the same customers"),
    "two processes, PostgreSQL, customers of their own": _two("postgresql", "customers of their own"),
    "one hot ledger, PostgreSQL": _hot("postgresql"),
    "import": _import,
    "seal": _seal,
    "tree": _tree,
    "proof": _proof,
    "verify": _verify,
    "derive": _derive,
    "full audit": _audit,
}
