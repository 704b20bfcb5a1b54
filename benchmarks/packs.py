"""An audit pack of a whole period: written by ``anchor pack``, checked by ``anchor verify`` and on the page.

    .venv/bin/python -m benchmarks.packs [--most 1000000] [--runs 1] [--no-browser]

One ledger of N deltas on SQLite, anchored on a development chain. The page runs in Chromium, opened from
disk: beside the time stand the memory of its tab, the longest task on its main thread
(``PerformanceObserver``), the longest that a heartbeat of 10 ms had to wait, and how long closing the tab
takes in the middle. A pack in which one delta deep inside was altered, in both lists, must be refused by
both, and the delta be named.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from anchor.proof.reading import parse_proof_file
from anchor.proof.values import DeltaRecord, Record
from anchor.verify.audit_pack import LARGEST_PERIOD, PERIOD, AuditPack, PackParts, write_audit_pack
from benchmarks.measuring import Measurement, median_of, print_table, shown_time, write_results
from benchmarks.operated import CUSTOMER, Operated, Ran, fill, operating, ran, unit_of, until
from tests.web.browser import PAGE, running_chromium

SIZES = (10_000, 100_000, 1_000_000)
UNIT = unit_of(0, 1)
LONGEST = 3_600_000
"""Milliseconds that a page may take."""
WATCH = """() => {
  window.watched = { longest: 0, late: 0, tasks: 0 };
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      window.watched.tasks += 1;
      window.watched.longest = Math.max(window.watched.longest, duration);
    }
  }).observe({ entryTypes: ["longtask"] });
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    window.watched.late = Math.max(window.watched.late, now - last - 10);
    last = now;
  }, 10);
}"""


def altered(pack: Path, target: Path, index: int) -> None:
    """Write a pack again in which one delta has another amount, everywhere that it stands."""
    with ExitStack() as stack:
        opened = AuditPack(pack, stack)
        parts = PackParts(parse_proof_file(opened.read(PERIOD, LARGEST_PERIOD)), opened.peaks())

        def records() -> Iterator[Record]:
            for record, _ in opened.deltas():
                if record.index == index:
                    assert isinstance(record, DeltaRecord)
                    record = replace(record, amount=record.amount + 1)
                yield record

        write_audit_pack(target, parts, records(), made_at=0)


def tab_megabytes() -> float:
    """Return the peak memory (RSS) of the largest tab among the processes that this one started."""
    parents: dict[int, int] = {}
    peaks: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            status = dict(line.split(":", 1) for line in (entry / "status").read_text().splitlines())
            parents[int(entry.name)] = int(status["PPid"])
            if b"--type=renderer" in (entry / "cmdline").read_bytes():
                peaks[int(entry.name)] = int(status["VmHWM"].split()[0]) / 1024
        except OSError:
            continue

    def ours(process: int) -> bool:
        while process and process != os.getpid():
            process = parents.get(process, 0)
        return process == os.getpid()

    return max(peak for process, peak in peaks.items() if ours(process))


def opened_page(browser: Browser, operated: Operated) -> Page:
    """Open the page from disk, and say what a reader means."""
    page = browser.new_context().new_page()
    page.set_default_timeout(LONGEST)
    page.goto(PAGE.as_uri())
    page.evaluate(WATCH)
    page.fill("#rpc", operated.rpc)
    page.fill("#contract", operated.contract)
    page.select_option("#finality", "latest")
    return page


def on_the_page(operated: Operated, pack: Path, verdict: str) -> tuple[float, float, dict[str, float], str]:
    """Check a pack on the page; return seconds, the tab's peak, what was watched, and what failed."""
    with running_chromium() as browser:
        page = opened_page(browser, operated)
        started = time.perf_counter()
        page.set_input_files("#files", pack)
        page.wait_for_selector("article[data-verdict]")
        seconds = time.perf_counter() - started
        found = page.get_attribute("article", "data-verdict")
        if found != verdict:
            raise AssertionError(f"the page says {found} of {pack.name}, not {verdict}")
        failed = " ".join(page.locator("li.failed").all_text_contents())
        return seconds, tab_megabytes(), page.evaluate("window.watched"), failed


def closed_in(operated: Operated, pack: Path) -> float:
    """Return how many seconds the tab takes to close while it checks."""
    with running_chromium() as browser:
        page = opened_page(browser, operated)
        page.set_input_files("#files", pack)
        page.wait_for_function("() => document.querySelector('progress')?.value > 0")
        started = time.perf_counter()
        page.close()
        return time.perf_counter() - started


def verified(operated: Operated, pack: Path, code: int) -> Ran:
    where = ("--rpc", operated.rpc, "--contract", operated.contract, "--finality", "latest")
    return ran("verify", str(pack), *where, "--json", allowed=(code,))


def measured(count: int, runs: int, browser: bool) -> Iterator[Measurement]:
    """Write and check packs of so many deltas."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pack, forged = folder / "pack.zip", folder / "forged.zip"
        fill(folder / "operator", 0, count, 1)
        with operating(folder / "operator") as operated:
            until("the anchor", lambda: _anchored(operated, count))
            arguments = (
                "pack",
                CUSTOMER,
                "--unit",
                UNIT,
                "--data",
                str(folder / "operator"),
                "--out",
                str(pack),
            )
            yield _ran("write", count, [ran(*arguments, "--json") for _ in range(runs)], pack)
            yield _ran("verify", count, [verified(operated, pack, 0) for _ in range(runs)], pack)
            index = count * 2 // 3
            altered(pack, forged, index)
            refused = [verified(operated, forged, 1) for _ in range(runs)]
            for one in refused:
                assert f"Delta {index}: its balance" in one.out, one.out
            yield _ran("verify, one delta altered", count, refused, forged)
            if browser:
                yield _shown(
                    "page", count, [on_the_page(operated, pack, "valid") for _ in range(runs)], operated, pack
                )
                shown = [on_the_page(operated, forged, "invalid") for _ in range(runs)]
                for *_, failed in shown:
                    assert f"Delta {index}: its balance" in failed, failed
                yield _shown("page, one delta altered", count, shown, operated, forged)


def _anchored(operated: Operated, count: int) -> bool:
    answer = json.loads(
        ran("derive", CUSTOMER, "--unit", UNIT, "--url", operated.url, "--json", key=operated.key).out
    )
    return int(answer["deltaCount"]) == count


def _ran(what: str, count: int, runs: list[Ran], pack: Path) -> Measurement:
    return Measurement(
        what,
        count,
        median_of([one.seconds for one in runs]),
        len(runs),
        median_of([one.peak_megabytes for one in runs]),
        {
            "processor_seconds": median_of([one.processor_seconds for one in runs]),
            "file_megabytes": pack.stat().st_size / 2**20,
        },
    )


def _shown(
    what: str,
    count: int,
    runs: list[tuple[float, float, dict[str, float], str]],
    operated: Operated,
    pack: Path,
) -> Measurement:
    detail: dict[str, Any] = {
        "longest_task_ms": median_of([watched["longest"] for _, _, watched, _ in runs]),
        "longest_wait_ms": median_of([watched["late"] for _, _, watched, _ in runs]),
        "closed_in_seconds": closed_in(operated, pack),
    }
    seconds, peaks, *_ = zip(*runs, strict=True)
    return Measurement(what, count, median_of(seconds), len(runs), median_of(peaks), detail)


def _row(one: Measurement) -> list[str]:
    detail = one.detail
    return [
        one.name,
        f"{one.size:,}",
        shown_time(one.seconds),
        f"{detail['processor_seconds']:.1f} s" if "processor_seconds" in detail else "",
        f"{one.rate:,.0f}",
        f"{one.peak_megabytes:.0f} MB",
        f"{detail['longest_task_ms']:.0f} ms" if "longest_task_ms" in detail else "",
        f"{detail['longest_wait_ms']:.0f} ms" if "longest_wait_ms" in detail else "",
        shown_time(detail["closed_in_seconds"]) if "closed_in_seconds" in detail else "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--no-browser", action="store_true")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    measurements = [
        one
        for size in SIZES
        if size <= options.most
        for one in measured(size, options.runs, not options.no_browser)
    ]
    print_table(
        f"Audit packs (load average before: {load:.1f})",
        (
            *("what", "deltas", "seconds", "of processor", "deltas a second", "peak memory"),
            *("longest task", "longest wait", "closed in"),
        ),
        [_row(one) for one in measurements],
    )
    print(f"\nwritten to {write_results('packs', measurements)}")


if __name__ == "__main__":
    main()
