"""One ``anchor dev`` on a directory: a lock that the kernel lets go of, however its holder ends."""

import fcntl
import json
import os
from pathlib import Path
from typing import Any, Final

LOCK_FILE: Final = "dev.lock"


class AlreadyRunning(Exception):
    """Another process runs on the directory. ``url`` is '' while it is starting."""

    code: Final = "already_running"
    remedy: Final = "use that one, stop it, or name another directory"

    def __init__(self, directory: Path, pid: int | None, url: str) -> None:
        by = "another process" if pid is None else f"process {pid}"
        where = f" and answers at {url}" if url else ""
        super().__init__(f"Anchor runs on {directory} already: {by} holds it{where}")
        self.pid = pid
        self.url = url


class DirectoryLock:
    """The lock on a directory, held until ``release`` or the end of the process."""

    def __init__(self, directory: Path) -> None:
        """Take it; the directory is made where it is not there. Raises AlreadyRunning."""
        directory.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stated = _read(self._descriptor)
            os.close(self._descriptor)
            raise AlreadyRunning(directory, stated.get("pid"), stated.get("url", "")) from None
        self.tell("")

    def tell(self, url: str) -> None:
        """Write who holds the lock, for whoever is refused."""
        text = json.dumps({"pid": os.getpid(), "url": url}).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text + b"\n", 0)

    def release(self) -> None:
        """Let go. The file stays: taken away, two processes could hold two of it."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1


def _read(descriptor: int) -> dict[str, Any]:
    try:
        stated = json.loads(os.pread(descriptor, 1000, 0))
    except ValueError:
        return {}
    return stated if isinstance(stated, dict) else {}
