"""The watcher: look at the chain, hold what is new against what is known, and say what does not fit.

What was final when it was read is settled: a changed block there is an alarm. What comes after it is read
again at every look, so that a reorganisation needs no care of its own.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from anchor.monitor.history import BatchSource, HistoryCheck
from anchor.monitor.kept_proofs import KeptProofs
from anchor.monitor.nodes import EventRange, Nodes, NodesDisagree, View
from anchor.monitor.sightings import Sighting
from anchor.monitor.state import MOST_ALARMS, State, Watched
from anchor.monitor.walk import Walk, stated_otherwise
from anchor.node.view import Block, ChainUnavailable, Finality, PlacedEvent
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import Bytes32

SILENT_MS: Final = 3_600_000
"""A newest block that is older than this is told."""
NUMBERS_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Look:
    """What one look showed that the last one did not. ``caught_up``: up to the newest block."""

    sightings: tuple[Sighting, ...]
    caught_up: bool


class Watcher:
    """Follows one contract. Call ``look`` as often as you like; ``state`` is what to keep."""

    def __init__(
        self,
        nodes: Nodes,
        watched: Watched,
        *,
        state: State | None = None,
        finality: Finality | None = None,
        batches: BatchSource | None = None,
        proofs: KeptProofs | None = None,
        now_ms: Callable[[], int],
    ) -> None:
        self.watched: Final = watched
        self.state = state or State()
        self._nodes = nodes
        self._finality = finality or Finality()
        self._batches = batches
        self._proofs = proofs
        self._now_ms = now_ms
        self._waiting: tuple[PlacedEvent, ...] | None = None
        """Settled heads that were not held against the history yet; None before they were read."""
        self._heads: dict[int, Bytes32] = {}
        """The heads of the batches that the proof files hold."""
        self._told: frozenset[Sighting] = frozenset()
        self._tail: tuple[PlacedEvent, ...] = ()
        self._found = -1
        self._earlier: tuple[PlacedEvent, ...] | None = None
        """The heads, settled before this start, of the batches that the proof files hold."""

    @property
    def heads(self) -> int:
        """How many heads were seen, final ones and others."""
        return self.state.heads + len(self._tail)

    def look(self) -> Look:
        """Look once. Raises ChainUnavailable, having learnt nothing."""
        try:
            seen, caught_up = self._look()
            standing = frozenset(seen)
        except NodesDisagree as disagreement:
            seen, caught_up = [Sighting("endpoints_disagree", disagreement.detail)], True
            standing = self._told | {seen[0]}
        news = tuple(sighting for sighting in dict.fromkeys(seen) if sighting not in self._told)
        self._told = standing
        alarms = tuple(one for one in news if one.is_alarm and one not in self.state.alarms)
        if alarms:
            self.state = replace(self.state, alarms=(*self.state.alarms, *alarms)[-MOST_ALARMS:])
        return Look(news, caught_up)

    def _look(self) -> tuple[list[Sighting], bool]:
        view = self._nodes.view(self._finality)
        seen, newest = list(view.warnings), view.newest
        if newest is None:
            return seen, True
        if self._now_ms() - newest.timestamp * 1_000 > SILENT_MS:
            seen.append(Sighting("no_new_blocks", f"block {newest.number} is the newest"))
        known = self.state
        if (changed := self._past_changed(view)) is not None:
            # What is on the chain now is followed from the beginning; what was seen is in the alarms.
            seen.append(changed)
            known = State(roles=known.roles, alarms=known.alarms)
            self._waiting, self._heads, self._tail, self._earlier = (), {}, (), ()
        first = self.watched.first_block if known.settled is None else known.settled.number + 1
        if newest.number + 1 < first:
            return seen, True
        seen += self._proofs_held(view, known)
        walk = Walk(known, self.watched, self._history_check(view, known), self._proofs)
        found = EventRange((), newest.number)
        if first <= newest.number:
            found = view.events(self.watched.contract, first, newest.number)
        settles = -1 if view.final is None else min(found.last, view.final.number)
        seen += walk.through(event for event in found.events if event.block_number <= settles)
        settled, waiting, whole = walk.state, walk.waiting, not walk.unfinished
        tail = tuple(event for event in found.events if event.block_number > settles)
        seen += walk.through(tail)
        caught_up = found.last >= newest.number
        roles = known.roles
        if caught_up:
            seen += self._head_agrees(view, walk.state, newest)
            roles = view.roles(self.watched.contract, newest.number)
            seen += _roles_changed(known.roles, roles, newest.number)
        seen += _reorganised(self._tail, found)
        block = known.settled
        if settles >= first and (block := view.block(settles)) is None:
            raise ChainUnavailable(f"no node shows block {settles}, which is final")
        # From here on nothing is asked: all that was learnt is kept, or nothing.
        self._tail = tail if not view.tips_differ else self._tail
        self._waiting = waiting
        self._heads |= walk.heads
        self.state = replace(settled, settled=block, roles=roles)
        if caught_up:
            seen += self._proofs_found()
        return seen, caught_up and whole

    def _past_changed(self, view: View) -> Sighting | None:
        """A settled block that is another one now. (One that a node does not show yet says nothing.)"""
        settled = self.state.settled
        if settled is None:
            return None
        block = view.block(settled.number)
        if block is None or block.hash == settled.hash:
            return None
        return Sighting(
            "past_changed",
            f"block {settled.number} was {hex_of(settled.hash)} and final, and is {hex_of(block.hash)} now",
            block_number=settled.number,
            number=self.state.last_number,
            head=self.state.last_head,
        )

    def _history_check(self, view: View, known: State) -> HistoryCheck | None:
        if self._batches is None:
            return None
        if self._waiting is None:
            # After a start, the settled heads that were not checked are read again.
            first = max(self.watched.first_block, known.history.checked_at[0])
            again = () if known.settled is None else self._all_events(view, first, known.settled.number)
            self._waiting = tuple(event for event in again if not known.history.holds(event))
        return HistoryCheck(
            known.history,
            self._waiting,
            self._batches,
            log_id=self.watched.log_id,
            block=view.block,
            stated=lambda number: None if self._proofs is None else self._proofs.root_of(number),
        )

    def _proofs_held(self, view: View, known: State) -> Iterator[Sighting]:
        """Hold the proof files against each other and, after a start, against the settled heads."""
        if self._proofs is None:
            return
        for number, one, other in self._proofs.contradictions:
            yield Sighting(
                "proof_differs",
                f"{one.file} holds batch {number} with the root {hex_of(one.root)}, "
                f"{other.file} with {hex_of(other.root)}",
                number,
            )
        if self._earlier is None:
            numbers, found = sorted(self._proofs.stated), list[PlacedEvent]()
            if known.settled is not None:
                for at in range(0, len(numbers), NUMBERS_AT_ONCE):
                    some = numbers[at : at + NUMBERS_AT_ONCE]
                    found += self._all_events(view, self.watched.first_block, known.settled.number, some)
            self._earlier = tuple(found)
            self._heads |= {placed.event.number: placed.event.new_head for placed in found}
        for placed in self._earlier:
            yield from stated_otherwise(placed, self._proofs)

    def _all_events(
        self, view: View, first: int, last: int, numbers: Iterable[int] = ()
    ) -> Iterator[PlacedEvent]:
        while first <= last:
            found = view.events(self.watched.contract, first, last, tuple(numbers))
            yield from found.events
            first = found.last + 1

    def _head_agrees(self, view: View, state: State, newest: Block) -> Iterator[Sighting]:
        head = view.head(self.watched.contract, newest.number)
        if head != state.last_head and (state.heads or not self.watched.first_block):
            yield Sighting(
                "head_without_event",
                f"the head is {hex_of(head)}, the events lead to {hex_of(state.last_head)}",
                head=head,
                block_number=newest.number,
            )

    def _proofs_found(self) -> Iterator[Sighting]:
        if self._proofs is None:
            return
        found = len(self._proofs.found_on(self._heads))
        if found != self._found:
            self._found = found
            of = len(self._proofs.stated)
            yield Sighting("proofs_found", f"{found} of {of} batches of the proof files are on this chain")


def _roles_changed(
    before: tuple[bytes, bytes] | None, after: tuple[bytes, bytes], block: int
) -> Iterator[Sighting]:
    for kind, old, new in zip(("submitter_changed", "owner_changed"), before or after, after, strict=True):
        if old != new:
            yield Sighting(kind, f"from {hex_of(old)} to {hex_of(new)}", block_number=block)


def _reorganised(before: Iterable[PlacedEvent], now: EventRange) -> Iterator[Sighting]:
    held = {(event.block_hash, event.log_index) for event in now.events}
    for event in before:
        if event.block_number <= now.last and (event.block_hash, event.log_index) not in held:
            yield Sighting.of("reorganised", event, "its block is on the chain no more")
