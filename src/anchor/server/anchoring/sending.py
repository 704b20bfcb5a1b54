"""Planning, signing and replacing: what is done about the one send that a chain has in flight.

Signed bytes are stored before a node sees them, so whatever was ever broadcast is on record. Waiting
is measured with the monotonic clock from the moment at which this process first saw a send, so a clock
that jumps, and a restart, lead to a later replacement and never to a wild one.
"""

from dataclasses import dataclass, field, replace

from anchor.node.refusals import Refusal
from anchor.server.anchoring.alarms import AlarmName
from anchor.server.anchoring.bidding import Bidder, LearnedPrices
from anchor.server.anchoring.broadcasting import PRICE, Broadcaster, Given
from anchor.server.anchoring.cycle import Cycle
from anchor.server.anchoring.planning import Target
from anchor.server.anchoring.sending_chain import describe
from anchor.server.anchoring.states import IN_FLIGHT, Event, State
from anchor.server.chain.contract import anchor_call
from anchor.server.chain.signers.signer import SignerRefused, SignerUnavailable
from anchor.server.chain.transactions import (
    Fees,
    SignedDiffers,
    SignedTransaction,
    Transaction,
    UnreadableTransaction,
    decode_signed,
)
from anchor.server.storage.sending import (
    AttemptRow,
    SendRow,
    attempts_of,
    highest_bid,
    plan_send,
    record_attempt,
    retarget_send,
    send_of_id,
    sends_in,
)


@dataclass
class SendMemory:
    """What is remembered of a chain's sends from one cycle to the next."""

    prices: LearnedPrices = field(default_factory=LearnedPrices)
    given: Given = field(default_factory=Given)
    signed: dict[int, tuple[float, int]] = field(default_factory=dict)
    """By send: when it was last signed, by the monotonic clock, and at which block."""
    withheld: dict[AlarmName, str] = field(default_factory=dict)
    """Why the last replacement was not offered, until one is, or the next is due."""
    unsigned: tuple[AlarmName, str] | None = None
    """Why the signer's last answer was none, until it gives one: it is asked only now and then."""


class SendStep:
    """Looks after the send in flight of one chain, in one cycle."""

    def __init__(self, cycle: Cycle, memory: SendMemory) -> None:
        self._cycle = cycle
        self._chain = cycle.chain
        self._latest = cycle.latest
        self._conditions = cycle.conditions
        self._memory = memory
        self._bidder = Bidder(cycle, memory.prices)
        self._broadcaster = Broadcaster(cycle, memory.given)

    def run(self, target: Target | None) -> bool:
        """Return whether anything changed. ``target``: what to anchor where nothing is in flight.

        Raises RpcError, LeaseLost.
        """
        chain = self._chain
        with chain.lease.read() as reading:
            sends = sends_in(reading, chain.row.id, IN_FLIGHT)
        self._forget(sends)
        signed = [send for send in sends if send.nonce is not None]
        if signed:
            return self._tend(signed[0])
        planned = sends[0] if sends else None
        if target is None:
            if planned is None or self._conditions.found:
                return False
            with chain.lease.write() as writing:
                chain.move(writing, planned, Event.NOT_NEEDED, reason="the chain holds its batch already")
            return True
        return self._begin(self._plan(planned, target))

    def _plan(self, planned: SendRow | None, target: Target) -> SendRow:
        """Write what is to be sent; a plan that nobody signed yet takes the newest batch."""
        chain = self._chain
        batch, root = target.batch.number, target.batch.anchor_root
        wanted = (batch, target.previous_head)
        if planned is not None and (planned.batch, planned.previous_head) == wanted:
            return planned
        with chain.lease.write() as writing:
            now = chain.clock.now_ms()
            if planned is None:
                send = plan_send(
                    writing,
                    chain=chain.row.id,
                    batch=batch,
                    previous_head=target.previous_head,
                    new_head=root,
                    state=State.PLANNED,
                    now=now,
                )
                chain.journal.say("send_planned", send=send.id, batch=batch)
                return send
            retarget_send(
                writing,
                planned.id,
                batch=batch,
                previous_head=target.previous_head,
                new_head=root,
                now=now,
            )
            return replace(
                planned, batch=batch, previous_head=target.previous_head, new_head=root, changed_at=now
            )

    def _begin(self, send: SendRow) -> bool:
        """Sign the first attempt and broadcast it."""
        chain = self._chain
        nonce = chain.node.nonce(chain.signer.address)
        with chain.lease.read() as reading:
            # Anything we ever signed for this nonce may still be in somebody's pool.
            highest = highest_bid(reading, chain.row.id, chain.signer.address, nonce)
        calldata = anchor_call(send.previous_head, send.new_head, send.batch)
        bid = self._bidder.bid(chain.contract.address, calldata, highest)
        if bid is None:
            return False
        transaction = Transaction(
            chain_id=chain.settings.chain_id,
            nonce=nonce,
            to=chain.contract.address,
            value=0,
            data=calldata,
            gas_limit=bid.gas_limit,
            fees=bid.fees,
        )
        return self._sign_and_offer(send, "anchor", transaction)

    def _tend(self, send: SendRow) -> bool:
        """See to a send that was signed: broadcast it, broadcast it again, replace it, cancel it."""
        chain = self._chain
        assert send.nonce is not None
        now = chain.clock.monotonic()
        nonce = chain.node.nonce(chain.signer.address)
        with chain.lease.read() as reading:
            attempts = attempts_of(reading, send.id)
        last = attempts[-1]
        if send.sender == chain.signer.address and send.nonce < nonce:
            # It, or what took its place, is mined: the settling step finds out which.
            return False
        lost = None
        if send.sender != chain.signer.address:
            lost = "the signer is another key now"
        elif send.nonce > nonce:
            lost = f"nonce {send.nonce} was signed, but the chain's next one is {nonce}"
        if lost is not None:
            with chain.lease.write() as writing:
                chain.move(writing, send, Event.NONCE_LOST, reason=lost)
            return True
        if self._memory.unsigned is not None:
            self._conditions.add(*self._memory.unsigned)
        for alarm, detail in self._memory.withheld.items():
            self._conditions.add(alarm, detail)
        signed_at, signed_block = self._memory.signed.setdefault(send.id, (now, self._latest.number))
        if send.cancel_requested_at is not None and last.kind != "cancel":
            return self._replace(send, attempts, "cancel")
        accepted = [attempt for attempt in attempts if attempt.accepted_at is not None]
        # Without new blocks no price helps, and what no node took yet is not too cheap.
        due = self._latest.number > signed_block and now - signed_at >= chain.settings.replace_after
        if due and last.accepted_at is not None:
            if self._replace(send, attempts, last.kind):
                return True
        elif due and last.kind == "cancel" and self._cancel_with_more_gas(send, attempts):
            return True
        self._broadcaster.say_unseen(send, attempts)
        if last.accepted_at is not None and self._broadcaster.recently(last):
            return False
        if accepted and not self._broadcaster.recently(accepted[-1]):
            self._broadcaster.look_for(send, attempts)
            self._broadcaster.say_unseen(send, attempts)
            # Also where its replacement fails: it may have been dropped from the pools.
            if accepted[-1] is not last:
                self._broadcaster.broadcast(send, accepted[-1])
        return self._offer(send, last)

    def _replace(self, send: SendRow, attempts: list[AttemptRow], kind: str) -> bool:
        """Sign another attempt of the same nonce that outbids all before; False where none may be."""
        chain = self._chain
        highest = (max(a.max_fee for a in attempts), max(a.max_tip for a in attempts))
        transaction = self._attempt(send, attempts, kind, Fees(*highest))
        fees = self._outbid(transaction, kind, highest, attempts)
        # Whatever the outcome, the next try is a full wait away.
        self._memory.signed[send.id] = (chain.clock.monotonic(), self._latest.number)
        if fees is None:
            return False
        return self._sign_and_offer(send, kind, replace(transaction, fees=fees))

    def _cancel_with_more_gas(self, send: SendRow, attempts: list[AttemptRow]) -> bool:
        """Sign a cancel that no node took once more at its price, where a transfer takes more gas by now."""
        chain, last = self._chain, attempts[-1]
        self._memory.signed[send.id] = (chain.clock.monotonic(), self._latest.number)
        gas_limit = self._bidder.cancelling_gas(max(a.gas_limit for a in attempts))
        if gas_limit <= max(a.gas_limit for a in attempts if a.kind == "cancel"):
            return False
        transaction = replace(decode_signed(last.raw).transaction, gas_limit=gas_limit)
        return self._sign_and_offer(send, "cancel", transaction)

    def _outbid(
        self, transaction: Transaction, kind: str, highest: tuple[int, int], attempts: list[AttemptRow]
    ) -> Fees | None:
        """Return what a replacement of any of ``attempts`` offers."""
        apart = self._cycle.apart()
        bidder = Bidder(apart, self._memory.prices)
        if kind == "cancel":
            anchors = max((a.max_fee for a in attempts if a.kind == "anchor"), default=0)
            fees = bidder.cancelling_fees(highest, anchors, transaction.gas_limit)
        else:
            fees = bidder.fees(highest, transaction.gas_limit, transaction.data)
        self._memory.withheld = apart.conditions.found
        for alarm, detail in apart.conditions.found.items():
            self._conditions.add(alarm, detail)
        return fees

    def _attempt(self, send: SendRow, attempts: list[AttemptRow], kind: str, fees: Fees) -> Transaction:
        chain = self._chain
        assert send.nonce is not None
        cancels, gas_limit = kind == "cancel", max(a.gas_limit for a in attempts)
        return Transaction(
            chain_id=chain.settings.chain_id,
            nonce=send.nonce,
            to=chain.signer.address if cancels else chain.contract.address,
            value=0,
            data=b"" if cancels else anchor_call(send.previous_head, send.new_head, send.batch),
            gas_limit=self._bidder.cancelling_gas(gas_limit) if cancels else gas_limit,
            fees=fees,
        )

    def _sign_and_offer(self, send: SendRow, kind: str, transaction: Transaction) -> bool:
        """Sign, store, and broadcast. A price that a node refuses is raised in the next cycle: a node that
        finds every one too low would have us sign without end."""
        chain = self._chain
        signed = self._sign(transaction)
        if signed is None:
            return False
        attempt = self._store(send, kind, signed)
        self._memory.signed[send.id] = (chain.clock.monotonic(), self._latest.number)
        with chain.lease.read() as reading:
            send = send_of_id(reading, send.id)
        refused = self._broadcaster.broadcast(send, attempt)
        if refused is not None and Refusal.UNDERPRICED in refused:
            with chain.lease.read() as reading:
                said = attempts_of(reading, send.id)[-1].refusal or ""
            self._bidder.learn_minimum(transaction.fees.max_tip, said)
        # Nothing more to do at once where the price is too low.
        return refused is None or not refused & PRICE

    def _offer(self, send: SendRow, attempt: AttemptRow) -> bool:
        """Broadcast stored bytes again, unchanged; a price that is refused is raised."""
        refused = self._broadcaster.broadcast(send, attempt)
        if refused is None:
            return attempt.accepted_at is None
        if refused & PRICE:
            with self._chain.lease.read() as reading:
                attempts = attempts_of(reading, send.id)
                send = send_of_id(reading, send.id)
            return self._replace(send, attempts, attempt.kind)
        return False

    def _sign(self, transaction: Transaction) -> SignedTransaction | None:
        try:
            signed = self._chain.signer.sign(transaction)
        except (SignerUnavailable, SignerRefused) as error:
            self._memory.unsigned = (AlarmName.SIGNER_UNAVAILABLE, describe(error))
        except (SignedDiffers, UnreadableTransaction) as error:
            self._memory.unsigned = (AlarmName.SIGNER_DIFFERS, describe(error))
        else:
            self._memory.unsigned = None
            return signed
        self._conditions.add(*self._memory.unsigned)
        return None

    def _store(self, send: SendRow, kind: str, signed: SignedTransaction) -> AttemptRow:
        chain, fees = self._chain, signed.transaction.fees
        with chain.lease.write() as writing:
            record_attempt(
                writing,
                send=send.id,
                kind=kind,
                transaction_hash=signed.hash,
                raw=signed.raw,
                max_fee=fees.max_fee,
                max_tip=fees.max_tip,
                gas_limit=signed.transaction.gas_limit,
                sender=signed.sender,
                nonce=signed.transaction.nonce,
                now=chain.clock.now_ms(),
            )
            chain.move(
                writing,
                send,
                Event.SIGNED,
                kind=kind,
                transaction=signed.hash,
                nonce=signed.transaction.nonce,
                max_fee_wei=str(fees.max_fee),
                max_tip_wei=str(fees.max_tip),
            )
            return attempts_of(writing, send.id)[-1]

    def _forget(self, sends: list[SendRow]) -> None:
        """Drop the timers of sends that are no longer in flight."""
        ids = {send.id for send in sends}
        for send in [known for known in self._memory.signed if known not in ids]:
            del self._memory.signed[send]
        self._memory.given.forget(ids)
        if all(send.nonce is None for send in sends):
            self._memory.prices.forget_minimum()
            self._memory.withheld = {}
        if not ids:
            self._memory.unsigned = None
