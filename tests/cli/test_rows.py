"""A usage file becomes the fields of emit calls, digit by digit, and what cannot is named by its line."""

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.cli.failures import CommandFailed
from anchor.cli.rows import Counted, Mapped, Row, kind_of, parse_mapping, read_rows

PLAIN = Mapped({}, {})


def rows(tmp_path: Path, text: str | bytes, kind: str = "csv", mapped: Mapped = PLAIN) -> list[Row]:
    file = tmp_path / f"usage.{kind}"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(read_rows(file, kind, mapped, Counted()))


def test_columns_are_named_as_the_fields_of_the_call(tmp_path: Path) -> None:
    text = 'customerId,delta,referenceId,ignored\nacme,-1.50,r1,x\n"a,b",2,"r\n2",y\n'
    assert rows(tmp_path, text) == [
        Row(2, {"customerId": "acme", "delta": "-1.50", "referenceId": "r1"}),
        Row(3, {"customerId": "a,b", "delta": "2", "referenceId": "r\n2"}),
    ]


def test_columns_of_other_names_are_mapped_and_a_constant_fills_every_row(tmp_path: Path) -> None:
    mapped = parse_mapping(
        ["customerId=carrier", "delta=miles", "referenceId=id"], ["unit=mile", "reason="], True
    )
    found = rows(tmp_path, "id,carrier,miles\n1,UA,1400\n2,UA,-3.0\n", mapped=mapped)
    assert [row.fields for row in found] == [
        {"customerId": "UA", "delta": "-1400", "referenceId": "1", "unit": "mile", "reason": ""},
        {"customerId": "UA", "delta": "3.0", "referenceId": "2", "unit": "mile", "reason": ""},
    ]


@pytest.mark.parametrize("text", ["--5", "+-5", "+5", " 5", "5 ", "-", "five", "(5)", "9e400", "1e-19"])
def test_what_is_no_amount_is_none_with_its_sign_turned_either(tmp_path: Path, text: str) -> None:
    file = f"customerId,delta,referenceId\na,{text},r1\n"
    for negate in (False, True):
        row = rows(tmp_path, file, mapped=parse_mapping([], [], negate))[0]
        assert row.fields is not None
        assert row.fields["delta"] == text


@pytest.mark.parametrize(("text", "turned"), [("5", "-5"), ("-5", "5"), ("0", "-0"), ("-1.50e3", "1.50e3")])
def test_an_amount_has_its_sign_turned(tmp_path: Path, text: str, turned: str) -> None:
    file = f"customerId,delta,referenceId\na,{text},r1\n"
    row = rows(tmp_path, file, mapped=parse_mapping([], [], True))[0]
    assert row.fields is not None
    assert row.fields["delta"] == turned


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_data(tmp_path: Path) -> None:
    found = rows(tmp_path, b"\xef\xbb\xbfcustomerId,delta,referenceId\r\nacme,1,r1\r\n\r\n")
    assert [row.fields for row in found] == [{"customerId": "acme", "delta": "1", "referenceId": "r1"}]


def test_empty_cells_are_absent_fields(tmp_path: Path) -> None:
    text = "customerId,delta,referenceId,occurredAt,metadata\nacme,1,r1,,\n"
    assert rows(tmp_path, text)[0].fields == {"customerId": "acme", "delta": "1", "referenceId": "r1"}


def test_a_line_of_the_wrong_length_fails_alone(tmp_path: Path) -> None:
    found = rows(tmp_path, "customerId,delta,referenceId\nacme,1\nacme,2,r2\n")
    assert [(row.line, row.fields is None) for row in found] == [(2, True), (3, False)]
    assert "2 values" in found[0].problem


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("customerId,delta\n", "no column 'referenceId'"),
        ("customerId,delta,delta,referenceId\n", "2 columns 'delta'"),
        (b"customerId,delta,referenceId,\xff\n", "not CSV"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(CommandFailed, match=told):
        rows(tmp_path, text)


def test_ndjson_numbers_keep_their_digits(tmp_path: Path) -> None:
    digits = "-0.123456789012345678"
    text = f'{{"customerId":"acme","delta":{digits},"referenceId":"r1","metadata":{{"a":1}}}}\n\n'
    assert rows(tmp_path, text, "ndjson") == [
        Row(1, {"customerId": "acme", "delta": digits, "referenceId": "r1", "metadata": {"a": 1}})
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("3", "no JSON object"),
        ('{"customerId":"a","delta":1}', "no referenceId"),
        ('{"customerId":"a","customerId":"b","delta":1,"referenceId":"r"}', "twice"),
        (b'{"customerId":"\xff"}', "not JSON"),
        ('{"customerId":"a","delta":NaN,"referenceId":"r"}', "NaN is no number"),
    ],
)
def test_a_bad_line_of_ndjson_fails_alone(tmp_path: Path, line: str | bytes, told: str) -> None:
    line = line.encode() if isinstance(line, str) else line
    found = rows(tmp_path, line + b'\n{"customerId":"a","delta":1,"referenceId":"r"}\n', "ndjson")
    assert told in found[0].problem
    assert found[1] == Row(2, {"customerId": "a", "delta": "1", "referenceId": "r"})


def test_a_line_that_is_too_long_fails_alone(tmp_path: Path) -> None:
    good = b'{"customerId":"a","delta":1,"referenceId":"%d"}\n'
    found = rows(tmp_path, good % 1 + b"x" * 3_500_000 + b"\n" + good % 2 + good % 3, "ndjson")
    assert [row.fields is None for row in found] == [False, True, False, False]
    assert [row.line for row in found] == [1, 2, 3, 4]
    assert "longer than" in found[1].problem


def test_a_last_line_without_end_that_is_too_long_ends_the_file(tmp_path: Path) -> None:
    found = rows(tmp_path, b"x" * 2_000_000, "ndjson")
    assert len(found) == 1
    assert "longer than" in found[0].problem


@pytest.mark.parametrize(
    "broken", [b'a,1,"r2"x\na,1,r3\n', b'a,1,"r2\na,1,r3\na,1,r4\n', b'a,1,"' + b"x" * 200_000 + b'"\n']
)
def test_csv_whose_quotes_break_stops_at_the_row_where_they_do(tmp_path: Path, broken: bytes) -> None:
    found = rows(tmp_path, b"customerId,delta,referenceId\na,1,r1\n" + broken)
    assert [(row.line, row.stopped) for row in found] == [(2, False), (3, True)]
    assert found[-1].fields is None
    assert "nothing after it was read" in found[-1].problem


def test_a_quote_that_swallows_lines_names_them_all(tmp_path: Path) -> None:
    found = rows(tmp_path, b'customerId,delta,referenceId\na,"1\na,2,r2\na,3"\na,4,r4\n')
    assert [(row.line, row.fields is None) for row in found] == [(2, True), (5, False)]
    assert "to line 4 has 2 values" in found[0].problem


def test_a_row_that_is_not_utf8_fails_alone(tmp_path: Path) -> None:
    found = rows(tmp_path, b"customerId,delta,referenceId\na,1,r1\na,1,\xff\na,1,\xc3\xa9\n")
    assert [(row.line, row.problem) for row in found if row.fields is None] == [(3, "this is not UTF-8")]
    assert found[-1].fields is not None
    assert found[-1].fields["referenceId"] == "é"


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ('{""a"":1,""a"":2}', "the key 'a' is given twice"),
        ("{", "not a JSON object"),
        ("{NaN}", "not a JSON"),
    ],
)
def test_metadata_that_is_not_json_fails_its_row_and_says_why(
    tmp_path: Path, metadata: str, told: str
) -> None:
    found = rows(tmp_path, f'customerId,delta,referenceId,metadata\na,1,r1,"{metadata}"\na,1,r2,{{}}\n')
    assert [row.fields is None for row in found] == [True, False]
    assert told in found[0].problem


@given(st.lists(st.tuples(st.text(), st.decimals(allow_nan=False, allow_infinity=False)), max_size=5))
def test_what_a_csv_writer_wrote_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[str, Decimal]]
) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["customerId", "delta", "referenceId"])
    # A carriage return alone ends a line for the csv module, whatever the quotes.
    entries = [(name.replace("\r", ""), value) for name, value in entries if "\0" not in name]
    for name, value in entries:
        writer.writerow([f"c{name}", value, "r"])
    file = tmp_path_factory.mktemp("csv") / "usage.csv"
    file.write_bytes(text.getvalue().encode("utf-8", "replace"))
    found: list[Any] = [row.fields for row in read_rows(file, "csv", PLAIN, Counted())]
    assert [row["delta"] for row in found] == [str(value) for _, value in entries]


def test_the_name_of_a_file_says_its_format() -> None:
    assert kind_of(Path("a.CSV"), None) == "csv"
    assert kind_of(Path("a.jsonl"), None) == "ndjson"
    assert kind_of(Path("a.txt"), "ndjson") == "ndjson"
    with pytest.raises(CommandFailed, match="CSV or NDJSON"):
        kind_of(Path("a.txt"), None)


@pytest.mark.parametrize(("columns", "constants"), [(["x=y"], []), (["delta"], []), (["unit=a"], ["unit=b"])])
def test_a_mapping_of_what_is_no_field_is_refused(columns: list[str], constants: list[str]) -> None:
    with pytest.raises(CommandFailed):
        parse_mapping(columns, constants, False)


def test_ndjson_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    line = b'\xef\xbb\xbf{"customerId":"a","delta":1,"referenceId":"r"}\n'
    assert rows(tmp_path, line, "ndjson") == [Row(1, {"customerId": "a", "delta": "1", "referenceId": "r"})]
