"""Files of every kind out of a world, honest in form or pieced together from several."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from random import Random
from typing import Any

from anchor.proof.values import (
    AnchoredBatch,
    Backdated,
    BatchSignature,
    DeltaRecord,
    FalseBalance,
    Fraud,
    FraudClaim,
    Included,
    LedgerHead,
    PeriodClaim,
    ProofFile,
    RecordedAfterSealed,
    ShrunkLedger,
    TimeReversed,
    TwoBatches,
    TwoDeltas,
    TwoHeads,
    VanishedLedger,
)
from tests.lies.worlds import CUSTOMERS, HOUR, World, any_batch, forged_signature
from tests.verify.building import BuiltLog

Place = tuple[BuiltLog, str, int, int]
"""A branch, a customer, a batch that holds its ledger, and how many deltas it has there."""


def places(world: World) -> list[Place]:
    """Every ledger in every batch of every branch."""
    found = []
    for branch in world.branches:
        for (customer, _), ledger in branch.ledgers.items():
            for at, sealed in enumerate(branch.batches):
                records = sealed.ledgers.get(ledger.identity.ledger_id)
                if records:
                    found.append((branch, customer, at + 1, len(records)))
    return found


def honest_files(world: World, rng: Random) -> list[ProofFile]:
    """One file of each kind that an honest operator's log gives, of places drawn at random."""
    (log,) = world.branches
    newest = len(log.batches)
    branch, customer, number, size = rng.choice(places(world))
    index = rng.randrange(size)
    first = rng.randint(0, index)
    files = [
        branch.delta(customer, index, number),
        branch.balance(customer, index, number),
        branch.balance(customer, size - 1, number),
        branch.period(customer, first, index, number, listed=rng.random() < 0.5),
        branch.absence(f"nobody {rng.randrange(10)}", number),
        log.extension(customer, number, rng.randint(number, newest)),
    ]
    if any(name == customer for _, name, at, _ in places(world) if at == newest):
        files.append(log.freshness(customer, newest))
    span = _honest_span(log, customer, newest, rng)
    if span is not None:
        files.append(span)
    return files


def _honest_span(log: BuiltLog, customer: str, newest: int, rng: Random) -> ProofFile | None:
    """A span between two batches of the log, where there is one that holds a delta."""
    records = log.batches[newest - 1].ledgers.get(log.ledger(customer).identity.ledger_id, ())
    opening = rng.choice([None, *sorted(log.locations)[:-1]])
    start = rng.choice(records).recorded_at if opening is None else log.block_time(opening)
    end = min(log.batches[newest - 1].batch.sealed_at - 60_000, log.block_time(newest))
    if not any(start <= record.recorded_at < end for record in records):
        return None
    return log.spanned(customer, (start, end), newest, opening=opening, listed=rng.random() < 0.5)


def told_file(world: World, rng: Random) -> ProofFile:
    """A file that its maker wrote as the format wants it, out of whatever the world holds."""
    branch, customer, number, size = rng.choice(places(world))
    index, newest = rng.randrange(size), len(branch.batches)
    first = rng.randint(0, index)
    kind = rng.randrange(9)
    if kind == 0:
        return branch.delta(customer, index, number)
    if kind == 1:
        return branch.balance(customer, rng.choice((index, size - 1)), number)
    if kind == 2:
        return branch.period(customer, first, index, number, listed=rng.random() < 0.5)
    if kind in (3, 4):
        return told_span(branch, customer, number, size, rng)
    if kind == 5:
        absent = rng.choice(CUSTOMERS)
        ledger_id = branch.key.ledger_identity(absent, "").ledger_id
        if ledger_id not in branch.batches[number - 1].ledgers:
            return branch.absence(absent, number)
        return branch.absence(f"nobody {index}", number)
    if kind == 6:
        return branch.freshness(customer, number)
    if kind == 7:
        later = [at for one, name, at, _ in places(world) if one is branch and name == customer]
        older, newer = sorted((rng.choice(later), rng.choice(later)))
        ledger_id = branch.ledger(customer).identity.ledger_id
        sizes = [len(branch.batches[at - 1].ledgers[ledger_id]) for at in (older, newer)]
        if sizes[0] <= sizes[1]:
            return branch.extension(customer, older, newer)
        return branch.freshness(customer, min(newest, number))
    return accusation(world, rng)


def told_span(branch: BuiltLog, customer: str, number: int, size: int, rng: Random) -> ProofFile:
    """A span with the range and the bounds that its maker likes: often nearly right."""
    ledger_id = branch.ledger(customer).identity.ledger_id
    records = branch.batches[number - 1].ledgers[ledger_id]
    times = sorted(rng.choice(records).recorded_at + rng.choice((0, 0, 1, -1, HOUR, -HOUR)) for _ in range(2))
    opening = rng.choice([None, *range(1, number + 1)])
    if rng.random() < 0.6:
        # Bounds that the blocks allow: what is false then is which deltas lie between them.
        opening = rng.choice([None, *(at for at in branch.locations if at < number)])
        begins = times[0] if opening is None else branch.block_time(opening)
        times = [begins, branch.batches[number - 1].batch.sealed_at - 60_000]
    start, end = times[0], max(times[1], times[0] + 1)
    held = [one.index for one in records if start <= one.recorded_at < end]
    opened = 0 if opening is None else len(branch.batches[opening - 1].ledgers.get(ledger_id, ()))
    if held and rng.random() < 0.7:
        first, last = max(opened, held[0]), held[-1]
        if rng.random() < 0.3:
            first, last = rng.choice(((first + 1, last), (first, last - 1)))
    else:
        first, last = sorted((rng.randrange(size), rng.randrange(size)))
    first, last = max(0, first), min(size - 1, last)
    if first > last or opened > first:
        opening, first, last = None, min(first, size - 1), max(last, min(first, size - 1))
    return branch.period(
        customer, first, last, number, span=(start, end), opening=opening, listed=rng.random() < 0.5
    )


def accusation(world: World, rng: Random) -> ProofFile:
    """A fraud of any kind, from whatever two things the world holds of one ledger."""
    branch, customer, number, size = rng.choice(places(world))
    alike = [place for place in places(world) if place[1] == customer]
    other, _, other_number, other_size = rng.choice(alike)
    index = rng.randrange(size)
    head, other_head = branch.head(customer, number), other.head(customer, other_number)
    fraud: Fraud
    kind = rng.randrange(9)
    if kind == 0:
        before = branch.included(customer, index - 1, number) if index else None
        fraud = FalseBalance(before, branch.included(customer, index, number), head)
    elif kind == 1 and index:
        fraud = TimeReversed(
            branch.included(customer, index - 1, number), branch.included(customer, index, number), head
        )
    elif kind == 2:
        fraud = RecordedAfterSealed(branch.included(customer, index, number), head)
    elif kind == 3:
        fraud = Backdated(other_head, branch.included(customer, index, number), head)
    elif kind == 4:
        at = min(index, other_size - 1)
        fraud = TwoDeltas(
            branch.included(customer, at, number),
            head,
            other.included(customer, at, other_number),
            other_head,
        )
    elif kind == 5:
        fraud = TwoHeads(head, other_head)
    elif kind == 6:
        fraud = ShrunkLedger(head, other_head)
    elif kind == 7:
        absent = [
            (one, at + 1)
            for one in world.branches
            for at, sealed in enumerate(one.batches)
            if branch.ledger(customer).identity.ledger_id not in sealed.ledgers
        ]
        if not absent:
            return accusation(world, rng)
        where, at = rng.choice(absent)
        fraud = VanishedLedger(head, where.absence_of(customer, at))
    else:
        return ProofFile(
            branch.log(), None, FraudClaim(TwoBatches(any_batch(world, rng), any_batch(world, rng)))
        )
    return branch.file(customer, FraudClaim(fraud))


# Files pieced together


def pieced_together(world: World, rng: Random) -> ProofFile:
    """A file in which one part, or some, are of another file of the world, or altered."""
    proof = told_file(world, rng)
    other = told_file(world, rng)
    for _ in range(rng.randint(1, 3)):
        proof = _altered(world, proof, other, rng)
    return proof


def _altered(world: World, proof: ProofFile, other: ProofFile, rng: Random) -> ProofFile:
    parts = list(_parts(proof, ()))
    path, value = rng.choice(parts)
    alike = [one for _, one in _parts(other, ()) if type(one) is type(value)]
    new: Any = value
    if isinstance(value, AnchoredBatch):
        new = rng.choice(
            (
                any_batch(world, rng),
                replace(value, signed=forged_signature(world, rng)),
                replace(value, anchors=any_batch(world, rng).anchors),
                replace(value, signed=None),
            )
        )
    elif isinstance(value, BatchSignature):
        new = forged_signature(world, rng)
    elif isinstance(value, bool):
        return proof
    elif isinstance(value, int):
        new = max(0, value + rng.choice((-1, 1, 60_000, -60_000, HOUR)))
    elif isinstance(value, bytes) and value:
        at = rng.randrange(len(value))
        new = value[:at] + bytes((value[at] ^ 1 << rng.randrange(8),)) + value[at + 1 :]
    elif isinstance(value, tuple) and value and rng.random() < 0.5:
        at = rng.randrange(len(value))
        new = value[:at] + value[at + 1 :]
    elif alike:
        new = rng.choice(alike)
    return _put(proof, path, new)  # type: ignore[no-any-return]


def _parts(value: Any, path: tuple[str | int, ...]) -> list[tuple[tuple[str | int, ...], Any]]:
    found = [] if not path else [(path, value)]
    if is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            found += _parts(getattr(value, each.name), (*path, each.name))
    elif isinstance(value, tuple):
        for at, one in enumerate(value):
            found += _parts(one, (*path, at))
    return found


def _put(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(value, tuple):
        assert isinstance(step, int)
        return (*value[:step], _put(value[step], rest, new), *value[step + 1 :])
    return replace(value, **{str(step): _put(getattr(value, str(step)), rest, new)})


__all__ = [
    "DeltaRecord",
    "Included",
    "LedgerHead",
    "PeriodClaim",
    "accusation",
    "honest_files",
    "pieced_together",
    "places",
    "told_file",
]
