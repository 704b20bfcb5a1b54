"""The README's tour does what it says: each block runs as it stands, and answers as it shows.

Only the two port numbers are changed, so that the test can run where they are taken.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from anchor.server.service.background_server import listen

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

BLOCK = re.compile(
    r"<!-- tour(?:: exits (?P<code>\d+))? -->\n```sh\n(?P<script>.*?)```\n"
    r"(?:\n```json\n(?P<answer>.*?)```\n)?",
    re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    script: str
    code: int
    answer: Any


BLOCKS = [
    Block(found["script"], int(found["code"] or 0), json.loads(found["answer"]) if found["answer"] else None)
    for found in BLOCK.finditer(README)
]


def shown(stated: Any, answered: Any) -> bool:
    """Return whether an answer is as the README shows it; an ellipsis stands for any text."""
    if isinstance(stated, dict):
        return isinstance(answered, dict) and all(
            name in answered and shown(value, answered[name]) for name, value in stated.items()
        )
    if isinstance(stated, str) and stated.endswith("…"):
        return isinstance(answered, str) and answered.startswith(stated[:-1])
    return bool(stated == answered)


@pytest.fixture
def tour(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A directory like a fresh clone's, with `anchor dev` running in it, and the ports that it took."""
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    ports = [listen("127.0.0.1", 0) for _ in range(2)]
    api, rpc = (str(taken.getsockname()[1]) for taken in ports)
    for taken in ports:
        taken.close()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANCHOR_")}
    command = "from anchor.cli.main import main; main()"
    running = subprocess.Popen(
        [sys.executable, "-c", command, "dev", "--port", api, "--rpc-port", rpc],
        cwd=tmp_path,
        env=environment | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    for line in running.stdout:
        if "Ctrl-C" in line:
            break
    yield tmp_path, {"8440": api, "8545": rpc}
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 0


@pytest.mark.slow
def test_the_tour_runs_as_it_is_written(tour: tuple[Path, dict[str, str]]) -> None:
    directory, ports = tour
    assert len(BLOCKS) >= 9
    before = ""
    for block in BLOCKS:
        script = block.script
        for stated, taken in ports.items():
            script = script.replace(stated, taken)
        ran = subprocess.run(
            ["bash", "-c", before + script],
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ran.returncode == block.code, (block.script, ran.stdout, ran.stderr)
        if block.answer is not None:
            assert shown(block.answer, json.loads(ran.stdout)), (block.script, ran.stdout)
        # What a block sets is there for those after it.
        before += "".join(line + "\n" for line in script.splitlines() if _sets(line))
    assert "NOT VALID" in ran.stdout


def _sets(line: str) -> bool:
    return line.startswith(("export ", "source "))


def test_every_page_that_the_readme_names_is_there() -> None:
    pages = re.findall(r"\]\((docs/[^)#]+)\)", README)
    assert pages
    assert [page for page in pages if not (ROOT / page).exists()] == []


def test_the_two_commands_are_there_and_can_be_run() -> None:
    for name in ("scripts/demo", "scripts/test"):
        assert name in README
        assert os.access(ROOT / name, os.X_OK)
