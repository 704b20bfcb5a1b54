"""The signed checkpoint of each batch, and which of them may leave the server."""

from sqlalchemy import Connection, func, insert, select

from anchor.server.storage.schema import signed_checkpoints
from anchor.server.storage.schema_sending import anchors


def keep_signed_checkpoint(connection: Connection, batch: int, note: str) -> None:
    """Write the note of a batch's checkpoint, once, in the transaction that publishes the batch."""
    connection.execute(insert(signed_checkpoints).values(batch=batch, note=note))


def newest_released(connection: Connection) -> int:
    """Return the newest batch whose signature may leave the server; 0 where none may.

    That is one which is final, itself or through a later one, on a chain of the log's: what a restored
    backup could seal otherwise was never signed for anyone to see (protocol, section 6a).
    """
    newest = select(func.max(anchors.c.batch)).where(anchors.c.state == "final")
    return int(connection.execute(newest).scalar_one() or 0)


def released_checkpoint(connection: Connection, batch: int) -> str | None:
    """Return the note of a batch's checkpoint; None where there is none that may leave the server."""
    if batch > newest_released(connection):
        return None
    return signed_checkpoint(connection, batch)


def signed_checkpoint(connection: Connection, batch: int) -> str | None:
    """Return the note of a batch's checkpoint, released or not."""
    wanted = select(signed_checkpoints.c.note).where(signed_checkpoints.c.batch == batch)
    return connection.execute(wanted).scalar_one_or_none()
