"""What the map of ledgers held at a batch of long ago, whose own nodes may not be stored any more."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection

from anchor.protocol.hashing import Bytes32

_ROWS_AT_ONCE: Final = 10_000

# Ledgers first, and for each the one head that it has: asked for together, a server may go through every
# head of the log for each so many ledgers. A ledger that came later has none, and counts for the next page.
_ON_SQLITE: Final = """
    SELECT l.ledger_id, h.size, h.root
    FROM (SELECT id, ledger_id FROM ledgers WHERE ledger_id > ? ORDER BY ledger_id LIMIT ?) l
    LEFT JOIN heads h ON h.ledger = l.id
        AND h.batch = (SELECT max(batch) FROM heads WHERE ledger = l.id AND batch <= ?)
    ORDER BY l.ledger_id"""
_ON_POSTGRESQL: Final = """
    SELECT l.ledger_id, h.size, h.root
    FROM (SELECT id, ledger_id FROM ledgers WHERE ledger_id > %s ORDER BY ledger_id LIMIT %s) l
    LEFT JOIN LATERAL (
        SELECT size, root FROM heads WHERE ledger = l.id AND batch <= %s ORDER BY batch DESC LIMIT 1
    ) h ON true
    ORDER BY l.ledger_id"""


def heads_at(connection: Connection, batch: int) -> Iterator[tuple[Bytes32, int, Bytes32]]:
    """Yield ledger id, size and root of every ledger that a batch holds, in the order of ledger ids."""
    statement = _ON_SQLITE if connection.dialect.name == "sqlite" else _ON_POSTGRESQL
    after = b""
    while rows := connection.exec_driver_sql(statement, (after, _ROWS_AT_ONCE, batch)).fetchall():
        for ledger_id, size, root in rows:
            if root is not None:
                yield bytes(ledger_id), size, bytes(root)
        after = bytes(rows[-1][0])
