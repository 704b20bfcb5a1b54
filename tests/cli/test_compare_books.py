"""``anchor compare-books`` against a running server: books stay here, digests travel."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anchor.server.service.development import Development, Ports
from tests.cli.running import Finished
from tests.cli.running import anchor_here as anchor

SIZE = 3_000
Rows = list[tuple[str, object]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Development]:
    """A server with a ledger of so many deltas: -1, -2, ... hours."""
    folder = tmp_path_factory.mktemp("books")
    with Development(folder / "data", {}, ports=Ports(0, 0), anchoring=False) as service:
        usage = folder / "usage.csv"
        write(usage, [(f"job_{n}", -n - 1) for n in range(SIZE)], ("referenceId", "delta"))
        words = ("--set", "customerId=acme", "--set", "unit=hour", "--json")
        assert anchor("import", usage, *words, env=reaching(service)).code == 0
        yield service


def reaching(service: Development) -> dict[str, str]:
    return {"ANCHOR_URL": service.url, "ANCHOR_API_KEY": service.admin_key}


def write(file: Path, rows: Rows, header: tuple[str, str] = ("job", "hours")) -> Path:
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows([header, *rows])
    return file


def books() -> Rows:
    return [(f"job_{n}", n + 1) for n in range(SIZE)]


def compare(server: Development, file: Path, *words: object) -> Finished:
    mapped = ("--map", "referenceId=job", "--map", "delta=hours", "--negate")
    return anchor("compare-books", "acme", file, "--unit", "hour", *mapped, *words, env=reaching(server))


def test_the_same_books_match_in_any_order(server: Development, tmp_path: Path) -> None:
    same = compare(server, write(tmp_path / "books.csv", books()))
    assert (same.code, "the same, entry by entry" in same.out) == (0, True), same
    turned = compare(server, write(tmp_path / "turned.csv", books()[::-1]))
    assert turned.code == 0
    assert "at index 0, line 2 of your books: the same entries, in another order from here on" in turned.out


def test_every_difference_is_named_and_few_bytes_travel(server: Development, tmp_path: Path) -> None:
    rows = books()
    rows.append(rows[2_000])
    rows.append(("job_x", "0.5"))
    rows[1_500] = ("job_1500", 7)
    del rows[700]
    file = write(tmp_path / "books.csv", rows)
    done = compare(server, file, "--json")
    assert done.code == 1, done
    answer = done.json()
    found = [(one["kind"], one["referenceId"], one["index"], one["line"]) for one in answer["discrepancies"]]
    assert found == [
        ("missing", "job_700", 700, None),
        ("altered", "job_1500", 1_500, 1_501),
        ("duplicated", "job_2000", 2_000, SIZE + 1),
        ("extra", "job_x", None, SIZE + 2),
    ]
    assert answer["firstDivergence"] == {"index": 700, "confirmed": 700, "line": 702}
    assert answer["offBy"] == 701 + (1_501 - 7) - 2_001 - 0.5
    traffic: dict[str, dict[str, int]] = answer["traffic"]
    assert traffic["firstDivergence"]["roundTrips"] <= 2
    assert sum(each["bytesReceived"] + each["bytesSent"] for each in traffic.values()) < 20_000
    assert file.stat().st_size > 30_000
    shown = compare(server, file)
    assert shown.code == 1
    for told in ("1 altered, 1 duplicated, 1 extra, 1 missing", "job_700", "index 700", "round trips"):
        assert told in shown.out


def test_ndjson_books_and_entries_without_a_reference(server: Development, tmp_path: Path) -> None:
    file = tmp_path / "books.ndjson"
    lines: list[dict[str, Any]] = [{"job": name, "hours": hours} for name, hours in books()]
    lines[-1]["job"] = None
    file.write_text("\n".join(map(json.dumps, lines)))
    answer = compare(server, file, "--json").json()
    assert [(one["kind"], one["referenceId"]) for one in answer["discrepancies"]] == [
        ("missing", f"job_{SIZE - 1}"),
        ("extra", None),
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("job,hours\na,1\nb,many\n", "line 3: 'many' is not a decimal number"),
        ("job,hours\na,1\nb\n", "line 3: this line has 1 values"),
        ("job,hours\na,\n", "line 2: there is no hours"),
        ("job,miles\na,1\n", "no column 'hours'"),
        ("", "is empty"),
        ("job,hours\na,1\nb,\x00\n", "line 3"),
    ],
)
def test_books_that_cannot_be_read_are_refused_by_line(
    server: Development, tmp_path: Path, content: str, told: str
) -> None:
    file = tmp_path / "books.csv"
    file.write_text(content)
    refused = compare(server, file)
    assert (refused.code, told in refused.err) == (3, True), refused


def test_a_customer_that_is_not_known_and_a_file_that_is_not_there(
    server: Development, tmp_path: Path
) -> None:
    file = write(tmp_path / "books.csv", books()[:3], ("referenceId", "delta"))
    unknown = anchor("compare-books", "nobody", file, "--json", env=reaching(server))
    assert (unknown.code, json.loads(unknown.err)["code"]) == (3, "unknown_customer")
    assert anchor("compare-books", "acme", tmp_path / "none.csv", env=reaching(server)).code == 3
