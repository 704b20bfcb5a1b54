"""``anchor import`` records every row once, whatever happened before, and names each row that it refuses."""

import csv
import gzip
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from anchor.server.service.assembly import open_directory
from anchor.server.service.initializing import initialise
from tests.cli.running import anchor_here as anchor
from tests.cli.running import start
from tests.fixtures.logs import FOUNDER

MAPPING = ("--map", "customerId=carrier", "--map", "referenceId=id", "--map", "delta=miles")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    initialise(made, founder=FOUNDER, with_signing_key=False)
    return made


def usage(tmp_path: Path, rows: int) -> Path:
    file = tmp_path / "usage.csv"
    with file.open("w", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(["id", "carrier", "miles"])
        writer.writerows((f"r{row}", f"c{row % 3}", row) for row in range(rows))
    return file


def totals(directory: Path) -> dict[str, tuple[int, int]]:
    """Return each customer's size and balance in whole ones."""
    opened = open_directory(directory, {})
    try:
        with opened.database.read() as connection:
            rows = connection.exec_driver_sql("SELECT customer_id, size, balance FROM ledgers").all()
        return {customer: (size, int(balance) // 10**18) for customer, size, balance in rows}
    finally:
        opened.close()


def expected(rows: int) -> dict[str, tuple[int, int]]:
    return {
        f"c{customer}": (len(range(customer, rows, 3)), -sum(range(customer, rows, 3)))
        for customer in range(3)
    }


def test_every_row_is_recorded_and_a_second_run_records_nothing(tmp_path: Path, directory: Path) -> None:
    file = usage(tmp_path, 2_500)
    first = anchor("import", file, *MAPPING, "--negate", "--data", directory, "--json")
    assert (first.code, first.json()["recorded"], first.json()["refused"]) == (0, 2_500, 0)
    second = anchor("import", file, *MAPPING, "--negate", "--data", directory, "--json")
    assert (second.code, second.json()["recorded"]) == (0, 0)
    assert second.json()["onRecordBefore"] == 2_500
    assert totals(directory) == expected(2_500)


def test_a_killed_import_goes_on_where_it_was(tmp_path: Path, directory: Path) -> None:
    rows = 60_000
    file = usage(tmp_path, rows)
    code = "from anchor.cli.main import main; main()"
    words = ["import", str(file), *MAPPING, "--negate", "--data", str(directory), "--json"]
    killed = subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.DEVNULL)
    while killed.poll() is None and sum(size for size, _ in totals(directory).values()) < 2_000:
        pass
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    before = sum(size for size, _ in totals(directory).values())
    assert 0 < before < rows

    again = anchor(*words)

    assert again.code == 0
    assert again.json()["onRecordBefore"] == before
    assert again.json()["recorded"] == rows - before
    assert totals(directory) == expected(rows)


def test_an_interrupted_import_says_that_it_can_go_on(tmp_path: Path, directory: Path) -> None:
    words = ("import", usage(tmp_path, 500_000), *MAPPING, "--data", directory)
    running = start(*words)
    while running.poll() is None and not totals(directory):
        pass
    running.send_signal(signal.SIGINT)
    told, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "goes on where it was" in told


def test_refused_rows_are_named_and_their_neighbours_recorded(tmp_path: Path, directory: Path) -> None:
    file = tmp_path / "usage.ndjson"
    lines = [
        {"customerId": "acme", "delta": "1", "referenceId": "r1"},
        {"customerId": "acme", "delta": "0.0000000000000000001", "referenceId": "r2"},
        {"customerId": "acme", "delta": "2", "referenceId": "r1"},
        {"customerId": "acme", "delta": "4", "referenceId": "r3", "metadata": {"a": [1.5, "é"]}},
        {"customerId": "\ud800", "delta": "8", "referenceId": "r4"},
        {"customerId": "acme", "delta": "-1", "referenceId": "r5", "adjusts": "r1"},
    ]
    file.write_text("\n".join(map(json.dumps, lines)) + "\n{\n")
    rejects = tmp_path / "rejects.csv"

    done = anchor("import", file, "--data", directory, "--rejects", rejects, "--json")

    assert done.code == 1
    assert done.json()["recorded"] == 3
    refused = [(one["line"], one["code"]) for one in done.json()["refusals"]]
    assert sorted(refused) == [
        (2, "amount_too_precise"),
        (3, "reference_conflict"),
        (5, "invalid_id"),
        (7, "not_a_row"),
    ]
    with rejects.open(newline="") as text:
        assert len(list(csv.reader(text))) == 5
    assert totals(directory) == {"acme": (3, 4)}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("u.csv", "customerId,delta,referenceId\nacme,-5,\nacme,-7,r1\n"),
        (
            "u.ndjson",
            '{"customerId":"acme","delta":-5,"referenceId":null}\n'
            '{"customerId":"acme","delta":-7,"referenceId":"r1"}\n'
            '{"customerId":"acme","delta":-9,"referenceId":""}\n',
        ),
    ],
)
def test_a_row_without_a_reference_is_refused_for_a_second_run_would_record_it_again(
    tmp_path: Path, directory: Path, name: str, text: str
) -> None:
    file = tmp_path / name
    file.write_text(text)
    for run in range(2):
        done = anchor("import", file, "--data", directory, "--json")
        assert (done.code, done.json()["recorded"], done.json()["onRecordBefore"]) == (1, 1 - run, run)
        assert {(one["code"], one["field"]) for one in done.json()["refusals"]} == {
            ("no_reference", "/referenceId")
        }
    assert totals(directory) == {"acme": (1, -7)}


def test_a_file_whose_quotes_break_is_recorded_up_to_there_and_goes_on_when_it_is_mended(
    tmp_path: Path, directory: Path
) -> None:
    file = tmp_path / "usage.csv"
    lines = ["customerId,delta,referenceId", *(f"acme,1,r{row}" for row in range(2_000))]
    file.write_text("\n".join([*lines[:1_500], 'acme,1,"r1499" or so', *lines[1_501:]]))

    broken = anchor("import", file, "--data", directory, "--json")
    assert (broken.code, broken.json()["recorded"], broken.json()["stoppedAtLine"]) == (1, 1_499, 1_501)
    told = anchor("import", file, "--data", directory)
    assert "Nothing after line 1,501 was read." in told.out

    file.write_text("\n".join(lines))
    mended = anchor("import", file, "--data", directory, "--json")
    assert (mended.code, mended.json()["onRecordBefore"], mended.json()["recorded"]) == (0, 1_499, 501)
    assert mended.json()["stoppedAtLine"] is None
    assert totals(directory) == {"acme": (2_000, 2_000)}


def test_a_new_customer_that_looks_like_a_known_one_is_recorded_with_a_warning(
    tmp_path: Path, directory: Path
) -> None:
    known, new = tmp_path / "known.ndjson", tmp_path / "new.ndjson"

    def write(file: Path, *rows: tuple[str, str]) -> None:
        lines = (
            {"customerId": customer, "unit": unit, "delta": "1", "referenceId": f"{file.stem}-{at}"}
            for at, (customer, unit) in enumerate(rows)
        )
        file.write_text("\n".join(map(json.dumps, lines)) + "\n")

    write(known, ("acme", "mile"), ("Zo\u00eb", "mile"), ("other", "mile"))
    assert anchor("import", known, "--data", directory, "--json").json()["lookAlikes"] == []
    write(
        new,
        ("acme", "mile"),
        ("ACME", "mile"),
        ("Zoe\u0308", "Mile"),
        ("\uff4fther", "mile"),
        ("ACME", "mile"),
    )
    done = anchor("import", new, "--data", directory, "--json")
    assert (done.code, done.json()["recorded"]) == (0, 5)
    found = [(one["line"], one["field"], one["id"], one["known"]) for one in done.json()["lookAlikes"]]
    assert found == [
        (2, "customerId", "ACME", "acme"),
        (3, "customerId", "Zoe\u0308", "Zo\u00eb"),
        (3, "unit", "Mile", "mile"),
        (4, "customerId", "\uff4fther", "other"),
    ]
    write(tmp_path / "last.ndjson", ("AcMe", "mile"))
    told = anchor("import", tmp_path / "last.ndjson", "--data", directory)
    assert "line 1: the new customerId “AcMe” differs from “acme” only by case" in told.out


def test_the_file_of_refused_lines_is_not_the_one_that_is_read(tmp_path: Path, directory: Path) -> None:
    file = usage(tmp_path, 1)
    before = file.read_bytes()
    (tmp_path / "link.csv").symlink_to(file)
    (tmp_path / "hard.csv").hardlink_to(file)
    for name in ("usage.csv", "link.csv", "hard.csv"):
        done = anchor("import", file, *MAPPING, "--data", directory, "--rejects", tmp_path / name)
        assert (done.code, "--rejects" in done.err) == (2, True)
        assert file.read_bytes() == before
    assert totals(directory) == {}


def test_a_directory_that_is_none_says_how_to_make_one(tmp_path: Path) -> None:
    done = anchor("import", usage(tmp_path, 1), *MAPPING, "--data", tmp_path / "none")
    assert done.code == 3
    assert "anchor init" in done.err


def test_without_a_server_or_a_directory_it_says_what_to_give(tmp_path: Path) -> None:
    done = anchor("import", usage(tmp_path, 1), *MAPPING)
    assert done.code == 2
    assert "--url" in done.err
    assert "--data" in done.err


def test_two_equal_rows_under_one_reference_of_a_file_are_told_apart_from_rows_of_an_earlier_run(
    tmp_path: Path, directory: Path
) -> None:
    file = tmp_path / "usage.csv"
    file.write_text("customerId,delta,referenceId,unit\na,5,r1,u\na,5,r1,u\na,5,r1,\na,6,r1,u\n")
    receipts, rejects = tmp_path / "receipts.csv", tmp_path / "rejects.csv"
    words = ("import", file, "--data", directory, "--receipts", receipts, "--rejects", rejects, "--json")
    first = anchor(*words)
    assert (first.code, first.json()["recorded"], first.json()["repeatedInFile"]) == (1, 2, 1)
    assert [(one["line"], one["code"]) for one in first.json()["refusals"]] == [
        (3, "repeated_in_file"),
        (5, "reference_conflict"),
    ]
    assert "line 2 again" in first.json()["refusals"][0]["detail"]
    with receipts.open(newline="") as text:
        became = list(csv.DictReader(text))
    assert [row["became"] for row in became] == ["recorded", "repeated", "recorded", "refused"]
    assert became[0]["receiptId"].startswith("rcpt_")
    assert became[0]["receiptId"] == became[1]["receiptId"] != became[2]["receiptId"]
    assert receipts.stat().st_mode & 0o777 == 0o600

    second = anchor(*words)
    assert (second.code, second.json()["onRecordBefore"], second.json()["repeatedInFile"]) == (1, 2, 1)
    told = anchor("import", file, "--data", directory)
    assert "1 stand in the file before" in told.out


def test_a_file_comes_from_standard_input_too(tmp_path: Path, directory: Path) -> None:
    lines = b'[{"id":"e1","source":"s","type":"t","subject":"acme","data":{"value":2.5}}]'
    code = "from anchor.cli.main import main; main()"
    words = ["import", "-", "--format", "openmeter", "--data", str(directory), "--json"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], input=gzip.compress(lines), capture_output=True, check=False
    )
    assert (done.returncode, json.loads(done.stdout)["recorded"]) == (0, 1), done.stderr
    assert anchor("import", "-", "--data", directory).code == 3
    refused = anchor("import", "-", "--format", "csv", "--reference", "line", "--data", directory)
    assert (refused.code, "--reference" in refused.err) == (2, True)


def test_seconds_are_suspected_and_taken_where_that_is_said(tmp_path: Path, directory: Path) -> None:
    file = tmp_path / "usage.csv"
    file.write_text(
        "customerId,delta,referenceId,occurredAt\n"
        "a,1,r1,1776414600\na,1,r2,1776414600.123456\na,1,r3,2026-04-17 08:30:00.123456+00\n"
    )
    suspected = anchor("import", file, "--data", directory, "--json")
    assert (suspected.code, suspected.json()["recorded"]) == (1, 1)
    assert {one["code"] for one in suspected.json()["refusals"]} == {"time_unit_suspected"}
    stated = anchor("import", file, "--time-unit", "seconds", "--data", directory, "--json")
    assert (stated.code, stated.json()["recorded"], stated.json()["onRecordBefore"]) == (0, 2, 1)
    assert stated.json()["cutToMillisecond"] == 2


FOCUS = """\
\ufeffBilledCost,BillingAccountId,BillingCurrency,ChargePeriodEnd,ChargePeriodStart,ConsumedUnit,SkuId,Tags\r
"$12,500.00 ",90-1,USD,3/1/27,2/1/27,null,SEAT-1,"{""team"": ""red""}"\r
$0.25 ,90-1,USD,2/2/27,2/1/27,Call,CALL-7,\r
($3.00),90-2,USD,2/2/27,2/1/27,Call,CALL-7,null"""


def test_a_file_of_the_shapes_that_cost_exports_have_imports_whole(tmp_path: Path, directory: Path) -> None:
    file = tmp_path / "costs.csv"
    file.write_text(FOCUS)
    words = ["import", file, "--data", directory, "--json"]
    words += ["--map", "customerId=BillingAccountId", "--map", "delta=BilledCost", "--map", "metadata=Tags"]
    words += ["--map", "unit=BillingCurrency", "--reference-from", "ChargePeriodStart,SkuId"]
    for _ in range(2):
        done = anchor(*words)
        assert (done.code, done.json()["rows"], done.json()["refused"]) == (0, 3, 0), done.out
    assert totals(directory) == {"90-1": (2, 12_500), "90-2": (1, -3)}


def test_a_row_named_by_its_line_is_recorded_once_and_a_longer_file_goes_on(
    tmp_path: Path, directory: Path
) -> None:
    file = tmp_path / "usage.csv"
    file.write_text("customerId;delta\na;1\na;1\n")
    words = ("import", file, "--reference", "line", "--data", directory)
    assert "separated by a semicolon" in anchor(*words).out
    file.write_text("customerId;delta\na;1\na;1\na;1\n")
    again = anchor(*words, "--json")
    assert (again.json()["recorded"], again.json()["onRecordBefore"]) == (1, 2)
    both = anchor(*words, "--reference-from", "customerId")
    assert (both.code, "each name the rows" in both.err) == (2, True)
