"""What a command does with the sender's key while no worker does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from anchor.cli.failures import CommandFailed

if TYPE_CHECKING:
    from anchor.server.anchoring.lease import Lease
    from anchor.server.service.assembly import OpenLog


@contextmanager
def no_worker(opened: "OpenLog") -> Iterator["Lease"]:
    """Hold the sender's lease for a while. Raises CommandFailed where a worker has it."""
    from anchor.server.anchoring.lease import Lease

    lease = Lease(opened.database, opened.clock)
    if not lease.acquire():
        raise CommandFailed(
            f"a worker is running: {lease.held_by_another}",
            "stop it first; if it died, wait until its lease lapses",
            code="worker_running",
        )
    try:
        yield lease
    finally:
        lease.release()
