"""Nodes of one chain, held against each other: one that lags is named, one that lies is caught.

A look at the chain is made at one height, whose block all nodes that are asked hold. So two answers about
it that differ cannot both be true, and nothing counts until they agree.

Which nodes lag is told by ``verify.lagging``: they are set aside, where a chain that may be believed holds
what they show.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from anchor.monitor.sightings import Sighting
from anchor.node.endpoint import NodeRefused
from anchor.node.lag import FUTURE_SECONDS, LAG_BLOCKS, LAG_SECONDS, Tip, is_of_the_future, lag_behind
from anchor.node.reader import AnswerTooLarge, JsonRpcChain
from anchor.node.refusals import named_range
from anchor.node.view import Block, ChainUnavailable, Finality, NoFinalBlock, PlacedEvent
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import Bytes32

LARGEST_RANGE: Final = 1_000_000
"""Blocks that are asked for events at once, at most. Down to one are asked for."""

Value = TypeVar("Value")


class NodesDisagree(Exception):
    """Two nodes contradict each other. ``detail`` names both, and what each says."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class EventRange:
    """The events of a contract in the blocks from the one asked for to ``last``."""

    events: tuple[PlacedEvent, ...]
    last: int


class Nodes:
    """All nodes that the watcher was given. ``now`` is the time in seconds since 1970."""

    def __init__(self, chains: Sequence[JsonRpcChain], *, now: Callable[[], float] = time.time) -> None:
        self._chains: Final = tuple(chains)
        self._now = now
        self._range = LARGEST_RANGE
        self._most = LARGEST_RANGE

    def view(self, finality: Finality) -> "View":
        """Begin a look. Raises NodesDisagree, and ChainUnavailable where no node answers."""
        warnings: list[Sighting] = []
        newest: dict[JsonRpcChain, Block] = {}
        last: ChainUnavailable | None = None
        for chain in self._chains:
            try:
                newest[chain] = chain.newest_block()
            except ChainUnavailable as error:
                last = error
                warnings.append(Sighting("endpoint_unreachable", error.reason))
        if not newest:
            assert last is not None
            raise last
        asked = self._keeping_up(newest, warnings)
        final = self._final(asked, finality)
        top = min(newest[chain].number for chain in asked)
        tips = {chain.block(top) for chain in asked}
        if len(tips) == 1 and None not in tips:
            return View(self, tuple(asked), tips.pop(), final, False, tuple(warnings))
        # As there may be for a moment: what is final is all there is to see.
        return View(self, tuple(asked), final, final, True, tuple(warnings))

    def _keeping_up(self, newest: dict[JsonRpcChain, Block], warnings: list[Sighting]) -> list[JsonRpcChain]:
        """Return the nodes to ask: all but those that lag, as far as the tallest may be believed."""
        now = self._now()
        believed = [chain for chain, block in newest.items() if not is_of_the_future(_tip(block), now)]
        leader = max(believed, key=lambda chain: newest[chain].number, default=None)
        asked = []
        # How far is left out of what is said: it would be news at every look.
        for chain, block in newest.items():
            if leader is None or lag_behind(_tip(newest[leader]), _tip(block)) is None:
                asked.append(chain)
                continue
            lags = (
                f"{chain.name} is more than {LAG_BLOCKS} blocks and {LAG_SECONDS:.0f} s behind {leader.name}"
            )
            if leader.block(block.number) != block:
                lags += ", which does not hold its newest block: both are asked"
                asked.append(chain)
            warnings.append(Sighting("endpoint_lags", lags))
        for chain, block in newest.items():
            above = any(lag_behind(_tip(block), _tip(other)) for other in newest.values())
            if above and chain not in believed:
                ahead = f"{chain.name}'s newest block is more than {FUTURE_SECONDS:.0f} s ahead of our clock"
                warnings.append(Sighting("block_of_the_future", ahead))
        return asked

    def _final(self, asked: Sequence[JsonRpcChain], finality: Finality) -> Block | None:
        """Return the lowest of the nodes' final blocks, which all of them hold; None: none is yet."""
        try:
            lowest = min(chain.final_block(finality).number for chain in asked)
        except NoFinalBlock:
            return None
        return _agreed(f"block {lowest}, which is final", asked, lambda chain: chain.block(lowest), _block)

    def events(
        self, asked: Sequence[JsonRpcChain], contract: bytes, first: int, last: int, numbers: Sequence[int]
    ) -> EventRange:
        """Return the events of as many blocks from ``first`` on as the nodes give at once."""
        while True:
            end = min(last, first + self._range - 1)
            try:
                events = _agreed(
                    f"the contract's events in blocks {first} to {end}",
                    asked,
                    lambda chain, end=end: tuple(chain.anchored_between(contract, first, end, numbers)),  # type: ignore[misc]
                    lambda events: (
                        f"{len(events)} events" + (f", the last {_event(events[-1])}" if events else "")
                    ),
                )
            except (NodeRefused, AnswerTooLarge) as error:
                blocks = end - first + 1
                if blocks == 1:
                    raise
                named = named_range(error.reason)
                fits = named is not None and named < blocks
                self._range = named if fits and named is not None else max(1, blocks // 8)
                self._most = self._range if fits else max(1, blocks // 2)
                continue
            self._range = min(self._most, self._range * 2)
            return EventRange(events, end)


@dataclass(frozen=True, slots=True)
class View:
    """One look: the nodes that are asked, and the newest and the final block that all of them hold.

    Where the nodes' tips differ, ``newest`` is the final block, None where there is none either.
    """

    nodes: Nodes
    asked: tuple[JsonRpcChain, ...]
    newest: Block | None
    final: Block | None
    tips_differ: bool
    warnings: tuple[Sighting, ...]

    def chain_id(self) -> int:
        """Return the chain's id."""
        return _agreed("the chain's id", self.asked, lambda chain: chain.chain_id(), str)

    def block(self, number: int) -> Block | None:
        """Return the block at a height."""
        return _agreed(f"block {number}", self.asked, lambda chain: chain.block(number), _block)

    def head(self, contract: bytes, number: int) -> Bytes32:
        """Return the contract's head as of a block."""
        what = f"the contract's head in block {number}"
        return _agreed(what, self.asked, lambda chain: chain.head(contract, number), hex_of)

    def roles(self, contract: bytes, number: int) -> tuple[bytes, bytes]:
        """Return the contract's submitter and owner as of a block."""
        return _agreed(
            "the contract's submitter and owner",
            self.asked,
            lambda chain: chain.roles(contract, number),
            lambda roles: " and ".join(map(hex_of, roles)),
        )

    def log_id(self, contract: bytes) -> Bytes32 | None:
        """Return the contract's log id; None where there is no such contract."""
        return _agreed(
            "the contract's log",
            self.asked,
            lambda chain: chain.log_id(contract),
            lambda found: "none" if found is None else hex_of(found),
        )

    def events(self, contract: bytes, first: int, last: int, numbers: Sequence[int] = ()) -> EventRange:
        """Return the events of as many blocks from ``first`` on as the nodes give at once."""
        return self.nodes.events(self.asked, contract, first, last, numbers)


def _agreed(
    what: str,
    chains: Sequence[JsonRpcChain],
    ask: Callable[[JsonRpcChain], Value],
    shown: Callable[[Value], str],
) -> Value:
    first, *others = chains
    answer = ask(first)
    for other in others:
        found = ask(other)
        if found != answer:
            raise NodesDisagree(
                f"about {what}: {first.name} says {shown(answer)}, {other.name} says {shown(found)}"
            )
    return answer


def _tip(block: Block) -> Tip:
    return Tip(block.number, block.timestamp)


def _block(block: Block | None) -> str:
    return "there is none" if block is None else hex_of(block.hash)


def _event(placed: PlacedEvent) -> str:
    return f"{hex_of(placed.event.new_head)} in block {placed.block_number}"
