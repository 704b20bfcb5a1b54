"""What the claims of a proof file are made of: deltas as far as they are shown, batches, heads, absences.

Nothing here is trusted, and nothing is checked beyond its shape.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from anchor.protocol.batch import Batch
from anchor.protocol.commitments import commit
from anchor.protocol.fingerprint import Delta, fingerprint_fields
from anchor.protocol.hashing import ZERO, Bytes32, int256
from anchor.protocol.ledger_map import MapLeaf

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
        return fingerprint_fields(
            separator,
            ledger_id,
            self.index,
            int256(self.amount),
            int256(self.balance),
            self.occurred_at,
            self.recorded_at,
            self.reason.commitment,
            self.reference_id.commitment,
            self.metadata.commitment,
            self.adjusts,
        )


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


TEXTS: Final = ("reason", "referenceId", "metadata")
"""The texts of a delta, each shown or withheld by itself."""


@dataclass(frozen=True, slots=True)
class ShownTexts:
    """Amounts and times are shown, and of the texts these alone, by their names in ``TEXTS``."""

    names: frozenset[str]


Showing: TypeAlias = Disclosure | ShownTexts

HOW_TO_SHOW: Final = f"full, amounts, fingerprints, or the texts to show: {','.join(TEXTS)}"


def parse_showing(text: str) -> Showing:
    """Return a level by its name, or the texts named in a list with commas: ``reason,referenceId``.

    Raises ValueError, which lists the choices.
    """
    for level in Disclosure:
        if text == level:
            return level
    names = text.split(",")
    if not set(names) <= set(TEXTS):
        raise ValueError(f"{text[:60]!a} is no way to show a delta: give {HOW_TO_SHOW}")
    return ShownTexts(frozenset(names))


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


def disclose(record: DeltaRecord, disclosure: Showing, *, separator: Bytes32, ledger_id: Bytes32) -> Record:
    """Return the record with only as much shown as asked for. Its fingerprint stays."""
    match disclosure:
        case ShownTexts(names):
            return withhold(
                record,
                reason="reason" not in names,
                reference_id="referenceId" not in names,
                metadata="metadata" not in names,
            )
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
class BatchSignature:
    """That a batch is the log's own: a signed checkpoint, and the path from the batch's root to its tree's.

    ``checkpoint`` is a signed note. Its tree may be larger than the batch's number.
    """

    checkpoint: str
    path: HashPath


@dataclass(frozen=True, slots=True)
class AnchoredBatch:
    """A batch, the places where it is on chains, and the log's signature; there may be none of either yet."""

    batch: Batch
    anchors: tuple[Anchor, ...] = ()
    signed: BatchSignature | None = None


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
