"""The database itself refuses to change or remove what is hashed."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, select, text
from sqlalchemy.exc import DBAPIError

from anchor.server.storage.database import Database
from anchor.server.storage.schema import metadata
from tests.fixtures.databases import EVERY_SERVER

pytestmark = pytest.mark.databases(*EVERY_SERVER)

H = b"\x11" * 32


@pytest.fixture
def filled(database: Database) -> Database:
    """A database with one row in each protected table."""
    with database.write() as connection:
        insert(
            connection,
            "log",
            id=1,
            log_id=H,
            identity_public_key=H,
            founder=H[:20],
            receipt_key=H[:16],
            sealing_at=5,
            created_at=1,
        )
        insert(
            connection,
            "ledgers",
            id=1,
            ledger_id=H,
            customer_id="acme",
            unit="",
            identity_proof=b"p" * 80,
            size=1,
            balance=7,
            last_recorded_at=5,
            sealed_size=1,
            unsealed=False,
        )
        insert(
            connection,
            "deltas",
            ledger=1,
            index=0,
            amount=7,
            balance=7,
            occurred_at=5,
            recorded_at=5,
            reason="usage",
            reason_salt=H[:16],
            reference_id="r-1",
            reference_salt=H[:16],
            metadata="{}",
            metadata_salt=H[:16],
            fingerprint=H,
        )
        insert(
            connection,
            "batches",
            number=1,
            sealed_at=5,
            history_root=H,
            map_root=H,
            anchor_root=H,
            delta_count=1,
            ledger_count=1,
        )
        insert(connection, "heads", ledger=1, batch=1, size=1, root=H, balance=7)
        insert(connection, "tree_nodes", tree=1, height=4, position=0, hash=H)
        insert(connection, "map_nodes", depth=0, prefix=b"", batch=1, hash=H)
        insert(
            connection,
            "checkpoints",
            proof_token="ckpt_1",
            proof_hash=H,
            ledger=1,
            from_index=0,
            to_index=0,
            opening_balance=0,
            closing_balance=7,
            opening_root=H,
            closing_root=H,
            created_at=5,
        )
        insert(
            connection, "idempotency_keys", api_key=0, idempotency_key="k", request_hash=H, ledger=1, index=0
        )
        insert(
            connection,
            "erasures",
            ledger=1,
            index=0,
            field="metadata",
            commitment=H,
            erased_at=9,
            erased_by="me",
        )
        insert(connection, "api_keys", key_hash=H, name="billing", scopes="write", created_at=5)
    return database


def insert(connection: Connection, table: str, **values: object) -> None:
    connection.execute(metadata.tables[table].insert().values(values))


def refused(database: Database, statement: str) -> None:
    with pytest.raises(DBAPIError, match="is append-only"), database.write() as connection:
        connection.execute(text(statement))


# What may change, and how: forwards for the sizes and times, once for a key's end. Map nodes may go, when
# no batch that anyone can ask for needs them.
CHANGING = {
    "log": {"sealing_at"},
    "ledgers": {"size", "balance", "last_recorded_at", "sealed_size", "unsealed"},
    "api_keys": {"revoked_at"},
}
HASHED = (
    "log",
    "ledgers",
    "deltas",
    "erasures",
    "tree_nodes",
    "batches",
    "heads",
    "map_nodes",
    "checkpoints",
    "idempotency_keys",
    "api_keys",
)
NOT_HASHED = {
    *("frontiers", "chains", "sends", "attempts", "anchors", "accepted_heads"),
    *("leases", "alarms", "observations", "signed_checkpoints"),
}


def test_every_table_is_said_to_be_hashed_or_not() -> None:
    assert set(HASHED) | NOT_HASHED == set(metadata.tables)


@pytest.mark.parametrize("table", [table for table in HASHED if table != "map_nodes"])
def test_no_row_can_be_deleted(filled: Database, table: str) -> None:
    refused(filled, f"DELETE FROM {table}")


@pytest.mark.parametrize("name", HASHED)
def test_no_value_of_any_hashed_column_can_be_changed(filled: Database, name: str) -> None:
    table = metadata.tables[name]
    fixed = [column for column in table.columns if column.name not in CHANGING.get(name, set())]
    assert len(fixed) >= 3
    with filled.read() as connection:
        row = connection.execute(select(table)).mappings().one()
    for column in fixed:
        for value in _other_values(column, row[column.name]):
            statement = table.update().values({column.name: value})
            with pytest.raises(DBAPIError, match="is append-only"), filled.write() as connection:
                connection.execute(statement)
                raise AssertionError(f"{name}.{column.name} became {value!r}")
    with filled.read() as connection:
        assert connection.execute(select(table)).mappings().one() == row


def _other_values(column: "Column[Any]", stored: Any) -> Iterator[Any]:
    """Yield a value that a column does not hold, and nothing at all where it may be empty."""
    if column.nullable and stored is not None:
        yield None
    kind = column.type.python_type
    if kind is bytes:
        yield bytes(32) if stored is None else bytes(byte ^ 1 for byte in stored) or b"x"
    elif kind is str:
        yield f"{stored}x"
    elif kind is bool:
        yield not stored
    else:
        yield (stored or 0) + 1


@pytest.mark.parametrize(
    "change",
    [
        "ledgers SET size = 0, sealed_size = 0",
        "ledgers SET last_recorded_at = 4",
        "log SET sealing_at = 4",
        "deltas SET reason = NULL, reason_salt = NULL",
        "deltas SET reference_id = NULL, reference_salt = NULL",
        "deltas SET metadata = NULL",
        "deltas SET metadata_salt = NULL",
        "deltas SET reason = NULL, reason_salt = NULL, metadata = NULL, metadata_salt = NULL",
    ],
)
def test_nothing_goes_backwards_and_nothing_is_emptied_without_its_erasure(
    filled: Database, change: str
) -> None:
    refused(filled, f"UPDATE {change}")


def test_a_field_can_be_emptied_once_its_erasure_is_on_record(filled: Database) -> None:
    with filled.write() as connection:
        insert(
            connection,
            "erasures",
            ledger=1,
            index=0,
            field="reason",
            commitment=H,
            erased_at=9,
            erased_by="me",
        )
        connection.execute(text("UPDATE deltas SET reason = NULL, reason_salt = NULL"))
    refused(filled, "UPDATE deltas SET reference_id = NULL, reference_salt = NULL")
    refused(filled, "UPDATE deltas SET reason = 'another'")
    refused(filled, "DELETE FROM erasures")
    refused(filled, "UPDATE erasures SET erased_by = 'nobody'")


def test_replacing_a_row_counts_as_deleting_it(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        insert(connection, "tree_nodes", tree=1, height=4, position=0, hash=H)
    refused(sqlite_database, "INSERT OR REPLACE INTO tree_nodes VALUES (1, 4, 0, x'00')")


def test_a_table_cannot_be_truncated(postgresql_database: Database) -> None:
    refused(postgresql_database, "TRUNCATE deltas CASCADE")


def test_a_revoked_key_stays_revoked(filled: Database) -> None:
    with filled.write() as connection:
        connection.execute(text("UPDATE api_keys SET revoked_at = 6"))
    refused(filled, "UPDATE api_keys SET revoked_at = NULL")


def test_the_migrations_make_the_schema_that_the_code_uses(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
