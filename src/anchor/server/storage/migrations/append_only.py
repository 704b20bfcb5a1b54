"""Append only, enforced by the database itself: the triggers that migration 0001 makes.

Rows that are hashed cannot be deleted, and cannot be changed but in one way: a text field of a delta
and its salt may be emptied where an erasure of that field is on record.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

_ERASABLE: Final = (
    ("reason", "reason_salt"),
    ("reference_id", "reference_salt"),
    ("metadata", "metadata_salt"),
)
_DELTA_FIXED: Final = (
    "ledger",
    "index",
    "amount",
    "balance",
    "occurred_at",
    "recorded_at",
    "adjusts",
    "adjusts_index",
    "fingerprint",
)
# Tables whose rows are written once.
_WRITTEN_ONCE: Final = (
    "tree_nodes",
    "heads",
    "batches",
    "signed_checkpoints",
    "erasures",
    "checkpoints",
    "idempotency_keys",
)
_LEDGER_FIXED: Final = ("id", "ledger_id", "customer_id", "unit", "identity_proof")
_LOG_FIXED: Final = ("id", "log_id", "identity_public_key", "founder", "receipt_key", "created_at")
_API_KEY_FIXED: Final = ("id", "key_hash", "name", "scopes", "customer_id", "created_at")
_MAP_NODE_FIXED: Final = ("depth", "prefix", "batch", "hash", "leaf_ledger_id", "leaf_head")


def protect(connection: Connection) -> None:
    """Make the triggers."""
    sqlite = connection.dialect.name == "sqlite"
    same = "IS" if sqlite else "IS NOT DISTINCT FROM"
    rules: list[tuple[str, str, str | None]] = [
        ("deltas", "UPDATE", _allowed_change_of_delta(same)),
        ("log", "UPDATE", f"{_unchanged(_LOG_FIXED, same)} AND NEW.sealing_at >= OLD.sealing_at"),
        (
            "ledgers",
            "UPDATE",
            f"{_unchanged(_LEDGER_FIXED, same)} AND NEW.size >= OLD.size "
            "AND NEW.sealed_size >= OLD.sealed_size AND NEW.last_recorded_at >= OLD.last_recorded_at",
        ),
        ("map_nodes", "UPDATE", _unchanged(_MAP_NODE_FIXED, same)),
        (
            "api_keys",
            "UPDATE",
            f"{_unchanged(_API_KEY_FIXED, same)} AND (OLD.revoked_at IS NULL "
            f"OR NEW.revoked_at {same} OLD.revoked_at)",
        ),
    ]
    rules += [(table, "UPDATE", None) for table in _WRITTEN_ONCE]
    rules += [(table, "DELETE", None) for table in ("log", "ledgers", "deltas", "api_keys", *_WRITTEN_ONCE)]
    if not sqlite:
        connection.exec_driver_sql(
            """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$"""
        )
    for table, action, allowed in rules:
        connection.exec_driver_sql(_trigger(sqlite, table, action, allowed))
    if not sqlite:
        for table in ("log", "ledgers", "deltas", *_WRITTEN_ONCE):
            connection.exec_driver_sql(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )


def _trigger(sqlite: bool, table: str, action: str, allowed: str | None) -> str:
    name = f"{table}_no_{action.lower()}"
    when = "" if allowed is None else f"WHEN (NOT ({allowed}))"
    if sqlite:
        return (
            f"CREATE TRIGGER {name} BEFORE {action} ON {table} FOR EACH ROW {when} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
    if allowed is not None and "EXISTS" in allowed:
        # PostgreSQL allows no subquery in WHEN.
        connection_function = f"refuse_change_of_{table}"
        return (
            f"CREATE FUNCTION {connection_function}() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN IF NOT ({allowed}) THEN RAISE EXCEPTION '{table} is append-only'; END IF; "
            f"RETURN NEW; END $$; "
            f"CREATE TRIGGER {name} BEFORE {action} ON {table} FOR EACH ROW "
            f"EXECUTE FUNCTION {connection_function}()"
        )
    return (
        f"CREATE TRIGGER {name} BEFORE {action} ON {table} FOR EACH ROW {when} "
        "EXECUTE FUNCTION refuse_change()"
    )


def _unchanged(columns: Iterable[str], same: str) -> str:
    return " AND ".join(f'NEW."{column}" {same} OLD."{column}"' for column in columns)


def _allowed_change_of_delta(same: str) -> str:
    parts = [_unchanged(_DELTA_FIXED, same)]
    for field, salt in _ERASABLE:
        parts.append(
            f"({_unchanged((field, salt), same)} OR (NEW.{field} IS NULL AND NEW.{salt} IS NULL "
            'AND EXISTS (SELECT 1 FROM erasures e WHERE e.ledger = OLD.ledger AND e."index" = OLD."index" '
            f"AND e.field = '{field}')))"
        )
    return " AND ".join(parts)
