"""Check a copy against itself: that its deltas lead to every head that it saw on the chain."""

from collections.abc import Callable

from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import ZERO
from anchor.protocol.merkle import HISTORY_TREE, LEDGER_TREE, Frontier
from anchor.replica.checking import DeltaChecks, check_batches, extended
from anchor.replica.store import Store
from anchor.replica.values import Misfit, Standing
from anchor.verify.proof_file import FreshnessClaim, ProofFile
from anchor.verify.verification import verify_proof

_CHUNK = 10_000


def check_copy(store: Store, progress: Callable[[int, int], None] = lambda _done, _of: None) -> Misfit | None:
    """Recompute a whole copy and return the first thing that does not fit; None where all does.

    Every fingerprint, balance and time, the tree at each head, each head's place in its batch, and the
    batches' history. Whether the chain holds the heads is for ``anchor verify`` to say of their files.
    """
    return _deltas(store, progress) or _history(store)


def _deltas(store: Store, progress: Callable[[int, int], None]) -> Misfit | None:
    heads = [*store.heads()]
    newest = store.newest_head()
    if newest is not None:
        heads.append(newest)
    at_size = {head.head.size: [one for one in heads if one.head.size == head.head.size] for head in heads}
    size = store.standing().size
    checks = DeltaChecks(store.pins, Standing(0, 0, 0, Frontier.empty()), lambda _: False)
    frontier = Frontier.empty()
    for start in range(0, size, _CHUNK):
        deltas = list(store.deltas(start, min(start + _CHUNK, size)))
        accepted, misfit = checks.accept(deltas)
        for delta in accepted:
            frontier = frontier.append(LEDGER_TREE, LEDGER_TREE.leaf(delta.fingerprint))
            for held in at_size.get(frontier.size, ()):
                if (root := frontier.root(LEDGER_TREE)) != held.head.root:
                    number = held.batch.number
                    said = f"The first {frontier.size} deltas are not those of the head in batch {number}."
                    return Misfit("rewritten", str(number), said, hex_of(held.head.root), hex_of(root))
        if misfit is not None:
            return misfit
        progress(start + len(deltas), size)
    if store.standing().frontier != frontier:
        return Misfit(
            "tree", str(size), "The copy's tree is not that of its deltas.", "its peaks", "other peaks"
        )
    for held in heads:
        result = verify_proof(ProofFile(store.pins.log, store.pins.ledger, FreshnessClaim(held.head)), None)
        if (failed := result.failed) is not None:
            return Misfit(
                "head", str(held.batch.number), failed.explanation, failed.expected or "", failed.found or ""
            )
    return None


def _history(store: Store) -> Misfit | None:
    history = Frontier.empty()
    newest = store.history().size
    for start in range(1, newest + 1, _CHUNK):
        known = [store.batch(number) for number in range(start, min(start + _CHUNK, newest + 1))]
        batches = [batch for batch in known if batch is not None]
        before = store.batch(start - 1) if start > 1 else None
        accepted, misfit = check_batches(store.pins.log_id, history, before, batches)
        if misfit is not None:
            return misfit
        history = extended(store.pins.log_id, history, accepted)
    root = history.root(HISTORY_TREE) if history.size else ZERO
    if store.history() != history:
        return Misfit(
            "history", str(newest), "The copy's history is not that of its batches.", hex_of(root), ""
        )
    return None
