"""The loop: seal, send, confirm, until told to stop.

One thread a chain and one for sealing, so that a slow one holds up no other, and one that keeps the
lease. Every wait ends at once when the stop event is set. A thread that sits in a request or in a long
seal is left behind after ``STOP_SECONDS``: a process may end at any instant without loss.
"""

import threading
from collections.abc import Sequence
from typing import Final

from anchor.protocol.hashing import Bytes32
from anchor.server.anchoring.alarms import AlarmName
from anchor.server.anchoring.chain_worker import ChainWorker
from anchor.server.anchoring.journal import Journal
from anchor.server.anchoring.lease import LEASE_SECONDS, Lease, LeaseLost
from anchor.server.anchoring.sealing import BatchSealer, SealStep
from anchor.server.anchoring.sending_chain import ChainConnection
from anchor.server.ledger.clock import Clock
from anchor.server.storage.database import Database, StorageUnavailable
from anchor.server.storage.observations import alarms_raised
from anchor.server.storage.sealing import SealedBatch

STOP_SECONDS: Final = 3.5
FIRST_LOOK_SECONDS: Final = 10.0
"""For how long the first seal waits until every chain was looked at."""
MOST_CYCLES: Final = 20


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
        first_look_seconds: float = FIRST_LOOK_SECONDS,
        holder: str | None = None,
    ) -> None:
        """``seal_interval`` is seconds; the shortest of the chains' unless given. With ``seal_at`` a
        batch is sealed before its time where so many deltas wait."""
        self._sealer = sealer
        self._seal_at = seal_at
        self._first_look_seconds = first_look_seconds
        self._clock = clock
        self._journal = Journal(clock)
        self._led = False
        self.lease: Final = Lease(database, clock, seconds=lease_seconds, holder=holder)
        self.workers: Final = tuple(
            ChainWorker(chain, log_id=log_id, lease=self.lease, clock=clock) for chain in chains
        )
        self.sealing: Final = SealStep(sealer, self.workers, self.lease, self._journal)
        intervals = [chain.settings.interval for chain in chains]
        self.seal_interval: Final = seal_interval or min(intervals, default=10.0)

    def run_once(self) -> bool:
        """Seal, send and confirm all that is possible now, whatever the intervals.

        False where another process holds the lease, and nothing was done.
        """
        if not self.lease.acquire():
            return False
        if not self._led:
            self._take_over()
        # Each chain is looked at before the first seal: see SealStep.
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
        """Seal what is new, unless that might fork the log: see ``SealStep``."""
        return self.sealing.seal()

    def run(self, stop: threading.Event) -> None:
        """Run until ``stop`` is set; returns within five seconds of it, whatever is being done."""
        self._journal.say("worker_started", holder=self.lease.holder)
        failures: list[BaseException] = []

        def work() -> None:
            try:
                self._work(stop)
            except BaseException as failure:
                failures.append(failure)

        thread = threading.Thread(target=work, name="anchoring", daemon=True)
        thread.start()
        while thread.is_alive() and not stop.wait(0.5):
            pass
        # Longer than it takes to end the chains' threads; what then waits for the database still is left.
        thread.join(STOP_SECONDS + 0.5)
        if failures:
            raise failures[0]
        self._journal.say("worker_stopped", holder=self.lease.holder)

    def _work(self, stop: threading.Event) -> None:
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

    def _lead(self, stop: threading.Event) -> None:
        """Work for as long as the lease is ours and nobody stops us."""
        self._journal.say("lease_taken", holder=self.lease.holder)
        self._take_over()
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
        began = next_seal = self._clock.monotonic()
        try:
            while not stop.wait(min(self.lease.seconds / 3, self.seal_interval, 1.0)):
                if not self._acquire():
                    self._journal.say("lease_lost", holder=self.lease.holder)
                    return
                if not all(thread.is_alive() for thread in threads):
                    # One of them found the lease in other hands for a moment: begin anew.
                    return
                now = self._clock.monotonic()
                all_looked = all(event.is_set() for event in looked) or now - began > self._first_look_seconds
                due = now >= next_seal or self._many_wait()
                if all_looked and due and self.sealing.begin():
                    next_seal = now + self.seal_interval
        finally:
            ended.set()
            deadline = self._clock.monotonic() + STOP_SECONDS
            for thread in threads:
                thread.join(max(0.0, deadline - self._clock.monotonic()))
            self.sealing.wait(max(0.0, deadline - self._clock.monotonic()))
            self._release()

    def _take_over(self) -> None:
        """Take no alarm for raised or cleared, and clear those of chains that are in the settings no more."""
        self._led = True
        self.sealing.take_over()
        for worker in self.workers:
            worker.take_over()
        names = {"", *(worker.name for worker in self.workers)}
        try:
            with self.lease.write() as writing:
                for alarm in alarms_raised(writing):
                    if alarm.chain not in names:
                        Journal(self._clock, alarm.chain).clear_alarm(writing, AlarmName(alarm.name))
        except LeaseLost:
            self._journal.say("lease_lost", holder=self.lease.holder)
        except StorageUnavailable as unavailable:
            self._journal.say("storage_unavailable", reason=unavailable.reason)

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
