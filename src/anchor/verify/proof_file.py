"""A proof file as values: what docs/proof-files.md describes, one class for each object of the format.

Nothing here is trusted, and nothing is checked beyond its shape: ``proof_reading`` builds these from
a file, ``proof_writing`` writes them, ``verification`` says what they prove. A server builds them
from its database.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from anchor.protocol.batch import Batch
from anchor.protocol.commitments import commit
from anchor.protocol.fingerprint import Delta, fingerprint
from anchor.protocol.hashing import ZERO, Bytes32
from anchor.protocol.ledger_map import MapLeaf

FORMAT: Final = "anchor-proof"
VERSION: Final = 1

HashPath: TypeAlias = tuple[Bytes32, ...]


# A delta, as far as it is shown


@dataclass(frozen=True, slots=True)
class Disclosed:
    """A text field that is shown. ``value`` is None where the delta has none; ``salt`` has 16 bytes."""

    value: str | None
    salt: bytes

    @property
    def commitment(self) -> Bytes32:
        """What the delta's fingerprint holds of the field."""
        return commit(self.salt, None if self.value is None else self.value.encode())


@dataclass(frozen=True, slots=True)
class Withheld:
    """A text field of which only the commitment is shown: withheld, or erased."""

    commitment: Bytes32


Field: TypeAlias = Disclosed | Withheld


@dataclass(frozen=True, slots=True)
class DeltaRecord:
    """A delta with its amounts and times shown.

    ``amount`` and ``balance`` are units of 10**-18; times are milliseconds; ``metadata`` is JCS text;
    ``adjusts`` is the fingerprint of the delta that this one corrects, or ZERO.
    """

    index: int
    amount: int
    balance: int
    occurred_at: int
    recorded_at: int
    reason: Field
    reference_id: Field
    metadata: Field
    adjusts: Bytes32 = ZERO

    def delta(self, ledger_id: Bytes32) -> Delta:
        """What its fingerprint is taken of."""
        return Delta(
            ledger_id,
            self.index,
            self.amount,
            self.balance,
            self.occurred_at,
            self.recorded_at,
            self.reason.commitment,
            self.reference_id.commitment,
            self.metadata.commitment,
            self.adjusts,
        )

    def fingerprint(self, separator: Bytes32, ledger_id: Bytes32) -> Bytes32:
        """Its fingerprint in the log whose domain separator is given."""
        return fingerprint(separator, self.delta(ledger_id))


@dataclass(frozen=True, slots=True)
class FingerprintRecord:
    """A delta of which nothing is shown but its place and its fingerprint."""

    index: int
    stated: Bytes32

    def fingerprint(self, separator: Bytes32, ledger_id: Bytes32) -> Bytes32:  # noqa: ARG002
        """The fingerprint, as stated."""
        return self.stated


Record: TypeAlias = DeltaRecord | FingerprintRecord


@dataclass(frozen=True, slots=True)
class Included:
    """A record, and its inclusion path (from the leaf up) in the head that it is shown with."""

    record: Record
    path: HashPath


class Disclosure(StrEnum):
    """How much of a delta is shown."""

    FULL = "full"
    AMOUNTS = "amounts"
    FINGERPRINTS = "fingerprints"


def withhold(
    record: DeltaRecord, *, reason: bool = True, reference_id: bool = True, metadata: bool = True
) -> DeltaRecord:
    """Return the record with the named text fields as commitments only. Its fingerprint stays."""
    return replace(
        record,
        reason=Withheld(record.reason.commitment) if reason else record.reason,
        reference_id=Withheld(record.reference_id.commitment) if reference_id else record.reference_id,
        metadata=Withheld(record.metadata.commitment) if metadata else record.metadata,
    )


def disclose(
    record: DeltaRecord, disclosure: Disclosure, *, separator: Bytes32, ledger_id: Bytes32
) -> Record:
    """Return the record with only as much shown as asked for. Its fingerprint stays."""
    match disclosure:
        case Disclosure.FULL:
            return record
        case Disclosure.AMOUNTS:
            return withhold(record)
        case Disclosure.FINGERPRINTS:
            return FingerprintRecord(record.index, record.fingerprint(separator, ledger_id))


# Where a batch is on a chain


@dataclass(frozen=True, slots=True)
class BlockLocation:
    """Where the ``Anchored`` event of a root is."""

    transaction_hash: Bytes32
    block_number: int
    block_hash: Bytes32


@dataclass(frozen=True, slots=True)
class Through:
    """A later batch that holds an earlier one in its history.

    ``path`` is the inclusion path of the earlier root at its number - 1, in a history of
    ``batch.number - 1`` roots.
    """

    batch: Batch
    path: HashPath


@dataclass(frozen=True, slots=True)
class Anchor:
    """One place where a batch's root, or the root of the later batch ``through``, is on a chain.

    ``contract`` has 20 bytes. Without ``location`` the root is asked for as the contract's head, or a
    pinned one.
    """

    chain_id: int
    contract: bytes
    location: BlockLocation | None = None
    through: Through | None = None


@dataclass(frozen=True, slots=True)
class AnchoredBatch:
    """A batch, and the places where it is on chains; there may be none yet."""

    batch: Batch
    anchors: tuple[Anchor, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """A ledger's head in a batch's map; ``siblings`` run from the root down."""

    size: int
    root: Bytes32
    siblings: HashPath
    batch: AnchoredBatch


@dataclass(frozen=True, slots=True)
class LedgerAbsence:
    """A place in a batch's map where a ledger would be and is not."""

    siblings: HashPath
    other: MapLeaf | None
    batch: AnchoredBatch


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
class Span:
    """A time span ``[start, end)`` in milliseconds, and the neighbours that show it whole.

    ``first`` is the delta at the period's first index; ``next`` the one after its last, or None where
    the head holds none.
    """

    start: int
    end: int
    first: Included
    next: Included | None


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
    """Which log. ``public_key`` (32 bytes) is there where a customer is named."""

    log_id: Bytes32
    public_key: Bytes32 | None = None


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
