"""Medians of whole runs in fresh processes, and the tables they go into.

A measurement runs in a process of its own, so that its peak memory is its own and nothing is warm
that a user would find cold. Machines are noisy: a figure is the median of several runs, and what
matters is its ratio to the peer measured beside it.
"""

import contextlib
import json
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from anchor.cli.main import look_for_cycles_seldom

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Measurement:
    """One line of a table: the median seconds of some runs, and what was done in one."""

    name: str
    size: int
    seconds: float
    runs: int
    peak_megabytes: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """How many of ``size`` were done a second."""
        return self.size / self.seconds if self.seconds else float("inf")


def median_of(times: Sequence[float]) -> float:
    """Return the median of some durations in seconds."""
    return statistics.median(times)


def timed(action: Callable[[], Any]) -> float:
    """Return how many seconds ``action`` took."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def timed_each(action: Callable[[int], Any], count: int) -> list[float]:
    """Return the seconds of ``count`` calls, one by one."""
    return [timed(lambda at=at: action(at)) for at in range(count)]


def in_a_fresh_process(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """Run ``function`` in a new interpreter; return its result and the peak memory in megabytes."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_with_peak, (function, arguments))  # type: ignore[no-any-return]


def _with_peak(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, float]:
    # What is measured is what a command does.
    look_for_cycles_seldom()
    result = function(*arguments)
    return result, _peak_megabytes()


def _peak_megabytes() -> float:
    # What getrusage says is never less than what the parent had when it forked.
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def pin_to(core: int) -> None:
    """Keep this process on one core, where there are several."""
    available = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {available[core % len(available)]})


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    return {
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)),
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def write_results(name: str, measurements: Sequence[Measurement]) -> Path:
    """Write a table's figures to ``benchmarks/results/NAME.json`` and return the path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    lines = [asdict(one) | {"rate": one.rate} for one in measurements]
    path.write_text(json.dumps({"machine": machine(), "measurements": lines}, indent=1) + "\n")
    return path


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table that a terminal and a Markdown page both show."""
    widths = [max(len(row[at]) for row in [header, *rows]) for at in range(len(header))]
    print(f"\n{title}\n")
    for row in [header, ["-" * width for width in widths], *rows]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")


def shown_time(seconds: float) -> str:
    """Return a duration in the unit that reads best."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.2f} ms"
    return f"{seconds * 1e6:.1f} µs"
