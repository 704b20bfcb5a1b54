"""The map of an old batch, read for its rebuilding: every ledger of it, by a look or two at each."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, insert, text

from anchor.protocol.hashing import keccak, u64
from anchor.server.storage.database import Database
from anchor.server.storage.past_maps import heads_at
from anchor.server.storage.schema import batches, heads, ledgers

LEDGERS = 25_000
BATCHES = 4


def id_of(number: int) -> bytes:
    return keccak(u64(number))


def first_batch(number: int) -> int:
    """Every other ledger is new in the first batch; those of one quarter of the ids begin with the last."""
    return BATCHES if id_of(number)[0] < 64 else 1 + number % 2


def fill(connection: Connection) -> None:
    """Write ledgers that change in every batch from their first on."""
    connection.execute(
        insert(batches),
        [
            {
                "number": number,
                "sealed_at": number,
                "history_root": bytes(32),
                "map_root": bytes(32),
                "anchor_root": id_of(number),
                "delta_count": 0,
                "ledger_count": 0,
            }
            for number in range(1, BATCHES + 1)
        ],
    )
    connection.execute(
        insert(ledgers),
        [
            {
                "id": number,
                "ledger_id": id_of(number),
                "customer_id": f"customer {number}",
                "unit": "",
                "identity_proof": bytes(80),
            }
            for number in range(1, LEDGERS + 1)
        ],
    )
    rows: list[dict[str, Any]] = [
        {"ledger": number, "batch": batch, "size": batch, "root": id_of(batch), "balance": 0}
        for number in range(1, LEDGERS + 1)
        for batch in range(first_batch(number), BATCHES + 1)
    ]
    connection.execute(insert(heads), rows)


def expected(batch: int) -> list[tuple[bytes, int, bytes]]:
    return sorted(
        (id_of(number), batch, id_of(batch))
        for number in range(1, LEDGERS + 1)
        if first_batch(number) <= batch
    )


def test_every_ledger_of_an_old_batch_is_read_in_the_order_of_ids(database: Database) -> None:
    with database.write() as connection:
        fill(connection)
    with database.read() as connection:
        for batch in range(BATCHES + 1):
            assert list(heads_at(connection, batch)) == expected(batch)


@pytest.mark.parametrize("analysed", [False, True])
def test_no_head_is_read_more_than_twice(postgresql_database: Database, analysed: bool) -> None:
    with postgresql_database.write() as connection:
        fill(connection)
        if analysed:
            connection.execute(text("ANALYZE"))
    with postgresql_database.read() as connection:
        assert sum(1 for _ in heads_at(connection, BATCHES)) == LEDGERS
        read = connection.execute(
            text(
                "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) "
                "FROM pg_stat_xact_user_tables WHERE relname = 'heads'"
            )
        ).scalar_one()
    assert read <= 2 * LEDGERS
