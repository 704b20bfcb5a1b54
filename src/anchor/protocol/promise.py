"""Section 9: the log's signed word that a delta will be anchored, and in which batches it stands.

A broken promise is a fraud that needs neither clock nor chain: a batch of the log's own numbered
``from_batch`` or more under which the delta is not in its place.
"""

from dataclasses import dataclass
from typing import Final

from anchor.protocol.errors import NoteError
from anchor.protocol.hashing import Bytes32
from anchor.protocol.identities import IdentityKey
from anchor.protocol.signed_note import STEP, decimal, hash_in_hex, origin_of, read_note, sign_note

_SECOND_LINE: Final = "promise"


@dataclass(frozen=True, slots=True)
class Promise:
    """Every batch from ``from_batch`` on holds this fingerprint at this index of this ledger.

    One of them is on chain ``chain_id`` in a block no later than ``anchor_by`` (milliseconds since 1970).
    """

    ledger_id: Bytes32
    index: int
    fingerprint: Bytes32
    from_batch: int
    anchor_by: int
    chain_id: int

    def text(self, log_id: Bytes32) -> str:
        """Return the six lines that are signed."""
        return (
            f"{origin_of(log_id)}\n{_SECOND_LINE}\n"
            f"{self.ledger_id.hex()} {self.index}\n{self.fingerprint.hex()}\n"
            f"{self.from_batch}\n{self.anchor_by} {self.chain_id}\n"
        )

    def sign(self, key: IdentityKey, log_id: Bytes32) -> str:
        """Return the signed note."""
        return sign_note(key, log_id, self.text(log_id))


def read_promise(note: str, log_id: Bytes32, public_key: Bytes32) -> Promise:
    """Return what a promise of the log says. Raises NoteError for anything else."""
    _, second, place, fingerprint, from_batch, due = read_note(note, log_id, public_key, lines=6).lines
    if second != _SECOND_LINE:
        raise NoteError(STEP, f"the second line {_SECOND_LINE!r}", second[:40])
    ledger_id, _, index = place.partition(" ")
    anchor_by, _, chain_id = due.partition(" ")
    return Promise(
        hash_in_hex(ledger_id, "ledger id"),
        decimal(index, "index"),
        hash_in_hex(fingerprint, "fingerprint"),
        decimal(from_batch, "fromBatch", least=1),
        decimal(anchor_by, "anchorBy"),
        decimal(chain_id, "chainId", least=1),
    )
