"""The reader's list of logs: two that cannot be told apart are never on it, and a bad list is refused."""

import json
from pathlib import Path

import pytest

from anchor.verify.chain_names import UNKNOWN, chain_in_words
from anchor.verify.known_logs import (
    KnownLog,
    KnownLogs,
    KnownLogsError,
    parse_known_logs,
    read_known_logs,
    write_known_logs,
)

EXAMPLE = KnownLog("Example Inc", b"\x01" * 32, (8453, 1))
OTHER = KnownLog("Other & Söhne ✓", b"\x02" * 32)


def test_a_list_is_written_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "settings" / "known-logs.json"
    known = KnownLogs.of([EXAMPLE, OTHER])
    write_known_logs(path, known)
    assert read_known_logs(path) == known
    assert known.of_id(EXAMPLE.log_id) == EXAMPLE
    assert known.named("Other & Söhne ✓") == OTHER
    assert [one.name for one in path.parent.iterdir()] == ["known-logs.json"]


def test_no_file_is_an_empty_list(tmp_path: Path) -> None:
    assert read_known_logs(tmp_path / "none.json") == KnownLogs()


@pytest.mark.parametrize(
    "name",
    [
        "example inc",
        "Example Inc",
        "Ｅxample Inc",
        "EXAMPLE INC",
        "Exa\u200bmple",
        "A\u3164",
        "\u2800B",
        "Example  Inc",
        " x",
        "",
        "0x12",
        "n" * 101,
    ],
)
def test_a_name_that_looks_like_another_or_cannot_be_seen_is_refused(name: str) -> None:
    with pytest.raises(KnownLogsError):
        KnownLogs.of([EXAMPLE, KnownLog(name, b"\x03" * 32)])


def test_one_id_has_one_name() -> None:
    with pytest.raises(KnownLogsError, match="Example Inc"):
        KnownLogs.of([EXAMPLE, KnownLog("Another", EXAMPLE.log_id)])


def test_a_chain_is_named_once() -> None:
    with pytest.raises(KnownLogsError, match="twice"):
        KnownLogs.of([KnownLog("A", b"\x01" * 32, (1, 1))])


@pytest.mark.parametrize(
    "change",
    [
        {"format": "anchor-proof"},
        {"version": 2},
        {"more": 1},
        {"logs": {}},
        {"logs": [{"name": "A", "logId": "0x01", "chains": []}]},
        {"logs": [{"name": "A", "logId": "0x" + "01" * 32 + "\n", "chains": []}]},
        {"logs": [{"name": "A", "logId": "0x" + "01" * 32, "chains": ["1"]}]},
        {"logs": [{"name": "A", "logId": "0x" + "01" * 32}]},
        {"logs": [EXAMPLE.to_json(), EXAMPLE.to_json()]},
    ],
)
def test_a_list_that_is_none_is_refused_with_its_place(change: dict[str, object], tmp_path: Path) -> None:
    document = {"format": "anchor-known-logs", "version": 1, "logs": [EXAMPLE.to_json()]} | change
    path = tmp_path / "known-logs.json"
    path.write_text(json.dumps(document))
    with pytest.raises(KnownLogsError, match="known-logs"):
        read_known_logs(path)


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "known-logs.json"
    path.write_bytes(b"\xff")
    with pytest.raises(KnownLogsError):
        read_known_logs(path)


def test_removing_leaves_the_others() -> None:
    known = KnownLogs.of([EXAMPLE, OTHER])
    assert known.without("Example Inc").logs == (OTHER,)
    with pytest.raises(KnownLogsError):
        known.without("Nobody")


def test_an_empty_list_parses() -> None:
    assert parse_known_logs(b'{"format":"anchor-known-logs","version":1,"logs":[]}') == KnownLogs()


def test_a_chain_is_said_in_words_and_an_unknown_one_as_unknown() -> None:
    assert chain_in_words(8453) == "chain 8453 (Base)"
    assert "test network" in chain_in_words(11155111)
    assert UNKNOWN in chain_in_words(8454)
