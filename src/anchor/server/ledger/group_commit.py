"""Group commit: whatever is waiting shares the next transaction, and each is answered after it.

While one group is being committed the next one gathers, so groups are as large as the load is: a lone
request waits for nobody. One thread commits; the event loop takes a submission and hands out its answer,
at the cost of one future for each submission, whatever it holds.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Final, NamedTuple, Protocol, TypeAlias

from anchor.server.ledger.errors import LedgerError, Overloaded, StorageUnavailable
from anchor.server.ledger.model import Emission, Receipt

Results: TypeAlias = list[Receipt | LedgerError]

QUEUE_LIMIT: Final = 20_000
"""Emissions that may wait: about half a second's work. With their ids they take 10 to 40 MB."""
QUEUE_BYTES: Final = 32 * 1024 * 1024
"""What their metadata and reasons may have in all: so what waits takes some tens of megabytes.

Reasons are counted in characters, which beyond ASCII take up to four bytes each.
"""
GROUP_LIMIT: Final = 4_000
"""Emissions of one transaction, so that nobody waits long for the others of a group."""
_RETRY_AFTER_SECONDS: Final = 1


class Recording(Protocol):
    """What commits a group: ``ledger.recording.Recorder``."""

    def record(self, emissions: Sequence[Emission]) -> Results:
        """Return what became of each, durably."""
        ...


class _Submission(NamedTuple):
    emissions: Sequence[Emission]
    size: int
    answer: "asyncio.Future[Results]"


_Outcome: TypeAlias = Results | BaseException


class GroupCommit:
    """Records submissions of one event loop in shared transactions.

    Create it anywhere, ``start`` it inside the loop, ``stop`` it when nothing is submitted any more.
    """

    def __init__(
        self,
        recorder: Recording,
        *,
        queue_limit: int = QUEUE_LIMIT,
        queue_bytes: int = QUEUE_BYTES,
        group_limit: int = GROUP_LIMIT,
    ) -> None:
        self._recorder = recorder
        self._queue_limit = queue_limit
        self._queue_bytes = queue_bytes
        self._group_limit = group_limit
        self._queue: SimpleQueue[_Submission | None] = SimpleQueue()
        # Touched by the event loop only.
        self._waiting = 0
        self._waiting_bytes = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """How many emissions were submitted and not answered yet."""
        return self._waiting

    def start(self) -> None:
        """Start the committing thread, for the running event loop."""
        if self._thread is not None:
            raise RuntimeError("group commit runs already")
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._run, args=(self._loop.call_soon_threadsafe,), name="group-commit", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Commit what is waiting and end the thread. Answers are handed out by the loop afterwards."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join()

    async def submit(self, emissions: Sequence[Emission]) -> Results:
        """Record these in one transaction, shared with others, and return what became of each.

        Raises Overloaded, and then nothing was recorded, and StorageUnavailable as Recorder.record does.
        """
        loop = self._loop
        size = sum([len(one.reason) + len(one.metadata or b"") for one in emissions])
        if self._thread is None or loop is None:
            raise StorageUnavailable("the service is stopping")
        if self._waiting and (
            self._waiting + len(emissions) > self._queue_limit
            or self._waiting_bytes + size > self._queue_bytes
        ):
            raise Overloaded(_RETRY_AFTER_SECONDS)
        answer: asyncio.Future[Results] = loop.create_future()
        self._waiting += len(emissions)
        self._waiting_bytes += size
        self._queue.put(_Submission(emissions, size, answer))
        return await answer

    def _run(self, call_soon: Callable[..., object]) -> None:
        stopping = False
        while not stopping:
            group, stopping = self._next_group()
            if group:
                call_soon(self._answer, group, self._commit(group))

    def _next_group(self) -> tuple[list[_Submission], bool]:
        """Wait for a submission; return it with those that wait behind it, and whether it is the last."""
        group: list[_Submission] = []
        count = 0
        submission = self._queue.get()
        while submission is not None:
            group.append(submission)
            count += len(submission.emissions)
            if count >= self._group_limit:
                return group, False
            try:
                submission = self._queue.get_nowait()
            except Empty:
                return group, False
        return group, True

    def _commit(self, group: list[_Submission]) -> list[_Outcome]:
        try:
            results = self._recorder.record([one for submission in group for one in submission.emissions])
        except StorageUnavailable as error:
            return [error] * len(group)
        except Exception as error:
            # A fault of our own in one submission must not fail its neighbours.
            if len(group) == 1:
                return [error]
            return [outcome for submission in group for outcome in self._commit([submission])]
        outcomes: list[_Outcome] = []
        at = 0
        for submission in group:
            outcomes.append(results[at : at + len(submission.emissions)])
            at += len(submission.emissions)
        return outcomes

    def _answer(self, group: list[_Submission], outcomes: list[_Outcome]) -> None:
        for submission, outcome in zip(group, outcomes, strict=True):
            self._waiting -= len(submission.emissions)
            self._waiting_bytes -= submission.size
            if submission.answer.done():
                # Whoever asked has gone; what they sent is recorded all the same.
                continue
            if isinstance(outcome, BaseException):
                submission.answer.set_exception(outcome)
            else:
                submission.answer.set_result(outcome)
