"""Run the command line as a person does: a process, its exit code and its two streams."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Finished:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return the JSON document that it answered with."""
        return json.loads(self.out)


def anchor(
    *arguments: object,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    python: str = sys.executable,
    timeout: float = 120,
) -> Finished:
    """Run ``anchor`` with these arguments; nothing of this process's ANCHOR_ variables is passed on."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANCHOR_")}
    environment |= {"COLUMNS": "200", "NO_COLOR": "1", **(env or {})}
    code = "from anchor.cli.main import main; main()"
    ran = subprocess.run(
        [python, "-c", code, *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Finished(ran.returncode, ran.stdout, ran.stderr)
