"""Make the proof file of a checkpoint: a period's two balances, and with its deltas all that is in it."""

from dataclasses import dataclass, replace
from typing import ClassVar, Final

from sqlalchemy import Connection

from anchor.proof.reading import LARGEST_PERIOD_FILE
from anchor.proof.values import (
    DeltaRecord,
    Disclosure,
    Included,
    LedgerHead,
    PeriodClaim,
    PeriodDeltas,
    ProofFile,
    Record,
    Showing,
    ShownTexts,
    disclose,
    withhold,
)
from anchor.protocol.fingerprint import domain_separator
from anchor.protocol.merkle import LEDGER_TREE
from anchor.protocol.merkle_proofs import LeafRange, complete_nodes, consistency_path, root_at
from anchor.server.ledger.errors import LedgerError
from anchor.server.ledger.ledger_tree import ledger_nodes
from anchor.server.ledger.model import Log
from anchor.server.ledger.proving import (
    best_batch,
    delta_record,
    included_delta,
    ledger_head,
    proof_ledger,
    proof_log,
    provable_ledger,
)
from anchor.server.ledger.proving_spans import closing_head, prove_span
from anchor.server.storage.proving import provable_deltas
from anchor.server.storage.reading import LedgerRow

AT_ONCE: Final = 5_000
"""Deltas that are read at once."""

# JSON of a delta without its texts: with amounts, and with its fingerprint alone.
_SHOWN_BYTES: Final = 480
_WITHHELD_BYTES: Final = 100


@dataclass(eq=False)
class PeriodTooLarge(LedgerError):
    """All deltas of a period were asked for, and are more than a proof file holds."""

    code: ClassVar[str] = "period_too_large"
    remedy: ClassVar[str] = "make an audit pack: anchor pack"
    largest: int

    def __str__(self) -> str:
        return f"the period's deltas are more than a proof file of {self.largest:,} bytes holds"


def prove_period(
    connection: Connection,
    log: Log,
    customer_id: str,
    unit: str,
    from_index: int,
    to_index: int,
    *,
    span: tuple[int, int] | None = None,
    deltas: Showing | None = None,
    head: LedgerHead | None = None,
    largest: int = LARGEST_PERIOD_FILE,
) -> ProofFile:
    """Prove a checkpoint's range (both ends included), of ``span`` (ms, end excluded) where it has one.

    With ``deltas`` every delta of the range is in the file, as much disclosed as it says. The deltas that
    prove its ends show amounts and times, and never a text. ``head``: under this head, which has to hold
    the range, and not under the one that shows the most. Raises UnknownCustomer, NotSealedYet where
    no batch shows all of it, SpanNotClosed where none bounds the span yet, and PeriodTooLarge where
    verifiers would not read a file (of more than ``largest`` bytes) with all deltas in it.
    """
    ledger = provable_ledger(connection, customer_id, unit)
    read_nodes = ledger_nodes(connection, ledger.id)
    if head is None:
        head = (
            ledger_head(connection, ledger, best_batch(connection, ledger, to_index))
            if span is None
            else closing_head(connection, ledger, span[1])
        )
    claim = PeriodClaim(
        from_index=from_index,
        to_index=to_index,
        opening_root=root_at(LEDGER_TREE, from_index, read_nodes),
        closing_root=root_at(LEDGER_TREE, to_index + 1, read_nodes),
        opening=_end(connection, ledger, from_index - 1, head.size) if from_index else None,
        closing=_end(connection, ledger, to_index, head.size),
        opening_path=tuple(consistency_path(LEDGER_TREE, from_index, to_index + 1, read_nodes)),
        closing_path=tuple(consistency_path(LEDGER_TREE, to_index + 1, head.size, read_nodes)),
        span=None if span is None else prove_span(connection, ledger, from_index, to_index, span, head),
        deltas=None
        if deltas is None
        else _deltas(connection, log, ledger, range(from_index, to_index + 1), deltas, largest),
        head=head,
    )
    return ProofFile(proof_log(log), proof_ledger(ledger), claim)


def _end(connection: Connection, ledger: LedgerRow, index: int, size: int) -> Included:
    """Return a delta at or beside an end of the range: its texts are for the list alone, if at all."""
    included = included_delta(connection, ledger, index, size)
    assert isinstance(included.record, DeltaRecord)
    return replace(included, record=withhold(included.record))


def _deltas(
    connection: Connection,
    log: Log,
    ledger: LedgerRow,
    indices: range,
    disclosure: Showing,
    largest: int,
) -> PeriodDeltas:
    each = _WITHHELD_BYTES if disclosure is Disclosure.FINGERPRINTS else _SHOWN_BYTES
    if len(indices) * each > largest:
        raise PeriodTooLarge(largest)
    separator = domain_separator(log.log_id)
    nodes = complete_nodes(*LeafRange(0, indices.start))
    peaks = ledger_nodes(connection, ledger.id)(nodes)
    records: list[Record] = []
    size = 0
    for first in range(indices.start, indices.stop, AT_ONCE):
        some = provable_deltas(connection, ledger.id, first, min(indices.stop, first + AT_ONCE))
        size += len(some) * each
        if disclosure is Disclosure.FULL or isinstance(disclosure, ShownTexts):
            texts = (text for one in some for text in (one.reason, one.reference_id, one.metadata))
            size += sum(len(text) for text in texts if text is not None)
        if size > largest:
            raise PeriodTooLarge(largest)
        records += (
            disclose(delta_record(delta), disclosure, separator=separator, ledger_id=ledger.ledger_id)
            for delta in some
        )
    return PeriodDeltas(opening_peaks=tuple(peaks[node] for node in nodes), records=tuple(records))
