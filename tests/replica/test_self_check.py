"""A copy checks itself: damage anywhere in its file shows, and a follower beside it raises no alarm."""

import sqlite3
import tracemalloc
from pathlib import Path

import pytest

from anchor.replica.self_check import check_copy
from anchor.replica.store import Store
from tests.replica.copied import written_copy
from tests.replica.playing import CUSTOMER, Hearing, Log, PlayedServer
from tests.verify.building import BuiltLog


@pytest.fixture
def hearing(tmp_path: Path) -> Hearing:
    """A counterparty whose copy has two levels of stored nodes, and two heads."""
    hearing = Hearing(PlayedServer(Log(BuiltLog(5))), tmp_path / "ua.replica")
    for count in (100, 172):
        grow(hearing, count)
    return hearing


def grow(hearing: Hearing, count: int) -> None:
    built = hearing.server.log.built
    built.record_many(CUSTOMER, count)
    built.seal()
    built.anchor()
    assert hearing.round().findings == ()


def misfit_after(hearing: Hearing, *statements: str) -> str:
    """Damage the file, as a disk or a hand may, and return what its check says."""
    with sqlite3.connect(hearing.path) as database:
        triggers = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (trigger,) in triggers:
            database.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            database.execute(statement)
    database.close()
    with Store.open(hearing.path) as store:
        misfit = check_copy(store)
    assert misfit is not None
    return f"{misfit.kind} {misfit.place}".strip()


@pytest.mark.parametrize("place", ["4 AND position = 0", "4 AND position = 16", "8 AND position = 0"])
@pytest.mark.parametrize("damage", ["UPDATE nodes SET hash = zeroblob(32)", "DELETE FROM nodes"])
def test_a_damaged_node_of_the_tree_is_found(hearing: Hearing, damage: str, place: str) -> None:
    height, position = place.split(" AND position = ")
    assert misfit_after(hearing, f"{damage} WHERE height = {place}") == f"tree {height}/{position}"


def test_a_head_of_more_deltas_than_the_copy_has_is_found(hearing: Hearing) -> None:
    # 272 and 257 deltas have two peaks each: only the head tells that some are gone.
    gone = 'DELETE FROM deltas WHERE "index" >= 257'
    assert misfit_after(hearing, gone) == "head 2"


def test_deltas_that_do_not_go_with_the_tree_are_found(hearing: Hearing) -> None:
    assert misfit_after(hearing, 'DELETE FROM deltas WHERE "index" = 271') == "tree"


def test_a_batch_under_another_root_is_found(hearing: Hearing) -> None:
    damage = "UPDATE batches SET anchor_root = zeroblob(32) WHERE number = 1"
    assert misfit_after(hearing, damage) == "history 1"


def test_a_follower_that_goes_on_meanwhile_raises_no_alarm(hearing: Hearing) -> None:
    with Store.open(hearing.path) as store:
        more = iter(range(1, 13))

        def follow(_statement: str) -> None:
            if (count := next(more, None)) is not None:
                grow(hearing, count)

        store._connection.set_trace_callback(follow)
        assert check_copy(store) is None
        assert next(more, None) is None, "the follower went on all the while"


def test_a_check_of_a_longer_copy_takes_no_more_memory(tmp_path: Path) -> None:
    peaks = []
    for count in (20_000, 50_000):
        path = tmp_path / f"{count}.replica"
        written_copy(path, count, correcting=True)
        with Store.open(path) as store:
            tracemalloc.start()
            assert check_copy(store) is None
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    # Thirty thousand fingerprints alone would be three megabytes.
    assert peaks[1] - peaks[0] < 1_000_000


def test_deltas_that_are_gone_from_the_middle_of_a_long_copy_are_found(tmp_path: Path) -> None:
    for number, (gone, kind, index) in enumerate(
        (('"index" = 9999', "gap", 9_999), ('"index" BETWEEN 10000 AND 19999', "gap", 10_000))
    ):
        path = tmp_path / f"{number}.replica"
        written_copy(path, 20_001)
        with sqlite3.connect(path) as database:
            database.execute("DROP TRIGGER deltas_no_delete")
            database.execute(f"DELETE FROM deltas WHERE {gone}")
        database.close()
        with Store.open(path) as store:
            misfit = check_copy(store)
        assert misfit is not None
        assert (misfit.kind, misfit.index) == (kind, index)
