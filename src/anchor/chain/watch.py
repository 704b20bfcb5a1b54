"""``anchor watch``: follow a contract's heads from outside, with no database and no trust.

Whoever watches keeps the line of heads in memory and says what does not fit: a head that does not
follow the one before, a number that does not rise, an event that has left the chain after it was final,
a submitter that changed. Given the log's batches (its public API shows them) it also recomputes every
root and every history: that the newest head holds, in their places, all heads seen before.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from anchor.chain.contract import Anchored, AnchorLog
from anchor.chain.finality import FinalityRule, final_height
from anchor.chain.rpc import RpcError
from anchor.chain.values import address_text, hexadecimal
from anchor.protocol.batch import Batch
from anchor.protocol.hashing import ZERO, Bytes32
from anchor.protocol.merkle import HISTORY_TREE, Frontier

CLOCK_TOLERANCE_MS: Final = 900_000
"""A batch may be sealed this much later than its block says: chains' clocks are loose."""

BatchSource = Callable[[int], Batch | None]
"""Gives a batch by its number, from wherever the watcher has it; None where it cannot be had."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something seen. ``kind`` is 'anchored', 'checked', or an alarm: see ``ALARMS``."""

    kind: str
    number: int
    head: Bytes32
    block_number: int
    detail: str

    @property
    def is_alarm(self) -> bool:
        """Return whether this should not be."""
        return self.kind in ALARMS


ALARMS: Final = {
    "broken_line": "a head does not follow the one before it",
    "number_not_rising": "a batch number is not above the one before",
    "head_without_event": "the contract's head is not the newest event's",
    "event_vanished": "an anchor that was final has left the chain",
    "root_differs": "a head is not the root of the batch that the log shows",
    "history_differs": "a batch's history does not hold the roots before it",
    "batch_missing": "the log shows no batch for a head",
    "sealed_after_block": "a batch says it was sealed after the block that anchored it",
    "submitter_changed": "another key may anchor now",
    "owner_changed": "the contract has another owner",
}


class Watcher:
    """Follows one contract. Call ``look`` as often as you like."""

    def __init__(
        self,
        contract: AnchorLog,
        *,
        log_id: Bytes32,
        first_block: int = 0,
        finality: FinalityRule | None = None,
        batches: BatchSource | None = None,
    ) -> None:
        self._contract = contract
        self._log_id = log_id
        self._next_block = first_block
        self._first_block = first_block
        self._finality = finality or FinalityRule()
        self._batches = batches
        self._line: list[Anchored] = []
        self._final_count = 0
        self._frontier = Frontier.empty()
        self._roles: tuple[bytes, bytes] | None = None

    @property
    def heads(self) -> int:
        """Return how many heads were seen."""
        return len(self._line)

    def look(self) -> list[Sighting]:
        """Return what is new since the last look, in order. Raises RpcError."""
        node = self._contract.node
        node.begin_cycle()
        latest = node.tallest_block().number
        seen: list[Sighting] = list(self._reorganised())
        events = list(self._contract.anchored(self._next_block, latest))[::-1]
        for event in events:
            if self._line and event.block_number <= self._line[-1].block_number and event in self._line:
                continue
            seen += self._new(event)
        self._next_block = latest + 1
        seen += self._head_agrees(latest)
        seen += self._roles_changed(latest)
        self._mark_final()
        return seen

    def _reorganised(self) -> Iterator[Sighting]:
        """Forget the events that left the chain; one that was final should not have."""
        node = self._contract.node
        gone = len(self._line)
        while gone > self._final_count:
            event = self._line[gone - 1]
            block = node.block(event.block_number)
            if block is not None and block.hash == event.block_hash:
                break
            gone -= 1
        if gone == self._final_count and gone:
            event = self._line[gone - 1]
            block = node.block(event.block_number)
            if block is not None and block.hash != event.block_hash:
                yield self._sighting(
                    "event_vanished", event, f"block {event.block_number} is another one now"
                )
        if gone < len(self._line):
            del self._line[gone:]
            self._next_block = self._line[-1].block_number if self._line else self._first_block
            self._frontier = Frontier.empty()

    def _new(self, event: Anchored) -> Iterator[Sighting]:
        previous = self._line[-1] if self._line else None
        expected = previous.new_head if previous is not None else ZERO
        if event.previous_head != expected and not (previous is None and self._first_block):
            yield self._sighting(
                "broken_line",
                event,
                f"it follows {hexadecimal(event.previous_head)}, expected {hexadecimal(expected)}",
            )
        if previous is not None and event.number <= previous.number:
            yield self._sighting("number_not_rising", event, f"{event.number} comes after {previous.number}")
        self._line.append(event)
        yield self._sighting("anchored", event, f"transaction {hexadecimal(event.transaction_hash)}")
        if self._batches is not None:
            yield from self._extends(event, self._batches)

    def _extends(self, event: Anchored, batches: BatchSource) -> Iterator[Sighting]:
        """Recompute all roots from the last one that was checked up to this head."""
        frontier = self._frontier
        for number in range(frontier.size + 1, event.number + 1):
            batch = batches(number)
            if batch is None:
                yield self._sighting("batch_missing", event, f"batch {number} cannot be had")
                return
            expected = frontier.root(HISTORY_TREE) if frontier.size else ZERO
            if batch.number != number or batch.history_root != expected:
                yield self._sighting(
                    "history_differs",
                    event,
                    f"batch {number} has history {hexadecimal(batch.history_root)}, "
                    f"the roots before it give {hexadecimal(expected)}",
                )
                return
            root = batch.anchor_root(self._log_id)
            known = next((seen for seen in self._line if seen.number == number), None)
            if known is not None and known.new_head != root:
                yield self._sighting(
                    "root_differs",
                    known,
                    f"batch {number} has root {hexadecimal(root)}, "
                    f"the chain holds {hexadecimal(known.new_head)}",
                )
                return
            frontier = frontier.append(HISTORY_TREE, HISTORY_TREE.leaf(root))
        self._frontier = frontier
        yield from self._sealed_in_time(event, batches)
        yield self._sighting("checked", event, f"holds all {event.number} batches in their places")

    def _sealed_in_time(self, event: Anchored, batches: BatchSource) -> Iterator[Sighting]:
        batch, block = batches(event.number), self._contract.node.block(event.block_number)
        if batch is not None and block is not None and batch.sealed_at > block.time + CLOCK_TOLERANCE_MS:
            yield self._sighting(
                "sealed_after_block",
                event,
                f"sealed at {batch.sealed_at} ms, its block is of {block.time} ms",
            )

    def _head_agrees(self, latest: int) -> Iterator[Sighting]:
        expected = self._line[-1].new_head if self._line else ZERO
        try:
            head = self._contract.head(latest)
        except RpcError:
            # A node without the state of that block: the next look tells.
            return
        if head != expected and (self._line or not self._first_block):
            yield Sighting(
                "head_without_event",
                0,
                head,
                latest,
                f"the head is {hexadecimal(head)}, the events lead to {hexadecimal(expected)}",
            )

    def _roles_changed(self, latest: int) -> Iterator[Sighting]:
        roles = (self._contract.submitter(), self._contract.owner())
        if self._roles is not None:
            for kind, before, after in zip(
                ("submitter_changed", "owner_changed"), self._roles, roles, strict=True
            ):
                if before != after:
                    detail = f"from {address_text(before)} to {address_text(after)}"
                    yield Sighting(kind, 0, ZERO, latest, detail)
        self._roles = roles

    def _mark_final(self) -> None:
        final = final_height(self._contract.node, self._finality)
        if final is None:
            return
        while (
            self._final_count < len(self._line) and self._line[self._final_count].block_number <= final.number
        ):
            self._final_count += 1

    def _sighting(self, kind: str, event: Anchored, detail: str) -> Sighting:
        return Sighting(kind, event.number, event.new_head, event.block_number, detail)
