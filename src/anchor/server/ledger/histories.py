"""The history of anchored roots: a tree over all batches, read as ledger trees are."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from anchor.protocol.hashing import Bytes32
from anchor.protocol.merkle import HISTORY_TREE, leaf_level
from anchor.protocol.merkle_proofs import NodeAt, ReadNodes, complete_root, root_at
from anchor.server.storage.ledger_trees import STORED_HEIGHTS, read_subtrees
from anchor.server.storage.schema import HISTORY
from anchor.server.storage.sealing import StoredNode, history_roots


def history_nodes(connection: Connection) -> ReadNodes:
    """Return a reader of complete subtrees of the history; batch n is its leaf n - 1."""

    def root_of(node: NodeAt) -> Bytes32:
        below = node.height % STORED_HEIGHTS
        start, stop = node.position << below, (node.position + 1) << below
        if node.height < STORED_HEIGHTS:
            hashes = leaf_level(HISTORY_TREE, history_roots(connection, start, stop))
        else:
            hashes = list(read_subtrees(connection, HISTORY, node.height - below, start, stop))
        return complete_root(HISTORY_TREE, hashes)

    def read(nodes: Sequence[NodeAt]) -> Mapping[NodeAt, Bytes32]:
        return {node: root_of(node) for node in nodes}

    return read


def history_root(connection: Connection, batch_count: int) -> Bytes32:
    """Return the root over the anchored roots of the first ``batch_count`` batches; ZERO at 0."""
    return root_at(HISTORY_TREE, batch_count, history_nodes(connection))


def nodes_completed_by(connection: Connection, number: int) -> list[StoredNode]:
    """Return the subtrees to store now that batch ``number`` is written: those that it is the last of."""
    completed: list[StoredNode] = []
    height = STORED_HEIGHTS
    while number % (1 << height) == 0:
        position = (number >> height) - 1
        start = position << STORED_HEIGHTS
        if height == STORED_HEIGHTS:
            hashes = leaf_level(HISTORY_TREE, history_roots(connection, start, start + 16))
        else:
            hashes = list(read_subtrees(connection, HISTORY, height - STORED_HEIGHTS, start, start + 15))
            hashes.append(completed[-1].hash)
        completed.append(StoredNode(HISTORY, height, position, complete_root(HISTORY_TREE, hashes)))
        height += STORED_HEIGHTS
    return completed
