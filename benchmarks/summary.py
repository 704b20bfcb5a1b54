"""``docs/benchmarks.md``: the figures of one run, as tables that the results are copied into."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import shown_time
from benchmarks.reach import reach

BUSY = 0.5
"""The load average from which on figures are of a machine that does something else as well."""

_INTRODUCTION = """\
# Benchmarks

Written by `python -m benchmarks.all --summary`. A figure is a median, and matters beside the peer or the
limit that was measured with it: machines differ. What the figures mean for how much a deployment carries is
in [scaling](scaling.md).
"""

_AIMS = """\
The server has one core, the load the other, and PostgreSQL shares the load's; two servers share both with all
of it. The load is raw bytes made beforehand and costs next to nothing.
"""


def write_summary(results: Path, path: Path) -> Path:
    """Write the figures in a folder of results as one Markdown page; return its path."""
    parts = [_INTRODUCTION, _machine(results), _aims(results)]
    for name, title, table in (
        ("ingest", "Ingest over HTTP, durable", _measurements),
        ("ledgers", "Ledgers on disk", _measurements),
        ("auditing", "Auditing", _measurements),
        ("importing", "Importing", _measurements),
        ("trees", "Trees in memory", _measurements),
        ("replicas", "A counterparty's copy", _with_processor),
        ("packs", "Audit packs", _with_processor),
        ("past_maps", "The map of an old batch, rebuilt", _with_processor),
        ("spans", "A month of one ledger, proven whole", _measurements),
    ):
        if (results / f"{name}.json").exists():
            told = json.loads((results / f"{name}.json").read_text())
            when = told["machine"]["measured_at"]
            parts.append(f"## {title}\n\nMeasured at {when}.\n\n{table(told['measurements'])}")
    for name, title in (
        ("comparing", "Comparing books"),
        ("anchoring_cost", "Gas of one anchor"),
        ("soak", "Anchors under faults"),
    ):
        if (results / f"{name}.json").exists():
            parts.append(f"## {title}\n\n{_any(json.loads((results / f'{name}.json').read_text()))}")
    path.write_text("\n".join(part.rstrip() + "\n" for part in parts))
    return path


def _aims(results: Path) -> str:
    rows = [
        [line.what, line.aim, line.measured if line.reached else f"{line.measured}: **not reached**"]
        for line in reach(results)
    ]
    return f"## What was aimed at\n\n{_AIMS}\n{markdown_table(('what', 'at least', 'measured'), rows)}"


def _machine(results: Path) -> str:
    run = json.loads((results / "run.json").read_text())
    told = run["machine"]
    text = f"{told['cores']} cores, {told['system']}, Python {told['python']}, {told['measured_at']}."
    text += f" Load average before the run: {run['load']:.1f}."
    if run["load"] > BUSY:
        text += " **The machine was busy with other work: rates are too low and latencies too high.**"
    if run["quick"]:
        text += " **A quick run: these are no figures to quote.**"
    if run["failed"]:
        text += f" Failed and left as they were: {', '.join(run['failed'])}."
    return text


def _measurements(rows: Sequence[dict[str, Any]]) -> str:
    table = []
    for row in rows:
        peak, detail = row["peak_megabytes"], row["detail"]
        table.append(
            [
                row["name"],
                f"{row['size']:,}",
                shown_time(row["seconds"]),
                f"{row['rate']:,.0f}" if _has_rate(row["name"]) else "",
                shown_time(detail["median_latency"]) if "median_latency" in detail else "",
                shown_time(detail["p99_latency"]) if "p99_latency" in detail else "",
                f"{peak:.0f} MB" if peak else "",
            ]
        )
    return markdown_table(("what", "size", "time", "a second", "median", "p99", "peak memory"), table)


_DETAILS = (
    ("of processor", "processor_seconds", 1.0),
    ("longest task", "longest_task_ms", 1e-3),
    ("longest wait", "longest_wait_ms", 1e-3),
    ("closed in", "closed_in_seconds", 1.0),
)
"""Columns of their own, where a line says them: the name, the detail, and its unit in seconds."""


_LOOKS = ("derive", "compare two", "sync, nothing")
"""How lines begin whose time is not of all that their size counts."""


def _with_processor(rows: Sequence[dict[str, Any]]) -> str:
    details = [one for one in _DETAILS if any(one[1] in row["detail"] for row in rows)]
    table = [
        [
            row["name"],
            f"{row['size']:,}",
            shown_time(row["seconds"]),
            f"{row['rate']:,.0f}" if row["size"] and not row["name"].startswith(_LOOKS) else "",
            f"{row['peak_megabytes']:.0f} MB",
            *(
                shown_time(row["detail"][name] * unit) if name in row["detail"] else ""
                for _, name, unit in details
            ),
        ]
        for row in rows
    ]
    header = ("what", "size", "time", "a second", "peak memory", *(title for title, *_ in details))
    return markdown_table(header, table)


def _has_rate(name: str) -> bool:
    """Whether a line's time is of all that its size counts, and not of one look at it."""
    return not name.endswith(("proof", "verify", "derive"))


def _any(rows: Any) -> str:
    """Any JSON that a benchmark writes: a list of like objects as a table, an object as names and values."""
    if isinstance(rows, dict):
        flat = {key: value for key, value in rows.items() if not isinstance(value, list | dict)}
        if not flat and all(isinstance(value, dict) for value in rows.values()):
            return _any([{"": key, **value} for key, value in rows.items()])
        parts = [markdown_table(("what", "value"), [[key, _shown(value)] for key, value in flat.items()])]
        for key, value in rows.items():
            if isinstance(value, list | dict) and value:
                parts.append(f"**{key}**\n\n{_any(value)}")
        return "\n".join(parts)
    if not all(isinstance(row, dict) for row in rows):
        return ", ".join(map(_shown, rows)) + "\n"
    header = list(dict.fromkeys(key for row in rows for key in row))
    return markdown_table(header, [[_shown(row.get(key)) for key in header] for row in rows])


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.3f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
