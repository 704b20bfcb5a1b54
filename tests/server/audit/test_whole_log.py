"""An audit finds nothing in an honest log, and names whatever was changed behind its back."""

import sqlite3
from pathlib import Path

import pytest

from anchor.protocol.hashing import ZERO
from anchor.server.audit.rows import audited_batches
from anchor.server.audit.whole_log import HeadOnChain, audit, audit_chain
from anchor.server.ledger.erasing import ErasableField, erase_fields
from anchor.server.ledger.model import Emission
from anchor.server.storage.database import Database
from tests.fixtures.logs import open_new_log
from tests.server.audit.audited_log import filled


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
    assert found == {
        ("deltas", (1, 7), "fingerprint"),
        ("deltas", (1, 7), "balance"),
        ("idempotency_keys", (1, "key 1/2"), "request_hash"),
    }


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
    filled(database)
    with database.read() as connection:
        roots = [bytes(batch[4]) for batch in audited_batches(connection)]
    line = [
        HeadOnChain(
            place + 1,
            roots[place - 1] if place else ZERO,
            root,
            bytes([place]) * 32,
            block_number=place,
            block_hash=bytes([place]) * 32,
            block_time=0,
        )
        for place, root in enumerate(roots)
    ]
    assert list(audit_chain(database, "main", line)) == []
    foreign = line[-1]._replace(new_head=b"\x66" * 32)
    (finding,) = audit_chain(database, "main", [*line[:-1], foreign])
    assert (finding.key, finding.column) == (("main", len(line)), "head")
    (finding,) = audit_chain(database, "main", [*line[:5], *line[6:]])
    assert finding.column == "previous_head"


def test_an_old_version_of_a_map_node_is_checked_too(honest: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    path.write_bytes(honest)
    raw = sqlite3.connect(path)
    newest = "SELECT max(batch) FROM map_nodes n WHERE n.depth = m.depth AND n.prefix = m.prefix"
    depth, prefix, batch = raw.execute(
        f"SELECT depth, prefix, batch FROM map_nodes m WHERE batch < ({newest})"
    ).fetchone()
    at = "depth = ? AND prefix = ? AND batch = ?"
    raw.execute(f"UPDATE map_nodes SET hash = zeroblob(32) WHERE {at}", (depth, prefix, batch))
    raw.commit()
    raw.close()
    database = Database.open(f"sqlite:///{path}")
    (finding,) = audit(database)
    database.close()
    assert (finding.table, finding.key, finding.column) == ("map_nodes", (depth, prefix, batch), "hash")


def test_a_request_is_held_against_its_delta_until_a_part_of_it_is_erased(database: Database) -> None:
    opened = open_new_log(database)
    now = opened.clock.now_ms()
    receipts = opened.record(
        Emission("acme", 1, "first", "a", idempotency_key="1"),
        # The same time said and left out: both are the request that was made.
        Emission("acme", 2, "said", occurred_at=now, idempotency_key="2"),
        Emission("acme", 3, "adjusting", adjusts="a", metadata=b'{"a":1}', idempotency_key="3"),
        # Kept for a delta that was on record.
        Emission("acme", 1, "first", "a", idempotency_key="4"),
    )
    assert list(audit(database)) == []
    erase_fields(
        database,
        opened.log,
        opened.clock,
        receipts[0].receipt_id,
        [ErasableField.REFERENCE_ID],
        "the officer",
    )
    assert list(audit(database)) == []
