"""What a seal reads and writes: ledgers with something new, their fingerprints, heads and batches."""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, case, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from anchor.protocol.hashing import Bytes32
from anchor.protocol.merkle import Frontier
from anchor.server.storage.appending import Appending
from anchor.server.storage.schema import (
    batches,
    frontiers,
    heads,
    ledgers,
    tree_nodes,
)
from anchor.server.storage.schema_sending import anchors, chains

_ROWS_AT_ONCE: Final = 10_000
_LEDGERS_AT_ONCE: Final = 500
_HEADS: Final = Appending(heads, "ledger", "batch", "size", "root", "balance")


class UnsealedLedger(NamedTuple):
    """A ledger with deltas in no batch, as it stood at the fence. Balance in units, time in ms."""

    id: int
    ledger_id: Bytes32
    size: int
    sealed_size: int
    balance: int
    last_recorded_at: int


class SealedBatch(NamedTuple):
    """A sealed batch; ``sealed_at`` is milliseconds."""

    number: int
    sealed_at: int
    history_root: Bytes32
    map_root: Bytes32
    anchor_root: Bytes32
    delta_count: int
    """The deltas that are in it and in no batch before it."""
    ledger_count: int
    """The ledgers that those deltas belong to."""


class StoredNode(NamedTuple):
    """The root of a complete subtree that is kept: of ``tree`` (a ledger's id, or HISTORY)."""

    tree: int
    height: int
    position: int
    hash: Bytes32


class NewHead(NamedTuple):
    """A ledger's head in the batch that is being sealed, and the frontier (bytes) at its size."""

    ledger: int
    size: int
    root: Bytes32
    balance: int
    frontier: bytes


def newest_sealed_batch(connection: Connection) -> SealedBatch | None:
    """Return the newest batch."""
    row = connection.execute(select(batches).order_by(batches.c.number.desc()).limit(1)).one_or_none()
    return None if row is None else sealed_batch(row)


def sealed_batch(row: Sequence[Any]) -> SealedBatch:
    """Return a row of ``batches`` as a value."""
    number, sealed_at, history_root, map_root, anchor_root, delta_count, ledger_count = row
    return SealedBatch(
        number, sealed_at, bytes(history_root), bytes(map_root), bytes(anchor_root), delta_count, ledger_count
    )


def unsealed_ledgers(connection: Connection) -> list[UnsealedLedger]:
    """Return every ledger with deltas in no batch, in the order of their ids."""
    rows = connection.execute(
        select(
            ledgers.c.id,
            ledgers.c.ledger_id,
            ledgers.c.size,
            ledgers.c.sealed_size,
            ledgers.c.balance,
            ledgers.c.last_recorded_at,
        )
        .where(ledgers.c.unsealed)
        .order_by(ledgers.c.id)
    )
    return [
        UnsealedLedger(id_, bytes(ledger_id), size, sealed, balance, recorded)
        for id_, ledger_id, size, sealed, balance, recorded in rows
    ]


def count_unsealed(connection: Connection) -> int:
    """Return how many deltas are in no batch."""
    count = connection.execute(
        select(func.coalesce(func.sum(ledgers.c.size - ledgers.c.sealed_size), 0)).where(ledgers.c.unsealed)
    ).scalar_one()
    return int(count)


def read_frontiers(connection: Connection, numbers: Sequence[int]) -> dict[int, Frontier]:
    """Return the frontiers of ledgers, each with the size that it was sealed at, both of one moment: those
    of two moments would grow into nodes that are of no tree."""
    found: dict[int, Frontier] = {}
    for at in range(0, len(numbers), _LEDGERS_AT_ONCE):
        rows = connection.execute(
            select(ledgers.c.id, ledgers.c.sealed_size, frontiers.c.frontier)
            .outerjoin(frontiers, frontiers.c.ledger == ledgers.c.id)
            .where(ledgers.c.id.in_(numbers[at : at + _LEDGERS_AT_ONCE]))
        )
        found.update((ledger, Frontier.from_bytes(size, bytes(peaks or b""))) for ledger, size, peaks in rows)
    return found


class NewDeltas(NamedTuple):
    """The deltas of a ledger from index ``start`` up to, not including, ``stop``."""

    ledger: int
    start: int
    stop: int


def fingerprints_of(connection: Connection, new: Sequence[NewDeltas]) -> list[Bytes32]:
    """Return the fingerprints of these deltas, ledger after ledger in the order given, in one statement."""
    if connection.dialect.name == "sqlite":
        # CROSS JOIN holds SQLite to this order: for each ledger, one search of the index.
        rows = connection.exec_driver_sql(
            "SELECT d.fingerprint FROM json_each(?) n CROSS JOIN deltas d "
            "ON d.ledger = json_extract(n.value, '$[0]') AND d.\"index\" >= json_extract(n.value, '$[1]') "
            'AND d."index" < json_extract(n.value, \'$[2]\') ORDER BY n.key, d."index"',
            (json.dumps(new),),
        ).fetchall()
    else:
        rows = connection.exec_driver_sql(
            "SELECT d.fingerprint FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) "
            "WITH ORDINALITY AS n(ledger, start, stop, place) JOIN deltas d ON d.ledger = n.ledger "
            'AND d."index" >= n.start AND d."index" < n.stop ORDER BY n.place, d."index"',
            ([one.ledger for one in new], [one.start for one in new], [one.stop for one in new]),
        ).fetchall()
    return [bytes(row[0]) for row in rows]


def keep_nodes(connection: Connection, nodes: Sequence[StoredNode]) -> None:
    """Store roots of complete subtrees. Writing one again changes nothing: it can only be the same."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(tree_nodes).on_conflict_do_nothing()
    for at in range(0, len(nodes), _ROWS_AT_ONCE):
        connection.execute(statement, [node._asdict() for node in nodes[at : at + _ROWS_AT_ONCE]])


def history_roots(connection: Connection, start: int, stop: int) -> list[Bytes32]:
    """Return the anchored roots that are the history's leaves from ``start`` up to ``stop``."""
    rows = connection.execute(
        select(batches.c.anchor_root)
        .where(batches.c.number > start, batches.c.number <= stop)
        .order_by(batches.c.number)
    )
    return [bytes(root) for root in rows.scalars()]


def publish_batch(connection: Connection, batch: SealedBatch, new_heads: Sequence[NewHead]) -> None:
    """Write a batch and the heads that changed with it; ``mark_sealed`` belongs to the same transaction.

    Raises sqlalchemy's IntegrityError where another process sealed this number first.
    """
    connection.execute(insert(batches).values(**batch._asdict()))
    if not new_heads:
        return
    as_text = connection.dialect.name == "sqlite"
    _HEADS.append(
        connection,
        [
            (head.ledger, batch.number, head.size, head.root, str(head.balance) if as_text else head.balance)
            for head in new_heads
        ],
    )
    _keep_frontiers(connection, new_heads)


def _keep_frontiers(connection: Connection, new_heads: Sequence[NewHead]) -> None:
    statement = (
        "INSERT INTO frontiers (ledger, frontier) {} "
        "ON CONFLICT (ledger) DO UPDATE SET frontier = excluded.frontier"
    )
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(
            statement.format("VALUES (?, ?)"), [(head.ledger, head.frontier) for head in new_heads]
        )
        return
    connection.exec_driver_sql(
        statement.format("SELECT * FROM unnest(%s::bigint[], %s::bytea[])"),
        ([head.ledger for head in new_heads], [head.frontier for head in new_heads]),
    )


def mark_sealed(connection: Connection, new_heads: Sequence[NewHead]) -> None:
    """Mark the deltas below these heads sealed. On PostgreSQL nothing is recorded in these ledgers from
    here to the end of the transaction, so this is its last statement."""
    if not new_heads:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(
            "UPDATE ledgers SET sealed_size = ?1, unsealed = size > ?1 WHERE id = ?2",
            [(head.size, head.ledger) for head in new_heads],
        )
        return
    # In the order of ids, as whoever records locks them.
    connection.exec_driver_sql(
        "SELECT id FROM ledgers WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
        ([head.ledger for head in new_heads],),
    ).fetchall()
    connection.exec_driver_sql(
        "UPDATE ledgers l SET sealed_size = n.size, unsealed = l.size > n.size "
        "FROM unnest(%s::bigint[], %s::bigint[]) AS n(id, size) WHERE l.id = n.id",
        ([head.ledger for head in new_heads], [head.size for head in new_heads]),
    )


def oldest_needed_batch(connection: Connection) -> int:
    """Return the oldest batch whose map a proof may still be made of; 0 where all may be needed.

    Proofs are made under the newest batch that is final on a chain, so that is the least, over the
    chains in use, of their newest final batches.
    """
    newest = (
        select(
            chains.c.id,
            func.max(case((anchors.c.state == "final", anchors.c.batch), else_=0)).label("batch"),
        )
        .select_from(chains.outerjoin(anchors, anchors.c.chain == chains.c.id))
        .where(chains.c.retired_at.is_(None))
        .group_by(chains.c.id)
        .subquery()
    )
    oldest = connection.execute(select(func.min(newest.c.batch))).scalar_one_or_none()
    return int(oldest or 0)
