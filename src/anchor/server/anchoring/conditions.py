"""What stands in the way in one cycle: raised as alarms at its end, and cleared when gone."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from sqlalchemy import Connection

from anchor.server.anchoring.alarms import AlarmName
from anchor.server.anchoring.journal import Journal
from anchor.server.anchoring.lease import Lease
from anchor.server.anchoring.states import IN_FLIGHT
from anchor.server.chain.settings import ChainSettings
from anchor.server.ledger.clock import Clock
from anchor.server.storage.anchors import chain_in_use
from anchor.server.storage.observations import alarms_raised
from anchor.server.storage.sending import attempts_of, sends_in

LASTING: Final[dict[AlarmName, int]] = {
    AlarmName.KEY_USED_ELSEWHERE: 86_400_000,
    AlarmName.REVERTED: 0,
    AlarmName.REORGANISED: 0,
    AlarmName.FINALITY_TOO_WEAK: 86_400_000,
}
"""Alarms about something that happened: they last for so many milliseconds, and then until an anchor has
become final. What an operator has to look into lasts a day, or it is gone before he looks."""


def clear_lasting(connection: Connection, journal: Journal, now: int) -> None:
    """An anchor became final: clear what happened before, as far as it was shown for long enough."""
    for alarm in alarms_raised(connection):
        least = LASTING.get(AlarmName(alarm.name)) if alarm.chain == journal.name else None
        if least is not None and now - alarm.seen_at >= least:
            journal.clear_alarm(connection, AlarmName(alarm.name))


class Stage(IntEnum):
    """How far a cycle came."""

    BEGUN = 0
    """Each endpoint was asked which chain it is on, or the cycle ended before that could be."""
    BLOCKS = 1
    """The newest blocks were compared."""
    CONFIRMED = 2
    """What is mined was looked for."""
    HEAD = 3
    """The contract's head was read, and held against the database."""
    SENT = 4
    """What is in flight, or due, was seen to."""


_OVER_AFTER: Final[dict[AlarmName, Stage]] = {
    AlarmName.WRONG_CHAIN: Stage.BEGUN,
    AlarmName.ENDPOINT_UNREACHABLE: Stage.BEGUN,
    AlarmName.STUCK: Stage.BEGUN,
    AlarmName.WRONG_LOG: Stage.BLOCKS,
    AlarmName.CHAIN_RESET: Stage.BLOCKS,
    AlarmName.ENDPOINT_LAGS: Stage.BLOCKS,
    AlarmName.NO_NEW_BLOCKS: Stage.BLOCKS,
    AlarmName.FINALITY_STALLED: Stage.CONFIRMED,
    AlarmName.NO_CONTRACT: Stage.HEAD,
    AlarmName.CHAIN_WENT_BACK: Stage.HEAD,
    AlarmName.DATABASE_OLDER_THAN_CHAIN: Stage.HEAD,
    AlarmName.FOREIGN_HEAD: Stage.HEAD,
    AlarmName.FUNDS_LOW: Stage.HEAD,
}
"""By alarm: the stage after which it is over where it was not found; those not named here: the last."""
_OPENING: Final = (AlarmName.NO_CONTRACT, AlarmName.WRONG_LOG, AlarmName.CHAIN_RESET)
_ENDINGS: Final = (AlarmName.INTERNAL_ERROR, AlarmName.ENDPOINTS_DISAGREE)


class Conditions:
    """Collects a cycle's alarms. ``publish`` writes only where something changed.

    A cycle that breaks off clears what it looked at before, and no more: nobody knows about the rest.
    """

    def __init__(self) -> None:
        self.found: dict[AlarmName, str] = {}
        self._looked_at: set[AlarmName] = set()
        self._published: dict[AlarmName, str | None] = {}
        """What lasts by our own word, None where we cleared it; others may have raised what is not here."""

    def forget(self) -> None:
        """Take nothing for raised or cleared: another process may have worked meanwhile."""
        self._published = {}

    def begin(self) -> None:
        """Start a cycle: whatever is not added again in it is over, once its stage is reached."""
        self.found = {}
        self._looked_at = set()
        self.reach(Stage.BEGUN)

    def reach(self, stage: Stage) -> None:
        """Say how far the cycle came."""
        for alarm in AlarmName:
            after = _OVER_AFTER.get(alarm, Stage.SENT)
            if after <= stage and alarm not in LASTING and alarm not in _ENDINGS:
                self._looked_at.add(alarm)

    def refuse_opening(self) -> None:
        """The chain was looked at and must not be sent to, for the one reason that was found."""
        self._looked_at.update(_OPENING)

    def end(self) -> None:
        """The cycle ended by itself, though it may not have come to the last stage."""
        self._looked_at.update(_ENDINGS)

    def add(self, alarm: AlarmName, detail: str) -> None:
        """Say what stands in the way."""
        self.found[alarm] = detail

    def changed(self) -> bool:
        """Return whether ``publish`` has something to write."""
        raised = any(self._published.get(alarm) != detail for alarm, detail in self.found.items())
        return raised or bool(self._over())

    def publish(self, connection: Connection, journal: Journal) -> None:
        """Raise what was found, and clear what was looked at and not found."""
        for alarm, detail in self.found.items():
            journal.raise_alarm(connection, alarm, detail)
        for alarm in self._over():
            journal.clear_alarm(connection, alarm)
            self._published[alarm] = None
        self._published |= self.found

    def _over(self) -> list[AlarmName]:
        return [
            alarm
            for alarm in AlarmName
            if alarm in self._looked_at
            and alarm not in self.found
            and (alarm not in self._published or self._published[alarm] is not None)
        ]


class Waiting:
    """Says which signed send of one chain waits for longer than ``stuck_after``."""

    def __init__(self, settings: ChainSettings, lease: Lease, clock: Clock) -> None:
        self._settings = settings
        self._lease = lease
        self._clock = clock
        self._first_seen: dict[int, float] = {}

    def say(self, nonces: Mapping[int, str], conditions: Conditions) -> None:
        """Say so at the end of a cycle. ``nonces``: by send, what is known of its nonce, where that is
        why it waits. Raises StorageUnavailable."""
        with self._lease.read() as reading:
            chain = chain_in_use(reading, self._settings.name)
            sends = [] if chain is None else sends_in(reading, chain.id, IN_FLIGHT)
            signed = [(send, attempts_of(reading, send.id)) for send in sends if send.nonce is not None]
        now = self._clock.monotonic()
        self._first_seen = {send.id: self._first_seen.get(send.id, now) for send, _ in signed}
        for send, attempts in signed:
            waited = now - self._first_seen[send.id]
            if waited > self._settings.stuck_after:
                last = attempts[-1]
                conditions.add(
                    AlarmName.STUCK,
                    f"batch {send.batch} waits for {waited:.0f} s after {len(attempts)} attempts, "
                    f"the last of them 0x{last.transaction_hash.hex()} at {last.max_fee} wei per gas"
                    + (f"; {nonces[send.id]}" if send.id in nonces else ""),
                )
                return
