"""Steps 1 to 3 of a verification, for one delta, one head, one place: what needs nothing but the file."""

from dataclasses import dataclass, field
from typing import Any

from anchor.proof.values import (
    DeltaRecord,
    FingerprintRecord,
    HashPath,
    Included,
    LedgerAbsence,
    LedgerHead,
    ProofFile,
    Record,
)
from anchor.protocol.amounts import format_units
from anchor.protocol.errors import IdentityError, ProofError
from anchor.protocol.fingerprint import domain_separator
from anchor.protocol.hashing import Bytes32
from anchor.protocol.identities import log_id as log_id_of
from anchor.protocol.identities import verify_ledger_identity
from anchor.protocol.ledger_map import head_hash, root_from_absence, root_from_presence
from anchor.protocol.merkle import LEDGER_TREE, check_consistency, root_from_inclusion
from anchor.protocol.times import moment
from anchor.verify.on_chain import Claimed
from anchor.verify.results import Checks


@dataclass(frozen=True, slots=True)
class Proven:
    """What the file's own numbers prove, and the batches that all of it rests on."""

    batches: tuple[Claimed, ...]
    statements: tuple[str, ...]
    facts: dict[str, Any] = field(default_factory=dict)


class LocalChecks:
    """The checks within one file. ``ledger_id`` is ZERO where the file concerns no ledger."""

    def __init__(self, checks: Checks, log_id: Bytes32, ledger_id: Bytes32) -> None:
        self.checks = checks
        self.log_id = log_id
        self.ledger_id = ledger_id
        self.separator = domain_separator(log_id)

    def identity(self, proof: ProofFile) -> None:
        """Check that the named customer's ledger is this one, and can be no other."""
        public_key = proof.log.public_key
        self.checks.same(
            "log id",
            self.log_id,
            log_id_of(public_key, proof.log.founder),
            "The log's id is the hash of its public identity key and its founder.",
            "The public identity key and the founder are not those of the log.",
        )
        customer = None if proof.ledger is None else proof.ledger.customer
        if customer is None:
            return
        name = "identity proof"
        try:
            found = verify_ledger_identity(
                public_key, customer.identity_proof, customer.customer_id, customer.unit
            )
        except IdentityError as failure:
            self.checks.refused(name, failure, "The identity proof is not one for this customer and unit.")
            raise
        self.checks.same(
            name,
            self.ledger_id,
            found,
            "This ledger is the only one that this customer can have in this unit.",
            "The identity proof gives another ledger for this customer and unit.",
        )

    def fingerprint(self, included: Included, label: str = "") -> Bytes32:
        """Recompute a delta's fingerprint, or take the one that is stated."""
        record = included.record
        found = record.fingerprint(self.separator, self.ledger_id)
        self.checks.passed(
            _labelled("fingerprint", label),
            found,
            f"Delta {record.index}: recomputed from its fields and commitments."
            if isinstance(record, DeltaRecord)
            else f"Delta {record.index}: taken as stated, since all its fields are withheld.",
        )
        return found

    def included(self, included: Included, head: LedgerHead, label: str = "") -> Bytes32:
        """Check that a delta is in a head, and return its fingerprint."""
        index = included.record.index
        found = self.fingerprint(included, label)
        name = _labelled("ledger inclusion", label)
        try:
            root = root_from_inclusion(LEDGER_TREE, LEDGER_TREE.leaf(found), index, head.size, included.path)
        except ProofError as failure:
            self.checks.refused(name, failure, f"The path cannot be that of delta {index} of {head.size}.")
            raise
        self.checks.same(
            name,
            head.root,
            root,
            f"Delta {index} is in the ledger's tree of {head.size}.",
            f"Delta {index}, as shown, is not in this tree: the delta or its path was altered.",
        )
        return found

    def head(self, head: LedgerHead, label: str = "", *, must_be_newest: bool = False) -> Claimed:
        """Check that a batch's map holds a head, and return the batch to ask the chain for."""
        name = _labelled("map presence", label)
        self.checks.holds(
            _labelled("head size", label), head.size > 0, "at least 1", head.size, "A ledger holds deltas."
        )
        try:
            root = root_from_presence(self.ledger_id, head_hash(head.size, head.root), head.siblings)
        except ProofError as failure:
            self.checks.refused(name, failure, "The siblings cannot be a place in the map.")
            raise
        self.checks.same(
            name,
            head.batch.batch.map_root,
            root,
            f"Batch {head.batch.batch.number} holds this head for the ledger.",
            f"The ledger's head is not in the map of batch {head.batch.batch.number}.",
        )
        return self.batch(Claimed(label, head.batch, must_be_newest))

    def absence(self, absence: LedgerAbsence, label: str = "") -> Claimed:
        """Check that a batch's map holds no such ledger, and return the batch to ask the chain for."""
        name = _labelled("map absence", label)
        number = absence.batch.batch.number
        try:
            root = root_from_absence(self.ledger_id, absence.siblings, absence.other)
        except ProofError as failure:
            self.checks.refused(name, failure, "This place in the map does not show an absence.")
            raise
        self.checks.same(
            name,
            absence.batch.batch.map_root,
            root,
            f"Batch {number} holds no such ledger: its only place is empty or another's.",
            f"This place is not in the map of batch {number}.",
        )
        return self.batch(Claimed(label, absence.batch))

    def batch(self, claimed: Claimed) -> Claimed:
        """Compute a batch's anchored root."""
        batch = claimed.batch.batch
        self.checks.passed(
            claimed.step("anchored root"),
            batch.anchor_root(self.log_id),
            f"The root of batch {batch.number}: this is what a chain has to hold.",
        )
        return claimed

    def consistent(
        self, name: str, old: tuple[int, Bytes32], new: tuple[int, Bytes32], path: HashPath, explanation: str
    ) -> None:
        """Check that one tree, given as (size, root), extends another."""
        try:
            check_consistency(LEDGER_TREE, *old, *new, path)
        except ProofError as failure:
            self.checks.refused(
                name, failure, f"The tree of {new[0]} is not shown to extend that of {old[0]}."
            )
            raise
        self.checks.passed(name, new[1], explanation)

    def recorded(self, record: Record, head: LedgerHead, label: str = "") -> None:
        """Check that a delta, where its time is shown, was recorded before its batch was sealed (§8)."""
        if not isinstance(record, DeltaRecord):
            return
        batch = head.batch.batch
        self.checks.holds(
            _labelled("recorded before sealing", label),
            record.recorded_at <= batch.sealed_at,
            f"up to {moment(batch.sealed_at)}",
            moment(record.recorded_at),
            f"Delta {record.index} was recorded no later than batch {batch.number} was sealed.",
        )

    def follows(self, before: Record | None, after: Record, label: str = "") -> None:
        """Check that the balances of two neighbours follow; before delta 0 there is None, and 0 (§8)."""
        if not isinstance(after, DeltaRecord) or isinstance(before, FingerprintRecord):
            return
        opening = 0 if before is None else before.balance
        self.checks.same(
            _labelled("balance follows", label),
            format_units(opening + after.amount),
            format_units(after.balance),
            f"Delta {after.index}: its balance is the one before it plus its amount.",
            f"Delta {after.index}: its balance is not the one before it plus its amount. "
            "The operator broke a rule of the log.",
        )

    def index(self, name: str, expected: int, included: Included) -> None:
        """Check where a delta stands."""
        self.checks.same(
            name,
            expected,
            included.record.index,
            f"It is delta {expected}.",
            f"A proof like this shows delta {expected} here.",
        )


def _labelled(name: str, label: str) -> str:
    return f"{name} ({label})" if label else name


def shown(included: Included) -> DeltaRecord:
    """Return the record of a delta that the file's shape requires to be shown."""
    record = included.record
    if not isinstance(record, DeltaRecord):
        raise TypeError("the reader lets no withheld record through here")
    return record
