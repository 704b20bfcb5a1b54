"""A ledger's tree as it is stored: fingerprints, and the roots of complete subtrees above them."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, select

from anchor.protocol.hashing import Bytes32
from anchor.storage.schema import deltas, ledgers, tree_nodes

STORED_HEIGHTS: Final = 4
"""Subtrees are stored at every multiple of this height."""
_CHUNK: Final = 20_000


def sealed_size(connection: Connection, ledger: int) -> int:
    """Return how many of a ledger's deltas are sealed: complete subtrees within them are stored."""
    size: int = connection.execute(select(ledgers.c.sealed_size).where(ledgers.c.id == ledger)).scalar_one()
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
