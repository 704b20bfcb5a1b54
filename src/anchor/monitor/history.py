"""A log's history as a watcher rebuilds it: every batch that the log shows, held against every head.

The roots of all batches are appended to a tree of the watcher's own, of which only the frontier is kept.
Each batch has to state the history that this tree has, and each head on the chain has to be the root of
its batch: so the newest head holds all heads seen before, in their places.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from anchor.monitor.sightings import Sighting
from anchor.node.view import Block, PlacedEvent
from anchor.protocol.batch import Batch
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import ZERO, Bytes32
from anchor.protocol.merkle import HISTORY_TREE, Frontier

CLOCK_TOLERANCE_MS: Final = 900_000
"""A batch may be sealed this much later than its block says: chains' clocks are loose."""
MOST_AT_ONCE: Final = 1_000_000
"""Batches that are read in one look; the next one goes on."""


class BatchesUnavailable(Exception):
    """The log's batches cannot be had now. ``reason`` is a sentence for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BatchSource(Protocol):
    """Where a log shows its batches."""

    def batch(self, number: int) -> Batch | None:
        """Return a batch; None where the log shows none of that number. Raises BatchesUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class History:
    """All batches up to number ``frontier.size``, and the last head that was found to hold them.

    ``root`` and ``sealed_at`` are those of the newest of these batches. ``checked_at`` is the block and the
    place in it of the newest head that was held against them. ``broken``: a batch did not state the history
    before it, so that no head from it on holds all that came before.
    """

    frontier: Frontier = field(default_factory=Frontier.empty)
    root: Bytes32 = ZERO
    sealed_at: int = 0
    checked_at: tuple[int, int] = (-1, -1)
    broken: bool = False

    @property
    def size(self) -> int:
        """How many batches it holds."""
        return self.frontier.size

    def holds(self, placed: PlacedEvent) -> bool:
        """Whether a head was held against it before."""
        return (placed.block_number, placed.log_index) <= self.checked_at


class HistoryCheck:
    """One pass over heads in the chain's order, from a history that was checked before.

    ``stated`` gives the root that a proof file holds for a batch number, and the file's name.
    """

    def __init__(
        self,
        history: History,
        waiting: tuple[PlacedEvent, ...],
        source: BatchSource,
        *,
        log_id: Bytes32,
        block: Callable[[int], Block | None],
        stated: Callable[[int], tuple[Bytes32, str] | None],
    ) -> None:
        self.history = history
        self._waiting = deque(waiting)
        self.unfinished = False
        """There was more to read than one look reads."""
        self._source = source
        self._log_id = log_id
        self._block = block
        self._stated = stated
        self._left = MOST_AT_ONCE
        self._stopped = False
        self._told: PlacedEvent | None = None
        """The head at which the broken history was told."""

    @property
    def waiting(self) -> tuple[PlacedEvent, ...]:
        """Heads that could not be held against it yet, the oldest first."""
        return tuple(self._waiting)

    def add(self, placed: PlacedEvent | None = None) -> Iterator[Sighting]:
        """Hold one more head against the history, and those that wait before it."""
        if placed is not None and not self.history.holds(placed):
            self._waiting.append(placed)
        while self._waiting and not self._stopped:
            try:
                yield from self._extend(self._waiting[0])
            except BatchesUnavailable as error:
                self._stopped = True
                yield Sighting("batches_unavailable", error.reason)
            if self._stopped:
                return
            head = self._waiting.popleft()
            yield from self._judge(head)
            self.history = replace(self.history, checked_at=(head.block_number, head.log_index))

    def _extend(self, head: PlacedEvent) -> Iterator[Sighting]:
        """Append the batches up to the one of a head."""
        while self.history.size < head.event.number:
            if self._left <= 0:
                self._stopped = self.unfinished = True
                return
            self._left -= 1
            number = self.history.size + 1
            batch = self._source.batch(number)
            if batch is None:
                self._stopped = True
                yield Sighting.of("batch_missing", head, f"there is no batch {number}")
                return
            yield from self._append(head, batch)

    def _append(self, head: PlacedEvent, batch: Batch) -> Iterator[Sighting]:
        history, frontier = self.history, self.history.frontier
        expected = frontier.root(HISTORY_TREE)
        broken = history.broken or batch.history_root != expected
        if batch.history_root != expected:
            self._told = head
            yield Sighting.of(
                "history_differs",
                head,
                f"batch {batch.number} states the history {hex_of(batch.history_root)}, "
                f"the roots before it give {hex_of(expected)}",
            )
        if batch.sealed_at < history.sealed_at:
            yield Sighting.of(
                "sealed_backwards",
                head,
                f"batch {batch.number} at {batch.sealed_at} ms, the one before at {history.sealed_at} ms",
            )
        root = batch.anchor_root(self._log_id)
        stated = self._stated(batch.number)
        if stated is not None and stated[0] != root:
            yield Sighting.of(
                "proof_differs",
                head,
                f"{stated[1]} holds batch {batch.number} with the root {hex_of(stated[0])}, "
                f"the log shows one with {hex_of(root)}",
            )
        frontier = frontier.append(HISTORY_TREE, HISTORY_TREE.leaf(root))
        self.history = History(frontier, root, batch.sealed_at, history.checked_at, broken)

    def _judge(self, head: PlacedEvent) -> Iterator[Sighting]:
        """Say whether a head is the root of the newest batch. (One below it was told: it does not rise.)"""
        history = self.history
        if head.event.number != history.size:
            return
        if head.event.new_head != history.root:
            yield Sighting.of(
                "root_differs",
                head,
                f"batch {head.event.number} has the root {hex_of(history.root)}, "
                f"the chain holds {hex_of(head.event.new_head)}",
            )
            return
        block = self._block(head.block_number)
        if block is not None and history.sealed_at > block.timestamp * 1_000 + CLOCK_TOLERANCE_MS:
            yield Sighting.of(
                "sealed_after_block",
                head,
                f"sealed at {history.sealed_at} ms, its block is of {block.timestamp * 1_000} ms",
            )
        if history.broken and self._told != head:
            yield Sighting.of(
                "history_differs", head, "a batch before it did not state the history before it"
            )
        if not history.broken:
            yield Sighting.of("checked", head, "holds every batch before it, in its place")
