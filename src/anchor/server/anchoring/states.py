"""The life of a send, as a table: the only moves there are.

    planned ── signed ─▶ signed ── accepted ─▶ sent ── mined ─▶ mined ── final ─▶ final

A batch and the head it follows are ``planned``; a ``signed`` transaction is stored before any node sees
it; it is ``sent`` once a node took it, ``mined`` in a block, ``final`` when that block is. Beside this
line a send may end as ``failed`` (mined, but reverted), ``superseded`` (not needed, or its nonce went to
another transaction) or ``cancelled`` (on the operator's word). No end but ``final`` is beyond recall: a
reorganisation may bring any transaction back that was ever broadcast.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a send stands."""

    PLANNED = "planned"
    SIGNED = "signed"
    SENT = "sent"
    MINED = "mined"
    FINAL = "final"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What happens to a send."""

    SIGNED = "signed"
    """Signed bytes were stored: the first attempt, or a replacement."""
    ACCEPTED = "accepted"
    """A node took an attempt, or knew it already."""
    MINED = "mined"
    """A block holds one of its attempts, and the head moved."""
    REVERTED = "reverted"
    """A block holds one of its attempts, which failed."""
    CANCELLED = "cancelled"
    """A block holds the transaction that took its place on the operator's word."""
    NOT_NEEDED = "not_needed"
    """The chain holds its batch, or a later one, already."""
    NONCE_LOST = "nonce_lost"
    """Its nonce cannot be used: another transaction has it, or an earlier one is missing."""
    REORGANISED = "reorganised"
    """The block that held it is no longer in the chain, and no other does."""
    FINALISED = "finalised"
    """The block that holds it is final."""


_FOUND: Final = {
    Event.MINED: State.MINED,
    Event.REVERTED: State.FAILED,
    Event.CANCELLED: State.CANCELLED,
}
"""What a block says counts, whatever we thought before."""

TRANSITIONS: Final[dict[State, dict[Event, State]]] = {
    State.PLANNED: {
        Event.SIGNED: State.SIGNED,
        Event.NOT_NEEDED: State.SUPERSEDED,
    },
    State.SIGNED: {
        Event.SIGNED: State.SIGNED,
        Event.ACCEPTED: State.SENT,
        Event.NOT_NEEDED: State.SUPERSEDED,
        Event.NONCE_LOST: State.SUPERSEDED,
        **_FOUND,
    },
    State.SENT: {
        Event.SIGNED: State.SENT,
        Event.ACCEPTED: State.SENT,
        Event.NOT_NEEDED: State.SUPERSEDED,
        Event.NONCE_LOST: State.SUPERSEDED,
        **_FOUND,
    },
    State.MINED: {
        Event.MINED: State.MINED,
        Event.REVERTED: State.FAILED,
        Event.CANCELLED: State.CANCELLED,
        Event.REORGANISED: State.SENT,
        Event.FINALISED: State.FINAL,
    },
    # Only where the finality rule was too weak does anything follow.
    State.FINAL: {
        Event.MINED: State.MINED,
        Event.REORGANISED: State.SENT,
        Event.FINALISED: State.FINAL,
    },
    State.FAILED: {Event.REORGANISED: State.SENT, **_FOUND},
    State.SUPERSEDED: dict(_FOUND),
    State.CANCELLED: {Event.REORGANISED: State.SENT, **_FOUND},
}

IN_FLIGHT: Final = (State.PLANNED, State.SIGNED, State.SENT)
"""States in which a chain has a send to look after, and takes no other."""


@dataclass(eq=False)
class IllegalMove(Exception):
    """A move that the table does not have: a mistake in the code, never of a chain."""

    state: State
    event: Event

    def __str__(self) -> str:
        return f"a send that is {self.state} cannot be {self.event}"


def after(state: str, event: Event) -> State:
    """Return the state that an event leads to. Raises IllegalMove."""
    known = State(state)
    try:
        return TRANSITIONS[known][event]
    except KeyError:
        raise IllegalMove(known, event) from None
