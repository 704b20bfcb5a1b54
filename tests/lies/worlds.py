"""Worlds in which somebody lies: an operator, a thief of the submitter's key, a counterparty.

A world is one chain in memory, with every batch that anybody made for it and what is true of each. The
same seed gives the same world.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random

from anchor.node.view import Block
from anchor.proof.values import AnchoredBatch, BatchSignature, DeltaRecord, ProofLog
from anchor.protocol.batch import Batch
from anchor.protocol.hashing import Bytes32
from tests.verify.building import START, BuiltLog, MemoryChain, SealedBatch

CUSTOMERS = ("acme", "bolt", "Zürich ✈")
HOUR = 3_600_000


@dataclass(frozen=True)
class Made:
    """A batch that somebody made: what it holds, and whether the log signed it."""

    batch: Batch
    ledgers: dict[Bytes32, tuple[DeltaRecord, ...]]
    is_signed: bool
    history: tuple[Bytes32, ...]
    """The anchored roots of all batches before it, as its history has them."""


@dataclass
class World:
    """What there is: the chain, the branches of the log that were told, and every batch by its root."""

    seed: int
    chain: MemoryChain
    branches: list[BuiltLog]
    made: dict[Bytes32, Made] = field(default_factory=dict)
    honest: bool = True

    def note(self, log: BuiltLog, *, is_signed: bool = True) -> None:
        """Take down all batches of a branch."""
        roots = [sealed.root for sealed in log.batches]
        for at, sealed in enumerate(log.batches):
            known = self.made.get(sealed.root)
            signed = is_signed or (known is not None and known.is_signed)
            self.made[sealed.root] = Made(sealed.batch, sealed.ledgers, signed, tuple(roots[:at]))

    def anchored(self) -> Iterator[tuple[Bytes32, int, Block]]:
        """Return every anchored root with the number that its event states, and its block, in order."""
        for block, events in zip(self.chain.blocks, self.chain.events, strict=True):
            for event in events:
                yield event.new_head, event.number, block

    def committed_since(self, root: Bytes32) -> int | None:
        """Return the time (ms) of the first block that commits to a root: its own, or one whose batch has it
        in its history. None where none does."""
        for head, _, block in self.anchored():
            batch = self.made.get(head)
            if head == root or (batch is not None and root in batch.history):
                return block.timestamp * 1000
        return None


class Thief(BuiltLog):
    """Whoever holds the submitter's key, and files of a customer, but no identity key."""

    def __init__(self, victim: BuiltLog, customer: str) -> None:
        super().__init__(victim.random.randrange(1000, 10**9), chain=victim.chain)
        self.log_id, self.separator, self.victim = victim.log_id, victim.separator, victim
        self.ledger(customer).identity = victim.ledger(customer).identity
        self.ledger(customer).separator = victim.separator
        self.now = victim.now

    def log(self, *, public_key: bool = True) -> ProofLog:
        return self.victim.log()

    def signature(self, number: int, size: int | None = None) -> BatchSignature:
        """One that the log made, of any batch, or one by the thief's own key."""
        if self.victim.batches and self.random.random() < 0.7:
            return self.victim.signature(self.random.randint(1, len(self.victim.batches)))
        return super().signature(number, size)


def honest_world(seed: int) -> World:
    """An operator who keeps every rule: times rise, each batch is anchored after it was sealed."""
    log = BuiltLog(seed)
    rng = log.random
    for _ in range(rng.randint(2, 5)):
        for customer in CUSTOMERS[: rng.randint(1, 3)]:
            log.record_many(customer, rng.randint(0, 4))
        if not any(one.records for one in log.ledgers.values()):
            log.record_many("acme", 1)
        log.now += rng.choice((0, 1_000, 61_000, HOUR))
        log.seal()
        if rng.random() < 0.8:
            log.anchor()
            if rng.random() < 0.2:
                log.chain.pin()
    log.now += 61_000
    log.seal()
    log.anchor()
    world = World(seed, log.chain, [log])
    world.note(log)
    return world


def _some_time(rng: Random, now: int) -> int:
    return rng.choice((now, now - rng.randint(1, 10 * HOUR), now + rng.randint(1, 10 * HOUR), START + 1))


def lying_world(seed: int) -> World:
    """An operator who writes what times and balances it likes, rewrites its log, and anchors in any order;
    and a thief who anchors beside it."""
    log = BuiltLog(seed)
    rng = log.random
    branches = [log]
    thieves: list[Thief] = []
    for _ in range(rng.randint(2, 5)):
        branch = rng.choice(branches)
        for customer in CUSTOMERS[: rng.randint(1, 3)]:
            for _ in range(rng.randint(0, 4)):
                fields: dict[str, object] = {}
                if rng.random() < 0.3:
                    fields["recorded_at"] = _some_time(rng, branch.now)
                if rng.random() < 0.1:
                    fields["balance"] = rng.randint(-(10**21), 10**21)
                branch.record(customer, rng.randint(-(10**21), 10**21), "", **fields)
        if not any(one.records for one in branch.ledgers.values()):
            branch.record_many("acme", 1)
        if rng.random() < 0.2 and len(branch.ledgers) > 1:
            # It loses a whole ledger, or the end of one.
            victim = rng.choice(list(branch.ledgers.values()))
            del victim.records[rng.randint(0, len(victim.records)) :]
            if not any(one.records for one in branch.ledgers.values()):
                branch.record_many("acme", 1)
        kept, branch.now = branch.now, branch.now + rng.choice((0, 61_000, HOUR))
        if rng.random() < 0.2:
            branch.now = _some_time(rng, kept)
        branch.seal()
        branch.now = max(branch.now, kept)
        if rng.random() < 0.3:
            branches.append(fork(branch, rng))
        for _ in range(rng.randint(0, 2)):
            other = rng.choice(branches)
            if other.batches:
                _anchor(other, rng.randint(1, len(other.batches)), kept)
        if rng.random() < 0.2 and log.chain.heads[-1] != bytes(32):
            log.chain.pin()
        if rng.random() < 0.3 and "acme" in {name for name, _ in log.ledgers}:
            thief = Thief(log, "acme")
            thief.record_many("acme", rng.randint(1, 3))
            thief.seal()
            thief.anchor()
            thieves.append(thief)
        if rng.random() < 0.15:
            # A root that is nobody's, or one of the log's own under another number.
            root = rng.choice([rng.randbytes(32), *(sealed.root for sealed in log.batches)])
            log.chain.anchor(root, rng.randint(1, 9), kept)
    for branch in branches:
        if branch.batches and rng.random() < 0.7:
            _anchor(branch, len(branch.batches), branch.now)
    world = World(seed, log.chain, [*branches, *thieves], honest=False)
    for branch in branches:
        world.note(branch)
    for thief in thieves:
        world.note(thief, is_signed=False)
    return world


def _anchor(log: BuiltLog, number: int, now: int) -> None:
    sealed = log.batches[number - 1]
    location = log.chain.anchor(sealed.root, number, min(sealed.batch.sealed_at, now))
    log.locations.setdefault(number, (log.chain.id, log.chain.contract, location))


def fork(log: BuiltLog, rng: Random) -> BuiltLog:
    """The same log told another way: its key, some of its first batches, and other deltas from there on."""
    other = BuiltLog(chain=log.chain)
    other.key, other.log_id, other.separator = log.key, log.log_id, log.separator
    other.random = Random(rng.random())
    kept = rng.randint(0, len(log.batches))
    other.batches = list(log.batches[:kept])
    other.locations = {number: at for number, at in log.locations.items() if number <= kept}
    other.now = log.now
    for (customer, unit), ledger in log.ledgers.items():
        copy = other.ledger(customer, unit)
        copy.identity = ledger.identity
        copy.records = list(ledger.records)
        if copy.records and rng.random() < 0.5:
            at = rng.randrange(len(copy.records))
            changed = replace(copy.records[at], amount=copy.records[at].amount + 1)
            copy.records[at] = changed
    return other


def forged_signature(world: World, rng: Random) -> BatchSignature:
    """A signature from anywhere in the world."""
    branch = rng.choice([one for one in world.branches if one.batches])
    number = rng.randint(1, len(branch.batches))
    return branch.signature(number, rng.randint(number, len(branch.batches)))


def any_batch(world: World, rng: Random) -> AnchoredBatch:
    """A batch from anywhere in the world, as a file shows it."""
    branch = rng.choice([one for one in world.branches if one.batches])
    return branch.anchored_batch(rng.randint(1, len(branch.batches)))


__all__ = ["CUSTOMERS", "Made", "SealedBatch", "Thief", "World", "any_batch", "forged_signature"]
