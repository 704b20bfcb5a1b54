"""Fraud: two things that the operator is bound to by anchored roots, and that cannot both be."""

from collections.abc import Callable
from typing import Any, Final

from anchor.proof.values import (
    Backdated,
    FalseBalance,
    Fraud,
    FraudClaim,
    RecordedAfterSealed,
    ShrunkLedger,
    TimeReversed,
    TwoBatches,
    TwoDeltas,
    TwoHeads,
    VanishedLedger,
)
from anchor.proof.writing import CHEATS
from anchor.protocol.amounts import format_units
from anchor.protocol.times import moment
from anchor.verify.local_checks import LocalChecks, Proven, shown
from anchor.verify.on_chain import Claimed

ALLOWED_LAG: Final = 60_000
"""Milliseconds: a delta that a batch does not yet hold may be recorded so long before it was sealed."""

Found = tuple[tuple[Claimed, ...], str]


def fraud(local: LocalChecks, claim: FraudClaim) -> Proven:
    """The operator broke a rule of the protocol."""
    kind = type(claim.fraud)
    batches, statement = _CHECKS[kind](local, claim.fraud)
    return Proven(batches, (f"The operator cheated. {statement}",), {"cheat": CHEATS[kind]})


def _contradiction(local: LocalChecks, broken: bool, rule: str, found: str) -> None:
    local.checks.holds(
        "contradiction",
        broken,
        f"a breach of the rule that {rule}",
        found,
        f"This breaks the rule that {rule}.",
    )


def _false_balance(local: LocalChecks, of: FalseBalance) -> Found:
    after = shown(of.after)
    before = 0
    if of.before is None:
        local.index("first delta", 0, of.after)
    else:
        local.included(of.before, of.head, "before")
        local.index("neighbours", of.before.record.index + 1, of.after)
        before = shown(of.before).balance
    local.included(of.after, of.head, "after")
    expected = format_units(before + after.amount)
    _contradiction(
        local,
        before + after.amount != after.balance,
        "a balance is the one before it plus the amount",
        f"balance {format_units(after.balance)}, where the sum is {expected}",
    )
    return (local.head(of.head),), (
        f"The balance after delta {after.index} has to be {expected}, and the record says "
        f"{format_units(after.balance)}."
    )


def _time_reversed(local: LocalChecks, of: TimeReversed) -> Found:
    before, after = shown(of.before), shown(of.after)
    local.included(of.before, of.head, "before")
    local.index("neighbours", before.index + 1, of.after)
    local.included(of.after, of.head, "after")
    _contradiction(
        local,
        after.recorded_at < before.recorded_at,
        "no delta is recorded before the one before it",
        f"{moment(before.recorded_at)}, then {moment(after.recorded_at)}",
    )
    return (local.head(of.head),), (
        f"Delta {after.index} says it was recorded {moment(after.recorded_at)}, before delta {before.index} "
        f"({moment(before.recorded_at)})."
    )


def _recorded_after_sealed(local: LocalChecks, of: RecordedAfterSealed) -> Found:
    record, batch = shown(of.delta), of.head.batch.batch
    local.included(of.delta, of.head)
    _contradiction(
        local,
        record.recorded_at > batch.sealed_at,
        "a batch holds nothing recorded after it was sealed",
        f"recorded {moment(record.recorded_at)}, sealed {moment(batch.sealed_at)}",
    )
    return (local.head(of.head),), (
        f"Batch {batch.number}, sealed {moment(batch.sealed_at)}, holds delta {record.index}, which says "
        f"it was recorded {moment(record.recorded_at)}."
    )


def _backdated(local: LocalChecks, of: Backdated) -> Found:
    record, sealed_at = shown(of.delta), of.earlier.batch.batch.sealed_at
    earlier = local.head(of.earlier, "earlier head")
    local.included(of.delta, of.head)
    _contradiction(
        local,
        record.index >= of.earlier.size and record.recorded_at < sealed_at - ALLOWED_LAG,
        "a delta that a batch does not hold was not recorded a minute or more before it was sealed",
        f"delta {record.index}, recorded {moment(record.recorded_at)}; {of.earlier.size} deltas sealed "
        f"{moment(sealed_at)}",
    )
    return (earlier, local.head(of.head, "later head")), (
        f"Delta {record.index} says it was recorded {moment(record.recorded_at)}, but batch "
        f"{of.earlier.batch.batch.number}, sealed {moment(sealed_at)}, did not hold it: it was put in later."
    )


def _two_deltas(local: LocalChecks, of: TwoDeltas) -> Found:
    index = of.first.record.index
    local.index("same index", index, of.second)
    first = local.included(of.first, of.first_head, "first")
    second = local.included(of.second, of.second_head, "second")
    _contradiction(
        local,
        first != second,
        "a ledger has one delta at an index",
        "two fingerprints" if first != second else "the same fingerprint twice",
    )
    return (local.head(of.first_head, "first head"), local.head(of.second_head, "second head")), (
        f"There are two different deltas {index} of this ledger: the record was rewritten."
    )


def _two_heads(local: LocalChecks, of: TwoHeads) -> Found:
    local.checks.same("same size", of.first.size, of.second.size, "Both heads have as many deltas.")
    _contradiction(
        local,
        of.first.root != of.second.root,
        "a ledger of one size has one root",
        "two roots" if of.first.root != of.second.root else "the same root twice",
    )
    return (local.head(of.first, "first head"), local.head(of.second, "second head")), (
        f"The ledger of {of.first.size} deltas was shown in two forms: the record was rewritten."
    )


def _shrunk_ledger(local: LocalChecks, of: ShrunkLedger) -> Found:
    _later_batch(local, of.earlier.batch.batch.number, of.later.batch.batch.number)
    _contradiction(
        local,
        of.later.size < of.earlier.size,
        "a ledger only grows",
        f"{of.earlier.size} deltas, then {of.later.size}",
    )
    return (local.head(of.earlier, "earlier head"), local.head(of.later, "later head")), (
        f"The ledger had {of.earlier.size} deltas, and later {of.later.size}: some were removed."
    )


def _vanished_ledger(local: LocalChecks, of: VanishedLedger) -> Found:
    _later_batch(local, of.earlier.batch.batch.number, of.absence.batch.batch.number)
    return (local.head(of.earlier, "earlier head"), local.absence(of.absence, "later batch")), (
        f"The ledger had {of.earlier.size} deltas, and later it was gone."
    )


def _two_batches(local: LocalChecks, of: TwoBatches) -> Found:
    number = of.first.batch.number
    local.checks.same("same number", number, of.second.batch.number, "Both batches have one number.")
    first = local.batch(Claimed("first batch", of.first))
    second = local.batch(Claimed("second batch", of.second))
    _contradiction(
        local,
        of.first.batch != of.second.batch,
        "there is one batch of a number",
        "two roots" if of.first.batch != of.second.batch else "the same root twice",
    )
    return (first, second), f"There are two different batches {number}: the log was rewritten."


def _later_batch(local: LocalChecks, earlier: int, later: int) -> None:
    local.checks.holds(
        "batch order",
        later > earlier,
        f"a batch after {earlier}",
        later,
        "The second batch is the later one.",
    )


_CHECKS: Final[dict[type[Fraud], Callable[[LocalChecks, Any], Found]]] = {
    FalseBalance: _false_balance,
    TimeReversed: _time_reversed,
    RecordedAfterSealed: _recorded_after_sealed,
    Backdated: _backdated,
    TwoDeltas: _two_deltas,
    TwoHeads: _two_heads,
    ShrunkLedger: _shrunk_ledger,
    VanishedLedger: _vanished_ledger,
    TwoBatches: _two_batches,
}
