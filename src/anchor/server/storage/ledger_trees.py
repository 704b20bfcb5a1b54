"""A ledger's tree as it is stored: fingerprints, and the roots of complete subtrees above them."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, select

from anchor.protocol.hashing import Bytes32
from anchor.protocol.merkle_proofs import NodeAt
from anchor.server.storage.schema import deltas, ledgers, tree_nodes

STORED_HEIGHTS: Final = 4
"""Subtrees are stored at every multiple of this height."""
_CHUNK: Final = 20_000
_SEALED_SIZE: Final = select(ledgers.c.sealed_size).where(ledgers.c.id == bindparam("ledger"))


def sealed_size(connection: Connection, ledger: int) -> int:
    """Return how many of a ledger's deltas are sealed: complete subtrees within them are stored."""
    size: int = connection.execute(_SEALED_SIZE, {"ledger": ledger}).scalar_one()
    return size


def read_fingerprints(connection: Connection, ledger: int, start: int, stop: int) -> Iterator[Bytes32]:
    """Yield the fingerprints of the deltas from ``start`` up to, not including, ``stop``, in order."""
    statement = select(deltas.c.fingerprint).where(deltas.c.ledger == ledger).order_by(deltas.c.index)
    for begin in range(start, stop, _CHUNK):
        end = min(begin + _CHUNK, stop)
        yield from connection.execute(
            statement.where(deltas.c.index >= begin, deltas.c.index < end)
        ).scalars()


def read_subtrees(
    connection: Connection, ledger: int, height: int, start: int, stop: int
) -> Iterator[Bytes32]:
    """Yield the stored roots of one height from position ``start`` up to ``stop``, in order."""
    statement = (
        select(tree_nodes.c.hash)
        .where(tree_nodes.c.tree == ledger, tree_nodes.c.height == height)
        .order_by(tree_nodes.c.position)
    )
    for begin in range(start, stop, _CHUNK):
        end = min(begin + _CHUNK, stop)
        yield from connection.execute(
            statement.where(tree_nodes.c.position >= begin, tree_nodes.c.position < end)
        ).scalars()


def read_scattered_fingerprints(
    connection: Connection, ledger: int, indices: Sequence[int]
) -> dict[int, Bytes32]:
    """Return the fingerprints of the deltas at a few indices."""
    if not indices:
        return {}
    if connection.dialect.name == "sqlite":
        # CROSS JOIN holds SQLite to this order: for each index, one search of the table.
        rows = connection.exec_driver_sql(
            'SELECT d."index", d.fingerprint FROM json_each(?) j CROSS JOIN deltas d '
            'ON d.ledger = ? AND d."index" = j.value',
            (json.dumps(list(indices)), ledger),
        ).fetchall()
    else:
        rows = connection.exec_driver_sql(
            'SELECT "index", fingerprint FROM deltas WHERE ledger = %s AND "index" = ANY(%s)',
            (ledger, list(indices)),
        ).fetchall()
    return {index: bytes(fingerprint) for index, fingerprint in rows}


def read_scattered_subtrees(
    connection: Connection, tree: int, nodes: Sequence[NodeAt]
) -> dict[NodeAt, Bytes32]:
    """Return the stored roots at a few places of a tree."""
    if not nodes:
        return {}
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(
            "SELECT n.height, n.position, n.hash FROM json_each(?) j CROSS JOIN tree_nodes n "
            "ON n.tree = ? AND n.height = json_extract(j.value, '$[0]') "
            "AND n.position = json_extract(j.value, '$[1]')",
            (json.dumps(list(nodes)), tree),
        ).fetchall()
    else:
        rows = connection.exec_driver_sql(
            "SELECT n.height, n.position, n.hash FROM unnest(%s::bigint[], %s::bigint[]) "
            "AS k(height, position) JOIN tree_nodes n "
            "ON n.tree = %s AND n.height = k.height AND n.position = k.position",
            ([node.height for node in nodes], [node.position for node in nodes], tree),
        ).fetchall()
    return {NodeAt(height, position): bytes(node) for height, position, node in rows}
