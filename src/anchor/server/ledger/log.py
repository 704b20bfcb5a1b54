"""Which log this database holds, and whether the identity key is its own."""

import secrets

from anchor.protocol.identities import IdentityKey
from anchor.server.ledger.clock import Clock
from anchor.server.ledger.errors import LogMissing, WrongIdentityKey
from anchor.server.storage.database import Database
from anchor.server.storage.fence import shared_time
from anchor.server.storage.logs import Log, read_log, write_log


def create_log(database: Database, identity_key: IdentityKey, clock: Clock) -> Log:
    """Return the log of this identity key, made where the (migrated) database holds none.

    Raises WrongIdentityKey where it holds another, StorageUnavailable.
    """
    with database.write() as connection:
        existing = read_log(connection)
        if existing is None:
            existing = Log(
                log_id=identity_key.log_id,
                identity_public_key=identity_key.public_key,
                receipt_key=secrets.token_bytes(16),
                created_at=clock.now_ms(shared_time(connection)),
            )
            write_log(connection, existing)
    check_identity_key(existing, identity_key)
    return existing


def open_log(database: Database) -> Log:
    """Return the log that the database holds. Raises LogMissing, StorageUnavailable."""
    with database.read() as connection:
        existing = read_log(connection)
    if existing is None:
        raise LogMissing
    return existing


def check_identity_key(log: Log, identity_key: IdentityKey) -> None:
    """Raise WrongIdentityKey unless the log was created with this key."""
    if identity_key.log_id != log.log_id:
        raise WrongIdentityKey(log.log_id, identity_key.log_id)
