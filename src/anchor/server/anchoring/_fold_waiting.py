"""How long a send has been in flight: said whatever else went wrong in a cycle, or nobody would hear of it.

Waiting is measured with the monotonic clock from the moment at which this process first saw a send, so
that a clock which jumps raises no alarm.
"""

from collections.abc import Mapping

from anchor.server.anchoring.alarms import AlarmName
from anchor.server.anchoring.conditions import Conditions
from anchor.server.anchoring.lease import Lease
from anchor.server.anchoring.states import IN_FLIGHT
from anchor.server.chain.settings import ChainSettings
from anchor.server.ledger.clock import Clock
from anchor.server.storage.anchors import chain_in_use
from anchor.server.storage.sending import attempts_of, sends_in


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
