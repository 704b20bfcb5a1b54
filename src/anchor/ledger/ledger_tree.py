"""A ledger's tree, folded from the subtrees that are stored and, beyond them, from fingerprints."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from anchor.protocol.hashing import Bytes32
from anchor.protocol.merkle import LEDGER_TREE, Frontier, fold_right
from anchor.protocol.merkle_proofs import NodeAt, ReadNodes, complete_root, root_at
from anchor.storage.ledger_trees import STORED_HEIGHTS, read_fingerprints, read_subtrees, sealed_size


def ledger_root(connection: Connection, ledger: int, size: int) -> Bytes32:
    """Return the root of a ledger's first ``size`` deltas; ZERO at 0."""
    return root_at(LEDGER_TREE, size, ledger_nodes(connection, ledger))


def ledger_nodes(connection: Connection, ledger: int) -> ReadNodes:
    """Return a reader of complete subtrees of a ledger, sealed or not.

    A sealed one is folded from at most eight stored subtrees or leaves; what is not sealed yet is
    folded from its leaves, in bounded memory.
    """
    sealed = sealed_size(connection, ledger)

    def root_of(node: NodeAt) -> Bytes32:
        if node.end <= sealed:
            below = node.height % STORED_HEIGHTS
            start, stop = node.position << below, (node.position + 1) << below
            if node.height < STORED_HEIGHTS:
                leaves = read_fingerprints(connection, ledger, start, stop)
                return complete_root(LEDGER_TREE, [LEDGER_TREE.leaf(leaf) for leaf in leaves])
            stored = read_subtrees(connection, ledger, node.height - below, start, stop)
            return complete_root(LEDGER_TREE, list(stored))
        if node.start >= sealed:
            leaves = read_fingerprints(connection, ledger, node.start, node.end)
            return Frontier.empty().extend(LEDGER_TREE, map(LEDGER_TREE.leaf, leaves)).root(LEDGER_TREE)
        left = NodeAt(node.height - 1, 2 * node.position)
        right = NodeAt(node.height - 1, 2 * node.position + 1)
        return fold_right(LEDGER_TREE, [root_of(left), root_of(right)])

    def read(nodes: Sequence[NodeAt]) -> Mapping[NodeAt, Bytes32]:
        return {node: root_of(node) for node in nodes}

    return read
