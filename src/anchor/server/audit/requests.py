"""Hold idempotency keys, erasures and checkpoints against the deltas that they are of.

A request's hash is taken again of what its delta says, unless something in it was erased. A time of ours
can be no earlier than that of the delta which it is about, but for what clocks of several machines differ.
"""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace
from sqlalchemy import Connection

from anchor.server.audit import rows as stored
from anchor.server.audit.finding import Finding
from anchor.server.audit.rows import AuditedLedger
from anchor.server.ledger.assigning import request_hash
from anchor.server.ledger.model import Emission

CLOCK_TOLERANCE_MS: Final = 24 * 60 * 60 * 1000
"""Clocks of several machines differ; what lies further outside was no clock of ours."""


def check_requests(connection: Connection, ledgers: dict[int, AuditedLedger]) -> Iterator[Finding]:
    """Yield each idempotency key whose request is another than its delta's."""
    for row in stored.audited_idempotency_keys(connection):
        (api_key, text, stated, number, index, amount, has_api_key, occurred_at, recorded_at) = row[:9]
        reason, reason_salt, reference, reference_salt, metadata, metadata_salt, adjusts_index, adjusted = (
            row[9:]
        )
        key, ledger = (api_key, text), ledgers.get(number)
        if amount is None or ledger is None:
            yield Finding.of("idempotency_keys", key, "index", f"{number}, {index}", None)
            continue
        if not has_api_key:
            yield Finding.of("idempotency_keys", key, "api_key", api_key, None)
        if (
            reason_salt is None
            or reference_salt is None
            or metadata_salt is None
            or (adjusts_index is not None and adjusted is None)
        ):
            # A field, or the reference that it adjusts, was erased: what was asked cannot be told any more.
            if len(stated) != 32:
                yield Finding.of("idempotency_keys", key, "request_hash", stated, "32 bytes")
            continue
        try:
            metadata = None if metadata is None else metadata.encode()
            asked = Emission(
                *(
                    ledger.customer_id,
                    int(amount),
                    reason or "",
                    reference,
                    ledger.unit,
                    metadata,
                    occurred_at,
                ),
                adjusted,
            )
            recomputed = request_hash(asked)
            if recomputed != stated and occurred_at == recorded_at:
                # The time may as well have been left out.
                recomputed = request_hash(replace(asked, occurred_at=None))
        except (TypeError, ValueError, AttributeError):
            # No values of a delta's: told of where the delta is.
            continue
        if recomputed != stated:
            yield Finding.of("idempotency_keys", key, "request_hash", stated, recomputed)


def check_times(connection: Connection) -> Iterator[Finding]:
    """Yield each erasure and each checkpoint that is said to be older than what it is of."""
    for table, key, column, stated, recorded_at in stored.times_before_their_delta(
        connection, CLOCK_TOLERANCE_MS
    ):
        due = f"at least {recorded_at - CLOCK_TOLERANCE_MS}"
        yield Finding.of(table, key, column, stated, due)
