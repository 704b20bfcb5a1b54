"""Check a copy against itself: that its deltas lead to every head that it saw on the chain.

A follower may go on meanwhile: what is checked is the copy as it stood at the start, and all that stands
is written once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from anchor.proof.values import FreshnessClaim, ProofFile
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import ZERO
from anchor.protocol.merkle import LEDGER_TREE, Frontier, leaf_level
from anchor.protocol.merkle_growth import CompletedNodes, grow
from anchor.replica.checking import DeltaChecks, check_batches, extended
from anchor.replica.schema import STORED_HEIGHTS
from anchor.replica.store import ReplicaError, Store
from anchor.replica.values import HeldHead, Misfit, Shown, Standing
from anchor.verify.verification import verify_proof

_CHUNK = 10_000


def check_copy(store: Store, progress: Callable[[int, int], None] = lambda _done, _of: None) -> Misfit | None:
    """Recompute a whole copy and return the first thing that does not fit; None where all does.

    Every fingerprint, balance and time, every stored node of the tree, the tree at each head, each head's
    place in its batch, and the batches' history. Whether the chain holds the heads is for ``anchor verify``
    to say of their files.
    """
    # Heads first: deltas come before the head that holds them.
    heads = [*store.heads()]
    if (newest := store.newest_head()) is not None:
        heads.append(newest)
    try:
        standing, history = store.standing(), store.history()
    except ReplicaError as damaged:
        return Misfit("tree", "", "The copy's trees are not of its size.", "as many peaks", str(damaged))
    return (
        _heads(store, heads, standing.size)
        or _deltas(store, heads, standing, progress)
        or _history(store, history)
    )


def _heads(store: Store, heads: Sequence[HeldHead], size: int) -> Misfit | None:
    for held in heads:
        number = str(held.batch.number)
        if held.head.size > size:
            said = f"The head in batch {number} is of more deltas than the copy has."
            return Misfit("head", number, said, f"{held.head.size} or more", str(size))
        result = verify_proof(ProofFile(store.pins.log, store.pins.ledger, FreshnessClaim(held.head)), None)
        if (failed := result.failed) is not None:
            return Misfit("head", number, failed.explanation, failed.expected or "", failed.found or "")
    return None


def _deltas(
    store: Store, heads: Sequence[HeldHead], standing: Standing, progress: Callable[[int, int], None]
) -> Misfit | None:
    at_size: dict[int, list[HeldHead]] = {}
    for held in heads:
        at_size.setdefault(held.head.size, []).append(held)
    frontier, last = Frontier.empty(), Standing(0, 0, 0, Frontier.empty())
    for start in range(0, standing.size, _CHUNK):
        stop = min(start + _CHUNK, standing.size)
        # The copy is asked for what stands before, which was recomputed by then: memory stays the same.
        checks = DeltaChecks(store.pins, last, partial(store.holds, before=last.size))
        accepted, misfit = checks.accept(list(store.deltas(start, stop)))
        for part in _cut_at(accepted, start, at_size):
            growth = grow(LEDGER_TREE, frontier, leaf_level(LEDGER_TREE, [each.fingerprint for each in part]))
            frontier = growth.frontier
            for nodes in growth.completed:
                if nodes.height % STORED_HEIGHTS == 0 and (found := _node(store, nodes)) is not None:
                    return found
            for held in at_size.get(frontier.size, ()):
                if (root := frontier.root(LEDGER_TREE)) != held.head.root:
                    number = held.batch.number
                    said = f"The first {frontier.size} deltas are not those of the head in batch {number}."
                    return Misfit("rewritten", str(number), said, hex_of(held.head.root), hex_of(root))
        if misfit is not None:
            return misfit
        if accepted:
            newest = accepted[-1].record
            last = Standing(newest.index + 1, newest.balance, newest.recorded_at, frontier)
        progress(stop, standing.size)
    if standing.frontier != frontier:
        said = "The copy's tree is not that of its deltas."
        return Misfit("tree", str(standing.size), said, _peaks(frontier), _peaks(standing.frontier))
    return None


def _cut_at(deltas: Sequence[Shown], start: int, sizes: Iterable[int]) -> Iterator[Sequence[Shown]]:
    """Cut deltas from index ``start`` on after each at which a head ends."""
    ends = sorted(size - start for size in sizes if start < size < start + len(deltas))
    for begin, end in zip([0, *ends], [*ends, len(deltas)], strict=True):
        yield deltas[begin:end]


def _node(store: Store, nodes: CompletedNodes) -> Misfit | None:
    """Hold stored nodes against what they are of the deltas."""
    height, first = nodes.height, nodes.first_position
    stored = store.nodes(height, first, first + len(nodes.hashes))
    for position, due in enumerate(nodes.hashes, first):
        if (found := stored.get(position)) != due:
            said = f"The node of height {height} at position {position} is not that of the copy's deltas."
            shown = "none" if found is None else hex_of(found)
            return Misfit("tree", f"{height}/{position}", said, hex_of(due), shown)
    return None


def _history(store: Store, known: Frontier) -> Misfit | None:
    log_id = store.pins.log_id
    history = Frontier.empty()
    for start in range(1, known.size + 1, _CHUNK):
        stop = min(start + _CHUNK, known.size + 1)
        batches = [batch for number in range(start, stop) if (batch := store.batch(number)) is not None]
        before = store.batch(start - 1) if start > 1 else None
        accepted, misfit = check_batches(log_id, history, before, batches)
        if misfit is not None:
            return misfit
        roots = "SELECT number, anchor_root FROM batches WHERE number >= ? AND number < ? ORDER BY number"
        for batch, (number, kept) in zip(accepted, store.rows(roots, (start, stop)), strict=True):
            if kept != (root := batch.anchor_root(log_id)):
                said = f"Batch {number} is kept under another root than its own."
                return Misfit("history", str(number), said, hex_of(root), hex_of(kept))
        history = extended(log_id, history, accepted)
    if known != history:
        said = "The copy's history is not that of its batches."
        return Misfit("history", str(known.size), said, _peaks(history), _peaks(known))
    return None


def _peaks(frontier: Frontier) -> str:
    return f"{frontier.size}: {', '.join(map(hex_of, frontier.peaks)) or hex_of(ZERO)}"
