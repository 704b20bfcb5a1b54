"""The loop: seal, send, confirm, until told to stop.

One thread a chain, so that a slow one holds up no other; the caller's thread seals and keeps the lease.
Every wait ends at once when the stop event is set. A thread that sits in a request is left behind after
``STOP_SECONDS``: it can write nothing any more, and a process may end at any instant without loss.
"""

import threading
from collections.abc import Sequence
from typing import Final, Protocol

from anchor.anchoring.alarms import AlarmName
from anchor.anchoring.chain_worker import ChainWorker
from anchor.anchoring.journal import Journal
from anchor.anchoring.lease import LEASE_SECONDS, Lease, LeaseLost
from anchor.anchoring.sending_chain import ChainConnection
from anchor.ledger.clock import Clock
from anchor.protocol.hashing import Bytes32
from anchor.storage.database import Database, StorageUnavailable

STOP_SECONDS: Final = 4.0
MOST_CYCLES: Final = 20


class SealedBatch(Protocol):
    """What a sealer gives back."""

    @property
    def number(self) -> int:
        """Return the batch's number."""
        ...

    @property
    def delta_count(self) -> int:
        """Return how many deltas the batch added."""
        ...


class BatchSealer(Protocol):
    """What seals a batch: ``ledger.sealing.Sealer``."""

    def seal(self) -> SealedBatch | None:
        """Seal what is new; None where nothing is."""
        ...

    def unsealed_count(self) -> int:
        """Return how many deltas are in no batch."""
        ...


class AnchoringLoop:
    """Seals, sends and confirms for one log, on any number of chains."""

    def __init__(
        self,
        database: Database,
        sealer: BatchSealer,
        chains: Sequence[ChainConnection],
        clock: Clock,
        *,
        log_id: Bytes32,
        seal_interval: float | None = None,
        seal_at: int | None = None,
        lease_seconds: float = LEASE_SECONDS,
        holder: str | None = None,
    ) -> None:
        """``seal_interval`` is seconds; the shortest of the chains' unless given. With ``seal_at`` a
        batch is sealed before its time where so many deltas wait."""
        self._sealer = sealer
        self._seal_at = seal_at
        self._clock = clock
        self._journal = Journal(clock)
        self.lease: Final = Lease(database, clock, seconds=lease_seconds, holder=holder)
        self.workers: Final = tuple(
            ChainWorker(chain, log_id=log_id, lease=self.lease, clock=clock) for chain in chains
        )
        intervals = [chain.settings.interval for chain in chains]
        self.seal_interval: Final = seal_interval or min(intervals, default=10.0)

    def run_once(self) -> bool:
        """Seal, send and confirm all that is possible now, whatever the intervals.

        False where another process holds the lease, and nothing was done.
        """
        if not self.lease.acquire():
            return False
        # Each chain is looked at before the first seal: see ChainWorker.blocks_sealing.
        for worker in self.workers:
            worker.step(force=True)
        self.seal()
        for worker in self.workers:
            for _ in range(MOST_CYCLES):
                self.lease.acquire()
                if not worker.step(force=True):
                    break
        return True

    def seal(self) -> SealedBatch | None:
        """Seal what is new, unless a chain is ahead of the database."""
        if any(worker.blocks_sealing for worker in self.workers):
            return None
        batch = self._sealer.seal()
        if batch is not None:
            self._journal.say("batch_sealed", batch=batch.number, deltas=batch.delta_count)
        return batch

    def run(self, stop: threading.Event) -> None:
        """Run until ``stop`` is set; returns within ``STOP_SECONDS`` of it."""
        self._journal.say("worker_started", holder=self.lease.holder)
        waiting_for: str | None = None
        while not stop.is_set():
            if self._acquire():
                waiting_for = None
                self._lead(stop)
                continue
            if self.lease.held_by_another != waiting_for:
                waiting_for = self.lease.held_by_another
                self._journal.say("lease_held_by_another", holder=waiting_for)
            stop.wait(self.lease.seconds / 10)
        self._journal.say("worker_stopped", holder=self.lease.holder)

    def _lead(self, stop: threading.Event) -> None:
        """Work for as long as the lease is ours and nobody stops us."""
        self._journal.say("lease_taken", holder=self.lease.holder)
        ended = threading.Event()
        looked = [threading.Event() for _ in self.workers]
        threads = [
            threading.Thread(
                target=self._follow_chain,
                args=(worker, ended, first_look),
                name=f"anchoring-{worker.name}",
                daemon=True,
            )
            for worker, first_look in zip(self.workers, looked, strict=True)
        ]
        for thread in threads:
            thread.start()
        next_seal = self._clock.monotonic()
        try:
            while not stop.wait(min(self.lease.seconds / 3, self.seal_interval, 1.0)):
                if not self._acquire():
                    self._journal.say("lease_lost", holder=self.lease.holder)
                    return
                if not all(thread.is_alive() for thread in threads):
                    # One of them found the lease in other hands for a moment: begin anew.
                    return
                due = self._clock.monotonic() >= next_seal or self._many_wait()
                if due and all(event.is_set() for event in looked):
                    next_seal = self._clock.monotonic() + self.seal_interval
                    self._seal_or_say_why()
        finally:
            ended.set()
            deadline = self._clock.monotonic() + STOP_SECONDS
            for thread in threads:
                thread.join(max(0.0, deadline - self._clock.monotonic()))
            self._release()

    def _follow_chain(self, worker: ChainWorker, ended: threading.Event, looked: threading.Event) -> None:
        while not ended.is_set():
            wait = 1.0
            try:
                changed = worker.step()
                wait = 0.0 if changed else worker.next_look()
            except LeaseLost:
                return
            except StorageUnavailable as unavailable:
                self._journal.say("storage_unavailable", reason=unavailable.reason)
            except Exception as error:
                # What a cycle knows, it says itself; this must not end the thread.
                self._journal.say("cycle_failed", on=worker.name, reason=f"{type(error).__name__}: {error}")
            looked.set()
            ended.wait(wait)

    def _many_wait(self) -> bool:
        try:
            return self._seal_at is not None and self._sealer.unsealed_count() >= self._seal_at
        except StorageUnavailable:
            return False

    def _seal_or_say_why(self) -> None:
        try:
            self.seal()
        except StorageUnavailable as unavailable:
            self._journal.say("storage_unavailable", reason=unavailable.reason)
        except Exception as error:
            with self.lease.write() as writing:
                self._journal.raise_alarm(
                    writing, AlarmName.INTERNAL_ERROR, f"sealing: {type(error).__name__}: {error}"
                )

    def _acquire(self) -> bool:
        try:
            return self.lease.acquire()
        except StorageUnavailable as unavailable:
            self._journal.say("storage_unavailable", reason=unavailable.reason)
            return False

    def _release(self) -> None:
        try:
            self.lease.release()
        except StorageUnavailable as unavailable:
            self._journal.say("storage_unavailable", reason=unavailable.reason)
