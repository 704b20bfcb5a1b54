"""Finding out what became of the transactions in flight, by their receipts."""

from collections.abc import Mapping
from typing import Any, Final

from anchor.server.anchoring.alarms import AlarmName
from anchor.server.anchoring.recording import find_receipt, record_receipt
from anchor.server.anchoring.sending_chain import SendingChain
from anchor.server.anchoring.states import IN_FLIGHT, Event
from anchor.server.chain.values import hexadecimal
from anchor.server.storage.sending import AttemptRow, attempts_of, sends_in

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
