"""An audit finds nothing in an honest log, and names whatever was changed behind its back."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from anchor.ledger.api_keys import Scope, create_key
from anchor.ledger.auditing import HeadOnChain, audit, audit_chain
from anchor.ledger.checkpoints import create_checkpoint, create_span_checkpoint
from anchor.ledger.erasing import ErasableField, erase_fields
from anchor.ledger.model import Emission
from anchor.ledger.periods import Span
from anchor.protocol.hashing import ZERO
from anchor.storage.database import Database
from anchor.storage.schema import metadata
from tests.fixtures.logs import OpenedLog, open_new_log

CHAINS: Final = {
    "chains",
    "sends",
    "attempts",
    "anchors",
    "accepted_heads",
    "leases",
    "alarms",
    "observations",
}
"""What we did on the chains and saw there; the chain itself is asked for it."""

NOT_RECOMPUTED: Final = {
    ("log", "id"): "always 1",
    ("log", "receipt_key"): "random; only its length is known",
    ("erasures", "erased_at"): "stands in no hash",
    ("erasures", "erased_by"): "stands in no hash",
    ("checkpoints", "id"): "an order of ours",
    ("checkpoints", "proof_token"): "random; only its form is known",
    ("checkpoints", "created_at"): "stands in no hash",
    ("idempotency_keys", "idempotency_key"): "the caller's choice",
    ("idempotency_keys", "request_hash"): "the request is not kept",
    ("api_keys", "key_hash"): "the key is not kept",
    ("api_keys", "name"): "the operator's choice",
    ("api_keys", "scopes"): "the operator's choice",
    ("api_keys", "customer_id"): "the operator's choice",
    ("api_keys", "created_at"): "stands in no hash",
    ("api_keys", "revoked_at"): "the operator's choice",
}
COLUMNS: Final = [
    (table.name, column.name)
    for table in metadata.sorted_tables
    if table.name not in CHAINS
    for column in table.columns
    if (table.name, column.name) not in NOT_RECOMPUTED
]


def filled(database: Database) -> OpenedLog:
    """Record three ledgers through several batches, with all that the tables can hold."""
    opened = open_new_log(database)
    key = create_key(database, opened.clock, "books", [Scope.WRITE])
    for batch in range(20):
        opened.record(
            *(
                Emission(
                    "acme",
                    10 * batch + at,
                    f"reason {batch}/{at}",
                    f"ref {batch}/{at}",
                    metadata=b'{"a":1}' if at % 2 else None,
                    occurred_at=1_000 + at,
                    adjusts=f"ref {batch}/0" if at == 2 else None,
                    idempotency_key=f"key {batch}/{at}",
                    api_key_id=key.key.id,
                )
                for at in range(5)
            )
        )
        if batch % 3 == 0:
            opened.record(Emission("beta", -batch, unit="miles"), Emission(f"customer {batch}", 1))
        opened.clock.advance(1_000)
        assert opened.sealer.seal() is not None
        opened.clock.advance(1_000)
    start = opened.clock.now_ms()
    receipts = opened.record(Emission("acme", 7, "unsealed"), Emission("acme", 8, "erased", "erased ref"))
    opened.clock.advance(1_000)
    create_checkpoint(database, opened.log, opened.clock, "acme", "", from_index=3, to_index=50)
    create_span_checkpoint(
        database, opened.log, opened.clock, "acme", "", Span(start - 500, opened.clock.now_ms())
    )
    erase_fields(
        database, opened.log, opened.clock, receipts[1].receipt_id, [ErasableField.REASON], "the officer"
    )
    return opened


def test_an_honest_log_has_no_findings(database: Database) -> None:
    filled(database)
    assert list(audit(database)) == []


def test_an_empty_log_has_no_findings(database: Database) -> None:
    open_new_log(database)
    assert list(audit(database)) == []


@pytest.fixture(scope="module")
def honest(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An honest log's SQLite file."""
    path = tmp_path_factory.mktemp("audit") / "log.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database.open(f"sqlite:///{path}")
    filled(database)
    database.close()
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for (trigger,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {trigger}")
    raw.close()
    return path.read_bytes()


def other(value: Any) -> Any:
    """Return another value of the same kind."""
    if value is None:
        return 1
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:] if value else b"\x01"
    return value + 1 if isinstance(value, int) else str(int(value) + 1) if value.isdigit() else value + "x"


# SQLite only: on PostgreSQL foreign keys and checks refuse most of these, and the audit is the same code.
@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_a_changed_column_is_found_and_named(honest: bytes, tmp_path: Path, table: str, column: str) -> None:
    path = tmp_path / "log.db"
    path.write_bytes(honest)
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA ignore_check_constraints = ON")
    order = "desc" if column in ("created_at", "batch", "index", "span_start", "span_end") else "asc"
    where = f'"{column}" IS NOT NULL' if table != "map_nodes" else NEWEST_LEAF
    rowid, value = raw.execute(
        f'SELECT {KEYS.get(table, "rowid")}, "{column}" FROM {table} WHERE {where} ORDER BY 1 {order}'
    ).fetchone()
    changed = LARGER.get((table, column), other)(value)
    key = KEYS.get(table, "rowid")
    raw.execute(f'UPDATE {table} SET "{column}" = ? WHERE {key} = ?', (changed, rowid))
    raw.commit()
    raw.close()
    database = Database.open(f"sqlite:///{path}")
    findings = list(audit(database))
    database.close()
    named = {(finding.table, finding.column) for finding in findings}
    assert named & ({(table, column)} | set(SHOWN_AS.get((table, column), ()))), findings[:5]


NEWEST_LEAF: Final = (
    "leaf_head IS NOT NULL AND NOT EXISTS (SELECT 1 FROM map_nodes n WHERE n.depth = map_nodes.depth "
    "AND n.prefix = map_nodes.prefix AND n.batch > map_nodes.batch)"
)
KEYS: Final = {
    "tree_nodes": "tree || '/' || height || '/' || position",
    "heads": "ledger || '/' || batch",
    "map_nodes": "depth || '/' || hex(prefix) || '/' || batch",
}
LARGER: Final[dict[tuple[str, str], Callable[[Any], Any]]] = {
    # Later or earlier than anything, since its neighbours leave it some room.
    ("log", "sealing_at"): lambda _: 1,
    ("log", "created_at"): lambda value: value + 10**9,
    ("ledgers", "id"): lambda value: value + 1000,
    ("ledgers", "unsealed"): lambda value: 1 - value,
    ("deltas", "ledger"): lambda value: value + 1000,
    ("deltas", "index"): lambda value: value + 1000,
    ("frontiers", "ledger"): lambda value: value + 1000,
    ("tree_nodes", "tree"): lambda value: value + 1000,
    ("tree_nodes", "height"): lambda value: value + 1,
    ("tree_nodes", "position"): lambda value: value + 1000,
    ("heads", "ledger"): lambda value: value + 1000,
    ("heads", "batch"): lambda value: value + 1000,
    ("map_nodes", "depth"): lambda value: value + 100,
    ("map_nodes", "prefix"): lambda value: b"\x7f" + value,
    ("map_nodes", "batch"): lambda value: value + 1000,
    ("batches", "number"): lambda value: value + 1000,
    ("checkpoints", "ledger"): lambda value: value + 1000,
    ("checkpoints", "from_index"): lambda value: value + 1,
    ("checkpoints", "span_start"): lambda value: value + 10**6,
    ("checkpoints", "span_end"): lambda value: value - 10**6,
    ("erasures", "ledger"): lambda value: value + 1000,
    ("erasures", "index"): lambda value: value - 1,
    ("erasures", "field"): lambda _: "metadata",
    ("idempotency_keys", "api_key"): lambda value: value + 1000,
    ("idempotency_keys", "index"): lambda value: value + 1000,
    ("idempotency_keys", "ledger"): lambda value: value + 1000,
    ("api_keys", "id"): lambda value: value + 1000,
}
FINGERPRINT: Final = (("deltas", "fingerprint"),)
SHOWN_AS: Final[dict[tuple[str, str], tuple[tuple[str, str], ...]]] = {
    # A hash does not tell which of what it covers was changed; the row is named.
    **{
        ("deltas", column): FINGERPRINT
        for column in (
            "amount",
            "occurred_at",
            "reason",
            "reason_salt",
            "reference_id",
            "reference_salt",
            "metadata",
            "metadata_salt",
        )
    },
    ("log", "identity_public_key"): (("log", "log_id"),),
    ("ledgers", "id"): (("deltas", "ledger"),),
    ("ledgers", "customer_id"): (("ledgers", "identity_proof"),),
    ("ledgers", "unit"): (("ledgers", "identity_proof"),),
    ("deltas", "adjusts_index"): (("deltas", "adjusts"),),
    ("tree_nodes", "tree"): (("tree_nodes", "position"), ("tree_nodes", "hash")),
    ("tree_nodes", "height"): (("tree_nodes", "position"), ("tree_nodes", "hash")),
    ("heads", "size"): (("heads", "root"),),
    ("batches", "sealed_at"): (("batches", "anchor_root"),),
    ("map_nodes", "depth"): (("map_nodes", "prefix"),),
    ("checkpoints", "from_index"): (("checkpoints", "proof_hash"),),
    ("checkpoints", "to_index"): (("checkpoints", "proof_hash"),),
    ("erasures", "ledger"): (("erasures", "field"),),
    ("erasures", "index"): (("erasures", "field"),),
    ("erasures", "commitment"): FINGERPRINT,
    ("idempotency_keys", "ledger"): (("idempotency_keys", "index"),),
    ("api_keys", "id"): (("idempotency_keys", "api_key"),),
}


def test_a_finding_says_where_and_both_values(honest: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    path.write_bytes(honest)
    raw = sqlite3.connect(path)
    raw.execute("UPDATE deltas SET amount = '999' WHERE ledger = 1 AND \"index\" = 7")
    raw.commit()
    raw.close()
    database = Database.open(f"sqlite:///{path}")
    found = {(finding.table, finding.key, finding.column) for finding in audit(database)}
    database.close()
    assert found == {("deltas", (1, 7), "fingerprint"), ("deltas", (1, 7), "balance")}


def test_a_deleted_delta_is_missed(honest: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    path.write_bytes(honest)
    raw = sqlite3.connect(path)
    raw.execute('DELETE FROM deltas WHERE ledger = 1 AND "index" = 7')
    raw.commit()
    raw.close()
    database = Database.open(f"sqlite:///{path}")
    findings = list(audit(database))
    database.close()
    assert any(one.table == "deltas" and one.key == (1, 8) and one.column == "index" for one in findings)


def test_a_head_on_the_chain_that_is_no_batch_is_named(database: Database) -> None:
    opened = filled(database)
    del opened
    from anchor.storage.auditing import audited_batches

    with database.read() as connection:
        roots = [bytes(batch[4]) for batch in audited_batches(connection)]
    line = [
        HeadOnChain(place + 1, roots[place - 1] if place else ZERO, root, bytes([place]) * 32)
        for place, root in enumerate(roots)
    ]
    assert list(audit_chain(database, "main", line)) == []
    foreign = line[-1]._replace(new_head=b"\x66" * 32)
    (finding,) = audit_chain(database, "main", [*line[:-1], foreign])
    assert (finding.key, finding.column) == (("main", len(line)), "head")
    (finding,) = audit_chain(database, "main", [*line[:5], *line[6:]])
    assert finding.column == "previous_head"
