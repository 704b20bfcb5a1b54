"""What a time that the operator wrote is worth beside the time of a block: section 8, 'Times'.

Times are milliseconds since 1970; a block's time is its timestamp in seconds times 1000.
"""

from dataclasses import dataclass
from typing import Final

MOST_AHEAD: Final = 15 * 60 * 1000
"""Milliseconds: longer than this before a batch was sealed, as it says, no block proves it."""


def says_nothing(sealed_at: int, block_time: int) -> bool:
    """Whether a block of that time (ms) proves nothing about a batch sealed, as it says, at ``sealed_at``."""
    return sealed_at > block_time + MOST_AHEAD


def earliest_block(sealed_at: int) -> int:
    """Return the earliest time (ms) of a block that proves something about a batch."""
    return max(0, sealed_at - MOST_AHEAD)


@dataclass(frozen=True, slots=True)
class AsOf:
    """The time (ms) as of which a batch is the newest, and on what condition; none is the empty text."""

    time: int
    condition: str


def newest_as_of(
    sealed_at: int, first_event: int | None, proving_block: int, *, earlier_read: bool = False
) -> AsOf:
    """Return as of when what a batch says is the newest, or absent (§8, 'Newest, and absent').

    ``first_event`` is the time (ms) of the block of the earliest event of its root that was seen, None where
    none was; ``proving_block`` that of the block which proves the root. ``earlier_read`` is whether all
    events of the log before that one were read.
    """
    time = min(earliest_block(sealed_at), proving_block)
    in_order = "if the log anchored its batches in order"
    if first_event is None:
        return AsOf(time, f"by the operator's clock, and {in_order}")
    time = min(time, first_event)
    if earlier_read:
        return AsOf(time, "")
    return AsOf(time, f"{in_order}, and unless the same root was anchored before")
