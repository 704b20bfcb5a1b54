"""From mined to final, and back where a reorganisation says so.

Every anchor's block hash is compared with the chain's until the chain cannot take it back: with a
``finalized`` rule that is when it is final; with a weaker rule it goes on until the finalized tag, or ten
times the confirmations, have passed, and an anchor that leaves the chain in between is told of as what
it is: a rule that was too weak.
"""

from typing import Final

from anchor.server.anchoring.alarms import AlarmName
from anchor.server.anchoring.conditions import Conditions, clear_lasting
from anchor.server.anchoring.recording import find_receipt, record_event, record_receipt
from anchor.server.anchoring.sending_chain import SendingChain
from anchor.server.anchoring.states import Event, State
from anchor.server.chain.contract import anchored_in
from anchor.server.chain.finality import FinalHeight, final_height, tagged_height
from anchor.server.chain.node import EndpointsDisagree
from anchor.server.chain.values import Block
from anchor.server.storage.anchors import (
    AnchorRow,
    batch_of_root,
    forget_anchor,
    set_anchor_state,
    unsettled_anchors,
)
from anchor.server.storage.sending import (
    SendRow,
    attempts_of,
    record_unmined,
    send_of_id,
    send_of_transaction,
)

AT_EACH_END: Final = 16
"""Anchors looked at in one cycle: so many of the oldest and of the newest, among those that are mined and
among those that are final. Those between follow as the ends settle, or leave the chain; each is looked
at before it is called final."""
SAFE_DEPTH_FACTOR: Final = 10
MISSING_LOOKS: Final = 5
MISSING_SECONDS: Final = 30.0
"""How often, and for how long, the chain must be seen to end below an anchor's block before the anchor is
taken back: one look may have met a node, behind a load balancer, that is a block behind."""


class ConfirmStep:
    """Follows the anchors of one chain until they are settled."""

    def __init__(self, chain: SendingChain) -> None:
        self._chain = chain
        self.final: FinalHeight | None = None
        self._missing: dict[int, tuple[int, float]] = {}
        """By batch: how often its block was missing in a row, and since when."""

    def run(self, latest: Block, conditions: Conditions) -> bool:
        """Return whether anything changed. Raises RpcError."""
        chain = self._chain
        self.final = final_height(chain.node, chain.settings.finality)
        with chain.lease.read() as reading:
            anchors = unsettled_anchors(reading, chain.row.id, AT_EACH_END)
        if not anchors:
            return False
        settled = self._settled_height(latest)
        changed = False
        for anchor in anchors:
            try:
                block = chain.node.agreed_block(anchor.block_number)
            except EndpointsDisagree as disagreement:
                conditions.add(AlarmName.ENDPOINTS_DISAGREE, str(disagreement))
                continue
            if block is None and (latest.number >= anchor.block_number or not self._long_gone(anchor)):
                # An endpoint that has it is needed to tell.
                continue
            self._missing.pop(anchor.batch, None)
            if block is not None and block.hash == anchor.block_hash:
                changed = self._confirm(anchor, settled, conditions) or changed
            else:
                changed = self._follow(anchor) or changed
        return changed

    def _long_gone(self, anchor: AnchorRow) -> bool:
        """Count a look at which the chain ended below an anchor's block: were there enough of them?"""
        now = self._chain.clock.monotonic()
        looks, since = self._missing.get(anchor.batch, (0, now))
        self._missing[anchor.batch] = (looks + 1, since)
        return looks + 1 >= MISSING_LOOKS and now - since >= MISSING_SECONDS

    def _settled_height(self, latest: Block) -> int:
        chain, rule = self._chain, self._chain.settings.finality
        assert self.final is not None or rule is not None
        if rule.tag == "finalized" and self.final is not None and self.final.by_tag:
            return self.final.number
        tagged = tagged_height(chain.node, "finalized")
        if tagged is not None:
            return tagged.number
        return latest.number - SAFE_DEPTH_FACTOR * rule.confirmations

    def _confirm(self, anchor: AnchorRow, settled: int, conditions: Conditions) -> bool:
        """The anchor stands where it stood: is it final, is it settled?"""
        chain = self._chain
        is_final = self.final is not None and anchor.block_number <= self.final.number
        is_settled = is_final and anchor.block_number <= settled
        if not is_final:
            waited = (chain.clock.now_ms() - anchor.recorded_at) / 1000
            if waited > chain.settings.final_after:
                conditions.add(
                    AlarmName.FINALITY_STALLED,
                    f"batch {anchor.batch} is in block {anchor.block_number} for {waited:.0f} s; "
                    f"final is {'unknown' if self.final is None else self.final.number}",
                )
            # An anchor that was final and is not any more keeps its word until its block is gone.
            return False
        if (anchor.state, anchor.settled) == ("final", is_settled):
            return False
        with chain.lease.write() as writing:
            set_anchor_state(writing, chain.row.id, anchor.batch, state="final", settled=is_settled)
            if anchor.state != "final":
                send = send_of_transaction(writing, chain.row.id, anchor.transaction_hash)
                if send is not None and send.state == State.MINED:
                    chain.move(writing, send, Event.FINALISED, block=anchor.block_number)
                else:
                    chain.journal.say("anchor_final", batch=anchor.batch, block=anchor.block_number)
                clear_lasting(writing, chain.journal, chain.clock.now_ms())
        return True

    def _follow(self, anchor: AnchorRow) -> bool:
        """The anchor's block left the chain: find the anchor in another block, or take it back."""
        chain = self._chain
        with chain.lease.read() as reading:
            send = send_of_transaction(reading, chain.row.id, anchor.transaction_hash)
            attempts = attempts_of(reading, send.id) if send is not None else []
        if send is None:
            return self._follow_foreign(anchor)
        found = find_receipt(chain, attempts)
        if found is not None and found[1].block_hash == anchor.block_hash:
            # The endpoints changed their mind while we asked.
            return False
        self._take_back(anchor, send)
        if found is None:
            return True
        with chain.lease.read() as reading:
            send = send_of_id(reading, send.id)
        record_receipt(chain, send, *found)
        return True

    def _follow_foreign(self, anchor: AnchorRow) -> bool:
        """As ``_follow``, for an anchor that was found by its event and that no send of ours made."""
        chain = self._chain
        receipt = chain.node.receipt(anchor.transaction_hash)
        self._take_back(anchor, None)
        for event in [] if receipt is None else anchored_in(receipt, chain.contract.address):
            with chain.lease.read() as reading:
                batch = batch_of_root(reading, event.new_head)
            if batch is not None and batch.number == anchor.batch:
                record_event(chain, event, batch)
        return True

    def _take_back(self, anchor: AnchorRow, send: SendRow | None) -> None:
        chain = self._chain
        detail = (
            f"batch {anchor.batch} was in block {anchor.block_number} 0x{anchor.block_hash.hex()}, "
            "which left the chain"
        )
        with chain.lease.write() as writing:
            forget_anchor(writing, chain.row.id, anchor.batch)
            if send is not None:
                record_unmined(writing, send.id)
                chain.move(writing, send, Event.REORGANISED, reason=detail)
            chain.journal.raise_alarm(writing, AlarmName.REORGANISED, detail)
            if anchor.state == "final":
                chain.journal.raise_alarm(
                    writing,
                    AlarmName.FINALITY_TOO_WEAK,
                    f"{detail}, after {chain.settings.finality} had called it final",
                )
