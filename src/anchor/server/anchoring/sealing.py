"""When a batch may be sealed, and sealing it beside the loop, so that a long seal holds up nothing.

A database that was restored from a backup may be older than what the chains hold of it; to seal then
would fork the log. So nothing is sealed while a chain is ahead of the database, nor before every chain
that the database says it was sent to was seen once since the start, as it is now. A chain that is new to
the database need not be seen, as long as another one was: it holds up none.
"""

import threading
from collections.abc import Sequence
from typing import Protocol

from anchor.server.anchoring.alarms import AlarmName
from anchor.server.anchoring.chain_worker import ChainWorker
from anchor.server.anchoring.journal import Journal
from anchor.server.anchoring.lease import Lease, LeaseLost
from anchor.server.storage.anchors import chain_in_use, newest_anchor
from anchor.server.storage.database import StorageUnavailable
from anchor.server.storage.sealing import SealedBatch
from anchor.server.storage.sending import newest_send


class BatchSealer(Protocol):
    """What seals a batch: ``ledger.sealing.Sealer``. Safe in several threads: one wins."""

    def seal(self) -> SealedBatch | None:
        """Seal what is new; None where nothing is."""
        ...

    def unsealed_count(self) -> int:
        """Return how many deltas are in no batch."""
        ...


class SealStep:
    """Seals for one loop, in the caller's thread or beside it."""

    def __init__(
        self, sealer: BatchSealer, workers: Sequence[ChainWorker], lease: Lease, journal: Journal
    ) -> None:
        self._sealer = sealer
        self._workers = [worker for worker in workers if worker.connection.settings.contract is not None]
        self._lease = lease
        self._journal = journal
        self._thread: threading.Thread | None = None
        self._raised: dict[AlarmName, str]
        self.take_over()

    def take_over(self) -> None:
        """Begin anew about alarms: a process before this one may have left them, or have led since."""
        # Those that may last, by their details.
        self._raised = {AlarmName.SEALING_WAITS: "", AlarmName.INTERNAL_ERROR: ""}

    def begin(self) -> bool:
        """Seal in a thread of its own; False while the one before is at it still."""
        if self._thread is not None and self._thread.is_alive():
            return False
        self._thread = threading.Thread(target=self.seal_or_say_why, name="sealing", daemon=True)
        self._thread.start()
        return True

    def wait(self, seconds: float) -> None:
        """Wait for the thread, for so long: then it is left behind."""
        if self._thread is not None:
            self._thread.join(seconds)

    def seal(self) -> SealedBatch | None:
        """Seal what is new, unless that might fork the log. Raises LeaseLost, StorageUnavailable."""
        if any(worker.is_ahead for worker in self._workers):
            # An alarm of the chain's own tells of it.
            return None
        unseen = self._unseen()
        if unseen:
            if self._sealer.unsealed_count():
                told = "; ".join(
                    f"{worker.name} ({why})" if (why := worker.unseen_because) else worker.name
                    for worker in unseen
                )
                self._raise(AlarmName.SEALING_WAITS, f"not seen since the start: {told}")
            return None
        self._clear(AlarmName.SEALING_WAITS)
        batch = self._sealer.seal()
        self._clear(AlarmName.INTERNAL_ERROR)
        if batch is not None:
            self._journal.say("batch_sealed", batch=batch.number, deltas=batch.delta_count)
        return batch

    def seal_or_say_why(self) -> None:
        """Seal what is new; whatever stands in the way is told and ends nothing."""
        try:
            try:
                self.seal()
            except (LeaseLost, StorageUnavailable):
                raise
            except Exception as error:
                self._raise(AlarmName.INTERNAL_ERROR, f"sealing: {type(error).__name__}: {error}")
        except LeaseLost:
            self._journal.say("sealing_stopped", reason="another process holds the lease")
        except StorageUnavailable as unavailable:
            self._journal.say("storage_unavailable", reason=unavailable.reason)

    def _unseen(self) -> list[ChainWorker]:
        """Return the chains that have to be seen before anything is sealed."""
        unseen = [worker for worker in self._workers if not worker.seen]
        if not unseen or len(unseen) == len(self._workers):
            return unseen
        waited_for = []
        with self._lease.read() as reading:
            for worker in unseen:
                chain = chain_in_use(reading, worker.name)
                if chain is not None and (newest_anchor(reading, chain.id) or newest_send(reading, chain.id)):
                    waited_for.append(worker)
        return waited_for

    def _raise(self, alarm: AlarmName, detail: str) -> None:
        if self._raised.get(alarm) == detail:
            return
        with self._lease.write() as writing:
            self._journal.raise_alarm(writing, alarm, detail)
        self._raised[alarm] = detail

    def _clear(self, alarm: AlarmName) -> None:
        if alarm not in self._raised:
            return
        with self._lease.write() as writing:
            self._journal.clear_alarm(writing, alarm)
        del self._raised[alarm]
