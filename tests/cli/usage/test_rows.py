"""A usage file becomes the fields of emit calls, digit by digit, and what cannot is named by its line."""

import csv
import gzip
import io
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.cli.failures import CommandFailed
from anchor.cli.usage.mapping import Mapped, TimeReading, of_format, parse_mapping
from anchor.cli.usage.rows import Row, kind_of, read_rows
from anchor.cli.usage.source import Reading
from anchor.wire.times import TimeUnit

PLAIN = Mapped({}, {})


def rows(tmp_path: Path, text: str | bytes, kind: str = "csv", mapped: Mapped = PLAIN) -> list[Row]:
    file = tmp_path / f"usage.{kind}"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(read_rows(file, kind, mapped, Reading()))


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


@pytest.mark.parametrize("text", ["--5", "+-5", "-", "five", "5 apples", "5%", "$", "()", "(-5)"])
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
        ("Customer ID,customer id,delta,referenceId\n", "2 columns 'customerId'"),
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
        ("3", "no JSON object"),
        ('{"customerId":"a","referenceId":"r"}', "no delta"),
        ('{"customerId":null,"delta":1,"referenceId":"r"}', "no customerId"),
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
    "broken", [b'a,1,"r2"x\na,1,r3\n', b'a,1,"r2\na,1,r3\na,1,r4\n', b'a,1,"' + b"x" * 9_000_000 + b'"\n']
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
    found: list[Any] = [row.fields for row in read_rows(file, "csv", PLAIN, Reading())]
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


def test_a_value_that_is_too_long_costs_its_row_alone(tmp_path: Path) -> None:
    long = "x" * 140_000
    for value in (long, f'"{long[:70_000]}\n{long}"'):
        text = f"customerId,delta,referenceId\na,1,r1\na,1,{value}\na,1,r3\n"
        found = rows(tmp_path, text)
        assert [row.fields is None for row in found] == [False, True, False]
        assert not found[1].stopped
        assert "more than 131,072 characters" in found[1].problem


def test_a_header_is_known_by_its_name_whatever_its_case_and_blanks(tmp_path: Path) -> None:
    found = rows(tmp_path, " Customer ID ,DELTA,reference_id\na,1,r\n")
    assert found == [Row(2, {"customerId": "a", "delta": "1", "referenceId": "r"})]
    exact = rows(tmp_path, "delta,Delta,customerId,referenceId\n1,2,a,r\n")
    assert exact[0].fields == {"customerId": "a", "delta": "1", "referenceId": "r"}


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_what_separates_the_values_is_told_by_the_first_line(tmp_path: Path, sign: str) -> None:
    text = sign.join(("customerId", "delta", "referenceId", '"a, b; c"')) + "\n" + sign.join("a1rx") + "\n"
    file = tmp_path / "usage.csv"
    file.write_text(text)
    reading = Reading()
    assert [row.fields for row in read_rows(file, "csv", PLAIN, reading)] == [
        {"customerId": "a", "delta": "1", "referenceId": "r"}
    ]
    assert reading.delimiter == sign


def test_excel_may_name_its_separator_and_write_utf_16(tmp_path: Path) -> None:
    text = "sep=;\r\ncustomerId;delta;referenceId\r\nä;1;r\r\nb;1\r\n"
    for encoded in (text.encode(), text.encode("utf-16")):
        found = rows(tmp_path, encoded)
        assert found[0] == Row(3, {"customerId": "ä", "delta": "1", "referenceId": "r"})
        assert (found[1].line, found[1].fields) == (4, None)


def test_null_is_not_given_in_a_csv_too(tmp_path: Path) -> None:
    text = "customerId,delta,referenceId,unit,occurredAt\n"
    text += "a,1,r,null,NULL\na,1,null,,\\N\nnull,1,r,,\na,null,r,,\n"
    found = rows(tmp_path, text)
    assert [row.fields for row in found[:2]] == [
        {"customerId": "a", "delta": "1", "referenceId": "r"},
        {"customerId": "a", "delta": "1"},
    ]
    assert [row.problem for row in found[2:]] == ["there is no customerId", "there is no delta"]


def test_names_lead_into_nested_events(tmp_path: Path) -> None:
    mapped = parse_mapping(
        ["customerId=/data/who~1what/0", "delta=data.tokens", "referenceId=a.b"], [], negate=True
    )
    event = '{"data":{"who/what":["acme"],"tokens":12.50},"a.b":"as it stands","a":{"b":"not this"}}'
    assert rows(tmp_path, event, "ndjson", mapped)[0].fields == {
        "customerId": "acme",
        "delta": "-12.50",
        "referenceId": "as it stands",
    }
    assert rows(tmp_path, '{"data":[1]}', "ndjson", mapped)[0].problem == "there is no /data/who~1what/0"


def test_an_array_is_read_element_by_element(tmp_path: Path) -> None:
    good = '{"customerId":"a","delta":1.0,\n"referenceId":"r%d"}'
    text = "\ufeff [\n" + ",\n".join([good % 0, "7", '{"customerId":"\\ud800"', good % 1]) + "]"
    found = rows(tmp_path, text.replace('"\\ud800"', '"\\ud800","delta":1}'), "json")
    assert [(row.line, row.fields is not None) for row in found] == [
        (2, True),
        (4, False),
        (5, True),
        (6, True),
    ]
    large = "[" + ",".join(good % number for number in range(20_000)) + "]\n"
    found = rows(tmp_path, large, "ndjson")
    assert len(found) == 20_000
    assert found[-1].line == 20_000
    assert rows(tmp_path, "[]", "json") == []


@pytest.mark.parametrize(
    "broken",
    [
        "[{}",
        "[{}{}]",
        "[{},]x",
        '[{"a":}]',
        "[{}] {}",
        "[" * 100_000,
        '["' + "x" * 2_000_000,
        "[{},{",
        "[tru",
    ],
)
def test_an_array_that_breaks_is_read_up_to_there(tmp_path: Path, broken: str) -> None:
    found = rows(tmp_path, broken, "json")
    assert found[-1].fields is None
    assert found[-1].stopped


def test_an_element_that_is_too_long_costs_itself_alone(tmp_path: Path) -> None:
    good = '{"customerId":"a","delta":1,"referenceId":"r"}'
    found = rows(tmp_path, f'[{good},"{"x" * 1_100_000}",{good}]', "json")
    assert [row.fields is None for row in found] == [False, True, False]
    assert not found[1].stopped


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_a_packed_file_is_unpacked_and_a_damaged_one_read_up_to_there(tmp_path: Path, kind: str) -> None:
    head = "customerId,delta,referenceId\n" if kind == "csv" else ""
    line = "a,1,r%d\n" if kind == "csv" else '{"customerId":"a","delta":1,"referenceId":"r%d"}\n'
    packed = gzip.compress((head + "".join(line % n for n in range(50_000))).encode())
    assert len(rows(tmp_path, packed, kind)) == 50_000
    cut = rows(tmp_path, packed[: len(packed) // 2], kind)
    assert cut[-1].stopped
    assert 0 < len(cut) < 50_000


@pytest.mark.parametrize(
    ("stated", "event", "fields"),
    [
        (
            "cloudevents",
            {
                "specversion": "1.0",
                "id": "5|1",
                "source": "/gate",
                "type": "tokens",
                "subject": "acme",
                "time": "2026-04-17T08:30:00Z",
                "data": {"tokens": "7"},
            },
            {
                "customerId": "acme",
                "delta": "7",
                "referenceId": "/gate|5\\|1",
                "unit": "tokens",
                "occurredAt": "2026-04-17T08:30:00Z",
            },
        ),
        (
            "openmeter",
            {"event": {"id": "e1", "source": "s", "type": "tokens", "subject": "acme", "data": {"value": 7}}},
            {"customerId": "acme", "delta": "7", "referenceId": "s|e1", "unit": "tokens"},
        ),
        (
            "lago",
            {
                "event": {
                    "transaction_id": "t1",
                    "external_subscription_id": "sub_1",
                    "code": "storage",
                    "timestamp": "1776414600.1239",
                    "properties": {"tokens": 7},
                }
            },
            {
                "customerId": "sub_1",
                "delta": "7",
                "referenceId": "t1",
                "unit": "storage",
                "occurredAt": "2026-04-17T08:30:00.123Z",
            },
        ),
        (
            "stripe",
            {
                "event_name": "calls",
                "identifier": "i1",
                "payload": {"stripe_customer_id": "cus_1", "value": "7"},
                "timestamp": 1776414600,
            },
            {
                "customerId": "cus_1",
                "delta": "7",
                "referenceId": "i1",
                "unit": "calls",
                "occurredAt": "2026-04-17T08:30:00Z",
            },
        ),
    ],
)
def test_events_of_known_systems_are_read_as_they_write_them(
    tmp_path: Path, stated: str, event: dict[str, Any], fields: dict[str, str]
) -> None:
    columns = {"cloudevents": ["delta=data.tokens"], "lago": ["delta=properties.tokens"]}.get(stated, [])
    mapped = of_format(parse_mapping(columns, [], False), stated)
    for text in (json.dumps(event), json.dumps([event], indent=2)):
        assert rows(tmp_path, text, kind_of(Path("events.jsonl"), stated), mapped)[0].fields == fields


def test_what_the_options_say_comes_before_what_a_format_says(tmp_path: Path) -> None:
    mapped = of_format(parse_mapping(["referenceId=id"], ["unit=token"], False), "openmeter")
    event = '{"id":"e1","source":"s","type":"t","subject":"acme","data":{"value":7}}'
    assert rows(tmp_path, event, "ndjson", mapped)[0].fields == {
        "customerId": "acme",
        "delta": "7",
        "referenceId": "e1",
        "unit": "token",
    }


def test_times_are_read_as_the_options_say(tmp_path: Path) -> None:
    def times(text: str, reading: TimeReading) -> Any:
        mapped = replace(PLAIN, times=reading)
        row = rows(tmp_path, f"customerId,delta,referenceId,occurredAt\na,1,r,{text}\n", mapped=mapped)[0]
        return row.fields["occurredAt"] if row.fields else row.problem

    berlin = ZoneInfo("Europe/Berlin")
    assert times("1776414600", TimeReading()) == "1776414600"
    assert times("1776414600", TimeReading(TimeUnit.SECONDS)) == "2026-04-17T08:30:00Z"
    assert times("2026-04-17 10:30", TimeReading(zone=berlin)) == "2026-04-17T08:30:00Z"
    assert times("1776414600000", TimeReading(zone=berlin)) == "1776414600000"
    assert times("4/17/26", TimeReading(zone=berlin, form="%m/%d/%y")) == "2026-04-16T22:00:00Z"
    assert "no offset" in times("4/17/26", TimeReading(form="%m/%d/%y"))
    assert "twice" in times("2026-10-25 02:30", TimeReading(zone=berlin))
    assert "before 1970" in times("-5", TimeReading(TimeUnit.SECONDS))


def test_a_row_is_named_by_its_columns_or_by_its_line(tmp_path: Path) -> None:
    text = "customerId,delta,day,sku\na,1,d|1,s\na,1,d,1|s\na,1,,\n" + f"a,1,{'x' * 300},s\n"
    named = [
        row.fields or {} for row in rows(tmp_path, text, mapped=replace(PLAIN, reference_from=("Day", "sku")))
    ]
    names = [fields.get("referenceId") for fields in named]
    assert names[:3] == ["d\\|1|s", "d|1\\|s", None]
    assert str(names[3]).startswith("sha256:")
    lines = rows(tmp_path, text, mapped=replace(PLAIN, reference_line=True))
    assert [row.fields["referenceId"] for row in lines if row.fields] == [
        f"usage.csv:{n}" for n in (2, 3, 4, 5)
    ]
    with pytest.raises(CommandFailed, match="no column 'size'"):
        rows(tmp_path, text, mapped=replace(PLAIN, reference_from=("size",)))


def test_two_currencies_are_not_added_up(tmp_path: Path) -> None:
    found = rows(tmp_path, 'customerId,delta,referenceId\na,"$1,000.00 ",r1\na,5,r2\na,€5,r3\na,-$2,r4\n')
    assert [row.fields and row.fields["delta"] for row in found] == ["1000.00", "5", None, "-2"]
    assert "is in €" in found[2].problem


def test_the_noise_of_doubles_is_rounded_on_request(tmp_path: Path) -> None:
    file = tmp_path / "usage.csv"
    file.write_text("customerId,delta,referenceId\na,0.30000000000000004,r1\na,2.5,r2\na,-1e-20,r3\na,x,r4\n")
    reading = Reading()
    mapped = replace(PLAIN, round_to=12)
    found = [row.fields and row.fields["delta"] for row in read_rows(file, "csv", mapped, reading)]
    assert found == ["0.300000000000", "2.5", "-0.000000000000", "x"]
    assert reading.rounded == 2
