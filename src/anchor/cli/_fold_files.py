"""Files that a command is to read: a pipe that nobody writes to would keep it for ever."""

import stat
from pathlib import Path
from typing import Final

from anchor.cli.failures import CommandFailed

_KINDS: Final = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a directory"),
)
_SHELL_PIPES: Final = ("/dev/fd/", "/proc/self/fd/", "/dev/stdin")
"""What a shell hands over for ``<(…)`` and ``|``: somebody writes there."""


def require_file(path: Path, *, read_once: bool = False) -> None:
    """Raise CommandFailed for what is there and no file, and OSError where nothing is.

    ``read_once``: what a shell pipes in will do as well, for no part of it is read twice.
    """
    mode = path.stat().st_mode
    if stat.S_ISREG(mode):
        return
    if read_once and stat.S_ISFIFO(mode) and str(path).startswith(_SHELL_PIPES):
        return
    kind = next((name for is_one, name in _KINDS if is_one(mode)), "something else")
    raise CommandFailed(
        f"{path} is {kind}, and no file", "name a file; save what comes through a pipe first", code="no_file"
    )
