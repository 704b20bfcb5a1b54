"""Giving signed bytes to the nodes: what these answered, what that means, and whether any shows them."""

from dataclasses import dataclass, field
from typing import Final

from anchor.node.refusals import Refusal
from anchor.server.anchoring.alarms import AlarmName
from anchor.server.anchoring.conditions import Conditions
from anchor.server.anchoring.cycle import Cycle
from anchor.server.anchoring.states import Event
from anchor.server.chain.node import Broadcast
from anchor.server.storage.sending import AttemptRow, SendRow, record_broadcast

REBROADCAST_SECONDS: Final = 15.0

PRICE: Final = frozenset({Refusal.UNDERPRICED, Refusal.BELOW_BASE_FEE, Refusal.REPLACEMENT_UNDERPRICED})
"""Refusals that a higher price overcomes."""


@dataclass
class Given:
    """What this process gave to the nodes, remembered from one cycle to the next."""

    at: dict[int, float] = field(default_factory=dict)
    """By attempt: when it was given last, by the monotonic clock."""
    unseen: set[int] = field(default_factory=set)
    """Sends of which no endpoint showed any attempt at the last look."""

    def forget(self, flying: set[int]) -> None:
        """Drop what is remembered of sends that are not among those in flight."""
        self.unseen &= flying
        if not flying:
            self.at.clear()


class Broadcaster:
    """Broadcasts the attempts of one chain in one cycle, and writes down when it did."""

    def __init__(self, cycle: Cycle, given: Given) -> None:
        self._chain = cycle.chain
        self._conditions = cycle.conditions
        self._given = given

    def broadcast(self, send: SendRow, attempt: AttemptRow) -> frozenset[Refusal] | None:
        """Give an attempt to every endpoint and write what they said.

        Return None where one took it; else why they refused it, empty where none answered. Raises
        LeaseLost.
        """
        chain = self._chain
        chain.lease.check()
        answers = chain.node.broadcast(attempt.raw)
        self._given.at[attempt.id] = chain.clock.monotonic()
        accepted = any(answer.accepted for answer in answers)
        refusal = None if accepted else "; ".join(f"{a.endpoint}: {a.detail}" for a in answers)[:500]
        with chain.lease.write() as writing:
            record_broadcast(
                writing, attempt.id, accepted=accepted, refusal=refusal, now=chain.clock.now_ms()
            )
            if accepted:
                chain.move(writing, send, Event.ACCEPTED, transaction=attempt.transaction_hash)
        return None if accepted else _say_refused(answers, self._conditions)

    def recently(self, attempt: AttemptRow) -> bool:
        """Return whether this process gave an attempt to the nodes a moment ago."""
        return self._chain.clock.monotonic() - self._given.at.get(attempt.id, -1e9) < REBROADCAST_SECONDS

    def look_for(self, send: SendRow, attempts: list[AttemptRow]) -> None:
        """Ask whether any endpoint shows any attempt. Raises RpcError."""
        if any(self._chain.node.seen(attempt.transaction_hash) for attempt in reversed(attempts)):
            self._given.unseen.discard(send.id)
        else:
            self._given.unseen.add(send.id)

    def say_unseen(self, send: SendRow, attempts: list[AttemptRow]) -> None:
        """Say so where the last look found none."""
        if send.id in self._given.unseen:
            self._conditions.add(
                AlarmName.NEVER_SEEN,
                f"no endpoint shows 0x{attempts[-1].transaction_hash.hex()}, "
                f"nor any other of {len(attempts)} attempts",
            )


def _say_refused(answers: list[Broadcast], conditions: Conditions) -> frozenset[Refusal]:
    meanings = frozenset(answer.meaning for answer in answers if answer.meaning is not None)
    said = "; ".join(f"{answer.endpoint}: {answer.detail}" for answer in answers)[:500]
    if Refusal.OUT_OF_FUNDS in meanings:
        conditions.add(AlarmName.OUT_OF_FUNDS, said)
    elif Refusal.GAS_LIMIT_TOO_HIGH in meanings:
        conditions.add(AlarmName.GAS_ABOVE_BLOCK_LIMIT, said)
    elif Refusal.WRONG_CHAIN in meanings:
        conditions.add(AlarmName.WRONG_CHAIN, said)
    elif not meanings:
        conditions.add(AlarmName.ENDPOINT_UNREACHABLE, said)
    elif not meanings & (PRICE | {Refusal.NONCE_TOO_LOW, Refusal.NONCE_TOO_HIGH}):
        conditions.add(AlarmName.NODE_REFUSES, said)
    return meanings
