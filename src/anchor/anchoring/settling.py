"""Finding out what became of the transactions in flight, by their receipts."""

from typing import Final

from anchor.anchoring.alarms import AlarmName
from anchor.anchoring.recording import find_receipt, record_receipt
from anchor.anchoring.sending_chain import SendingChain
from anchor.anchoring.states import IN_FLIGHT, Event
from anchor.storage.sending import attempts_of, sends_in

LOOKS: Final = 3
"""How often a receipt is asked for, once the nonce is gone, before another transaction must have it."""


class SettleStep:
    """Looks up every attempt of every send in flight, once the chain says that its nonce is used."""

    def __init__(self, chain: SendingChain) -> None:
        self._chain = chain
        self._looks: dict[int, int] = {}

    def run(self) -> bool:
        """Return whether anything changed. Raises RpcError."""
        chain = self._chain
        with chain.lease.read() as reading:
            sends = sends_in(reading, chain.row.id, IN_FLIGHT)
            attempts = {send.id: attempts_of(reading, send.id) for send in sends}
        changed = False
        nonces: dict[bytes, tuple[int, int]] = {}
        for send in sends:
            if send.sender is None or send.nonce is None:
                continue
            if send.sender not in nonces:
                nonces[send.sender] = chain.node.nonces(send.sender)
            least, most = nonces[send.sender]
            if send.nonce >= most:
                continue
            found = find_receipt(chain, attempts[send.id])
            if found is not None:
                record_receipt(chain, send, *found)
                self._looks.pop(send.id, None)
                changed = True
                continue
            if send.nonce >= least:
                # One endpoint says that the nonce is used, another that it is not: no reason to plan anew.
                continue
            looks = self._looks.get(send.id, 0) + 1
            self._looks[send.id] = looks
            if looks < LOOKS:
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
