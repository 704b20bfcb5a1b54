"""What a follower means: whose ledger, and what it takes from nobody but its own user."""

from dataclasses import dataclass, field
from typing import Final

from anchor.node.view import OLDEST_FINAL_BLOCK, Finality
from anchor.protocol.hashing import Bytes32

DEFAULT_LAG: Final = 60.0
"""Seconds for which a server may go on showing an older head than the chain holds."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose ledger; what is None is taken as it is first shown, and for good. ``lag`` is in seconds.

    ``oldest_block`` (seconds): with an older final block the node stands still, and nothing is the newest.
    """

    customer_id: str
    unit: str = ""
    log_id: Bytes32 | None = None
    ledger_id: Bytes32 | None = None
    contract: bytes | None = None
    finality: Finality = field(default_factory=Finality)
    lag: float = DEFAULT_LAG
    oldest_block: int = OLDEST_FINAL_BLOCK
