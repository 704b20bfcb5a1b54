"""The heads of one look, in the chain's order, each held against what was known before it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from anchor.monitor.history import HistoryCheck
from anchor.monitor.kept_proofs import KeptProofs
from anchor.monitor.sightings import Sighting
from anchor.monitor.state import State, Watched
from anchor.node.view import PlacedEvent
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import Bytes32


class Walk:
    """One pass over heads. ``state`` is what is known after the last of them."""

    def __init__(
        self, state: State, watched: Watched, check: HistoryCheck | None, proofs: KeptProofs | None
    ) -> None:
        self.state = state
        self.heads: dict[int, Bytes32] = {}
        """The heads that were met of the batches that the proof files hold."""
        self._watched = watched
        self._check = check
        self._proofs = proofs

    @property
    def waiting(self) -> tuple[PlacedEvent, ...]:
        """The heads that could not be held against the history yet."""
        return () if self._check is None else self._check.waiting

    @property
    def unfinished(self) -> bool:
        """Whether there are more batches than one look reads."""
        return self._check is not None and self._check.unfinished

    def through(self, heads: Iterable[PlacedEvent]) -> Iterator[Sighting]:
        """Take these heads, and those that waited before them."""
        yield from self._checked(None)
        for head in heads:
            yield Sighting.of("anchored", head, f"transaction {hex_of(head.event.transaction_hash)}")
            yield from self._follows(head)
            if self._proofs is not None and head.event.number in self._proofs.stated:
                self.heads[head.event.number] = head.event.new_head
                yield from stated_otherwise(head, self._proofs)
            self.state = replace(
                self.state,
                last_head=head.event.new_head,
                last_number=head.event.number,
                heads=self.state.heads + 1,
            )
            yield from self._checked(head)

    def _checked(self, head: PlacedEvent | None) -> Iterator[Sighting]:
        if self._check is not None:
            yield from self._check.add(head)
            self.state = replace(self.state, history=self._check.history)

    def _follows(self, head: PlacedEvent) -> Iterator[Sighting]:
        state, previous, number = self.state, head.event.previous_head, head.event.number
        # Begun in the middle, the first head follows one that was not seen.
        unknown = not state.heads and self._watched.first_block > 0
        if previous != state.last_head and not unknown:
            yield Sighting.of(
                "broken_line", head, f"it follows {hex_of(previous)}, expected {hex_of(state.last_head)}"
            )
        if number <= state.last_number:
            yield Sighting.of("number_not_rising", head, f"{number} comes after {state.last_number}")


def stated_otherwise(head: PlacedEvent, proofs: KeptProofs) -> Iterator[Sighting]:
    """Say where a proof file states another root for a head's batch."""
    number = head.event.number
    stated = proofs.root_of(number)
    if stated is not None and stated[0] != head.event.new_head:
        yield Sighting.of(
            "proof_differs",
            head,
            f"{stated[1]} holds batch {number} with the root {hex_of(stated[0])}, "
            f"the chain one with {hex_of(head.event.new_head)}",
        )
