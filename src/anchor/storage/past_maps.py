"""What the map of ledgers held at a batch of long ago, whose own nodes may not be stored any more."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, bindparam, func, select

from anchor.protocol.hashing import Bytes32
from anchor.storage.schema import heads, ledgers

_ROWS_AT_ONCE: Final = 10_000

_LATER = heads.alias("later")
_HEADS_AT: Final = (
    select(ledgers.c.ledger_id, heads.c.size, heads.c.root)
    .join(heads, heads.c.ledger == ledgers.c.id)
    .where(
        ledgers.c.ledger_id > bindparam("after"),
        heads.c.batch
        == select(func.max(_LATER.c.batch))
        .where(_LATER.c.ledger == ledgers.c.id, _LATER.c.batch <= bindparam("at_batch"))
        .scalar_subquery(),
    )
    .order_by(ledgers.c.ledger_id)
    .limit(_ROWS_AT_ONCE)
)


def heads_at(connection: Connection, batch: int) -> Iterator[tuple[Bytes32, int, Bytes32]]:
    """Yield ledger id, size and root of every ledger that a batch holds, in the order of ledger ids."""
    after = b""
    while rows := connection.execute(_HEADS_AT, {"after": after, "at_batch": batch}).all():
        yield from ((bytes(ledger_id), size, bytes(root)) for ledger_id, size, root in rows)
        after = bytes(rows[-1][0])
