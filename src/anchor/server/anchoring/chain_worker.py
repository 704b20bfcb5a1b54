"""One chain's cycle: open it, settle what is in flight, confirm what is mined, and send what is new.

A cycle never leaves anything half done that the next one, or another process, could not take up: each
step reads its state from the database and the chain.
"""

import random
from collections.abc import Callable
from typing import Final

from anchor.node.endpoint import RpcError
from anchor.protocol.hashing import Bytes32
from anchor.server.anchoring.alarms import AlarmName
from anchor.server.anchoring.conditions import Conditions, Stage, Waiting
from anchor.server.anchoring.confirming import ConfirmStep
from anchor.server.anchoring.cycle import Cycle
from anchor.server.anchoring.first_look import why_not_seen
from anchor.server.anchoring.journal import Journal
from anchor.server.anchoring.lease import Lease, LeaseLost
from anchor.server.anchoring.planning import adopt_anchors, choose_target, read_head
from anchor.server.anchoring.recording import SettleStep
from anchor.server.anchoring.sending import SendMemory, SendStep
from anchor.server.anchoring.sending_chain import (
    ChainConnection,
    OpeningRefused,
    SendingChain,
    describe,
    open_chain,
)
from anchor.server.anchoring.states import IN_FLIGHT
from anchor.server.anchoring.status import days_left
from anchor.server.chain.contract import NotOurContract
from anchor.server.chain.fees import read_market
from anchor.server.chain.node import EndpointsDisagree, Node, WrongChain
from anchor.server.chain.values import Block, MalformedAnswer, address_text, coins
from anchor.server.ledger.clock import Clock
from anchor.server.storage.anchors import batch_of_root, unsettled_anchors
from anchor.server.storage.database import StorageUnavailable
from anchor.server.storage.observations import ObservationRow, observation_of, observe
from anchor.server.storage.sending import newest_send, sends_in

IDLE_SECONDS: Final = 30.0
LONGEST_BACKOFF: Final = 60.0
DISAGREEMENT_CYCLES: Final = 3
"""Endpoints may differ for a moment, while a block travels: told after so many cycles in a row."""


class ChainWorker:
    """Everything about one chain, in one thread."""

    def __init__(
        self,
        connection: ChainConnection,
        *,
        log_id: Bytes32,
        lease: Lease,
        clock: Clock,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.connection: Final = connection
        settings = connection.settings
        self.name: Final = settings.name
        self._log_id = log_id
        self._lease = lease
        self._clock = clock
        self._jitter = jitter
        self._node = Node(
            connection.endpoints,
            settings.chain_id,
            agreement=settings.agreement,
            monotonic=clock.monotonic,
            jitter=jitter,
            now=lambda: clock.now_ms() / 1000,
        )
        self._conditions = Conditions()
        self._waiting = Waiting(settings, lease, clock)
        self._chain: SendingChain | None = None
        self._last_planned: float | None = None
        self._failures = 0
        self._busy = False
        self._latest: tuple[int, float] | None = None
        self._disagreed = 0
        self._was_ours = False
        self.seen = False
        """Whether the contract's head, as it is now, was read since the start."""
        self.unseen_because: str | None = None
        """Why what was read of it may be old; None where nothing was read yet, or it was not."""
        self.is_ahead = False
        """Whether the chain holds batches that the database lacks: to seal more would fork the log."""

    def take_over(self) -> None:
        """Begin anew about alarms: another process may have led since this one did."""
        self._conditions.forget()

    def step(self, *, force: bool = False) -> bool:
        """Do one cycle; True where something changed, so that another may find more to do.

        ``force`` sends now, whatever the interval. Raises LeaseLost and StorageUnavailable; a chain that
        cannot be reached, or must not be sent to, is an alarm.
        """
        self._conditions.begin()
        changed = False
        try:
            changed = self._cycle(force=force)
            self._conditions.end()
            self._failures = 0
        except OpeningRefused as refused:
            self._conditions.refuse_opening()
            self._conditions.add(refused.alarm, str(refused))
        except WrongChain as wrong:
            self._conditions.add(AlarmName.WRONG_CHAIN, str(wrong))
        except (RpcError, MalformedAnswer) as error:
            self._failures += 1
            self._conditions.add(AlarmName.ENDPOINT_UNREACHABLE, describe(error))
        except EndpointsDisagree as disagreement:
            self._conditions.add(AlarmName.ENDPOINTS_DISAGREE, describe(disagreement))
        except NotOurContract as foreign:
            self._conditions.add(AlarmName.NO_CONTRACT, describe(foreign))
        except (LeaseLost, StorageUnavailable):
            raise
        except Exception as error:
            self._failures += 1
            self._conditions.add(AlarmName.INTERNAL_ERROR, f"{type(error).__name__}: {describe(error)}")
        nonces = self._settle.nonces if self._chain is not None else {}
        self._waiting.say(nonces, self._conditions)
        self._publish()
        return changed

    def next_look(self) -> float:
        """Return after how many seconds the next cycle is due."""
        settings = self.connection.settings
        if self._failures:
            pause = min(LONGEST_BACKOFF, settings.poll * 2.0 ** min(self._failures, 10))
            return pause * (0.5 + self._jitter() / 2)
        if self._busy or self._conditions.found:
            return settings.poll
        return max(min(IDLE_SECONDS, self._until_due()), settings.poll)

    def _cycle(self, *, force: bool) -> bool:
        if self._chain is None:
            self._chain = open_chain(
                self.connection,
                log_id=self._log_id,
                lease=self._lease,
                clock=self._clock,
                node=self._node,
            )
            self._settle = SettleStep(self._chain)
            self._confirm = ConfirmStep(self._chain)
            self._sends = SendMemory()
            self._resume_interval()
            self._resume_tags()
        else:
            self._node.begin_cycle()
        chain, conditions = self._chain, self._conditions
        latest = chain.node.tallest_block()
        self._watch_blocks(latest)
        conditions.reach(Stage.BLOCKS)
        changed = self._settle.run()
        changed = self._confirm.run(latest, conditions) or changed
        conditions.reach(Stage.CONFIRMED)
        head = read_head(chain, conditions)
        if head is not None:
            changed = adopt_anchors(chain, head, latest) or changed
            if not self.seen:
                self.unseen_because = why_not_seen(chain, head, latest)
                self.seen = self.unseen_because is None
            if self.seen:
                # An old view must not be what the next process takes for the newest.
                self._observe(head, latest)
            target = choose_target(chain, head, latest, conditions, was_ours=self._was_ours)
            self._was_ours = self._was_ours or (self.seen and self._is_ours(head))
            self.is_ahead = AlarmName.DATABASE_OLDER_THAN_CHAIN in conditions.found
            conditions.reach(Stage.HEAD)
            with chain.lease.read() as reading:
                flying = sends_in(reading, chain.row.id, IN_FLIGHT)
            if not flying and not force and self._until_due() > 0:
                target = None
            elif target is not None and not flying:
                self._last_planned = self._clock.monotonic()
            changed = SendStep(Cycle(chain, latest, conditions), self._sends).run(target) or changed
            conditions.reach(Stage.SENT)
        with chain.lease.read() as reading:
            self._busy = bool(
                sends_in(reading, chain.row.id, IN_FLIGHT) or unsettled_anchors(reading, chain.row.id, 1)
            )
        return changed

    def _is_ours(self, head: Bytes32) -> bool:
        with self._lease.read() as reading:
            return batch_of_root(reading, head) is not None

    def _until_due(self) -> float:
        if self._last_planned is None:
            return 0.0
        return self._last_planned + self.connection.settings.interval - self._clock.monotonic()

    def _resume_interval(self) -> None:
        """Take up the interval of the process before, by the wall clock as far as it can be believed."""
        assert self._chain is not None
        with self._lease.read() as reading:
            last = newest_send(reading, self._chain.row.id)
        if last is None:
            return
        passed = (self._clock.now_ms() - last.planned_at) / 1000
        if 0 <= passed <= self.connection.settings.interval:
            self._last_planned = self._clock.monotonic() - passed

    def _resume_tags(self) -> None:
        """Know the finality tags that any process saw: counting replaces none that is missing now."""
        assert self._chain is not None
        with self._lease.read() as reading:
            last = observation_of(reading, self._chain.row.id)
        if last is not None:
            self._chain.node.tags_known.update(last.known_tags.split())

    def _watch_blocks(self, latest: Block) -> None:
        now = self._clock.monotonic()
        if self._latest is None or latest.number != self._latest[0]:
            self._latest = (latest.number, now)
        waited = now - self._latest[1]
        if waited > self.connection.settings.no_block_after:
            self._conditions.add(
                AlarmName.NO_NEW_BLOCKS, f"block {latest.number} is the newest for {waited:.0f} s"
            )

    def _observe(self, head: Bytes32, latest: Block) -> None:
        """Write what status and metrics show, and warn before the funds run out."""
        chain = self._chain
        assert chain is not None
        try:
            balance = chain.node.balance(chain.signer.address)
        except EndpointsDisagree as disagreement:
            # It is only shown here: whoever offers a fee asks again, and takes no old one.
            self._conditions.add(AlarmName.ENDPOINTS_DISAGREE, describe(disagreement))
            with self._lease.read() as reading:
                last = observation_of(reading, chain.row.id)
            if last is None or last.sender != chain.signer.address:
                return
            balance = last.sender_balance
        price = latest.base_fee
        if price is None:
            price = read_market(chain.node, latest, chain.settings.fees).price
        now = self._clock.now_ms()
        with self._lease.write() as writing:
            before = observation_of(writing, chain.row.id)
            same = before is not None and before.block_number == latest.number
            observe(
                writing,
                ObservationRow(
                    chain=chain.row.id,
                    observed_at=now,
                    head=head,
                    block_number=latest.number,
                    block_time=latest.time,
                    block_seen_at=before.block_seen_at if same and before is not None else now,
                    final_number=None if self._confirm.final is None else self._confirm.final.number,
                    sender=chain.signer.address,
                    sender_balance=balance,
                    gas_price=price,
                    known_tags=" ".join(sorted(chain.node.tags_known)),
                ),
            )
            days = days_left(writing, chain.row.id, balance=balance, gas_price=price, now=now)
        if days is not None and days < self.connection.settings.low_funds_days:
            self._conditions.add(
                AlarmName.FUNDS_LOW,
                f"{address_text(chain.signer.address)} holds {coins(balance)} of its coin, which last "
                f"{days:.1f} days at the rate of the last one",
            )

    def _publish(self) -> None:
        for finding in self._node.findings:
            self._conditions.add(AlarmName(finding.kind), finding.detail)
        self._forgive_passing_disagreement()
        if not self._conditions.changed():
            return
        journal = self._chain.journal if self._chain is not None else Journal(self._clock, self.name)
        with self._lease.write() as writing:
            self._conditions.publish(writing, journal)

    def _forgive_passing_disagreement(self) -> None:
        if AlarmName.ENDPOINTS_DISAGREE not in self._conditions.found:
            self._disagreed = 0
            return
        self._disagreed += 1
        if self._disagreed < DISAGREEMENT_CYCLES:
            del self._conditions.found[AlarmName.ENDPOINTS_DISAGREE]
