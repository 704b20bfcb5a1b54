"""A proof file as values: what docs/proof-files.md describes, one class for each object of the format.

Nothing here is trusted, and nothing is checked beyond its shape: ``proof_reading`` builds these from
a file, ``proof_writing`` writes them, ``verification`` says what they prove. A server builds them
from its database. The parts that claims are made of are in ``proof_parts``, and can be had from here.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from anchor.proof.parts import (
    HOW_TO_SHOW,
    Anchor,
    AnchoredBatch,
    BatchSignature,
    BlockLocation,
    DeltaRecord,
    Disclosed,
    Disclosure,
    Field,
    FingerprintRecord,
    HashPath,
    Included,
    LedgerAbsence,
    LedgerHead,
    Record,
    Showing,
    ShownTexts,
    Through,
    Withheld,
    disclose,
    parse_showing,
    withhold,
)
from anchor.protocol.hashing import Bytes32

FORMAT: Final = "anchor-proof"
VERSION: Final = 2


# What a file claims


@dataclass(frozen=True, slots=True)
class DeltaClaim:
    """This delta is in the record."""

    delta: Included
    head: LedgerHead


@dataclass(frozen=True, slots=True)
class BalanceClaim:
    """This is the balance after this delta (a DeltaRecord); the ledger's, where it is the head's last."""

    delta: Included
    head: LedgerHead


@dataclass(frozen=True, slots=True)
class Edge:
    """Adjacent deltas, and the roots of the complete subtrees before the first of them."""

    peaks: HashPath
    records: tuple[DeltaRecord, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A time span ``[start, end)`` in milliseconds, bounded by two batches (§7).

    ``opening`` is the ledger in the opening batch, of ``o`` deltas (0: it is absent from its map), or None:
    from the ledger's first delta. The closing batch is that of the claim's head. ``before`` holds the deltas
    ``[o - 1, from_index)``, from 0 where o is; ``after`` all those behind the period in the head.
    """

    start: int
    end: int
    opening: LedgerHead | LedgerAbsence | None
    before: Edge
    after: Edge


@dataclass(frozen=True, slots=True)
class PeriodDeltas:
    """All deltas of a period in order, and the roots of the complete subtrees before them."""

    opening_peaks: HashPath
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class PeriodClaim:
    """A checkpoint: this range of a ledger, its two balances, and with ``deltas`` all that is in it.

    ``opening`` is the delta before ``from_index``, None at 0; ``opening_path`` shows that the tree of
    ``closing_root`` extends that of ``opening_root``, ``closing_path`` that the head extends both.
    """

    from_index: int
    to_index: int
    opening_root: Bytes32
    closing_root: Bytes32
    opening: Included | None
    closing: Included
    opening_path: HashPath
    closing_path: HashPath
    span: Span | None
    deltas: PeriodDeltas | None
    head: LedgerHead


@dataclass(frozen=True, slots=True)
class AbsenceClaim:
    """There is no such ledger in this batch."""

    absence: LedgerAbsence


@dataclass(frozen=True, slots=True)
class FreshnessClaim:
    """This is the ledger's head under the root that is the contract's head now."""

    head: LedgerHead


@dataclass(frozen=True, slots=True)
class KeptHead:
    """A head known from before: only its size and root."""

    size: int
    root: Bytes32


@dataclass(frozen=True, slots=True)
class ConsistencyClaim:
    """This head extends that one: nothing was altered or removed."""

    earlier: LedgerHead | KeptHead
    path: HashPath
    head: LedgerHead


# Fraud: two things that the operator is bound to and that cannot both be


@dataclass(frozen=True, slots=True)
class FalseBalance:
    """A delta's balance is not the balance before it (None: it is the first) plus its amount."""

    before: Included | None
    after: Included
    head: LedgerHead


@dataclass(frozen=True, slots=True)
class TimeReversed:
    """A delta was recorded before the one before it."""

    before: Included
    after: Included
    head: LedgerHead


@dataclass(frozen=True, slots=True)
class RecordedAfterSealed:
    """A batch holds a delta that was recorded after the batch was sealed."""

    delta: Included
    head: LedgerHead


@dataclass(frozen=True, slots=True)
class Backdated:
    """A delta that a batch did not hold says it was recorded well before that batch was sealed."""

    earlier: LedgerHead
    delta: Included
    head: LedgerHead


@dataclass(frozen=True, slots=True)
class TwoDeltas:
    """Two different deltas stand at one index of one ledger."""

    first: Included
    first_head: LedgerHead
    second: Included
    second_head: LedgerHead


@dataclass(frozen=True, slots=True)
class TwoHeads:
    """Two heads of one ledger have one size and different roots."""

    first: LedgerHead
    second: LedgerHead


@dataclass(frozen=True, slots=True)
class ShrunkLedger:
    """A ledger has fewer deltas in a later batch."""

    earlier: LedgerHead
    later: LedgerHead


@dataclass(frozen=True, slots=True)
class VanishedLedger:
    """A ledger is missing from a later batch."""

    earlier: LedgerHead
    absence: LedgerAbsence


@dataclass(frozen=True, slots=True)
class TwoBatches:
    """Two different batches have one number."""

    first: AnchoredBatch
    second: AnchoredBatch


Fraud: TypeAlias = (
    FalseBalance
    | TimeReversed
    | RecordedAfterSealed
    | Backdated
    | TwoDeltas
    | TwoHeads
    | ShrunkLedger
    | VanishedLedger
    | TwoBatches
)


@dataclass(frozen=True, slots=True)
class FraudClaim:
    """The operator broke a rule of the protocol, and this shows it."""

    fraud: Fraud


Claim: TypeAlias = (
    DeltaClaim | BalanceClaim | PeriodClaim | AbsenceClaim | FreshnessClaim | ConsistencyClaim | FraudClaim
)

KINDS: Final[dict[type[Claim], str]] = {
    DeltaClaim: "delta",
    BalanceClaim: "balance",
    PeriodClaim: "period",
    AbsenceClaim: "absence",
    FreshnessClaim: "freshness",
    ConsistencyClaim: "consistency",
    FraudClaim: "fraud",
}


# The file


@dataclass(frozen=True, slots=True)
class ProofLog:
    """Which log: its id, and the public key (32 bytes) and founder (20 bytes) that the id commits to."""

    log_id: Bytes32
    public_key: Bytes32
    founder: bytes


@dataclass(frozen=True, slots=True)
class LedgerCustomer:
    """Whose ledger it is, and the identity proof (80 bytes) that shows it."""

    customer_id: str
    unit: str
    identity_proof: bytes


@dataclass(frozen=True, slots=True)
class ProofLedger:
    """Which ledger, and whose where that is shown."""

    ledger_id: Bytes32
    customer: LedgerCustomer | None = None


@dataclass(frozen=True, slots=True)
class ProofFile:
    """A whole file. Only a fraud of two batches concerns no ledger."""

    log: ProofLog
    ledger: ProofLedger | None
    claim: Claim

    @property
    def kind(self) -> str:
        """``delta``, ``balance``, ``period``, ``absence``, ``freshness``, ``consistency`` or ``fraud``."""
        return KINDS[type(self.claim)]


__all__ = [
    "FORMAT",
    "HOW_TO_SHOW",
    "KINDS",
    "VERSION",
    "AbsenceClaim",
    "Anchor",
    "AnchoredBatch",
    "Backdated",
    "BalanceClaim",
    "BatchSignature",
    "BlockLocation",
    "Claim",
    "ConsistencyClaim",
    "DeltaClaim",
    "DeltaRecord",
    "Disclosed",
    "Disclosure",
    "Edge",
    "FalseBalance",
    "Field",
    "FingerprintRecord",
    "Fraud",
    "FraudClaim",
    "FreshnessClaim",
    "HashPath",
    "Included",
    "KeptHead",
    "LedgerAbsence",
    "LedgerCustomer",
    "LedgerHead",
    "PeriodClaim",
    "PeriodDeltas",
    "ProofFile",
    "ProofLedger",
    "ProofLog",
    "Record",
    "RecordedAfterSealed",
    "Showing",
    "ShownTexts",
    "ShrunkLedger",
    "Span",
    "Through",
    "TimeReversed",
    "TwoBatches",
    "TwoDeltas",
    "TwoHeads",
    "VanishedLedger",
    "Withheld",
    "disclose",
    "parse_showing",
    "withhold",
]
