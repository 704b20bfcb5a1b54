"""Plots of the results: how times grow with the size, and rates beside their limits."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any


def plot_all(results: Path) -> list[Path]:
    """Plot what there is in a folder of results; return the pictures' paths."""
    import matplotlib

    matplotlib.use("Agg")
    plotted = []
    for name, title in (("trees", "Trees in memory"), ("ledgers", "Ledgers on disk")):
        rows = _measurements(results / f"{name}.json")
        if rows:
            plotted.append(_growth(rows, title, results / f"{name}.png"))
    rows = _measurements(results / "ingest.json")
    if rows:
        plotted.append(_rates(rows, results / "ingest.png"))
    path = results / "comparing.json"
    if path.exists():
        plotted.append(_traffic(json.loads(path.read_text()), results / "comparing.png"))
    return plotted


def _measurements(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text())["measurements"]) if path.exists() else []


def _growth(rows: list[dict[str, Any]], title: str, path: Path) -> Path:
    """Seconds over size, both logarithmic: a flat line does not grow, a diagonal one grows in step."""
    from matplotlib import pyplot

    lines: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for row in rows:
        lines[row["name"]].append((row["size"], row["seconds"]))
    figure, axes = pyplot.subplots(figsize=(10, 6.5))
    for at, (name, points) in enumerate(sorted(lines.items())):
        sizes, seconds = zip(*sorted(points), strict=True)
        axes.plot(sizes, seconds, marker="o", linestyle=("-", "--", ":")[at // 10 % 3], label=name)
    axes.set(xscale="log", yscale="log", xlabel="deltas or leaves", ylabel="seconds", title=title)
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return _saved(figure, path)


def _rates(rows: list[dict[str, Any]], path: Path) -> Path:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 5))
    names = [row["name"] for row in rows]
    limits = [name.startswith(("FastAPI", "bare")) for name in names]
    bars = axes.barh(
        names, [row["rate"] for row in rows], color=["#b0b0b0" if limit else "#2f6f9f" for limit in limits]
    )
    axes.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel="deltas a second (grey: what bounds us)", title="Ingest over HTTP, durable")
    axes.margins(x=0.15)
    return _saved(figure, path)


def _traffic(rows: list[dict[str, Any]], path: Path) -> Path:
    """What finding differences costs in traffic, beside a tree and the whole record."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5))
    suffix = " differences by reference"
    compared = [row for row in rows if row["what"].endswith(suffix)]
    largest = max(row["size"] for row in compared)
    points = [row for row in compared if row["size"] == largest]
    counts = [int(row["what"].removesuffix(suffix)) for row in points]
    for key, label in (
        ("kilobytes", "Anchor's sketches"),
        ("kilobytes_by_a_tree", "a Merkle tree"),
        ("kilobytes_of_the_record", "the whole record"),
    ):
        axes.plot(counts, [row[key] for row in points], marker="o", label=label)
    axes.set(xlabel="differences", ylabel="kilobytes", title="Finding differences between two books")
    axes.set_xscale("symlog", linthresh=1)
    axes.set_yscale("log")
    axes.grid(True, alpha=0.3)
    axes.legend()
    return _saved(figure, path)


def _saved(figure: Any, path: Path) -> Path:
    from matplotlib import pyplot

    figure.savefig(path, dpi=130, bbox_inches="tight")
    pyplot.close(figure)
    return path
