"""Make an audit pack: a period with all its deltas and the chain's evidence, streamed from the database."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from anchor.proof.values import Disclosure, ProofFile, Record, Showing, disclose
from anchor.protocol.fingerprint import domain_separator
from anchor.protocol.merkle_proofs import complete_nodes
from anchor.server.ledger.ledger_tree import ledger_nodes
from anchor.server.ledger.model import Log
from anchor.server.ledger.periods import Span
from anchor.server.ledger.proving import delta_record, provable_ledger
from anchor.server.ledger.proving_periods import prove_period
from anchor.server.ledger.ranges import range_of_indices, range_of_span, standing_of
from anchor.server.storage.database import Database
from anchor.server.storage.proving import provable_deltas
from anchor.verify.audit_pack import PackParts, write_audit_pack
from anchor.verify.evidence import ChainEvidence

AT_ONCE: Final = 5_000
"""Deltas that are held in memory."""

FindEvidence = Callable[[ProofFile], tuple[ChainEvidence | None, dict[str, Any] | None]]
"""Asks a chain for what it shows of a proof: its evidence, and the raw transaction, receipt and block."""


def packed_range(
    database: Database,
    customer_id: str,
    unit: str,
    *,
    from_index: int | None = None,
    to_index: int | None = None,
    span: Span | None = None,
) -> range:
    """Return the indices that a pack is to hold; empty where none was recorded in the span.

    Raises UnknownCustomer, IndexOutOfRange and RangeReversed.
    """
    with database.read() as connection:
        standing = standing_of(connection, customer_id, unit)
        if span is not None:
            return range_of_span(connection, standing, span)
        return range_of_indices(standing.size, from_index, to_index)


def write_pack(
    database: Database,
    log: Log,
    target: Path,
    customer_id: str,
    unit: str,
    indices: range,
    *,
    made_at: int,
    span: Span | None = None,
    disclosure: Showing = Disclosure.FULL,
    find_evidence: FindEvidence = lambda _proof: (None, None),
    page: str | None = None,
    progress: Callable[[int], None] = lambda _done: None,
) -> PackParts:
    """Write the pack of these deltas to ``target`` and return what is in it beside them.

    ``disclosure`` is of the deltas in the list; the proofs of the period's ends show no text of theirs.
    ``made_at`` is milliseconds; ``progress`` hears of each delta that was read.
    Raises UnknownCustomer, and NotSealedYet where no batch shows all of them.
    """
    start, stop = indices.start, indices.stop
    with database.read() as connection:
        period = prove_period(
            connection,
            log,
            customer_id,
            unit,
            start,
            stop - 1,
            span=None if span is None else (span.start, span.end),
        )
        ledger = provable_ledger(connection, customer_id, unit)
        nodes = complete_nodes(0, start)
        peaks = ledger_nodes(connection, ledger.id)(nodes)
    separator = domain_separator(log.log_id)

    def records() -> Iterator[Record]:
        for first in range(start, stop, AT_ONCE):
            with database.read() as connection:
                some = provable_deltas(connection, ledger.id, first, min(stop, first + AT_ONCE))
            for delta in some:
                yield disclose(
                    delta_record(delta), disclosure, separator=separator, ledger_id=ledger.ledger_id
                )
            progress(len(some))

    evidence, chain = find_evidence(period)
    parts = PackParts(period, tuple(peaks[node] for node in nodes), evidence, chain, page)
    write_audit_pack(target, parts, records(), made_at=made_at)
    return parts
