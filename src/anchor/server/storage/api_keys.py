"""API keys as they are kept: by hash alone."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select, update

from anchor.protocol.hashing import Bytes32
from anchor.server.storage.schema import api_keys


class Scope(StrEnum):
    """What a key may do. Each includes nothing of the others."""

    WRITE = "write"
    """Record deltas."""
    READ = "read"
    """Read balances, deltas and proofs; compare, and make checkpoints."""
    ADMIN = "admin"
    """Make, list and revoke keys."""


class ApiKey(NamedTuple):
    """A key, without the key itself; times are milliseconds. ``customer_id`` None: it is for all of them."""

    id: int
    name: str
    scopes: frozenset[Scope]
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
    scopes: Iterable[Scope],
    customer_id: str | None,
    created_at: int,
) -> ApiKey:
    """Keep a new key, and return it."""
    inserted = connection.execute(
        insert(api_keys)
        .values(
            key_hash=key_hash,
            name=name,
            scopes=" ".join(sorted(scopes)),
            customer_id=customer_id,
            created_at=created_at,
        )
        .returning(*_COLUMNS)
    )
    return _key(inserted.one())


def api_key_of_hash(connection: Connection, key_hash: Bytes32) -> ApiKey | None:
    """Return the key with this hash, revoked or not."""
    found = connection.execute(select(*_COLUMNS).where(api_keys.c.key_hash == key_hash)).one_or_none()
    return None if found is None else _key(found)


def api_keys_after(connection: Connection, after: int, limit: int) -> list[ApiKey]:
    """Return up to ``limit`` keys with an id above ``after``, in the order they were made."""
    found = connection.execute(
        select(*_COLUMNS).where(api_keys.c.id > after).order_by(api_keys.c.id).limit(limit)
    )
    return [_key(row) for row in found]


def revoke_api_key(connection: Connection, key_id: int, revoked_at: int) -> ApiKey | None:
    """Mark a key revoked, unless it is already, and return it; None where there is no such key."""
    connection.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=revoked_at)
    )
    found = connection.execute(select(*_COLUMNS).where(api_keys.c.id == key_id)).one_or_none()
    return None if found is None else _key(found)


def _key(found: Sequence[Any]) -> ApiKey:
    id_, name, scopes, *rest = found
    return ApiKey(id_, name, frozenset(Scope(scope) for scope in scopes.split()), *rest)
