"""What a replica holds and finds: what it is of, how far it has come, what it was shown, what did not fit."""

from dataclasses import dataclass, field
from typing import Final

from anchor.node.view import OLDEST_FINAL_BLOCK, Finality
from anchor.proof.values import (
    DeltaRecord,
    LedgerCustomer,
    LedgerHead,
    ProofLedger,
    ProofLog,
)
from anchor.protocol.batch import Batch
from anchor.protocol.hashing import Bytes32
from anchor.protocol.merkle import Frontier

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


LATEST_TIME: Final = 2**63 - 1
"""Milliseconds: no replica keeps a time beyond it, and no server of ours can."""


@dataclass(frozen=True, slots=True)
class Pins:
    """What a replica is of, for good: taken at the first contact, and held against all that is shown."""

    log_id: Bytes32
    public_key: Bytes32
    founder: bytes
    ledger_id: Bytes32
    customer_id: str
    unit: str
    identity_proof: bytes

    @property
    def log(self) -> ProofLog:
        """The log as proof files name it."""
        return ProofLog(self.log_id, self.public_key, self.founder)

    @property
    def ledger(self) -> ProofLedger:
        """The ledger as proof files name it."""
        return ProofLedger(self.ledger_id, LedgerCustomer(self.customer_id, self.unit, self.identity_proof))


@dataclass(frozen=True, slots=True)
class ChainPin:
    """Which contract on which chain, for good."""

    chain_id: int
    contract: bytes


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a copy has come. ``balance`` is in units of 10**-18, ``recorded_at`` that of the last delta."""

    size: int
    balance: int
    recorded_at: int
    frontier: Frontier


@dataclass(frozen=True, slots=True)
class Shown:
    """A delta as the server shows it, and the fingerprint that it states for it."""

    fingerprint: Bytes32
    record: DeltaRecord


@dataclass(frozen=True, slots=True)
class HeldHead:
    """A head that was seen in a final block of the chain, as it was shown; ``time`` is the block's, in ms."""

    head: LedgerHead
    time: int

    @property
    def batch(self) -> Batch:
        """The batch that holds it."""
        return self.head.batch.batch


@dataclass(frozen=True, slots=True)
class Misfit:
    """Something that does not fit.

    ``kind`` is stable; ``place`` says where (an index, a batch, a root), so that the same thing found again
    is known; ``statement`` is a sentence for people; ``expected`` and ``found`` are the two values.
    ``index`` is the delta's, where it is about one: shown in yet another form, it is another misfit.
    """

    kind: str
    place: str
    statement: str
    expected: str
    found: str
    index: int | None = None

    @property
    def name(self) -> str:
        """What tells this misfit from others."""
        return f"{self.kind} {self.place}" + ("" if self.index is None else f" {self.found}")


@dataclass(frozen=True, slots=True)
class KeptFinding:
    """A misfit whose evidence was saved: at ``found_at`` (ms), in ``files`` beside the copy."""

    kind: str
    statement: str
    found_at: int
    files: tuple[str, ...]
