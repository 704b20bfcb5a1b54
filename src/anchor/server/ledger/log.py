"""Which log this database holds, and whether the identity key is its own."""

import secrets

from anchor.protocol.identities import IdentityKey
from anchor.server.ledger.clock import Clock
from anchor.server.ledger.errors import LogMissing, WrongIdentityKey
from anchor.server.storage.database import Database
from anchor.server.storage.fence import shared_time
from anchor.server.storage.logs import Log, read_log, write_log


def create_log(database: Database, identity_key: IdentityKey, founder: bytes, clock: Clock) -> Log:
    """Return this key's log of that founder (20 bytes), made where the (migrated) database holds none.

    Raises WrongIdentityKey where it holds another log, StorageUnavailable.
    """
    log_id = identity_key.log_id(founder)
    with database.write() as connection:
        existing = read_log(connection)
        if existing is None:
            existing = Log(
                log_id=log_id,
                identity_public_key=identity_key.public_key,
                founder=founder,
                receipt_key=secrets.token_bytes(16),
                created_at=clock.now_ms(shared_time(connection)),
            )
            write_log(connection, existing)
    if existing.log_id != log_id:
        raise WrongIdentityKey(existing.log_id, log_id)
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
    found = identity_key.log_id(log.founder)
    if found != log.log_id:
        raise WrongIdentityKey(log.log_id, found)
