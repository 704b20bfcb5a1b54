"""A log made at random with anchor.protocol, and every kind of proof out of it as Solidity takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from random import Random
from typing import Any

from anchor.protocol.batch import Batch
from anchor.protocol.fingerprint import Delta, domain_separator, fingerprint
from anchor.protocol.hashing import ZERO
from anchor.protocol.ledger_map import MapNode, Position, head_hash, map_path, update_map
from anchor.protocol.merkle import HISTORY_TREE, LEDGER_TREE, tree_root
from anchor.protocol.merkle_proofs import consistency_path, inclusion_path, nodes_from_leaves

LARGEST_AMOUNT = 2**127 - 1
LARGEST_TIME = 2**64 - 1


@dataclass
class GeneratedLedger:
    """One ledger: its deltas, and their leaves in the ledger tree."""

    ledger_id: bytes
    deltas: list[Delta] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)

    def root(self, size: int) -> bytes:
        """The ledger's root when it had so many deltas."""
        return tree_root(LEDGER_TREE, self.leaves[:size])

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the ledger at `new` deltas extends the ledger at `old`."""
        return consistency_path(LEDGER_TREE, old, new, nodes_from_leaves(self.leaves, LEDGER_TREE))


@dataclass(frozen=True)
class SealedBatch:
    """A batch as it was sealed: its root, the ledgers' sizes, and the map's nodes as they were."""

    batch: Batch
    root: bytes
    sizes: dict[bytes, int]
    nodes: dict[Position, MapNode]


class GeneratedLog:
    """Some ledgers growing through some batches. The same seed gives the same log."""

    def __init__(
        self,
        seed: int,
        ledgers: int = 12,
        batches: int = 9,
        most_deltas: int = 60,
        log_id: bytes | None = None,
    ) -> None:
        self.random = Random(seed)
        drawn = self.random.randbytes(32)
        self.log_id = log_id or drawn
        self.ledgers = {ledger_id: GeneratedLedger(ledger_id) for ledger_id in self._ledger_ids(ledgers)}
        self.batches: list[SealedBatch] = []
        for _ in range(batches):
            changed = self.random.sample(sorted(self.ledgers), self.random.randint(1, ledgers))
            for ledger_id in changed:
                for _ in range(self.random.randint(1, most_deltas // batches)):
                    self._record(self.ledgers[ledger_id])
            self._seal(changed)

    def _ledger_ids(self, count: int) -> list[bytes]:
        """Random ids; every fifth is the twin of the one before up to a late bit, for deep leaves."""
        ids: list[bytes] = []
        while len(ids) < count:
            if len(ids) % 5 == 4:
                bit = self.random.choice([0, 100, 200, 230, 240])
                ids.append((int.from_bytes(ids[-1], "big") ^ (1 << bit)).to_bytes(32, "big"))
            else:
                ids.append(self.random.randbytes(32))
        return ids

    def _record(self, ledger: GeneratedLedger) -> None:
        amount = self.random.choice(
            [0, 1, -1, LARGEST_AMOUNT, -LARGEST_AMOUNT, self.random.randint(-(10**24), 10**24)]
        )
        earlier = self.random.choice(ledger.deltas) if ledger.deltas and self.random.random() < 0.2 else None
        delta = Delta(
            ledger.ledger_id,
            len(ledger.deltas),
            amount,
            self.balance_after(ledger, amount),
            self._time(),
            self._time(),
            self.random.randbytes(32),
            self.random.randbytes(32),
            self.random.randbytes(32),
            self.fingerprint(earlier) if earlier else ZERO,
        )
        ledger.deltas.append(delta)
        ledger.leaves.append(LEDGER_TREE.leaf(self.fingerprint(delta)))

    def balance_after(self, ledger: GeneratedLedger, amount: int) -> int:
        """The balance that the next delta of a ledger states; an operator who cheats states another."""
        return amount + (ledger.deltas[-1].balance if ledger.deltas else 0)

    def _time(self) -> int:
        return self.random.choice([0, LARGEST_TIME, self.random.getrandbits(41)])

    def fingerprint(self, delta: Delta) -> bytes:
        """A delta's fingerprint in this log."""
        return fingerprint(domain_separator(self.log_id), delta)

    def _seal(self, changed: Sequence[bytes]) -> None:
        before = self.batches[-1] if self.batches else None
        sizes = dict(before.sizes) if before else {}
        nodes = dict(before.nodes) if before else {}
        sizes |= {ledger_id: len(self.ledgers[ledger_id].deltas) for ledger_id in changed}
        heads = {
            ledger_id: head_hash(sizes[ledger_id], self.ledgers[ledger_id].root(sizes[ledger_id]))
            for ledger_id in changed
        }
        update = update_map(lambda wanted: {place: nodes[place] for place in wanted if place in nodes}, heads)
        nodes |= update.written
        history_root = tree_root(HISTORY_TREE, self._history_leaves(len(self.batches)))
        sealed_at = self.random.getrandbits(41)
        batch = Batch(len(self.batches) + 1, history_root, update.root, sealed_at)
        self.batches.append(SealedBatch(batch, batch.anchor_root(self.log_id), sizes, nodes))

    def _history_leaves(self, batches: int) -> list[bytes]:
        return [HISTORY_TREE.leaf(sealed.root) for sealed in self.batches[:batches]]

    def any_ledger(self, sealed: SealedBatch) -> GeneratedLedger:
        """A ledger that the batch holds."""
        return self.ledgers[self.random.choice(sorted(sealed.sizes))]

    def delta_proof(self, sealed: SealedBatch, ledger: GeneratedLedger, index: int) -> tuple[Any, ...]:
        """The DeltaProof of a ledger's delta under a batch."""
        size = sealed.sizes[ledger.ledger_id]
        path = inclusion_path(LEDGER_TREE, index, size, nodes_from_leaves(ledger.leaves, LEDGER_TREE))
        way = self._map_path(sealed, ledger.ledger_id)
        return (astuple(ledger.deltas[index]), size, path, list(way.siblings), astuple(sealed.batch))

    def head_proof(self, sealed: SealedBatch, ledger: GeneratedLedger) -> tuple[Any, ...]:
        """The HeadProof of a ledger under a batch."""
        size = sealed.sizes[ledger.ledger_id]
        way = self._map_path(sealed, ledger.ledger_id)
        return (ledger.ledger_id, size, ledger.root(size), list(way.siblings), astuple(sealed.batch))

    def absence_proof(self, sealed: SealedBatch, ledger_id: bytes) -> tuple[Any, ...]:
        """The AbsenceProof of a ledger that the batch does not hold."""
        way = self._map_path(sealed, ledger_id)
        other = way.found
        place = (False, ZERO, ZERO) if other is None else (True, other.ledger_id, other.head)
        return (ledger_id, list(way.siblings), place, astuple(sealed.batch))

    def history_proof(self, newer: SealedBatch, number: int) -> tuple[Any, ...]:
        """The HistoryProof of an earlier batch under a newer one."""
        leaves = self._history_leaves(newer.batch.number - 1)
        path = inclusion_path(HISTORY_TREE, number - 1, len(leaves), nodes_from_leaves(leaves, HISTORY_TREE))
        return (path, astuple(newer.batch))

    def _map_path(self, sealed: SealedBatch, ledger_id: bytes) -> Any:
        nodes = sealed.nodes
        return map_path(lambda wanted: {at: nodes[at] for at in wanted if at in nodes}, ledger_id)
