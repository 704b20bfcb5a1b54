"""Reading what was done on chains, page by page, for holding it against the batches and the chains.

Every function reads within the caller's transaction, so that all of them see one snapshot.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, Table, or_, select

from anchor.protocol.hashing import Bytes32
from anchor.server.storage.anchors import AnchorRow, ChainRow
from anchor.server.storage.schema import batches, metadata
from anchor.server.storage.schema_sending import accepted_heads, anchors, attempts, chains, sends
from anchor.server.storage.sending import AttemptRow, SendRow

_ROWS_AT_ONCE: Final = 2_000

# A million rows are looked at one by one elsewhere; these are no readings of our clock.
_CHECKED_ELSEWHERE: Final = {"deltas", "batches", "ledgers", "log", "leases"}


def audited_chains(connection: Connection) -> list[ChainRow]:
    """Return every chain, those out of use too."""
    return [ChainRow(*row) for row in connection.execute(select(chains).order_by(chains.c.id))]


def roots_of_batches(connection: Connection) -> dict[int, Bytes32]:
    """Return the anchored root of every batch."""
    rows = connection.execute(select(batches.c.number, batches.c.anchor_root))
    return {number: bytes(root) for number, root in rows}


def audited_accepted_heads(connection: Connection) -> list[tuple[int, Bytes32]]:
    """Return chain and head of each foreign head that the operator accepted."""
    rows = connection.execute(select(accepted_heads.c.chain, accepted_heads.c.head))
    return [(chain, bytes(head)) for chain, head in rows]


def audited_sends(connection: Connection) -> Iterator[tuple[SendRow, list[AttemptRow]]]:
    """Yield every send with its attempts, in the order of ids."""
    last = -(2**63)
    while rows := connection.execute(
        select(sends).where(sends.c.id > last).order_by(sends.c.id).limit(_ROWS_AT_ONCE)
    ).all():
        found = connection.execute(
            select(attempts)
            .where(attempts.c.send.between(rows[0].id, rows[-1].id))
            .order_by(attempts.c.send, attempts.c.id)
        )
        signed = {send: list(group) for send, group in groupby(map(_attempt, found), lambda row: row.send)}
        for row in rows:
            yield SendRow(*row), signed.get(row.id, [])
        last = rows[-1].id


def attempts_of_nothing(connection: Connection) -> Sequence[Any]:
    """Return id and send of attempts whose send is not there."""
    return connection.execute(
        select(attempts.c.id, attempts.c.send).where(attempts.c.send.not_in(select(sends.c.id)))
    ).all()


def audited_anchors_of(connection: Connection) -> Iterator[AnchorRow]:
    """Yield every anchor, by chain and batch."""
    last = (-(2**63), -(2**63))
    while rows := connection.execute(
        select(anchors)
        .where(or_(anchors.c.chain > last[0], (anchors.c.chain == last[0]) & (anchors.c.batch > last[1])))
        .order_by(anchors.c.chain, anchors.c.batch)
        .limit(_ROWS_AT_ONCE)
    ).all():
        yield from (AnchorRow(*row) for row in rows)
        last = (rows[-1].chain, rows[-1].batch)


def mined_attempts(connection: Connection, chain: int) -> Iterator[AttemptRow]:
    """Yield the attempts that a block of a chain is said to hold, in the order of ids."""
    last = -(2**63)
    while rows := connection.execute(
        select(attempts)
        .join(sends, sends.c.id == attempts.c.send)
        .where(sends.c.chain == chain, attempts.c.block_hash.is_not(None), attempts.c.id > last)
        .order_by(attempts.c.id)
        .limit(_ROWS_AT_ONCE)
    ).all():
        yield from map(_attempt, rows)
        last = rows[-1].id


def times_outside(
    connection: Connection, earliest: int, latest: int
) -> Iterator[tuple[str, tuple[Any, ...], str, int]]:
    """Yield table, key, column and value of readings of our clock (ms) that lie outside a span."""
    for table in metadata.sorted_tables:
        if table.name not in _CHECKED_ELSEWHERE:
            yield from _times_outside(connection, table, earliest, latest)


def _times_outside(
    connection: Connection, table: Table, earliest: int, latest: int
) -> Iterator[tuple[str, tuple[Any, ...], str, int]]:
    for column in table.columns:
        if not column.name.endswith("_at"):
            continue
        statement = select(*table.primary_key.columns, column).where(or_(column < earliest, column > latest))
        for row in connection.execute(statement):
            yield table.name, tuple(row[:-1]), column.name, row[-1]


def _attempt(row: Any) -> AttemptRow:
    return AttemptRow(*row)
