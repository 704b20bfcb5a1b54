"""What is on record as its readers see it: receipts, deltas, ledgers, batches, and how far they have come."""

from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import Connection

from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import Bytes32
from anchor.server.ledger.errors import LedgerError, UnknownBatch, UnknownReceipt
from anchor.server.ledger.model import Log, Status
from anchor.server.ledger.receipt_ids import ReceiptIds
from anchor.server.storage.database import Database
from anchor.server.storage.proving import batch_numbered, first_batch_holding
from anchor.server.storage.reading import (
    AnchorOnChain,
    DeltaRow,
    LedgerRow,
    anchors_over,
    batches_after,
    batches_before,
    deltas_from,
    ledger_numbered,
    ledger_of_ledger_id,
    ledgers_after,
)
from anchor.server.storage.sealing import SealedBatch
from anchor.server.storage.verified import verified_batch, verified_head


@dataclass(frozen=True, slots=True)
class DeltaView:
    """A delta, its receipt, and how far it has come."""

    receipt_id: str
    delta: DeltaRow
    status: Status


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """What a receipt leads to. ``batch`` is the first that holds the delta, None before it is sealed."""

    ledger: LedgerRow
    delta: DeltaView
    batch: int | None
    anchors: tuple[AnchorOnChain, ...]


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch, and on each chain the first anchor that covers it."""

    batch: SealedBatch
    anchors: tuple[AnchorOnChain, ...]


@dataclass(eq=False)
class UnknownLedger(LedgerError):
    """No ledger has this id."""

    code: ClassVar[str] = "unknown_ledger"
    ledger_id: Bytes32

    def __str__(self) -> str:
        return f"there is no ledger {hex_of(self.ledger_id)}"


def find_receipt(database: Database, log: Log, receipt_id: str) -> ReceiptView:
    """Return what a receipt leads to. Raises UnknownReceipt."""
    number, index = ReceiptIds(log.receipt_key).read(receipt_id)
    with database.read() as connection:
        ledger = ledger_numbered(connection, number)
        if ledger is None or index >= ledger.size:
            raise UnknownReceipt(receipt_id)
        (delta,) = deltas_from(connection, ledger.id, index, 1)
        batch = first_batch_holding(connection, ledger.id, index)
        return ReceiptView(
            ledger,
            DeltaView(receipt_id, delta, _Progress(connection, ledger).of(index)),
            batch,
            () if batch is None else _covering(batch, anchors_over(connection, batch, batch)),
        )


def find_ledger(database: Database, ledger_id: Bytes32) -> LedgerRow:
    """Return the ledger with this id. Raises UnknownLedger."""
    with database.read() as connection:
        return _known_ledger(connection, ledger_id)


def ledgers_page(
    database: Database, *, after: int = 0, limit: int = 100, customer_id: str | None = None
) -> list[LedgerRow]:
    """Return up to ``limit`` ledgers with a number above ``after``: all, or a customer's."""
    with database.read() as connection:
        return ledgers_after(connection, after, limit, customer_id)


def deltas_page(
    database: Database, log: Log, ledger_id: Bytes32, *, start: int = 0, limit: int = 100
) -> list[DeltaView]:
    """Return up to ``limit`` deltas of a ledger from the index ``start`` on. Raises UnknownLedger."""
    with database.read() as connection:
        ledger = _known_ledger(connection, ledger_id)
        rows = deltas_from(connection, ledger.id, start, limit)
        progress = _Progress(connection, ledger)
    if not rows:
        return []
    receipts = ReceiptIds(log.receipt_key).make([(ledger.id, row.index_in_ledger) for row in rows])
    return [
        DeltaView(receipt, row, progress.of(row.index_in_ledger))
        for receipt, row in zip(receipts, rows, strict=True)
    ]


def batches_page(database: Database, *, before: int | None = None, limit: int = 100) -> list[BatchView]:
    """Return up to ``limit`` batches with a number below ``before``, the newest first."""
    with database.read() as connection:
        rows = batches_before(connection, before, limit)
        if not rows:
            return []
        anchors = anchors_over(connection, rows[-1].number, rows[0].number)
    return [BatchView(row, _covering(row.number, anchors)) for row in rows]


def batches_from(database: Database, first: int, limit: int) -> list[SealedBatch]:
    """Return up to ``limit`` batches with numbers from ``first`` on, the oldest first."""
    with database.read() as connection:
        return batches_after(connection, first, limit)


def find_batch(database: Database, number: int) -> BatchView:
    """Return a batch. Raises UnknownBatch."""
    with database.read() as connection:
        batch = batch_numbered(connection, number)
        if batch is None:
            raise UnknownBatch(number, "number")
        return BatchView(batch, _covering(number, anchors_over(connection, number, number)))


class _Progress:
    """How far the deltas of one ledger have come."""

    def __init__(self, connection: Connection, ledger: LedgerRow) -> None:
        self._sealed = ledger.sealed_size
        self._verified = verified_head(connection, ledger.id, verified_batch(connection)).size

    def of(self, index: int) -> Status:
        if index < self._verified:
            return Status.VERIFIED
        return Status.PROCESSING if index < self._sealed else Status.QUEUED


def _known_ledger(connection: Connection, ledger_id: Bytes32) -> LedgerRow:
    ledger = ledger_of_ledger_id(connection, ledger_id)
    if ledger is None:
        raise UnknownLedger(ledger_id)
    return ledger


def _covering(batch: int, anchors: list[AnchorOnChain]) -> tuple[AnchorOnChain, ...]:
    """Return the first anchor of each chain that covers a batch; ``anchors`` are in order of batch."""
    first: dict[int, AnchorOnChain] = {}
    for each in anchors:
        if each.anchor.batch >= batch:
            first.setdefault(each.chain.id, each)
    return tuple(first.values())
