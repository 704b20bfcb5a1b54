"""A command that is named something else than a file says so, and never waits for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import anchor

EVIDENCE = ("--block-hash", "0x" + "11" * 32, "--evidence")


@pytest.mark.parametrize(
    "words", [("verify",), ("check-sample",), ("conformance",), ("verify", "proof.json", *EVIDENCE)]
)
def test_a_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "proof.json").write_text("{}")
    os.mkfifo(tmp_path / "pipe")
    done = anchor(*words, "pipe", cwd=tmp_path, timeout=30)
    assert done.code == 3
    assert "pipe is a pipe, and no file" in done.err
    assert "name a file" in done.err


def test_a_pipe_among_files_is_not_read_and_the_others_are_checked(tmp_path: Path) -> None:
    (tmp_path / "proof.json").write_text("{}")
    os.mkfifo(tmp_path / "pipe")
    done = anchor("verify", "pipe", "proof.json", "/dev/zero", cwd=tmp_path, timeout=30)
    assert done.code == 1
    assert "1 invalid, 2 not read" in done.out
    assert "/dev/zero is a device, and no file" in done.err


def test_what_a_shell_pipes_in_is_read_where_it_is_read_once(tmp_path: Path) -> None:
    vectors = Path(__file__).parents[1] / "vectors" / "protocol-v1.json"
    main = "from anchor.cli.main import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", main, "conformance", "/dev/stdin"],
        input=vectors.read_bytes(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
