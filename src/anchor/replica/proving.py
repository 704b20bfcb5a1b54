"""Proof files from the copy alone: with the server gone, its holder still proves each delta to anybody."""

from anchor.proof.values import BalanceClaim, DeltaClaim, ProofFile
from anchor.replica.store import ReplicaError, Store
from anchor.replica.tree import OwnTree
from anchor.replica.values import HeldHead


def prove_delta(store: Store, index: int, held: HeldHead | None = None) -> ProofFile:
    """Return the proof of the copy's delta at an index, under a head that holds it (or the first that does).

    Raises ReplicaError where the copy has no such delta, or has not seen it on the chain.
    """
    return _prove(store, index, held, balance=False)


def prove_balance(store: Store, index: int) -> ProofFile:
    """Return the proof of the balance after a delta of the copy. Raises as ``prove_delta`` does."""
    return _prove(store, index, None, balance=True)


def _prove(store: Store, index: int, held: HeldHead | None, *, balance: bool) -> ProofFile:
    size = store.standing().size
    if not 0 <= index < size:
        raise ReplicaError(
            "index_out_of_range", f"the copy has {size} deltas, and none at index {index}", "name one of them"
        )
    head = held or store.head_holding(index)
    if head is None:
        raise ReplicaError(
            "not_anchored", f"delta {index} was not seen under a head on the chain yet", "follow on"
        )
    included = OwnTree(store).included(index, head.head.size)
    claim = BalanceClaim(included, head.head) if balance else DeltaClaim(included, head.head)
    return ProofFile(store.pins.log, store.pins.ledger, claim)
