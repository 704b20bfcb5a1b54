"""API keys as they are kept: by hash alone."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select, update

from anchor.protocol.hashing import Bytes32
from anchor.server.storage.schema import api_keys


class ApiKeyRow(NamedTuple):
    """One key. ``scopes`` is space-separated; times are milliseconds."""

    id: int
    name: str
    scopes: str
    customer_id: str | None
    created_at: int
    revoked_at: int | None


_COLUMNS = (
    api_keys.c.id,
    api_keys.c.name,
    api_keys.c.scopes,
    api_keys.c.customer_id,
    api_keys.c.created_at,
    api_keys.c.revoked_at,
)


def insert_api_key(
    connection: Connection,
    *,
    key_hash: Bytes32,
    name: str,
    scopes: str,
    customer_id: str | None,
    created_at: int,
) -> int:
    """Keep a new key, and return its id."""
    inserted = connection.execute(
        insert(api_keys)
        .values(key_hash=key_hash, name=name, scopes=scopes, customer_id=customer_id, created_at=created_at)
        .returning(api_keys.c.id)
    )
    return int(inserted.scalar_one())


def api_key_of_hash(connection: Connection, key_hash: Bytes32) -> ApiKeyRow | None:
    """Return the key with this hash, revoked or not."""
    found = connection.execute(select(*_COLUMNS).where(api_keys.c.key_hash == key_hash)).one_or_none()
    return None if found is None else _row(found)


def api_keys_after(connection: Connection, after: int, limit: int) -> list[ApiKeyRow]:
    """Return up to ``limit`` keys with an id above ``after``, in the order they were made."""
    found = connection.execute(
        select(*_COLUMNS).where(api_keys.c.id > after).order_by(api_keys.c.id).limit(limit)
    )
    return [_row(row) for row in found]


def revoke_api_key(connection: Connection, key_id: int, revoked_at: int) -> ApiKeyRow | None:
    """Mark a key revoked, unless it is already, and return it; None where there is no such key."""
    connection.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=revoked_at)
    )
    found = connection.execute(select(*_COLUMNS).where(api_keys.c.id == key_id)).one_or_none()
    return None if found is None else _row(found)


def _row(found: Sequence[Any]) -> ApiKeyRow:
    return ApiKeyRow._make(found)
