"""Reading the whole record in its own order, page by page, for recomputing all of it.

Every function reads within the caller's transaction, so that all of them see one snapshot.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from anchor.protocol.hashing import Bytes32

_ROWS_AT_ONCE: Final = 16_384
_KEYS_AT_ONCE: Final = 400

ANCHOR_COLUMNS: Final = ("transaction_hash", "previous_head", "block_number", "block_hash", "block_time")

_DELTAS: Final = (
    'SELECT d.ledger, d."index", d.amount, d.balance, d.occurred_at, d.recorded_at, d.reason, d.reason_salt, '
    "d.reference_id, d.reference_salt, d.metadata, d.metadata_salt, d.adjusts, d.adjusts_index, "
    "d.fingerprint, a.fingerprint FROM deltas d "
    'LEFT JOIN deltas a ON a.ledger = d.ledger AND a."index" = d.adjusts_index '
    'WHERE (d.ledger, d."index") > ({0}, {0}) ORDER BY d.ledger, d."index" LIMIT {0}'
)

_IDEMPOTENCY_KEYS: Final = (
    'SELECT k.api_key, k.idempotency_key, k.request_hash, k.ledger, k."index", d.amount, '
    "k.api_key = 0 OR EXISTS (SELECT 1 FROM api_keys p WHERE p.id = k.api_key), "
    "d.occurred_at, d.recorded_at, d.reason, d.reason_salt, d.reference_id, d.reference_salt, "
    "d.metadata, d.metadata_salt, d.adjusts_index, a.reference_id FROM idempotency_keys k "
    'LEFT JOIN deltas d ON d.ledger = k.ledger AND d."index" = k."index" '
    'LEFT JOIN deltas a ON a.ledger = d.ledger AND a."index" = d.adjusts_index '
    "WHERE (k.api_key, k.idempotency_key) > ({0}, {0}) ORDER BY k.api_key, k.idempotency_key LIMIT {0}"
)


class AuditedLedger(NamedTuple):
    """A row of ``ledgers`` with its frontier (None where it has none). Balance in units, time in ms."""

    id: int
    ledger_id: Bytes32
    customer_id: str
    unit: str
    identity_proof: bytes
    size: int
    balance: int
    last_recorded_at: int
    sealed_size: int
    unsealed: bool
    frontier: bytes | None


class AuditedHead(NamedTuple):
    """A row of ``heads``. Balance in units."""

    ledger: int
    batch: int
    size: int
    root: Bytes32
    balance: int


def _run(connection: Connection, statement: str, *values: Any) -> Sequence[Any]:
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    return connection.exec_driver_sql(statement.format(mark), values).fetchall()


def audited_log(connection: Connection) -> Sequence[Any]:
    """Return what stands in each row of ``log``, its columns in order."""
    return _run(
        connection,
        "SELECT id, log_id, identity_public_key, founder, receipt_key, sealing_at, created_at FROM log",
    )


def audited_ledgers(connection: Connection) -> list[AuditedLedger]:
    """Return every ledger in the order of their numbers."""
    rows = _run(
        connection,
        "SELECT l.id, l.ledger_id, l.customer_id, l.unit, l.identity_proof, l.size, l.balance, "
        "l.last_recorded_at, l.sealed_size, l.unsealed, f.frontier FROM ledgers l "
        "LEFT JOIN frontiers f ON f.ledger = l.id ORDER BY l.id",
    )
    return [AuditedLedger._make((*row[:6], int(row[6]), *row[7:9], bool(row[9]), row[10])) for row in rows]


def frontiers_of_nothing(connection: Connection) -> list[int]:
    """Return the ledgers of frontiers that belong to no ledger."""
    return [
        row[0]
        for row in _run(
            connection, "SELECT ledger FROM frontiers WHERE ledger NOT IN (SELECT id FROM ledgers)"
        )
    ]


def audited_deltas(connection: Connection) -> Iterator[tuple[int, list[Any]]]:
    """Yield (ledger, its next deltas) in order; each delta ends with the fingerprint that it adjusts."""
    last: tuple[int, int] = (-(2**63), -(2**63))
    while rows := _run(connection, _DELTAS, *last, _ROWS_AT_ONCE):
        for ledger, group in groupby(rows, key=lambda row: row[0]):
            yield ledger, list(group)
        last = (rows[-1][0], rows[-1][1])


def count_of_deltas(connection: Connection) -> int:
    """Return how many deltas the ledgers say they hold."""
    return int(_run(connection, "SELECT coalesce(sum(size), 0) FROM ledgers")[0][0])


def audited_heads(connection: Connection) -> Iterator[AuditedHead]:
    """Yield every head, ledger after ledger, the oldest first."""
    last: tuple[int, int] = (-(2**63), -(2**63))
    while rows := _run(
        connection,
        "SELECT ledger, batch, size, root, balance FROM heads WHERE (ledger, batch) > ({0}, {0}) "
        "ORDER BY ledger, batch LIMIT {0}",
        *last,
        _ROWS_AT_ONCE,
    ):
        yield from (AuditedHead._make((*row[:4], int(row[4]))) for row in rows)
        last = (rows[-1][0], rows[-1][1])


def heads_by_batch(connection: Connection) -> Iterator[tuple[int, int, int, Bytes32]]:
    """Yield (batch, ledger, size, root) of every head, the oldest batch first."""
    last: tuple[int, int] = (-(2**63), -(2**63))
    while rows := _run(
        connection,
        "SELECT batch, ledger, size, root FROM heads WHERE (batch, ledger) > ({0}, {0}) "
        "ORDER BY batch, ledger LIMIT {0}",
        *last,
        _ROWS_AT_ONCE,
    ):
        yield from (tuple(row) for row in rows)
        last = (rows[-1][0], rows[-1][1])


def audited_batches(connection: Connection) -> Sequence[Any]:
    """Return every row of ``batches`` in the order of numbers."""
    return _run(
        connection,
        "SELECT number, sealed_at, history_root, map_root, anchor_root, delta_count, ledger_count "
        "FROM batches ORDER BY number",
    )


def signed_notes(connection: Connection) -> dict[int, str]:
    """Return the note of each batch's signed checkpoint."""
    rows = _run(connection, "SELECT batch, note FROM signed_checkpoints")
    return {row[0]: row[1] for row in rows}


def nodes_between(
    connection: Connection, tree: int, height: int, start: int, stop: int
) -> dict[int, Bytes32]:
    """Return the stored nodes of one height by position, from ``start`` up to, not including, ``stop``."""
    rows = _run(
        connection,
        "SELECT position, hash FROM tree_nodes WHERE tree = {0} AND height = {0} "
        "AND position >= {0} AND position < {0}",
        tree,
        height,
        start,
        stop,
    )
    return {position: bytes(node) for position, node in rows}


def nodes_of_nothing(connection: Connection, batch_count: int) -> Sequence[Any]:
    """Return tree, height and position of stored nodes that stand over no complete subtree."""
    return _run(
        connection,
        "SELECT t.tree, t.height, t.position FROM tree_nodes t LEFT JOIN ledgers l ON l.id = t.tree "
        "WHERE (t.tree NOT IN (-1, 0) AND l.id IS NULL) "
        "OR t.height NOT IN (4,8,12,16,20,24,28,32,36,40,44,48,52,56,60) "
        "OR t.position < 0 OR t.position >= "
        "((CASE WHEN t.tree IN (-1, 0) THEN {0} ELSE l.size END) >> CAST(t.height AS INTEGER)) "
        "ORDER BY t.tree, t.height, t.position",
        batch_count,
    )


def newest_map_nodes(connection: Connection) -> Iterator[tuple[int, bytes, int]]:
    """Yield depth, prefix and batch of each place's newest version."""
    last: tuple[int, bytes] = (-1, b"")
    while rows := _run(
        connection,
        "SELECT m.depth, m.prefix, m.batch FROM map_nodes m "
        "WHERE (m.depth, m.prefix) > ({0}, {0}) AND NOT EXISTS (SELECT 1 FROM map_nodes n "
        "WHERE n.depth = m.depth AND n.prefix = m.prefix AND n.batch > m.batch) "
        "ORDER BY m.depth, m.prefix LIMIT {0}",
        *last,
        _ROWS_AT_ONCE,
    ):
        yield from ((depth, bytes(prefix), batch) for depth, prefix, batch in rows)
        last = (rows[-1][0], bytes(rows[-1][1]))


def map_nodes_of(connection: Connection, batch: int, keys: Sequence[tuple[int, bytes]]) -> Iterator[Any]:
    """Yield depth, prefix, hash, leaf_ledger_id, leaf_head of those of these places that a batch wrote."""
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        some = keys[start : start + _KEYS_AT_ONCE]
        for depth, prefix, *rest in _run(
            connection,
            "SELECT depth, prefix, hash, leaf_ledger_id, leaf_head FROM map_nodes WHERE batch = {0} "
            f"AND (depth, prefix) IN (VALUES {', '.join(['({0}, {0})'] * len(some))})",
            batch,
            *(part for key in some for part in key),
        ):
            yield depth, bytes(prefix), *rest


def count_of_map_nodes(connection: Connection) -> int:
    """Return how many versions of nodes are stored."""
    return int(_run(connection, "SELECT count(*) FROM map_nodes")[0][0])


def commitments_of_erased(
    connection: Connection, ledger: int, start: int, stop: int
) -> dict[tuple[int, str], Bytes32]:
    """Return what stands in the place of erased fields, by index and field; ``stop`` is not included."""
    rows = _run(
        connection,
        'SELECT "index", field, commitment FROM erasures WHERE ledger = {0} '
        'AND "index" >= {0} AND "index" < {0}',
        ledger,
        start,
        stop,
    )
    return {(index, field): bytes(commitment) for index, field, commitment in rows}


def erasures_of_nothing(connection: Connection) -> Sequence[Any]:
    """Return ledger, index, field of erasures whose delta is not there or still has the field."""
    return _run(
        connection,
        'SELECT e.ledger, e."index", e.field FROM erasures e '
        'LEFT JOIN deltas d ON d.ledger = e.ledger AND d."index" = e."index" WHERE d.ledger IS NULL '
        "OR e.field NOT IN ('reason', 'reference_id', 'metadata') "
        "OR (e.field = 'reason' AND (d.reason_salt IS NOT NULL OR d.reason IS NOT NULL)) "
        "OR (e.field = 'reference_id' AND (d.reference_salt IS NOT NULL OR d.reference_id IS NOT NULL)) "
        "OR (e.field = 'metadata' AND (d.metadata_salt IS NOT NULL OR d.metadata IS NOT NULL))",
    )


def audited_checkpoints(connection: Connection) -> Iterator[Any]:
    """Yield the rows of ``checkpoints`` in the order of ids."""
    last = -(2**63)
    while rows := _run(
        connection,
        "SELECT id, proof_token, proof_hash, ledger, from_index, to_index, opening_balance, "
        "closing_balance, opening_root, closing_root, span_start, span_end FROM checkpoints "
        "WHERE id > {0} ORDER BY id LIMIT {0}",
        last,
        _ROWS_AT_ONCE,
    ):
        yield from rows
        last = rows[-1][0]


def balance_and_time(connection: Connection, ledger: int, index: int) -> tuple[int, int] | None:
    """Return the balance (units) after a delta and when it was recorded (ms)."""
    rows = _run(
        connection,
        'SELECT balance, recorded_at FROM deltas WHERE ledger = {0} AND "index" = {0}',
        ledger,
        index,
    )
    return (int(rows[0][0]), rows[0][1]) if rows else None


def audited_idempotency_keys(connection: Connection) -> Iterator[Any]:
    """Yield every idempotency key: its row, its delta's amount (None: there is none), whether its API key
    is there, the rest of what was asked for, and the reference of the delta that it adjusts.
    """
    last: tuple[int, str] = (-(2**63), "")
    while rows := _run(connection, _IDEMPOTENCY_KEYS, *last, _ROWS_AT_ONCE):
        yield from rows
        last = (rows[-1][0], rows[-1][1])


def times_before_their_delta(
    connection: Connection, tolerance: int
) -> Iterator[tuple[str, tuple[Any, ...], str, int, int]]:
    """Yield table, key, column, time, and the delta's time (ms) of erasures and checkpoints that are older
    than their delta by more than ``tolerance``.
    """
    for row in _run(
        connection,
        'SELECT e.ledger, e."index", e.field, e.erased_at, d.recorded_at FROM erasures e '
        'JOIN deltas d ON d.ledger = e.ledger AND d."index" = e."index" '
        "WHERE e.erased_at < d.recorded_at - {0}",
        tolerance,
    ):
        yield "erasures", tuple(row[:3]), "erased_at", row[3], row[4]
    for row in _run(
        connection,
        "SELECT c.id, c.created_at, d.recorded_at FROM checkpoints c "
        'JOIN deltas d ON d.ledger = c.ledger AND d."index" = c.to_index '
        "WHERE c.created_at < d.recorded_at - {0}",
        tolerance,
    ):
        yield "checkpoints", (row[0],), "created_at", row[1], row[2]


def malformed_keys(connection: Connection) -> Iterator[tuple[str, Any, str, Any]]:
    """Yield table, key, column and value of hashes of keys, and of scopes, that are none."""
    for table, key, column, fault in (
        ("api_keys", "id", "key_hash", "length(key_hash) <> 32"),
        ("api_keys", "id", "scopes", f"scopes NOT IN ({', '.join(map(repr, _SCOPES))})"),
    ):
        for row in _run(connection, f"SELECT {key}, {column} FROM {table} WHERE {fault}"):
            yield table, row[0], column, row[1]


def audited_anchors(connection: Connection, chain: str) -> Sequence[Any]:
    """Return the batch and ``ANCHOR_COLUMNS`` of what a chain in use is said to hold."""
    return _run(
        connection,
        f"SELECT a.batch, {', '.join(f'a.{column}' for column in ANCHOR_COLUMNS)} FROM anchors a "
        "JOIN chains c ON c.id = a.chain WHERE c.name = {0} AND c.retired_at IS NULL ORDER BY a.batch",
        chain,
    )


# As written: sorted, with single spaces.
_SCOPES: Final = ("admin", "read", "write", "admin read", "admin write", "read write", "admin read write")
