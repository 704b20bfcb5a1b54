"""Run the command line as a person does: a process, its exit code and its two streams."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

_MAIN = "from anchor.cli.main import main; main()"
# A shell that runs the tests in the background has them ignore SIGINT, and a child inherits that.
_INTERRUPTIBLE = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "


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
    ran = subprocess.run(
        [python, "-c", _MAIN, *map(str, arguments)],
        cwd=cwd,
        env=_environment(env),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Finished(ran.returncode, ran.stdout, ran.stderr)


def start(
    *arguments: object, env: dict[str, str] | None = None, stderr: int = subprocess.STDOUT
) -> subprocess.Popen[str]:
    """Start ``anchor`` with these arguments and leave it running; both streams come as one, unless told."""
    return subprocess.Popen(
        [sys.executable, "-u", "-c", _INTERRUPTIBLE + _MAIN, *map(str, arguments)],
        env=_environment(env),
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


def anchor_here(*arguments: object, env: dict[str, str] | None = None) -> Finished:
    """Run ``anchor`` in this process, which is quicker; streams and variables are set for the while."""
    from anchor.cli.main import main

    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    code = 0
    with (
        mock.patch.dict(os.environ, _environment(env), clear=True),
        mock.patch.object(sys, "argv", ["anchor", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    for stream in (out, err):
        stream.flush()
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return Finished(code, *texts)


def _environment(more: dict[str, str] | None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANCHOR_")}
    return kept | {"COLUMNS": "200", "NO_COLOR": "1", **(more or {})}
