"""How long comparing takes, and what travels: python -m benchmarks.comparing [--most 1000000] [--json FILE]

Fills a SQLite ledger in a temporary folder (its fingerprints are random: comparing does not look at
them), then compares balances, whole lists, and books that are elsewhere. Beside the sketch of the
difference stands what two other ways would send: the whole record, and a tree over hashed references
(1,024 parts, 64 in each part that differs, then the entries of each that differs).
"""

import argparse
import json
import os
import random
import resource
import tempfile
import time
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from anchor.compare.books import Entry
from anchor.compare.divergence import OwnEntries, RecordBlocks, first_divergence
from anchor.compare.lists import Side
from anchor.compare.reconciliation import RecordCells, ResolvedEntry, reconcile
from anchor.server.ledger.comparing import compare_balances_with_record, compare_deltas_with_record
from anchor.server.ledger.reconciling import Reconciler
from anchor.server.storage.database import Database
from anchor.server.storage.schema import deltas, ledgers

CUSTOMER = "customer"
SIZES = (1_000, 10_000, 100_000, 1_000_000)


class Remote:
    """The record, asked as the client asks it; the time it takes to answer is kept."""

    def __init__(self, reconciler: Reconciler) -> None:
        self.reconciler = reconciler
        self.seconds = 0.0

    def timed(self, answer: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        answered = answer()
        self.seconds += time.perf_counter() - started
        return answered

    def cells(self, salt: bytes, level: int, above: int | None, size: int | None) -> RecordCells:
        return self.timed(lambda: self.reconciler.cells(CUSTOMER, "", salt, level, above, size))  # type: ignore[no-any-return]

    def resolve(self, salt: bytes, keys: list[bytes], size: int) -> list[ResolvedEntry]:
        return self.timed(lambda: self.reconciler.resolve(CUSTOMER, "", salt, keys, size))  # type: ignore[no-any-return]

    def blocks(self, height: int, stop: int) -> RecordBlocks:
        return self.timed(lambda: self.reconciler.entry_blocks(CUSTOMER, "", height, stop))  # type: ignore[no-any-return]

    def digests(self, start: int, stop: int) -> bytes:
        return self.timed(lambda: self.reconciler.entry_digests(CUSTOMER, "", start, stop))  # type: ignore[no-any-return]


def fill(database: Database, books: list[Entry]) -> None:
    """Write the ledger whose entries ``books`` has."""
    balances = list(accumulate(amount for _, amount in books))
    with database.write() as connection:
        connection.execute(
            insert(ledgers).values(
                id=1,
                ledger_id=bytes(32),
                customer_id=CUSTOMER,
                unit="",
                identity_proof=bytes(80),
                size=len(books),
                balance=balances[-1],
            )
        )
        for start in range(0, len(books), 10_000):
            connection.execute(
                insert(deltas),
                [
                    {
                        "ledger": 1,
                        "index": index,
                        "amount": books[index].amount,
                        "balance": balances[index],
                        "occurred_at": index,
                        "recorded_at": index,
                        "reason": "usage",
                        "reason_salt": os.urandom(16),
                        "reference_id": books[index].reference_id,
                        "reference_salt": os.urandom(16),
                        "metadata_salt": os.urandom(16),
                        "fingerprint": os.urandom(32),
                    }
                    for index in range(start, min(start + 10_000, len(books)))
                ],
            )


def tree_traffic(size: int, differences: int, chosen: random.Random) -> int:
    """Return the bytes that a two-level tree over hashed references would send."""
    parts = {chosen.randrange(1024 * 64) for _ in range(differences)}
    in_a_part = max(1, size // (1024 * 64))
    return 16 * 1024 + 16 * 64 * len({part // 64 for part in parts}) + 40 * in_a_part * len(parts)


def measured(size: int, database: Database) -> list[dict[str, Any]]:
    """Return one row for each comparison."""
    chosen = random.Random(size)
    books = [Entry(f"job_{index:08d}", -chosen.randrange(1, 10**6) * 10**15) for index in range(size)]
    fill(database, books)
    total = sum(amount for _, amount in books)
    rows: list[dict[str, Any]] = []

    def row(what: str, work: Callable[[], dict[str, Any]]) -> None:
        started = time.perf_counter()
        more = work()
        rows.append({"what": what, "size": size, "seconds": round(time.perf_counter() - started, 3), **more})

    def balances(figure: int) -> dict[str, Any]:
        figures = {Side.YOURS: total, Side.COUNTERPARTY: figure}
        side = compare_balances_with_record(database, CUSTOMER, "", figures).sides[1]
        return {"found": side.candidate_count or (side.behind is not None)}

    row("two balances that agree", lambda: balances(total))
    row("a balance from the past", lambda: balances(sum(amount for _, amount in books[: size // 3])))
    row("a balance without one delta", lambda: balances(total - books[size // 3].amount))

    edited = list(books)
    for position in sorted(chosen.sample(range(size), 3), reverse=True):
        del edited[position]
    edited[5] = Entry(edited[5].reference_id, 1)

    def lists(*given: list[Entry]) -> dict[str, Any]:
        sides = dict(zip((Side.COUNTERPARTY, Side.YOURS), given, strict=False))
        comparison = compare_deltas_with_record(database, CUSTOMER, "", dict(sides))
        return {"found": comparison.sides[0].discrepancy_count}

    row("one whole list against the record", lambda: lists(edited))
    row("two whole lists against the record", lambda: lists(edited, books))

    def divergence(place: int) -> dict[str, Any]:
        own = list(books)
        own[place] = Entry("other", 1)
        remote = Remote(Reconciler(database))
        found = first_divergence(OwnEntries(own), remote)
        assert found.index == place
        return {
            "record_seconds": round(remote.seconds, 3),
            "round_trips": found.round_trips,
            "kilobytes": found.received / 1000,
        }

    row("first divergent index", lambda: divergence(size * 2 // 3))

    for differences in (0, 1, 10, 100, 1_000, 10_000, 100_000):
        if differences * 4 > size:
            continue
        removed = set(chosen.sample(range(size), differences))

        def sketched(removed: set[int] = removed) -> dict[str, Any]:
            remote = Remote(Reconciler(database))
            own = [entry for index, entry in enumerate(books) if index not in removed]
            found = reconcile(own, remote)
            assert {each.index for each in found.discrepancies} == removed
            return {
                "record_seconds": round(remote.seconds, 3),
                "round_trips": found.round_trips,
                "kilobytes": found.received / 1000,
                "kilobytes_by_a_tree": tree_traffic(size, len(removed), chosen) / 1000,
                "kilobytes_of_the_record": size * 40 / 1000,
            }

        row(f"{differences} differences by reference", sketched)
    rows.append(
        {"what": "peak memory, MB", "value": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
    )
    return rows


def main() -> None:
    """Measure, print, and write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for size in (size for size in SIZES if size <= arguments.most):
        with tempfile.TemporaryDirectory() as folder:
            database = Database.open(f"sqlite:///{folder}/ledger.db")
            database.migrate()
            rows += measured(size, database)
            database.close()
    for each in rows:
        print("  ".join(f"{name} {value}" for name, value in each.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
