"""A watcher that is stopped and started again knows the past, and sees where it was changed meanwhile."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anchor.monitor.state import State, StateRefused, read_state, write_state
from anchor.monitor.watcher import Watcher
from tests.fixtures.anvil import Anvil
from tests.monitor.watched_log import WatchedLog, kinds, log, see

__all__ = ["log"]


def restarted(log: WatchedLog, watcher: Watcher, path: Path, **changes: Any) -> Watcher:
    """What a new process makes of the file that the old one left."""
    write_state(path, log.watched, watcher.state)
    return log.watcher(state=read_state(path, log.watched), **changes)


def test_a_restarted_watcher_goes_on_where_it_was(log: WatchedLog, tmp_path: Path) -> None:
    watcher = log.watcher()
    for _ in range(5):
        log.seal_and_anchor()
    see(watcher)
    log.seal()
    log.seal_and_anchor()
    again = restarted(log, watcher, tmp_path / "state.json")
    assert again.state == watcher.state
    assert kinds(again) == ["anchored", "checked"]
    assert again.heads == 6
    # What the earlier run saw is not asked for again: the log may even have lost it.
    log.shown.clear()
    assert kinds(restarted(log, again, tmp_path / "state.json")) == []


def test_a_log_rewritten_while_nobody_watched_alarms_at_the_next_start(
    log: WatchedLog, tmp_path: Path
) -> None:
    watcher = log.watcher()
    for _ in range(3):
        log.seal_and_anchor()
    see(watcher)
    log.roots = []
    for number in range(1, 5):
        log.seal(sealed_at=1_000 + number)
    log.anchor()
    seen = see(restarted(log, watcher, tmp_path / "state.json"))
    assert [sighting.kind for sighting in seen if sighting.is_alarm] == ["history_differs"]


def test_a_final_block_that_changed_while_nobody_watched_alarms(
    log: WatchedLog, anvil: Anvil, tmp_path: Path
) -> None:
    watcher = log.watcher()
    log.seal_and_anchor()
    see(watcher)
    anvil.rpc("anvil_reorg", 1, [])
    again = restarted(log, watcher, tmp_path / "state.json")
    [alarm] = [sighting for sighting in see(again) if sighting.is_alarm]
    assert alarm.kind == "past_changed"
    assert alarm.head == log.roots[0]
    # It stays on record, and is not raised anew for ever.
    third = restarted(log, again, tmp_path / "state.json")
    assert kinds(third) == []
    assert [kept.kind for kept in third.state.alarms] == ["past_changed"]


def test_another_submitter_since_the_last_run_is_told(log: WatchedLog, tmp_path: Path) -> None:
    watcher = log.watcher()
    see(watcher)
    log.name(log.signer, "nameSubmitter(address)", b"\x44" * 20)
    assert kinds(restarted(log, watcher, tmp_path / "state.json")) == ["submitter_changed"]


def test_heads_seen_without_the_logs_batches_are_checked_by_a_run_that_has_them(
    log: WatchedLog, tmp_path: Path
) -> None:
    blind = log.watcher(batches=None)
    for _ in range(3):
        log.seal_and_anchor()
    assert kinds(blind) == ["anchored"] * 3
    assert kinds(restarted(log, blind, tmp_path / "state.json")) == ["checked"] * 3


def test_heads_that_waited_when_it_was_stopped_are_checked_after_the_restart(
    log: WatchedLog, tmp_path: Path
) -> None:
    watcher = log.watcher()
    log.seal_and_anchor()
    see(watcher)
    log.source.closed = True
    log.seal_and_anchor()
    see(watcher)
    log.source.closed = False
    assert kinds(restarted(log, watcher, tmp_path / "state.json")) == ["checked"]


def test_a_state_is_written_whole_or_not_at_all(log: WatchedLog, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_state(path, log.watched, State())
    with pytest.raises(TypeError):
        write_state(path, log.watched, State(heads=object()))  # type: ignore[arg-type]
    assert read_state(path, log.watched).settled is None
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize(
    "altered",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        {"format": "something else"},
        {"version": 2},
        {"version": True},
        {"heads": -1},
        {"heads": "5"},
        {"lastHead": "0x12"},
        {"history": {}},
        {"history": None},
        {"roles": ["0x" + "11" * 20]},
        {"settled": {"number": 1}},
        {"alarms": [{"kind": "nonsense"}]},
        {"more": 1},
    ],
    ids=str,
)
def test_a_state_that_cannot_be_read_is_refused(
    log: WatchedLog, tmp_path: Path, altered: bytes | dict[str, Any]
) -> None:
    path = tmp_path / "state.json"
    write_state(path, log.watched, State())
    if isinstance(altered, dict):
        altered = json.dumps(json.loads(path.read_text()) | altered).encode()
    path.write_bytes(altered)
    with pytest.raises(StateRefused) as refused:
        read_state(path, log.watched)
    assert refused.value.code == "bad_state"
    assert "begin anew" in refused.value.remedy


def test_peaks_that_do_not_make_a_tree_of_that_size_are_refused(log: WatchedLog, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_state(path, log.watched, State())
    document = json.loads(path.read_text())
    document["history"]["size"] = 3
    path.write_text(json.dumps(document))
    with pytest.raises(StateRefused, match="peaks"):
        read_state(path, log.watched)


@pytest.mark.parametrize(
    "other",
    [{"chain_id": 1}, {"contract": b"\x09" * 20}, {"log_id": b"\x09" * 32}, {"first_block": 7}],
    ids=str,
)
def test_a_state_of_something_else_is_refused(log: WatchedLog, tmp_path: Path, other: dict[str, Any]) -> None:
    path = tmp_path / "state.json"
    write_state(path, replace(log.watched, **other), State())
    with pytest.raises(StateRefused) as refused:
        read_state(path, log.watched)
    assert refused.value.code == "foreign_state"
