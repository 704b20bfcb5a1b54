"""One sender at a time, whatever the number of processes that share the database.

The holder renews its lease; another takes over once it saw the lease stand still for its whole length,
by its own monotonic clock, so that no two machines' clocks are compared. Everything that the sender
writes goes through ``write``, which first checks in the same transaction that the lease is still ours:
who has lost it cannot write, however late it wakes up.
"""

import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from sqlalchemy import Connection

from anchor.server.ledger.clock import Clock
from anchor.server.storage.database import Database
from anchor.server.storage.leases import LeaseRow, read_lease, release_lease, renew_lease, take_lease

LEASE_NAME: Final = "anchoring"
LEASE_SECONDS: Final = 15.0


class LeaseLost(Exception):
    """Another process anchors now. What this one was doing ends here."""


class Lease:
    """This process's claim to be the one that seals and sends. Thread-safe."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        name: str = LEASE_NAME,
        seconds: float = LEASE_SECONDS,
        holder: str | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        self.seconds: Final = seconds
        self.holder: Final = holder or f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        self._lock = threading.Lock()
        # The lease as another holds it, and when we first saw it so.
        self._seen: LeaseRow | None = None
        self._seen_at = 0.0
        self.held_by_another: str | None = None

    def acquire(self) -> bool:
        """Take or renew the lease; False while another holds it. Raises StorageUnavailable."""
        with self._lock, self._database.write() as connection:
            now = self._clock.now_ms()
            if renew_lease(connection, self._name, self.holder, now):
                self.held_by_another = None
                return True
            current = read_lease(connection, self._name)
            if current is not None and not self._stood_still(current):
                self.held_by_another = current.holder
                return False
            taken = take_lease(
                connection,
                self._name,
                holder=self.holder,
                seen=current,
                length_ms=round(self.seconds * 1000),
                now=now,
            )
            self.held_by_another = None if taken else "another process"
            return taken

    def release(self) -> None:
        """Give the lease back, so that the next process need not wait."""
        with self._lock, self._database.write() as connection:
            release_lease(connection, self._name, self.holder)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One write transaction of the holder's. Raises LeaseLost, before anything is written."""
        with self._database.write() as connection:
            lease = read_lease(connection, self._name, lock=True)
            if lease is None or lease.holder != self.holder:
                raise LeaseLost
            yield connection

    def read(self) -> AbstractContextManager[Connection]:
        """One read transaction."""
        return self._database.read()

    def check(self) -> None:
        """Raise LeaseLost where another holds the lease: asked before anything goes out."""
        with self._database.read() as connection:
            lease = read_lease(connection, self._name)
        if lease is None or lease.holder != self.holder:
            raise LeaseLost

    def _stood_still(self, current: LeaseRow) -> bool:
        now = self._clock.monotonic()
        if self._seen is None or (self._seen.holder, self._seen.renewals) != (
            current.holder,
            current.renewals,
        ):
            self._seen, self._seen_at = current, now
            return False
        return now - self._seen_at >= current.length_ms / 1000
