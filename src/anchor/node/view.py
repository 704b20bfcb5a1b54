"""What a verification asks of a chain. The rules live elsewhere; who answers is behind ``ChainView``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from anchor.protocol.hashing import Bytes32
from anchor.protocol.times import moment

TAGS: Final = ("finalized", "safe", "latest")


class ChainUnavailable(Exception):
    """The chain could not be asked, or did not answer in a way that can be used. ``reason`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoFinalBlock(ChainUnavailable):
    """No block is final yet by the rule: the chain is too short."""


class EventsUnavailable(ChainUnavailable):
    """The node cannot show the events of that block, as nodes that keep no old ones cannot."""


class PinUnknown(ChainUnavailable):
    """Nothing shows whether that root is pinned."""


@dataclass(frozen=True, slots=True)
class Finality:
    """The verifier's own rule: a tag, or a number of confirmations (1: the newest block is final)."""

    tag: str | None = "finalized"
    confirmations: int = 0

    @classmethod
    def parse(cls, rule: "str | int | Finality") -> "Finality":
        """Read ``finalized``, ``safe``, ``latest`` or a number from 1. Raises ValueError."""
        if isinstance(rule, Finality):
            return rule
        if isinstance(rule, str) and rule in TAGS:
            return cls(rule)
        text = str(rule)
        if isinstance(rule, bool) or not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 10**9:
            raise ValueError(f"finality is finalized, safe, latest or a number from 1, not {text[:40]!r}")
        return cls(None, int(text))

    def __str__(self) -> str:
        return self.tag or f"{self.confirmations} confirmations"


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the chain; ``timestamp`` is in seconds."""

    number: int
    hash: Bytes32
    timestamp: int


OLDEST_FINAL_BLOCK: Final = 3600
"""Seconds. With an older final block nothing is called the newest, unless the verifier says otherwise."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The verifier's own time, ``now`` (ms), and how many seconds a final block may be older than that."""

    now: int
    oldest: int = OLDEST_FINAL_BLOCK

    @property
    def since(self) -> int:
        """The time (ms) from which a final block may be."""
        return self.now - self.oldest * 1000

    def stands_still(self, final: Block) -> str | None:
        """Return why a final block says nothing of what is newest; None where it does."""
        time = final.timestamp * 1000
        if time >= self.since:
            return None
        return (
            f"The node or the chain stands still: its final block is of {moment(time)}, more than "
            f"{self.oldest} seconds ago. What was the newest then may not be now."
        )


@dataclass(frozen=True, slots=True)
class AnchoredEvent:
    """An ``Anchored`` event of the contract."""

    number: int
    previous_head: Bytes32
    new_head: Bytes32
    transaction_hash: Bytes32


@dataclass(frozen=True, slots=True)
class PlacedEvent:
    """An ``Anchored`` event, and where it is on the chain. ``log_index`` counts within the block."""

    event: AnchoredEvent
    block_number: int
    block_hash: Bytes32
    log_index: int


class TrustedBlock:
    """Marks a ChainView of one block whose hash the reader trusts.

    What its chain's id is, it takes from a file; and that a newer block may be, the reader knows.
    """


class ChainView(Protocol):
    """A chain as a verifier reads it. Every method raises ChainUnavailable where it has no answer."""

    def chain_id(self) -> int:
        """Return the chain's id."""
        ...

    def final_block(self, finality: Finality) -> Block:
        """Return the newest block that is final by the rule."""
        ...

    def block(self, number: int) -> Block | None:
        """Return the block at a height; None where the chain is not that high.

        Raises EventsUnavailable where nothing is known of old blocks.
        """
        ...

    def log_id(self, contract: bytes) -> Bytes32 | None:
        """Return the contract's log id; None where there is no contract that has one."""
        ...

    def head(self, contract: bytes, block: int) -> Bytes32:
        """Return the contract's head as of a block."""
        ...

    def pinned_at(self, contract: bytes, root: Bytes32, block: int) -> int:
        """Return when a root was pinned, in seconds, as of a block; 0 where it was not.

        Raises PinUnknown where neither is known.
        """
        ...

    def anchored(self, contract: bytes, block_hash: Bytes32) -> Sequence[AnchoredEvent]:
        """Return the contract's events in a block. Raises EventsUnavailable where they are not kept."""
        ...
