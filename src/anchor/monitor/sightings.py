"""What a watcher says: events, warnings about the way there, and alarms, each kind with its meaning."""

from dataclasses import dataclass
from typing import Final

from anchor.node.view import PlacedEvent
from anchor.protocol.hashing import ZERO, Bytes32

ALARMS: Final = {
    "broken_line": "a head does not follow the one before it",
    "number_not_rising": "a batch number is not above the one before",
    "head_without_event": "the contract's head is not the newest event's",
    "past_changed": "a block that was final is another one now",
    "root_differs": "a head is not the root of the batch that the log shows",
    "history_differs": "a batch's history does not hold the roots before it",
    "batch_missing": "the log shows no batch for a head",
    "proof_differs": "a proof file holds another batch than the chain or the log",
    "sealed_backwards": "a batch says it was sealed before the one before it",
    "sealed_after_block": "a batch says it was sealed after the block that anchored it",
    "submitter_changed": "another key may anchor now",
    "owner_changed": "the contract has another owner",
    "endpoints_disagree": "nodes contradict each other about what is on the chain",
}
"""What should not be."""

WARNINGS: Final = {
    "endpoint_unreachable": "a node gives no answer; the others are asked",
    "endpoint_lags": "a node is far behind another, and not asked meanwhile unless that one contradicts it",
    "block_of_the_future": "a node far above another is ahead of our clock, and sets no other aside",
    "no_new_blocks": "the newest block is old: the chain stands still, or the node does",
    "batches_unavailable": "the log does not show its batches now; they are checked when it does",
}
"""What keeps the watcher from seeing all, and proves nothing against the log."""

NEWS: Final = {
    "anchored": "a new head",
    "checked": "a head holds every batch before it, in its place",
    "reorganised": "a head that was not final yet has left the chain",
    "proofs_found": "how many batches of the proof files are on this chain",
    "not_checked": "what this watcher cannot see with what it was given",
}


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something seen. ``kind`` is a key of ALARMS, WARNINGS or NEWS.

    ``number``, ``head`` and ``block_number`` are 0, ZERO and 0 where it is about no head.
    """

    kind: str
    detail: str
    number: int = 0
    head: Bytes32 = ZERO
    block_number: int = 0

    @classmethod
    def of(cls, kind: str, placed: PlacedEvent, detail: str) -> "Sighting":
        """A sighting about a head."""
        return cls(kind, detail, placed.event.number, placed.event.new_head, placed.block_number)

    @property
    def is_alarm(self) -> bool:
        """Whether this should not be."""
        return self.kind in ALARMS

    @property
    def is_warning(self) -> bool:
        """Whether this keeps the watcher from seeing all."""
        return self.kind in WARNINGS

    @property
    def meaning(self) -> str:
        """The kind, as a sentence."""
        return ALARMS.get(self.kind) or WARNINGS.get(self.kind) or NEWS[self.kind]
