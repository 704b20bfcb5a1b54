"""The trees over all batches, read as ledger trees are: the history of anchored roots, and what is signed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from anchor.protocol.hashing import Bytes32
from anchor.protocol.merkle import HISTORY_TREE, Frontier, TreeHash, leaf_level
from anchor.protocol.merkle_proofs import NodeAt, ReadNodes, complete_nodes, complete_root, root_at
from anchor.protocol.signed_checkpoint import SIGNED_TREE, SignedCheckpoint
from anchor.server.storage.ledger_trees import STORED_HEIGHTS, read_subtrees
from anchor.server.storage.schema import HISTORY, SIGNED
from anchor.server.storage.sealing import StoredNode, history_roots


@dataclass(frozen=True, slots=True)
class BatchTree:
    """A tree whose leaf n - 1 is the anchored root of batch n: ``stored`` is its number in ``tree_nodes``."""

    stored: int
    hash: TreeHash


HISTORY_OF_BATCHES: Final = BatchTree(HISTORY, HISTORY_TREE)
SIGNED_BATCHES: Final = BatchTree(SIGNED, SIGNED_TREE)


def batch_nodes(connection: Connection, tree: BatchTree) -> ReadNodes:
    """Return a reader of a tree's complete subtrees."""

    def root_of(node: NodeAt) -> Bytes32:
        below = node.height % STORED_HEIGHTS
        start, stop = node.position << below, (node.position + 1) << below
        if node.height < STORED_HEIGHTS:
            hashes = leaf_level(tree.hash, history_roots(connection, start, stop))
        else:
            hashes = list(read_subtrees(connection, tree.stored, node.height - below, start, stop))
        return complete_root(tree.hash, hashes)

    def read(nodes: Sequence[NodeAt]) -> Mapping[NodeAt, Bytes32]:
        return {node: root_of(node) for node in nodes}

    return read


def history_nodes(connection: Connection) -> ReadNodes:
    """Return a reader of complete subtrees of the history."""
    return batch_nodes(connection, HISTORY_OF_BATCHES)


def history_root(connection: Connection, batch_count: int) -> Bytes32:
    """Return the root over the anchored roots of the first ``batch_count`` batches; ZERO at 0."""
    return root_at(HISTORY_TREE, batch_count, history_nodes(connection))


def checkpoint_after(connection: Connection, batch_count: int, anchor_root: Bytes32) -> SignedCheckpoint:
    """Return what is to be signed with one more batch after the first ``batch_count``, of this root."""
    nodes = complete_nodes(0, batch_count)
    stored = batch_nodes(connection, SIGNED_BATCHES)(nodes)
    before = Frontier(batch_count, tuple(stored[node] for node in nodes))
    after = before.append(SIGNED_TREE, SIGNED_TREE.leaf(anchor_root))
    return SignedCheckpoint(after.size, after.root(SIGNED_TREE))


def nodes_completed_by(connection: Connection, number: int, tree: BatchTree) -> list[StoredNode]:
    """Return the subtrees to store now that batch ``number`` is written: those that it is the last of."""
    completed: list[StoredNode] = []
    height = STORED_HEIGHTS
    while number % (1 << height) == 0:
        position = (number >> height) - 1
        start = position << STORED_HEIGHTS
        if height == STORED_HEIGHTS:
            hashes = leaf_level(tree.hash, history_roots(connection, start, start + 16))
        else:
            below = height - STORED_HEIGHTS
            hashes = list(read_subtrees(connection, tree.stored, below, start, start + 15))
            hashes.append(completed[-1].hash)
        completed.append(StoredNode(tree.stored, height, position, complete_root(tree.hash, hashes)))
        height += STORED_HEIGHTS
    return completed
