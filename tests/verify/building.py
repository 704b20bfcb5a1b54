"""A log in memory, made with anchor.protocol alone, and every kind of proof file out of it.

`BuiltLog` records, seals and anchors as an operator does; a test that plays one who cheats alters its
records and batches between. `MemoryChain` is a chain with one contract on it, for proofs by the thousand:
the same proofs are also checked against real nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

from anchor.node.view import AnchoredEvent, Block, Finality
from anchor.proof.values import (
    AbsenceClaim,
    Anchor,
    AnchoredBatch,
    BalanceClaim,
    BatchSignature,
    BlockLocation,
    Claim,
    ConsistencyClaim,
    DeltaClaim,
    DeltaRecord,
    Disclosed,
    Edge,
    FingerprintRecord,
    FreshnessClaim,
    Included,
    KeptHead,
    LedgerAbsence,
    LedgerCustomer,
    LedgerHead,
    PeriodClaim,
    PeriodDeltas,
    ProofFile,
    ProofLedger,
    ProofLog,
    Span,
    Through,
)
from anchor.protocol.batch import Batch
from anchor.protocol.fingerprint import domain_separator
from anchor.protocol.hashing import ZERO, Bytes32, keccak, u64
from anchor.protocol.identities import IdentityKey, LedgerIdentity
from anchor.protocol.ledger_map import MapNode, MapPath, Position, head_hash, map_path, update_map
from anchor.protocol.merkle import HISTORY_TREE, LEDGER_TREE, Frontier, tree_root
from anchor.protocol.merkle_proofs import consistency_path, inclusion_path, nodes_from_leaves
from anchor.protocol.signed_checkpoint import SIGNED_TREE, SignedCheckpoint
from tests.fixtures.founder import FOUNDER

START = 1_775_000_000_000
CHAIN_ID = 31337
CONTRACT = bytes.fromhex("5fbdb2315678afecb367f032d93f642f64180aa3")


@dataclass
class BuiltLedger:
    """A ledger: its identity, its deltas, and the leaves of its tree."""

    identity: LedgerIdentity
    separator: Bytes32
    records: list[DeltaRecord] = field(default_factory=list)

    @property
    def leaves(self) -> list[Bytes32]:
        ledger_id = self.identity.ledger_id
        return [LEDGER_TREE.leaf(record.fingerprint(self.separator, ledger_id)) for record in self.records]

    def root(self, size: int) -> Bytes32:
        """The root of its first deltas."""
        return tree_root(LEDGER_TREE, self.leaves[:size])


@dataclass(frozen=True)
class SealedBatch:
    """A batch, its root, the deltas of each ledger at its time, and the map as it was."""

    batch: Batch
    root: Bytes32
    ledgers: dict[Bytes32, tuple[DeltaRecord, ...]]
    nodes: dict[Position, MapNode]


class BuiltLog:
    """An operator's log. The same seed gives the same log."""

    def __init__(self, seed: int = 1, *, chain: MemoryChain | None = None) -> None:
        self.random = Random(seed)
        self.key = IdentityKey(keccak(b"identity key %d" % seed))
        self.log_id = self.key.log_id(FOUNDER)
        self.separator = domain_separator(self.log_id)
        self.chain = MemoryChain(self.log_id) if chain is None else chain
        self.now = START
        self.ledgers: dict[tuple[str, str], BuiltLedger] = {}
        self.batches: list[SealedBatch] = []
        self.locations: dict[int, tuple[int, bytes, BlockLocation | None]] = {}

    # What an operator does

    def ledger(self, customer: str, unit: str = "") -> BuiltLedger:
        """A customer's ledger, opened where there is none."""
        if (customer, unit) not in self.ledgers:
            identity = self.key.ledger_identity(customer, unit)
            self.ledgers[customer, unit] = BuiltLedger(identity, self.separator)
        return self.ledgers[customer, unit]

    def record(self, customer: str, amount: int, unit: str = "", **fields: object) -> DeltaRecord:
        """Record one delta; ``fields`` replace what it would have held."""
        ledger = self.ledger(customer, unit)
        index = len(ledger.records)
        self.now += self.random.randint(1, 5_000)
        balance = amount + (ledger.records[-1].balance if ledger.records else 0)
        metadata = None if index % 3 else f'{{"flight":{index}}}'
        record = DeltaRecord(
            index=index,
            amount=amount,
            balance=balance,
            occurred_at=self.now - self.random.randint(0, 90_000),
            recorded_at=self.now,
            reason=self.disclosed("metered usage ✓"),
            reference_id=self.disclosed(f"usage-{index}" if index % 4 else None),
            metadata=self.disclosed(metadata),
        )
        if index and index % 5 == 0:
            earlier = ledger.records[self.random.randrange(index)]
            record = replace(record, adjusts=earlier.fingerprint(self.separator, ledger.identity.ledger_id))
        record = replace(record, **fields)  # type: ignore[arg-type]
        ledger.records.append(record)
        return record

    def disclosed(self, value: str | None) -> Disclosed:
        return Disclosed(value, self.random.randbytes(16))

    def record_many(self, customer: str, count: int, unit: str = "") -> None:
        """Record so many deltas of random amounts."""
        for _ in range(count):
            self.record(customer, self.random.randint(-(10**21), 10**21), unit)

    def seal(self) -> SealedBatch:
        """Seal what there is, whether anything is new or not."""
        self.now += 1_000
        heads: dict[Bytes32, Bytes32] = {}
        contents: dict[Bytes32, tuple[DeltaRecord, ...]] = {}
        for ledger in self.ledgers.values():
            if ledger.records:
                ledger_id = ledger.identity.ledger_id
                contents[ledger_id] = tuple(ledger.records)
                heads[ledger_id] = head_hash(len(ledger.records), ledger.root(len(ledger.records)))
        # Built anew each time, so that an operator who removes a ledger can be played too.
        update = update_map(lambda _: {}, heads)
        batch = Batch(len(self.batches) + 1, self._history_root(), update.root, self.now)
        sealed = SealedBatch(batch, batch.anchor_root(self.log_id), contents, update.written)
        self.batches.append(sealed)
        return sealed

    def _history_root(self) -> Bytes32:
        return tree_root(HISTORY_TREE, self.history_leaves(len(self.batches)))

    def history_leaves(self, count: int) -> list[Bytes32]:
        return [HISTORY_TREE.leaf(sealed.root) for sealed in self.batches[:count]]

    def anchor(self, number: int | None = None) -> BlockLocation:
        """Anchor a batch, the newest unless told, on the chain in memory."""
        sealed = self.batches[-1 if number is None else number - 1]
        location = self.chain.anchor(sealed.root, sealed.batch.number, self.now)
        self.locations[sealed.batch.number] = (self.chain.id, self.chain.contract, location)
        return location

    # Parts of proof files

    def anchored_batch(self, number: int) -> AnchoredBatch:
        """A batch with its own anchor, or one through the next batch that has one."""
        batch = self.batches[number - 1].batch
        return AnchoredBatch(batch, tuple(self._anchors(number)), self.signature(number))

    def signature(self, number: int, size: int | None = None) -> BatchSignature:
        """The log's signature over a batch, in a tree of ``size`` batches: its own number unless told."""
        size = size or number
        leaves = [SIGNED_TREE.leaf(sealed.root) for sealed in self.batches[:size]]
        note = SignedCheckpoint(size, tree_root(SIGNED_TREE, leaves)).sign(self.key, self.log_id)
        path = inclusion_path(SIGNED_TREE, number - 1, size, nodes_from_leaves(leaves, SIGNED_TREE))
        return BatchSignature(note, tuple(path))

    def _anchors(self, number: int) -> list[Anchor]:
        later = next((at for at in range(number, len(self.batches) + 1) if at in self.locations), None)
        if later is None:
            return []
        chain_id, contract, location = self.locations[later]
        through = None if later == number else self.through(number, later)
        return [Anchor(chain_id, contract, location, through)]

    def through(self, number: int, later: int) -> Through:
        """The history path of a batch in a later one."""
        leaves = self.history_leaves(later - 1)
        path = inclusion_path(HISTORY_TREE, number - 1, later - 1, nodes_from_leaves(leaves, HISTORY_TREE))
        return Through(self.batches[later - 1].batch, tuple(path))

    def log(self) -> ProofLog:
        return ProofLog(self.log_id, self.key.public_key, FOUNDER)

    def proof_ledger(self, customer: str, unit: str = "", *, named: bool = True) -> ProofLedger:
        identity = self.ledger(customer, unit).identity
        return ProofLedger(
            identity.ledger_id, LedgerCustomer(customer, unit, identity.proof) if named else None
        )

    def _at(self, customer: str, unit: str, number: int) -> tuple[SealedBatch, Bytes32, list[Bytes32]]:
        sealed = self.batches[number - 1]
        ledger_id = self.ledger(customer, unit).identity.ledger_id
        records = sealed.ledgers[ledger_id]
        leaves = [LEDGER_TREE.leaf(record.fingerprint(self.separator, ledger_id)) for record in records]
        return sealed, ledger_id, leaves

    def head(self, customer: str, number: int, unit: str = "") -> LedgerHead:
        """A ledger's head in a batch."""
        sealed, ledger_id, leaves = self._at(customer, unit, number)
        way = self.map_path(sealed, ledger_id)
        return LedgerHead(
            len(leaves), tree_root(LEDGER_TREE, leaves), way.siblings, self.anchored_batch(number)
        )

    def map_path(self, sealed: SealedBatch, ledger_id: Bytes32) -> MapPath:
        return map_path(
            lambda wanted: {at: sealed.nodes[at] for at in wanted if at in sealed.nodes}, ledger_id
        )

    def absence_of(self, customer: str, number: int, unit: str = "") -> LedgerAbsence:
        """The place in a batch's map where a customer's ledger is not."""
        sealed = self.batches[number - 1]
        way = self.map_path(sealed, self.key.ledger_identity(customer, unit).ledger_id)
        return LedgerAbsence(way.siblings, way.found, self.anchored_batch(number))

    def included(self, customer: str, index: int, number: int, unit: str = "") -> Included:
        """A delta with its path in a batch's head."""
        sealed, ledger_id, leaves = self._at(customer, unit, number)
        path = inclusion_path(LEDGER_TREE, index, len(leaves), nodes_from_leaves(leaves, LEDGER_TREE))
        return Included(sealed.ledgers[ledger_id][index], tuple(path))

    def consistency(
        self, customer: str, old: int, new: int, number: int, unit: str = ""
    ) -> tuple[Bytes32, ...]:
        """The path from one size to another in the ledger that a batch holds."""
        _, _, leaves = self._at(customer, unit, number)
        return tuple(consistency_path(LEDGER_TREE, old, new, nodes_from_leaves(leaves, LEDGER_TREE)))

    # Whole proof files

    def file(self, customer: str, claim: Claim, unit: str = "", *, named: bool = True) -> ProofFile:
        return ProofFile(self.log(), self.proof_ledger(customer, unit, named=named), claim)

    def delta(
        self, customer: str, index: int, number: int, unit: str = "", *, named: bool = True
    ) -> ProofFile:
        claim = DeltaClaim(self.included(customer, index, number, unit), self.head(customer, number, unit))
        return self.file(customer, claim, unit, named=named)

    def balance(self, customer: str, index: int, number: int, unit: str = "") -> ProofFile:
        claim = BalanceClaim(self.included(customer, index, number, unit), self.head(customer, number, unit))
        return self.file(customer, claim, unit)

    def absence(self, customer: str, number: int, unit: str = "") -> ProofFile:
        identity = self.key.ledger_identity(customer, unit)
        ledger = ProofLedger(identity.ledger_id, LedgerCustomer(customer, unit, identity.proof))
        return ProofFile(self.log(), ledger, AbsenceClaim(self.absence_of(customer, number, unit)))

    def freshness(self, customer: str, number: int, unit: str = "") -> ProofFile:
        return self.file(customer, FreshnessClaim(self.head(customer, number, unit)), unit)

    def extension(
        self, customer: str, old: int, new: int, unit: str = "", *, kept: bool = False
    ) -> ProofFile:
        """That a ledger's head in batch ``new`` extends its head in batch ``old``."""
        earlier: LedgerHead | KeptHead = self.head(customer, old, unit)
        if kept:
            earlier = KeptHead(earlier.size, earlier.root)
        later = self.head(customer, new, unit)
        path = self.consistency(customer, earlier.size, later.size, new, unit)
        return self.file(customer, ConsistencyClaim(earlier, path, later), unit)

    def period(
        self,
        customer: str,
        start: int,
        end: int,
        number: int,
        unit: str = "",
        *,
        span: tuple[int, int] | None = None,
        opening: int | None = None,
        listed: bool = False,
    ) -> ProofFile:
        """The checkpoint of a range; with all deltas where ``listed``.

        Of a time span where one is given: batch ``number`` closes it, and ``opening``, if any, opens it.
        """
        sealed, ledger_id, leaves = self._at(customer, unit, number)
        size = len(leaves)
        frontier = Frontier.empty().extend(LEDGER_TREE, leaves[:start])
        claim = PeriodClaim(
            from_index=start,
            to_index=end,
            opening_root=frontier.root(LEDGER_TREE),
            closing_root=tree_root(LEDGER_TREE, leaves[: end + 1]),
            opening=self.included(customer, start - 1, number, unit) if start else None,
            closing=self.included(customer, end, number, unit),
            opening_path=self.consistency(customer, start, end + 1, number, unit),
            closing_path=self.consistency(customer, end + 1, size, number, unit),
            span=None
            if span is None
            else self.span(customer, span, (start, end), number, unit, opening=opening),
            deltas=PeriodDeltas(frontier.peaks, sealed.ledgers[ledger_id][start : end + 1])
            if listed
            else None,
            head=self.head(customer, number, unit),
        )
        return self.file(customer, claim, unit)

    def span(
        self,
        customer: str,
        times: tuple[int, int],
        indices: tuple[int, int],
        number: int,
        unit: str = "",
        *,
        opening: int | None = None,
    ) -> Span:
        """The edges of a span, whose range has these indices, both included, between two batches."""
        sealed, ledger_id, leaves = self._at(customer, unit, number)
        opened: LedgerHead | LedgerAbsence | None = None
        if opening is not None:
            held = ledger_id in self.batches[opening - 1].ledgers
            opened = (self.head if held else self.absence_of)(customer, opening, unit)
        size = opened.size if isinstance(opened, LedgerHead) else 0
        first, after = max(0, size - 1), indices[1] + 1

        def edge(start: int, stop: int) -> Edge:
            peaks = Frontier.empty().extend(LEDGER_TREE, leaves[:start]).peaks
            return Edge(peaks, sealed.ledgers[ledger_id][start:stop])

        return Span(*times, opened, edge(first, indices[0]), edge(after, len(leaves)))

    def spanned(
        self,
        customer: str,
        times: tuple[int, int],
        number: int,
        unit: str = "",
        *,
        opening: int | None = None,
        listed: bool = False,
    ) -> ProofFile:
        """The checkpoint of all that batch ``number`` holds of a time span, between two batches."""
        _, ledger_id, _ = self._at(customer, unit, number)
        records = self.batches[number - 1].ledgers[ledger_id]
        inside = [one.index for one in records if times[0] <= one.recorded_at < times[1]]
        return self.period(
            customer, inside[0], inside[-1], number, unit, span=times, opening=opening, listed=listed
        )

    def block_time(self, number: int) -> int:
        """When (ms) the block was made that a batch was anchored in."""
        location = self.locations[number][2]
        assert location is not None
        return self.chain.blocks[location.block_number].timestamp * 1000


def fingerprints_only(proof: ProofFile, indices: set[int]) -> ProofFile:
    """The period with only the fingerprints of some of its listed deltas."""
    assert isinstance(proof.claim, PeriodClaim)
    assert proof.claim.deltas is not None
    assert proof.ledger is not None
    separator, ledger_id = domain_separator(proof.log.log_id), proof.ledger.ledger_id
    records = tuple(
        FingerprintRecord(record.index, record.fingerprint(separator, ledger_id))
        if record.index in indices
        else record
        for record in proof.claim.deltas.records
    )
    return replace(proof, claim=replace(proof.claim, deltas=replace(proof.claim.deltas, records=records)))


class MemoryChain:
    """A chain with one contract. A block is made for each call that writes, or by `mine`."""

    def __init__(self, log_id: Bytes32, chain_id: int = CHAIN_ID, contract: bytes = CONTRACT) -> None:
        self.id = chain_id
        self.contract = contract
        self.anchored_log: Bytes32 | None = log_id
        self.blocks: list[Block] = []
        self.heads: list[Bytes32] = []
        self.events: list[tuple[AnchoredEvent, ...]] = []
        self.pins: list[dict[Bytes32, int]] = []
        self.mine(3)

    def mine(self, count: int = 1) -> None:
        """Make blocks with nothing in them."""
        for _ in range(count):
            self._block(self.heads[-1] if self.heads else ZERO, (), self.pins[-1] if self.pins else {})

    def _block(
        self, head: Bytes32, events: tuple[AnchoredEvent, ...], pins: dict[Bytes32, int], at: int = START
    ) -> Block:
        number = len(self.blocks)
        parent = self.blocks[-1].hash if self.blocks else ZERO
        before = self.blocks[-1].timestamp if self.blocks else START // 1000 - 12
        time = max(before + 12, -(-at // 1000))
        block = Block(number, keccak(parent + u64(number) + u64(time) + head), time)
        self.blocks.append(block)
        self.heads.append(head)
        self.events.append(events)
        self.pins.append(pins)
        return block

    def anchor(self, root: Bytes32, number: int, at: int = START) -> BlockLocation:
        """Move the head, in a block of its own, made at that time (ms) or later."""
        transaction = keccak(b"transaction" + root)
        event = AnchoredEvent(number, self.heads[-1], root, transaction)
        block = self._block(root, (event,), self.pins[-1], at)
        return BlockLocation(transaction, block.number, block.hash)

    def pin(self) -> None:
        """Pin the head."""
        time = self.blocks[-1].timestamp + 12
        self._block(self.heads[-1], (), self.pins[-1] | {self.heads[-1]: time})

    # ChainView

    def chain_id(self) -> int:
        return self.id

    def final_block(self, finality: Finality) -> Block:
        behind = finality.confirmations - 1 if finality.tag is None else 0
        return self.blocks[-1 - behind]

    def block(self, number: int) -> Block | None:
        return self.blocks[number] if number < len(self.blocks) else None

    def log_id(self, contract: bytes) -> Bytes32 | None:
        return self.anchored_log if contract == self.contract else None

    def head(self, contract: bytes, block: int) -> Bytes32:
        return self.heads[block] if contract == self.contract else ZERO

    def pinned_at(self, contract: bytes, root: Bytes32, block: int) -> int:
        return self.pins[block].get(root, 0) if contract == self.contract else 0

    def anchored(self, contract: bytes, block_hash: Bytes32) -> Sequence[AnchoredEvent]:
        number = next(block.number for block in self.blocks if block.hash == block_hash)
        return self.events[number] if contract == self.contract else ()


def example_log(seed: int = 1) -> BuiltLog:
    """Five ledgers over four batches; batches 1, 2 and 4 are anchored, 3 goes through 4, 2 is pinned."""
    log = BuiltLog(seed)
    for size in (3, 5, 9, 14):
        for customer in ("UA", "AA", "B6", "Zürich ✈"):
            log.record_many(customer, size - len(log.ledger(customer, "mile").records), "mile")
        if size > 4:
            log.record_many("UA", 1)
        if size == 14:
            log.now += 60_000
        number = log.seal().batch.number
        if number != 3:
            log.anchor()
        if number == 2:
            log.chain.pin()
    return log


def example_proofs(log: BuiltLog) -> dict[str, ProofFile]:
    """One proof file of every honest shape that there is."""
    span = log.ledger("UA", "mile").records
    return {
        "delta": log.delta("UA", 4, 2, "mile"),
        "delta through a later batch": log.delta("UA", 8, 3, "mile"),
        "delta of a lone ledger": log.delta("UA", 0, 2),
        "delta without a name": log.delta("AA", 2, 1, "mile", named=False),
        "balance now": log.balance("UA", 13, 4, "mile"),
        "balance as of": log.balance("UA", 6, 4, "mile"),
        "period": log.period("UA", 3, 8, 4, "mile"),
        "period from the start": log.period("UA", 0, 13, 4, "mile"),
        "period with all deltas": log.period("AA", 5, 11, 4, "mile", listed=True),
        "period of one delta": log.period("AA", 5, 5, 4, "mile", listed=True),
        "span": log.spanned(
            "UA", (log.block_time(1), span[11].recorded_at), 4, "mile", opening=1, listed=True
        ),
        "span to the end": log.spanned(
            "UA", (log.block_time(2), log.batches[3].batch.sealed_at - 60_000), 4, "mile", opening=2
        ),
        "span from the first delta": log.spanned(
            "UA", (span[3].recorded_at, span[9].recorded_at), 4, "mile", listed=True
        ),
        "span of what was not there": log.spanned(
            "UA", (log.block_time(1), log.batches[3].batch.sealed_at - 60_000), 4, opening=1
        ),
        "absence": log.absence("Nobody", 2, "mile"),
        "absence of a unit": log.absence("AA", 4, "hour"),
        "freshness": log.freshness("B6", 4, "mile"),
        "consistency": log.extension("B6", 1, 4, "mile"),
        "consistency with a kept head": log.extension("B6", 2, 3, "mile", kept=True),
        "consistency of equal heads": log.extension("UA", 3, 3, "mile"),
    }
