"""From something that does not fit to a proof of fraud, where the operator is bound to both sides of it.

A fraud proof needs nobody's word: both sides lead to roots in the agreed contract. Each method returns one
that is valid on the chain, or None where there is none (yet: what was not anchored binds nobody).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from anchor.client.errors import ClientError
from anchor.proof.values import (
    AbsenceClaim,
    AnchoredBatch,
    Backdated,
    BalanceClaim,
    BatchSignature,
    FalseBalance,
    Fraud,
    FraudClaim,
    LedgerHead,
    ProofFile,
    RecordedAfterSealed,
    ShrunkLedger,
    Through,
    TimeReversed,
    TwoBatches,
    TwoDeltas,
    TwoHeads,
    VanishedLedger,
)
from anchor.protocol.batch import Batch
from anchor.protocol.errors import StepFailed
from anchor.protocol.hashing import Bytes32
from anchor.protocol.merkle import HISTORY_TREE, leaf_level, tree_root
from anchor.protocol.merkle_proofs import inclusion_path, nodes_from_leaves
from anchor.protocol.signed_checkpoint import path_of_earlier, read_checkpoint
from anchor.replica.operator import MOST_DELTAS, Operator
from anchor.replica.store import Store
from anchor.replica.tree import OwnTree
from anchor.replica.values import HeldHead
from anchor.verify.results import Verification

MOST_BATCHES: Final = 1_000_000
"""So many batches are fetched again, at most, to find the one that was rewritten."""


class Accuser:
    """Makes fraud proofs of what one replica holds and one server shows."""

    def __init__(self, operator: Operator, store: Store, verify: Callable[[ProofFile], Verification]) -> None:
        self._operator = operator
        self._store = store
        self._tree = OwnTree(store)
        self._verify = verify

    def proven(self, fraud: Fraud) -> ProofFile | None:
        """Return the proof of a fraud where it is valid."""
        pins = self._store.pins
        ledger = None if isinstance(fraud, TwoBatches) else pins.ledger
        file = ProofFile(pins.log, ledger, FraudClaim(fraud))
        return file if self._verify(file).valid else None

    def neighbours(self, kind: str, index: int) -> ProofFile | None:
        """Prove that the delta at ``index`` and the one before it do not go together."""
        after = self._shown(index)
        before = None if index == 0 else self._shown(index - 1)
        if after is None or (index and before is None):
            return None
        if before is not None and before.head != after.head:
            return None
        first = None if before is None else before.delta
        if kind == "false_balance":
            return self.proven(FalseBalance(first, after.delta, after.head))
        return None if first is None else self.proven(TimeReversed(first, after.delta, after.head))

    def two_deltas(self, index: int) -> ProofFile | None:
        """Prove that the delta at ``index`` is another one now than it was."""
        held = self._store.head_holding(index)
        shown = self._shown(index)
        if held is None or shown is None:
            return None
        ours = self._tree.included(index, held.head.size)
        return self.proven(TwoDeltas(ours, held.head, shown.delta, shown.head))

    def rewritten(self, head: LedgerHead) -> ProofFile | None:
        """Prove that a head is not that of the copy's deltas."""
        proof = self.two_heads(head)
        if proof is not None:
            return proof
        index = self._first_altered(min(head.size, self._store.standing().size))
        return None if index is None else self.two_deltas(index)

    def _first_altered(self, size: int) -> int | None:
        """Return the first of the copy's deltas that is shown otherwise now; None where none is."""
        pins = self._store.pins
        for start in range(0, size, MOST_DELTAS):
            held = self._store.fingerprints(start, min(start + MOST_DELTAS, size))
            try:
                page = self._operator.page(pins.customer_id, pins.unit, start, len(held))
            except ClientError:
                return None
            shown = [each.fingerprint for each in page.deltas]
            if shown != held:
                pairs = zip(held, shown, strict=False)
                return start + next(
                    (at for at, (ours, theirs) in enumerate(pairs) if ours != theirs), len(shown)
                )
        return None

    def two_heads(self, head: LedgerHead) -> ProofFile | None:
        """Prove that a head is another one than the copy's of the same size."""
        held = self._store.head_holding(head.size - 1)
        if held is None or held.head.size != head.size:
            return None
        return self.proven(TwoHeads(held.head, head))

    def shrunk(self, before: HeldHead, head: LedgerHead) -> ProofFile | None:
        """Prove that the ledger has fewer deltas in a later batch."""
        return self.proven(ShrunkLedger(before.head, head))

    def backdated(self, before: HeldHead, index: int, head: LedgerHead) -> ProofFile | None:
        """Prove that a delta was put in later than it says."""
        return self.proven(Backdated(before.head, self._tree.included(index, head.size), head))

    def recorded_after_sealed(self, index: int, head: LedgerHead) -> ProofFile | None:
        """Prove that a batch holds a delta that was recorded after it."""
        return self.proven(RecordedAfterSealed(self._tree.included(index, head.size), head))

    def vanished(self, before: HeldHead, absence: AbsenceClaim) -> ProofFile | None:
        """Prove that a ledger that was there is gone."""
        return self.proven(VanishedLedger(before.head, absence.absence))

    def two_batches(self, before: HeldHead, head: LedgerHead) -> ProofFile | None:
        """Prove that a batch that was anchored is another one now, by its number or by a later history."""
        if before.batch.number == head.batch.batch.number:
            return self.proven(TwoBatches(before.head.batch, head.batch))
        shown = self._batches(head.batch.batch)
        if shown is None:
            return None
        held = [self._store.batch(number) for number in range(1, before.batch.number + 1)]
        for ours, theirs in zip(held, shown, strict=False):
            if ours is not None and ours != theirs:
                first = self._held_through(ours, before, held)
                second = self._in_history(theirs, head.batch, shown)
                return self.proven(TwoBatches(first, second))
        return None

    def _held_through(self, batch: Batch, before: HeldHead, held: list[Batch | None]) -> AnchoredBatch:
        if batch == before.batch:
            return before.head.batch
        known = [each for each in held[: before.batch.number - 1] if each is not None]
        return self._in_history(batch, before.head.batch, known)

    def _in_history(self, batch: Batch, later: AnchoredBatch, history: list[Batch]) -> AnchoredBatch:
        """Return an earlier batch as it is anchored by a later one whose whole history is given."""
        leaves = self._leaves(history)
        path = inclusion_path(
            HISTORY_TREE, batch.number - 1, len(leaves), nodes_from_leaves(leaves, HISTORY_TREE)
        )
        through = Through(later.batch, tuple(path))
        direct = [anchor for anchor in later.anchors if anchor.through is None]
        signed = None if later.signed is None else self._signed(batch, later.batch, later.signed, history)
        return AnchoredBatch(batch, tuple(replace(anchor, through=through) for anchor in direct), signed)

    def _signed(
        self, batch: Batch, later: Batch, signed: BatchSignature, history: list[Batch]
    ) -> BatchSignature | None:
        """Return the log's signature over a batch of a later one's history; None where that one has none."""
        pins = self._store.pins
        roots = [each.anchor_root(pins.log_id) for each in (*history, later)]
        try:
            size = read_checkpoint(signed.checkpoint, pins.log_id, pins.log.public_key).size
            path = path_of_earlier(roots, size, signed.path, batch.number)
        except StepFailed:
            return None
        return BatchSignature(signed.checkpoint, path)

    def _batches(self, newest: Batch) -> list[Batch] | None:
        """Return all batches before the newest, as they are shown now, where they are its history."""
        if newest.number > MOST_BATCHES:
            return None
        found: list[Batch] = []
        while len(found) < newest.number - 1:
            try:
                more = self._operator.batches(len(found) + 1, newest.number - 1)
            except ClientError:
                return None
            if not more:
                return None
            found += more
        numbers = [batch.number for batch in found] == list(range(1, newest.number))
        whole = numbers and tree_root(HISTORY_TREE, self._leaves(found)) == newest.history_root
        return found if whole else None

    def _leaves(self, batches: list[Batch]) -> list[Bytes32]:
        log_id = self._store.pins.log_id
        return leaf_level(HISTORY_TREE, (batch.anchor_root(log_id) for batch in batches))

    def _shown(self, index: int) -> BalanceClaim | None:
        """Return a delta as the server proves it now; None where it does not."""
        try:
            claim = self._operator.proof(self._store.pins.ledger_id, "balance", asOfIndex=index).proof.claim
        except ClientError:
            return None
        return claim if isinstance(claim, BalanceClaim) and claim.delta.record.index == index else None
