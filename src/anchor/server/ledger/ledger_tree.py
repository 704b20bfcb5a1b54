"""A ledger's tree, folded from the subtrees that are stored and, beyond them, from fingerprints."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from anchor.protocol.hashing import Bytes32
from anchor.protocol.merkle import LEDGER_TREE, Frontier, fold_right, leaf_level
from anchor.protocol.merkle_proofs import NodeAt, ReadNodes, complete_root, root_at
from anchor.server.storage.ledger_trees import (
    STORED_HEIGHTS,
    read_fingerprints,
    read_scattered_fingerprints,
    read_scattered_subtrees,
    sealed_size,
)


def ledger_root(connection: Connection, ledger: int, size: int) -> Bytes32:
    """Return the root of a ledger's first ``size`` deltas; ZERO at 0."""
    return root_at(LEDGER_TREE, size, ledger_nodes(connection, ledger))


def ledger_nodes(connection: Connection, ledger: int, sealed: int | None = None) -> ReadNodes:
    """Return a reader of complete subtrees of a ledger, sealed or not.

    ``sealed`` is how many of its deltas are, where that was read in the same transaction already.
    Sealed ones are folded from at most eight stored subtrees or leaves each, all read in two
    statements; what is not sealed yet is folded from its leaves, in bounded memory.
    """
    end = sealed_size(connection, ledger) if sealed is None else sealed

    def read(nodes: Sequence[NodeAt]) -> Mapping[NodeAt, Bytes32]:
        roots = sealed_nodes(connection, ledger, [node for node in nodes if node.end <= end])
        for node in nodes:
            if node not in roots:
                roots[node] = unsealed_root(node)
        return roots

    def unsealed_root(node: NodeAt) -> Bytes32:
        if node.end <= end:
            return sealed_nodes(connection, ledger, [node])[node]
        if node.start >= end:
            leaves = read_fingerprints(connection, ledger, node.start, node.end)
            return Frontier.empty().extend(LEDGER_TREE, map(LEDGER_TREE.leaf, leaves)).root(LEDGER_TREE)
        left = NodeAt(node.height - 1, 2 * node.position)
        right = NodeAt(node.height - 1, 2 * node.position + 1)
        return fold_right(LEDGER_TREE, [unsealed_root(left), unsealed_root(right)])

    return read


def sealed_nodes(connection: Connection, ledger: int, nodes: Sequence[NodeAt]) -> dict[NodeAt, Bytes32]:
    """Return the roots of complete subtrees that lie within the ledger's sealed deltas."""
    parts = {node: _stored_below(node) for node in nodes}
    wanted = {part for below in parts.values() for part in below}
    stored = read_scattered_subtrees(connection, ledger, [part for part in wanted if part.height])
    entries = read_scattered_fingerprints(
        connection, ledger, [part.position for part in wanted if not part.height]
    )
    for index, leaf in zip(entries, leaf_level(LEDGER_TREE, entries.values()), strict=True):
        stored[NodeAt(0, index)] = leaf
    return {
        node: complete_root(LEDGER_TREE, [stored[part] for part in below]) for node, below in parts.items()
    }


def _stored_below(node: NodeAt) -> list[NodeAt]:
    """Return the stored subtrees, or leaves, that a complete subtree is folded from."""
    below = node.height % STORED_HEIGHTS
    first = node.position << below
    return [NodeAt(node.height - below, first + at) for at in range(1 << below)]
