"""A log with something in every table that the ledger has, for audits to look at."""

from anchor.server.ledger.api_keys import Scope, create_key
from anchor.server.ledger.checkpoints import create_checkpoint, create_span_checkpoint
from anchor.server.ledger.erasing import ErasableField, erase_fields
from anchor.server.ledger.model import Emission
from anchor.server.ledger.periods import Span
from anchor.server.storage.database import Database
from tests.fixtures.logs import OpenedLog, open_new_log


def filled(database: Database) -> OpenedLog:
    """Record three ledgers through several batches, with all that the tables can hold."""
    opened = open_new_log(database)
    key = create_key(database, opened.clock, "books", [Scope.WRITE])
    for batch in range(20):
        opened.record(
            *(
                Emission(
                    "acme",
                    10 * batch + at,
                    f"reason {batch}/{at}",
                    f"ref {batch}/{at}",
                    metadata=b'{"a":1}' if at % 2 else None,
                    occurred_at=1_000 + at,
                    adjusts=f"ref {batch}/0" if at == 2 else None,
                    idempotency_key=f"key {batch}/{at}",
                    api_key_id=key.key.id,
                )
                for at in range(5)
            )
        )
        if batch % 3 == 0:
            opened.record(Emission("beta", -batch, unit="miles"), Emission(f"customer {batch}", 1))
        opened.clock.advance(1_000)
        assert opened.sealer.seal() is not None
        opened.clock.advance(1_000)
    start = opened.clock.now_ms()
    receipts = opened.record(Emission("acme", 7, "unsealed"), Emission("acme", 8, "erased", "erased ref"))
    opened.clock.advance(1_000)
    create_checkpoint(database, opened.log, opened.clock, "acme", "", from_index=3, to_index=50)
    create_span_checkpoint(
        database, opened.log, opened.clock, "acme", "", Span(start - 500, opened.clock.now_ms())
    )
    erase_fields(
        database, opened.log, opened.clock, receipts[1].receipt_id, [ErasableField.REASON], "the officer"
    )
    return opened
