"""What customers, files and units are called is shown as it stands, whatever rich would read in it."""

import io
import re
from pathlib import Path

import pytest
from rich.text import Text

from anchor.cli.output import Output, Terminal, amount, counted, plain
from anchor.cli.proof import say_written
from anchor.server.service.initializing import initialise
from tests.cli.running import anchor_here as anchor
from tests.fixtures.logs import FOUNDER


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("shown") / "[data]"
    initialise(made, founder=FOUNDER, with_signing_key=False)
    return made


@pytest.mark.parametrize("unit", ["[/x]", "[h]"])
def test_a_unit_is_shown_beside_every_amount(tmp_path: Path, directory: Path, unit: str) -> None:
    books = tmp_path / "books.csv"
    books.write_text("referenceId,delta\nr1,-1\nr2,-2\n")
    where = ("--unit", unit, "--data", directory)
    for words in (
        ("emit", "[/a]", "-1", "--reference", "r1"),
        ("derive", "[/a]", "--audit"),
        ("derive", "[/a]", "--as-of-index", "0"),
        ("checkpoint", "[/a]", "--from", "0", "--to", "0"),
        ("compare", "[/a]", "--yours", "7"),
        ("compare", "[/a]", "--your-books", books),
        ("compare-books", "[/a]", books),
    ):
        done = anchor(*words, *where)
        assert done.code == int(words[0].startswith("compare")), done.err
        assert f"-1 {unit}" in done.out, words


def test_a_key_for_a_customer_of_any_name_is_made_and_shown(directory: Path) -> None:
    done = anchor("keys", "create", "[/n]", "--customer", "[/x]", "--data", directory)
    assert done.code == 0, done.err
    assert "[/x]" in done.out
    listed = anchor("keys", "list", "--data", directory)
    assert "[/n]" in listed.out
    assert "[/x]" in listed.out


def test_a_file_of_any_name_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    say_written(Output(), Path("[/proof].json"), 7)
    assert "anchor verify [/proof].json" in capsys.readouterr().out


def test_a_directory_of_any_name_is_made_and_named(tmp_path: Path) -> None:
    made = tmp_path / "[" / "[b]"
    made.parent.mkdir()
    done = anchor("init", made)
    assert done.code == 0
    assert done.out.count(str(made)) == 6


def test_what_is_under_way_is_shown_as_it_is_called() -> None:
    output = Output()
    output.errors._force_terminal = True  # type: ignore[attr-defined]
    with output.progress("reading [/books].csv", None) as bar:
        task = bar._progress.tasks[0]  # type: ignore[union-attr]
        shown = bar._progress.columns[1].render(task)  # type: ignore[union-attr]
    assert isinstance(shown, Text)
    assert shown.plain == "reading [/books].csv"


def test_an_amount_is_markup() -> None:
    assert Text.from_markup(f"[bold]{amount(-1, '[/x]')}[/]").plain == "-1 [/x]"


def test_one_is_one_and_many_are_many(tmp_path: Path, directory: Path) -> None:
    assert (counted(1, "delta"), counted(1_000, "delta")) == ("1 delta", "1,000 deltas")
    assert (counted(1, "entry", "entries"), counted(2, "entry", "entries")) == ("1 entry", "2 entries")
    books = tmp_path / "books.csv"
    books.write_text("referenceId,delta\nr1,-1\n")
    assert anchor("emit", "one", "-1", "--reference", "r1", "--data", directory).code == 0
    done = anchor("compare", "one", "--your-books", books, "--data", directory)
    assert ("The record: 1 delta," in done.out, "your side: 1 delta," in done.out) == (True, True)
    done = anchor("compare-books", "one", books, "--data", directory)
    assert ("The record: 1 delta," in done.out, "your books: 1 entry," in done.out) == (True, True)


ODD_TEXTS = ("gpu\\", "a\\\\", "\\", "[/]\\", "[bold]\\\\", "\\[red]x", "[\\", ":smile:", "x:warning:\\")


@pytest.mark.parametrize("text", ODD_TEXTS)
@pytest.mark.parametrize("form", ["{}", "{} hours", "[red]{}[/]", "{}[bold]x[/]", "1 {}: [dim]{}[/] of {}"])
def test_a_text_is_shown_as_it_stands_whatever_it_ends_in(text: str, form: str) -> None:
    shown = io.StringIO()
    console = Terminal(file=shown, width=200, highlight=False)
    console.print(form.replace("{}", plain(text)), soft_wrap=True)
    due = re.sub(r"\[/?[a-z]*\]", "", form).replace("{}", text)
    assert shown.getvalue() == due + "\n"


def test_a_unit_that_ends_in_a_backslash_is_shown_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    initialise(data, founder=FOUNDER, with_signing_key=False)
    for words in (("emit", "acme", "1"), ("derive", "acme"), ("checkpoint", "acme", "--from", 0, "--to", 0)):
        done = anchor(*words, "--unit", "gpu\\", "--data", data)
        assert done.code == 0, done.err
        assert "1 gpu\\" in done.out
        assert "gpu\\\\" not in done.out


def test_what_is_to_be_copied_is_in_one_line_however_narrow_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    long = tmp_path / ("a-name-that-is-longer-than-the-terminal-is-wide" * 2) / "with spaces in it.json"
    say_written(Output(), long, 7)
    assert f"  anchor verify {long} --rpc URL\n" in capsys.readouterr().out
    made = long.with_suffix("")
    made.parent.mkdir()
    done = anchor("init", made, env={"COLUMNS": "30"})
    assert f"made {made}\n" in done.out
    assert f"anchor deploy --data {made}\n" in done.out
    long.write_text("{}")
    gone = anchor("verify", long, tmp_path / "gone-and-with-a-long-name-too.json", env={"COLUMNS": "30"})
    assert "gone-and-with-a-long-name-too.json: no such file or directory; check the path\n" in gone.err
