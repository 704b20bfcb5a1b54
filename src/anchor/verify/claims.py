"""What each kind of claim needs to hold, and what it then proves."""

from typing import Any

from anchor.proof.values import (
    AbsenceClaim,
    BalanceClaim,
    ConsistencyClaim,
    DeltaClaim,
    DeltaRecord,
    Disclosed,
    FreshnessClaim,
    LedgerHead,
    Record,
)
from anchor.protocol.amounts import format_units
from anchor.protocol.errors import hex_of
from anchor.verify.local_checks import LocalChecks, Proven, shown


def delta(local: LocalChecks, claim: DeltaClaim) -> Proven:
    """This delta is in the record."""
    fingerprint = local.included(claim.delta, claim.head)
    batch = local.head(claim.head)
    record = claim.delta.record
    _by_itself(local, record, claim.head)
    statements = [f"Delta {record.index} is in the record, exactly as shown here."]
    if isinstance(record, DeltaRecord):
        statements.append(
            f"Its amount is {format_units(record.amount)}; the balance after it {_balance(record)}."
        )
    else:
        statements.append(f"Only its fingerprint is shown: {hex_of(fingerprint)}.")
    facts: dict[str, Any] = {"index": record.index, "fingerprint": hex_of(fingerprint)} | _facts(record)
    return Proven((batch,), tuple(statements), facts | head_facts(claim.head))


def balance(local: LocalChecks, claim: BalanceClaim) -> Proven:
    """This is the balance after this delta."""
    fingerprint = local.included(claim.delta, claim.head)
    batch = local.head(claim.head)
    record = shown(claim.delta)
    _by_itself(local, record, claim.head)
    last = record.index == claim.head.size - 1
    after = f"after delta {record.index} of {claim.head.size}"
    local.checks.passed(
        "balance as of",
        f"batch {batch.number}" if last else f"delta {record.index}",
        f"This is the balance {after}: {'the last one in the batch' if last else 'the batch has more'}.",
    )
    statements = (
        f"The balance {after} is {_balance(record)}: the operator is bound to it.",
        f"It is the ledger's balance as of batch {batch.number}, after all its {claim.head.size} deltas."
        if last
        else f"The ledger went on: it has {claim.head.size} deltas as of batch {batch.number}.",
    )
    facts = {"index": record.index, "fingerprint": hex_of(fingerprint), "isLast": last}
    return Proven((batch,), statements, facts | _facts(record) | head_facts(claim.head))


def absence(local: LocalChecks, claim: AbsenceClaim) -> Proven:
    """There is no such ledger in this batch."""
    batch = local.absence(claim.absence)
    return Proven((batch,), (f"As of batch {batch.number} there is no such ledger: not one delta of it.",))


def freshness(local: LocalChecks, claim: FreshnessClaim) -> Proven:
    """This is the ledger's newest head."""
    batch = local.head(claim.head, must_be_newest=True)
    statement = (
        f"The ledger's head in batch {batch.number} has {claim.head.size} deltas and the root "
        f"{hex_of(claim.head.root)}."
    )
    return Proven((batch,), (statement,), head_facts(claim.head))


def consistency(local: LocalChecks, claim: ConsistencyClaim) -> Proven:
    """This head extends that one."""
    earlier, later = claim.earlier, claim.head
    batches = []
    if isinstance(earlier, LedgerHead):
        batches.append(local.head(earlier, "earlier head"))
        local.checks.holds(
            "batch order",
            earlier.batch.batch.number <= later.batch.batch.number,
            f"a batch from {earlier.batch.batch.number}",
            later.batch.batch.number,
            "The earlier head is not from a later batch.",
        )
    batches.append(local.head(later, "later head"))
    local.consistent(
        "consistency",
        (earlier.size, earlier.root),
        (later.size, later.root),
        claim.path,
        f"The ledger of {later.size} deltas begins with the {earlier.size} of the earlier head.",
    )
    statements = [
        f"The head of {later.size} deltas extends the one of {earlier.size}: "
        "nothing before was altered or removed."
    ]
    if not batches[1:]:
        statements.append(
            f"The earlier head is not tied to a batch: see that its root, {hex_of(earlier.root)}, "
            "is the one you kept."
        )
    facts = head_facts(later) | {"earlierSize": earlier.size, "earlierRoot": hex_of(earlier.root)}
    return Proven(tuple(batches), tuple(statements), facts)


def _balance(record: DeltaRecord) -> str:
    return format_units(record.balance)


def _by_itself(local: LocalChecks, record: Record, head: LedgerHead) -> None:
    """Check what a delta says of itself: when it was recorded, and at index 0 its balance."""
    local.recorded(record, head)
    if record.index == 0:
        local.follows(None, record)


def head_facts(head: LedgerHead) -> dict[str, Any]:
    """A head, for programs."""
    return {"size": head.size, "root": hex_of(head.root)}


def _facts(record: Any) -> dict[str, Any]:
    if not isinstance(record, DeltaRecord):
        return {}
    facts: dict[str, Any] = {
        "amount": format_units(record.amount),
        "balance": format_units(record.balance),
        "occurredAt": record.occurred_at,
        "recordedAt": record.recorded_at,
    }
    for name, field in (
        ("reason", record.reason),
        ("referenceId", record.reference_id),
        ("metadata", record.metadata),
    ):
        if isinstance(field, Disclosed):
            facts[name] = field.value
    return facts
