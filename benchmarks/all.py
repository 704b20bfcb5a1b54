"""Every benchmark in one command: tables, JSON and plots.

    .venv/bin/python -m benchmarks.all [--quick] [--only trees,ingest] [--summary]

Figures go to ``benchmarks/results/NAME.json``, plots beside them as PNG. ``--quick`` is a small run that
shows that everything works, and no figures to quote. ``--summary`` writes ``docs/benchmarks.md`` from the
results that are there. Let nothing else run meanwhile; the whole takes about two hours.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.measuring import RESULTS, machine
from benchmarks.plotting import plot_all
from benchmarks.summary import write_summary

ROOT = Path(__file__).parent.parent


class Benchmark(NamedTuple):
    """A module, and its arguments for a whole run and for a quick one."""

    name: str
    whole: Sequence[str]
    quick: Sequence[str]

    def command(self, quick: bool) -> list[str]:
        """Return the command that runs it."""
        return [sys.executable, "-m", f"benchmarks.{self.name}", *(self.quick if quick else self.whole)]


def _to(name: str) -> list[str]:
    return ["--json", str(RESULTS / f"{name}.json")]


BENCHMARKS = (
    Benchmark("ingest", [], ["--seconds", "0.5", "--runs", "1"]),
    Benchmark("trees", [], ["--most", "10000", "--runs", "1"]),
    Benchmark("ledgers", ["--ten-million"], ["--most", "10000"]),
    Benchmark("auditing", [], ["--most", "10000"]),
    Benchmark("replicas", [], ["--most", "10000"]),
    Benchmark("packs", [], ["--most", "10000"]),
    Benchmark("past_maps", [], ["--deltas", "20000", "--ledgers", "1000", "--runs", "1"]),
    Benchmark("spans", [], ["--most", "10000"]),
    Benchmark("importing", [], ["--rows", "10000", "--runs", "1"]),
    Benchmark("comparing", _to("comparing"), ["--most", "10000", *_to("comparing")]),
    Benchmark("anchoring_cost", _to("anchoring_cost"), ["--deltas", "1", "1000", *_to("anchoring_cost")]),
    Benchmark("soak", _to("soak"), ["--anchors", "10", *_to("soak")]),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small run")
    parser.add_argument("--only", default="", help="names of benchmarks, with commas between them")
    parser.add_argument("--summary", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    wanted = [name for name in options.only.split(",") if name]
    unknown = set(wanted) - {benchmark.name for benchmark in BENCHMARKS}
    if unknown:
        parser.error(f"no benchmark is named {', '.join(sorted(unknown))}")
    RESULTS.mkdir(exist_ok=True)
    # Says whether the machine was quiet, which figures depend on more than on anything.
    load_before = os.getloadavg()[0]
    failed = []
    for benchmark in BENCHMARKS:
        if wanted and benchmark.name not in wanted:
            continue
        print(f"\n== {benchmark.name}", flush=True)
        started = time.monotonic()
        if subprocess.run(benchmark.command(options.quick), cwd=ROOT, check=False).returncode:
            failed.append(benchmark.name)
        print(f"({time.monotonic() - started:.0f} s)", flush=True)
    (RESULTS / "run.json").write_text(
        json.dumps(
            {"machine": machine(), "load": load_before, "quick": options.quick, "failed": failed}, indent=1
        )
        + "\n"
    )
    for path in plot_all(RESULTS):
        print(f"plotted {path}")
    if options.summary:
        print(f"written {write_summary(RESULTS, ROOT / 'docs' / 'benchmarks.md')}")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
