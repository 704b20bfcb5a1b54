"""API keys: who may write, read and administer, and for which customer.

A key is 256 random bits, shown once, when it is made; only its SHA-256 is kept. That needs no salt and
no slow hash, since such a key cannot be guessed.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

from anchor.protocol.hashing import Bytes32
from anchor.server.ledger.clock import Clock
from anchor.server.ledger.errors import LedgerError
from anchor.server.storage.api_keys import (
    ApiKey,
    Scope,
    api_key_of_hash,
    api_keys_after,
    insert_api_key,
    revoke_api_key,
)
from anchor.server.storage.database import Database

__all__ = [
    "ApiKey",
    "IssuedKey",
    "Scope",
    "UnknownKey",
    "create_key",
    "find_key",
    "hash_of_key",
    "is_key_form",
    "list_keys",
    "revoke_key",
]

KEY_PREFIX: Final = "ak_"
_KEY_FORM: Final = re.compile(r"ak_[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key with its text, which is shown this once."""

    text: str
    key: ApiKey

    def __repr__(self) -> str:
        return f"IssuedKey(key={self.key!r})"


@dataclass(eq=False)
class UnknownKey(LedgerError):
    """No API key has this id."""

    code: ClassVar[str] = "unknown_key"
    key_id: int

    def __str__(self) -> str:
        return f"there is no API key {self.key_id}"


def create_key(
    database: Database,
    clock: Clock,
    name: str,
    scopes: Iterable[Scope],
    *,
    customer_id: str | None = None,
) -> IssuedKey:
    """Make a key. ``scopes`` is not empty; a key for one customer cannot administer (ValueError)."""
    granted = frozenset(scopes)
    if not granted or (customer_id is not None and Scope.ADMIN in granted):
        raise ValueError("a key has a scope at least, and one for a single customer is not for administering")
    text = KEY_PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    created_at = clock.now_ms()
    with database.write() as connection:
        key = insert_api_key(
            connection,
            key_hash=hash_of_key(text),
            name=name,
            scopes=granted,
            customer_id=customer_id,
            created_at=created_at,
        )
    return IssuedKey(text, key)


def is_key_form(text: str) -> bool:
    """Return whether a text has the form of a key, so that anything else need not be looked up."""
    return _KEY_FORM.fullmatch(text) is not None


def hash_of_key(text: str) -> Bytes32:
    """Return the SHA-256 by which a key is kept and found."""
    return hashlib.sha256(text.encode()).digest()


def find_key(database: Database, key_hash: Bytes32) -> ApiKey | None:
    """Return the key with this hash; None where there is none or it was revoked."""
    with database.read_to_record() as connection:
        key = api_key_of_hash(connection, key_hash)
    return None if key is None or key.revoked_at is not None else key


def list_keys(database: Database, *, after: int = 0, limit: int = 100) -> list[ApiKey]:
    """Return up to ``limit`` keys with an id above ``after``, revoked ones too, oldest first."""
    with database.read() as connection:
        return api_keys_after(connection, after, limit)


def revoke_key(database: Database, clock: Clock, key_id: int) -> ApiKey:
    """Revoke a key for good; revoking it again changes nothing. Raises UnknownKey."""
    with database.write() as connection:
        key = revoke_api_key(connection, key_id, clock.now_ms())
    if key is None:
        raise UnknownKey(key_id)
    return key
