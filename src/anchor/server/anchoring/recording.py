"""Writing down what a block holds: of a send's attempts, and of anchors found by their events."""

from collections.abc import Mapping
from typing import Any, Final

from anchor.node.endpoint import NodeRefused, RpcError
from anchor.node.refusals import Refusal
from anchor.server.anchoring.alarms import AlarmName
from anchor.server.anchoring.sending_chain import SendingChain
from anchor.server.anchoring.states import IN_FLIGHT, Event, State
from anchor.server.chain.contract import Anchored, Revert, anchor_call, anchored_in, revert_of
from anchor.server.chain.node import RECEIPTS_KEPT, EndpointsDisagree
from anchor.server.chain.values import Block, Receipt, address_text, hexadecimal
from anchor.server.storage.anchors import AnchorRow, BatchRow, batch_of_root, record_anchor
from anchor.server.storage.sending import (
    AttemptRow,
    SendRow,
    attempts_of,
    record_mined,
    send_of_transaction,
    sends_in,
)


def find_receipt(chain: SendingChain, attempts: list[AttemptRow]) -> tuple[AttemptRow, Receipt] | None:
    """Return the attempt that a block holds: any of them may be the one. Raises RpcError."""
    for attempt in reversed(attempts):
        receipt = chain.node.receipt(attempt.transaction_hash)
        if receipt is not None:
            return attempt, receipt
    return None


def record_receipt(chain: SendingChain, send: SendRow, attempt: AttemptRow, receipt: Receipt) -> bool:
    """Write what became of a send, by the receipt of one of its attempts.

    False where the receipt's block cannot be had, or is another, just now: the next look will tell.
    Raises RpcError, EndpointsDisagree.
    """
    block = chain.node.agreed_block(receipt.block_number)
    if block is None or block.hash != receipt.block_hash:
        return False
    anchored = next(
        (event for event in anchored_in(receipt, chain.contract.address) if event.new_head == send.new_head),
        None,
    )
    if attempt.kind == "cancel":
        _record(chain, send, attempt, receipt, Event.CANCELLED, "cancelled by the operator")
        return True
    if receipt.succeeded and anchored is not None:
        row = _anchor_row(chain, anchored, send.batch, block.time)
        _record(chain, send, attempt, receipt, Event.MINED, None, row)
        return True
    why = (
        "the contract did not move its head" if receipt.succeeded else explain(chain, send, attempt, receipt)
    )
    if _covered(chain, send):
        # A compare-and-swap that came second: the head is ours, or covers ours.
        _record(chain, send, attempt, receipt, Event.REVERTED, f"the chain held it already ({why})")
        return True
    _record(chain, send, attempt, receipt, Event.REVERTED, str(why))
    with chain.lease.write() as writing:
        chain.journal.raise_alarm(
            writing,
            AlarmName.REVERTED,
            f"batch {send.batch} in transaction 0x{attempt.transaction_hash.hex()}: {why}",
        )
    return True


def record_event(chain: SendingChain, event: Anchored, batch: BatchRow, latest: Block | None = None) -> bool:
    """Write an anchor found by its event; one of ours by its receipt, which says what it cost.

    False where its block has just left the chain, and where its receipt cannot be had yet: the next
    look will find it. By ``latest``, the newest block, nodes may have forgotten it.

    Raises RpcError, EndpointsDisagree.
    """
    block = chain.node.agreed_block(event.block_number)
    if block is None or block.hash != event.block_hash:
        return False
    with chain.lease.read() as reading:
        send = send_of_transaction(reading, chain.row.id, event.transaction_hash)
        attempts = attempts_of(reading, send.id) if send is not None else []
    if send is not None and not any(attempt.block_hash == event.block_hash for attempt in attempts):
        found = find_receipt(chain, attempts)
        if found is not None:
            return record_receipt(chain, send, *found)
        newest = latest or block
        if newest.time - block.time < RECEIPTS_KEPT:
            return False
    with chain.lease.write() as writing:
        record_anchor(writing, _anchor_row(chain, event, batch.number, block.time))
        if send is not None and send.state not in (State.MINED, State.FINAL):
            chain.move(writing, send, Event.MINED, transaction=event.transaction_hash)
        chain.journal.say(
            "anchor_found", batch=batch.number, transaction=event.transaction_hash, block=event.block_number
        )
    return True


def explain(chain: SendingChain, send: SendRow, attempt: AttemptRow, receipt: Receipt) -> str:
    """Return why a mined attempt failed: the contract's error where it can be had again."""
    if receipt.gas_used >= attempt.gas_limit:
        return f"it ran out of gas at {receipt.gas_used}"
    calldata = anchor_call(send.previous_head, send.new_head, send.batch)
    # As the state was just before its block, then as it was after.
    for block in (receipt.block_number - 1, receipt.block_number):
        try:
            chain.node.call(chain.contract.address, calldata, sender=receipt.sender, block=block)
        except NodeRefused as error:
            if error.meaning is Refusal.REVERTED:
                return describe_revert(revert_of(error))
        except EndpointsDisagree as disagreement:
            return f"it reverted, and {disagreement}"
        except RpcError:
            continue
    return "it reverted, and no reason can be had"


def describe_revert(revert: Revert) -> str:
    """Return the contract's error for the operator, in words where it is one of the common ones."""
    if revert.name == "NotSubmitter" and len(revert.values) == 2:
        expected, caller = (address_text(bytes.fromhex(value[2:])) for value in revert.values)
        return f"NotSubmitter: the contract expects the key of {expected}, we sign with {caller}"
    return str(revert)


def _record(
    chain: SendingChain,
    send: SendRow,
    attempt: AttemptRow,
    receipt: Receipt,
    event: Event,
    reason: str | None,
    anchor: AnchorRow | None = None,
) -> None:
    with chain.lease.write() as writing:
        record_mined(
            writing,
            attempt.id,
            block_number=receipt.block_number,
            block_hash=receipt.block_hash,
            succeeded=receipt.succeeded,
            gas_used=receipt.gas_used,
            fee_paid=receipt.fee,
            now=chain.clock.now_ms(),
        )
        if anchor is not None:
            record_anchor(writing, anchor)
        chain.move(
            writing,
            send,
            event,
            reason=reason,
            transaction=attempt.transaction_hash,
            block=receipt.block_number,
            gas=receipt.gas_used,
            fee_wei=str(receipt.fee),
        )


def _covered(chain: SendingChain, send: SendRow) -> bool:
    head = chain.contract.head()
    with chain.lease.read() as reading:
        known = batch_of_root(reading, head)
    return known is not None and known.number >= send.batch


def _anchor_row(chain: SendingChain, anchored: Anchored, batch: int, block_time: int) -> AnchorRow:
    return AnchorRow(
        chain=chain.row.id,
        batch=batch,
        previous_head=anchored.previous_head,
        transaction_hash=anchored.transaction_hash,
        block_number=anchored.block_number,
        block_hash=anchored.block_hash,
        block_time=block_time,
        state="mined",
        settled=False,
        recorded_at=chain.clock.now_ms(),
    )


LOOKS: Final = 3
"""How often a receipt is asked for, once the nonce is gone, before another transaction must have it."""
POOL_SECONDS: Final = 60.0
"""For how long an attempt that an endpoint shows is waited for: behind a load balancer a node may lack
the newest blocks, and a pool may keep for ever what cannot be mined any more."""


class SettleStep:
    """Looks up every attempt of every send in flight, once the chain says that its nonce is used."""

    def __init__(self, chain: SendingChain) -> None:
        self._chain = chain
        self._looks: dict[int, tuple[int, float]] = {}
        """By send: how often no receipt was found in a row, and since when."""
        self.nonces: dict[int, str] = {}
        """By send: what the last look found of its nonce, where no more could be made of it."""

    def run(self) -> bool:
        """Return whether anything changed. Raises RpcError, EndpointsDisagree."""
        chain = self._chain
        with chain.lease.read() as reading:
            sends = sends_in(reading, chain.row.id, IN_FLIGHT)
            attempts = {send.id: attempts_of(reading, send.id) for send in sends}
        changed = False
        self.nonces = {}
        nonces: dict[bytes, tuple[int, int]] = {}
        for send in sends:
            if send.sender is None or send.nonce is None:
                continue
            if send.sender not in nonces:
                nonces[send.sender] = chain.node.nonces(send.sender)
            least, most = nonces[send.sender]
            if send.nonce >= most:
                continue
            self.nonces[send.id] = (
                f"nonce {send.nonce} is used, and no receipt of ours counts"
                if send.nonce < least
                else f"endpoints differ about whether nonce {send.nonce} is used"
            )
            found = find_receipt(chain, attempts[send.id])
            if found is not None:
                self._looks.pop(send.id, None)
                changed = record_receipt(chain, send, *found) or changed
                continue
            if send.nonce >= least:
                # One endpoint says that the nonce is used, another that it is not: no reason to plan anew.
                continue
            now = chain.clock.monotonic()
            looks, since = self._looks.get(send.id, (0, now))
            self._looks[send.id] = (looks + 1, since)
            if looks + 1 < LOOKS or self._may_be_ours(attempts[send.id], now - since):
                continue
            del self._looks[send.id]
            detail = (
                f"nonce {send.nonce} of 0x{send.sender.hex()} is used, "
                f"by none of our {len(attempts[send.id])} attempts at batch {send.batch}"
            )
            with chain.lease.write() as writing:
                chain.move(writing, send, Event.NONCE_LOST, reason=detail)
                chain.journal.raise_alarm(writing, AlarmName.KEY_USED_ELSEWHERE, detail)
            changed = True
        return changed

    def _may_be_ours(self, attempts: list[AttemptRow], waited: float) -> bool:
        """Return whether an attempt may have the nonce though no receipt counts. Raises RpcError.

        It may for as long as one endpoint shows a receipt: too few have its block, or they differ.
        """
        node = self._chain.node
        for attempt in attempts:
            params = [hexadecimal(attempt.transaction_hash)]
            if any(node.of_all("eth_getTransactionReceipt", params, _names_a_block).values()):
                return True
            if waited < POOL_SECONDS and node.seen(attempt.transaction_hash):
                return True
        return False


def _names_a_block(receipt: Any) -> bool:
    return isinstance(receipt, Mapping) and receipt.get("blockHash") is not None
