"""The one row that says which log a database holds."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from anchor.protocol.hashing import Bytes32
from anchor.server.storage.schema import log


@dataclass(frozen=True, slots=True)
class Log:
    """The log that a database holds. ``founder`` is the 20-byte address that its id commits to;
    ``receipt_key`` (16 bytes) makes its receipt ids.
    """

    log_id: Bytes32
    identity_public_key: Bytes32
    founder: bytes
    receipt_key: bytes
    created_at: int

    def __repr__(self) -> str:
        return f"Log(log_id=0x{self.log_id.hex()})"


def read_log(connection: Connection) -> Log | None:
    """Return the log, or None where the database holds none."""
    row = connection.execute(
        select(log.c.log_id, log.c.identity_public_key, log.c.founder, log.c.receipt_key, log.c.created_at)
    ).one_or_none()
    if row is None:
        return None
    return Log(bytes(row[0]), bytes(row[1]), bytes(row[2]), bytes(row[3]), row[4])


def write_log(connection: Connection, new: Log) -> None:
    """Write the log into a database that holds none."""
    connection.execute(
        insert(log).values(
            id=1,
            log_id=new.log_id,
            identity_public_key=new.identity_public_key,
            founder=new.founder,
            receipt_key=new.receipt_key,
            sealing_at=new.created_at,
            created_at=new.created_at,
        )
    )
