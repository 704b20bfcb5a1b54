"""When one node of a chain lags behind another: one rule for the anchoring loop and for ``anchor watch``.

A node that lags is set aside, so that nothing waits for it and its old answers contradict nobody. That
also silences it: so both hold it to what it showed before they set it aside. Where the taller node shows
another block at its height, neither lags: they contradict each other. And a block of the future is no
height to lag behind: one that was made up has to be half a minute above that of a node which keeps up with
the clock.
"""

from dataclasses import dataclass
from typing import Final

LAG_BLOCKS: Final = 8
LAG_SECONDS: Final = 30.0
"""More blocks than this, and more seconds, by the time of the newest blocks: 8 blocks are 2 s on some
chains, and one block an hour on others."""
FUTURE_SECONDS: Final = 15.0
"""A block's time may be this far ahead of our clock."""


@dataclass(frozen=True, slots=True)
class Tip:
    """The newest block of a node: its height, and its time in seconds."""

    number: int
    time: float


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a node is behind another."""

    blocks: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.blocks} blocks ({self.seconds:.0f} s) behind"


def is_of_the_future(tip: Tip, now: float) -> bool:
    """Return whether a block is dated ahead of our clock. ``now`` is in seconds since 1970."""
    return tip.time > now + FUTURE_SECONDS


def lag_behind(tallest: Tip, tip: Tip) -> Lag | None:
    """Return by how much a node lags; None where it keeps up with the tallest."""
    lag = Lag(tallest.number - tip.number, tallest.time - tip.time)
    return lag if lag.blocks > LAG_BLOCKS and lag.seconds > LAG_SECONDS else None
