"""The copy's own ledger tree: roots and paths at any size, from stored nodes and fingerprints."""

from collections.abc import Mapping, Sequence

from anchor.proof.values import HashPath, Included
from anchor.protocol.hashing import Bytes32
from anchor.protocol.merkle import LEDGER_TREE, leaf_level
from anchor.protocol.merkle_proofs import (
    NodeAt,
    complete_root,
    consistency_path,
    inclusion_path,
    root_at,
)
from anchor.replica.schema import STORED_HEIGHTS
from anchor.replica.store import Store


class OwnTree:
    """The ledger tree over the copy's deltas. Sizes and indices are within the copy."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def root(self, size: int) -> Bytes32:
        """Return the root that the ledger had at a size; ZERO at 0."""
        return root_at(LEDGER_TREE, size, self._nodes)

    def consistency(self, old: int, new: int) -> HashPath:
        """Return the path that shows that the ledger of ``new`` deltas extends the one of ``old``."""
        return tuple(consistency_path(LEDGER_TREE, old, new, self._nodes))

    def included(self, index: int, size: int) -> Included:
        """Return the copy's delta with its path in the ledger of ``size`` deltas."""
        path = tuple(inclusion_path(LEDGER_TREE, index, size, self._nodes))
        return Included(self._store.record(index), path)

    def _nodes(self, nodes: Sequence[NodeAt]) -> Mapping[NodeAt, Bytes32]:
        return {node: self._node(node) for node in nodes}

    def _node(self, node: NodeAt) -> Bytes32:
        below = node.height % STORED_HEIGHTS
        if below == node.height:
            return complete_root(
                LEDGER_TREE, leaf_level(LEDGER_TREE, self._store.fingerprints(node.start, node.end))
            )
        height, first = node.height - below, node.position << below
        stored = [self._store.node(height, first + at) for at in range(1 << below)]
        return complete_root(LEDGER_TREE, stored)
