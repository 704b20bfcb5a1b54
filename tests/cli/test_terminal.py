"""What others wrote is shown on a terminal, and does nothing to it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.table import Table

from anchor.cli.output import Terminal, plain
from anchor.verify import write_proof_file
from tests.cli.running import anchor
from tests.verify.building import BuiltLog

HOSTILE = "acme\x1b[2J\x1b[1;32mVALID\x1b[0m\r\x07\x9b1m\u202egnorw\u2066"


def test_control_characters_and_turned_directions_are_written_as_escapes() -> None:
    out = io.StringIO()
    terminal = Terminal(file=out, width=200)
    terminal.print(plain(HOSTILE), soft_wrap=True)
    assert out.getvalue() == (
        "acme\\u{1b}[2J\\u{1b}[1;32mVALID\\u{1b}[0m\\u{d}\\u{7}\\u{9b}1m\\u{202e}gnorw\\u{2066}\n"
    )
    for text in ("é ✓ 漢字 🙂", "a\tb\nc"):
        out.truncate(0)
        out.seek(0)
        terminal.print(text, soft_wrap=True)
        assert out.getvalue().split() == text.split()


def test_a_terminal_keeps_its_own_colours_and_shows_what_it_was_given() -> None:
    out = io.StringIO()
    terminal = Terminal(file=out, force_terminal=True, color_system="standard", width=200, highlight=False)
    terminal.print("[green]✓[/]", "\x1b[31mred")
    table = Table()
    table.add_column("name")
    table.add_row("\x1b[31mred")
    terminal.print(table)
    assert "\x1b[32m✓" in out.getvalue()
    assert out.getvalue().count("\\u{1b}[31mred") == 2
    assert "\x1b[31m" not in out.getvalue()


@pytest.mark.parametrize("options", [[], ["--customer", "other\x1b[31m"]])
def test_a_proof_file_cannot_paint_a_verdict(tmp_path: Path, options: list[str]) -> None:
    log = BuiltLog(5)
    log.record(HOSTILE, 1)
    log.seal()
    log.anchor()
    path = tmp_path / "proof.json"
    path.write_bytes(write_proof_file(log.delta(HOSTILE, 0, 1)))
    shown = anchor("verify", path, *options)
    text = shown.out + shown.err
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert bool(options) == ("\\u{1b}[1;32mVALID" in text)
