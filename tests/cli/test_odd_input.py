"""Input that is odd and no fault of Anchor's: each has its answer, or is refused for what it is."""

import json
from pathlib import Path

import pytest

from anchor.server.service.initializing import initialise
from tests.cli.running import anchor_here as anchor
from tests.fixtures.logs import FOUNDER

NOT_TEXT = "\udcff"
"""What Python makes of the byte FF in an argument."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("odd") / "data"
    initialise(made, founder=FOUNDER, with_signing_key=False)
    assert anchor("emit", "acme", "-5", "--data", made).code == 0
    return made


def test_a_book_entry_without_a_reference_is_compared(tmp_path: Path, directory: Path) -> None:
    books = tmp_path / "books.csv"
    books.write_text("referenceId,delta\n,-5\n")
    done = anchor("compare", "acme", "--your-books", books, "--data", directory)
    assert (done.code, "the same, entry by entry" in done.out) == (0, True), done.err


def test_books_of_a_time_without_deltas_are_compared_with_none(tmp_path: Path, directory: Path) -> None:
    books = tmp_path / "books.csv"
    books.write_text("referenceId,delta\nr1,-5\n")
    done = anchor("compare", "acme", "--your-books", books, "--period", "2020", "--data", directory)
    assert done.code == 1, done.err
    assert "The record: 0 deltas, 0\n" in done.out


@pytest.mark.parametrize(
    "words",
    [
        ("emit", NOT_TEXT, "1"),
        ("emit", "acme", "1", "--unit", NOT_TEXT),
        ("derive", NOT_TEXT),
        ("derive", "acme", "--unit", NOT_TEXT),
        ("derive", "acme", "--as-of-time", NOT_TEXT),
        ("checkpoint", NOT_TEXT),
        ("compare", NOT_TEXT, "--yours", "1"),
        ("proof", f"rcpt_{NOT_TEXT}"),
    ],
)
def test_what_is_no_unicode_text_is_typed_wrongly(directory: Path, words: tuple[str, ...]) -> None:
    done = anchor(*words, "--data", directory)
    assert done.code == 2
    assert "not Unicode text" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("emit", "acme", "1", "--reference", NOT_TEXT),
        ("emit", "acme", "1", "--metadata", '{"a":"\\ud800"}'),
        ("keys", "create", NOT_TEXT),
        ("compare", "acme", "--yours", NOT_TEXT),
    ],
)
def test_what_the_record_does_not_take_is_refused_by_it(directory: Path, words: tuple[str, ...]) -> None:
    done = anchor(*words, "--data", directory, "--json")
    assert done.code == 3
    assert json.loads(done.err)["code"] != "internal_error"


def test_a_directory_whose_name_is_no_text_is_made_and_its_key_shown(tmp_path: Path) -> None:
    for words in ((), ("--json",)):
        done = anchor("init", tmp_path / f"{NOT_TEXT}{len(words)}", *words)
        assert done.code == 0, done.err
        assert "ak_" in done.out
        assert "\\u{dcff}" in done.out or "\\udcff" in done.out


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://exa_mple..com", "http://[", "http://xn--a.com", f"http://{'a' * 70}.com"]
)
@pytest.mark.parametrize(
    "words",
    [
        ("derive", "acme", "--url"),
        ("watch", "--contract", f"0x{'1' * 40}", "--once", "--rpc"),
        ("verify", "proof.json", "--rpc"),
        ("follow", "acme", "--store", "store", "--once", "--rpc"),
    ],
)
def test_a_url_that_can_lead_nowhere_is_typed_wrongly(words: tuple[str, ...], url: str) -> None:
    done = anchor(*words, url)
    assert done.code == 2
    assert "names a host" in done.err


def test_a_key_that_no_request_can_carry_is_not_shown() -> None:
    for words in (("derive", "acme", "--url"), ("hammer", "--rpc", "http://localhost:1")):
        done = anchor(*words, "http://localhost:1", "--key", "sec\rret")
        assert done.code in (2, 3)
        assert "key" in done.err
        assert "sec" not in done.err


def test_a_failure_that_names_what_is_no_text_is_told_in_json() -> None:
    done = anchor("replica", "check", NOT_TEXT, "--json")
    assert done.code == 3
    assert json.loads(done.err)["detail"] == f"{NOT_TEXT}: there is no such file"
