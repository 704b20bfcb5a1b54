"""Make the file of a sampled audit: what the first block that held a period draws of it."""

from dataclasses import dataclass, replace
from typing import ClassVar

from sqlalchemy import Connection

from anchor.ledger.errors import LedgerError
from anchor.ledger.model import Log
from anchor.ledger.proving import (
    anchored_batch,
    included_delta,
    ledger_head,
    proof_ledger,
    provable_ledger,
)
from anchor.ledger.proving_periods import prove_period
from anchor.ledger.ranges import range_of_indices
from anchor.protocol.hashing import Bytes32
from anchor.protocol.ledger_map import map_path
from anchor.storage.database import Database
from anchor.storage.map_nodes import path_reader
from anchor.storage.proving import LedgerRow, first_anchor_showing, head_at
from anchor.verify.proof_file import (
    AbsenceClaim,
    DeltaClaim,
    FreshnessClaim,
    LedgerAbsence,
    ProofFile,
    ProofLog,
)
from anchor.verify.sampling import anchoring_block, draw_sample, under_one_anchor, write_sample


@dataclass(eq=False)
class NotAnchoredYet(LedgerError):
    """A sample was asked for of a period that no block of the chain holds yet."""

    code: ClassVar[str] = "not_anchored"
    remedy: ClassVar[str] = "wait for the anchor"

    def __str__(self) -> str:
        return "the period is in no block of this chain yet"


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample: its file, the block that drew it, and the drawn indices."""

    file: bytes
    block: Bytes32
    drawn: tuple[int, ...]


def make_sample(
    database: Database,
    log: Log,
    chain_id: int,
    customer_id: str,
    unit: str,
    from_index: int,
    to_index: int,
    count: int,
) -> Sample:
    """Prove a period (both ends included) and ``count`` of its deltas under its first anchor on a chain.

    Raises UnknownCustomer, IndexOutOfRange, RangeReversed and NotAnchoredYet.
    """
    proof_log = ProofLog(log.log_id, log.identity_public_key)
    with database.read() as connection:
        ledger = provable_ledger(connection, customer_id, unit)
        range_of_indices(ledger.size, from_index, to_index)
        found = first_anchor_showing(connection, chain_id, ledger.id, to_index)
        if found is None:
            raise NotAnchoredYet
        batch, batch_before = found
        before = (
            None
            if batch_before is None
            else ProofFile(proof_log, proof_ledger(ledger), _head(connection, ledger, batch_before))
        )
        head = ledger_head(connection, ledger, batch)
        whole = prove_period(connection, log, customer_id, unit, from_index, to_index, head=head)
        period = under_one_anchor(whole, chain_id)
        block = anchoring_block(period)
        drawn = draw_sample(block, ledger.ledger_id, from_index, to_index, count)
        deltas = [
            under_one_anchor(
                ProofFile(
                    proof_log,
                    proof_ledger(ledger),
                    DeltaClaim(included_delta(connection, ledger, index, head.size), head),
                ),
                chain_id,
            )
            for index in drawn
        ]
    return Sample(write_sample(period, deltas, before), block, tuple(drawn))


def _head(connection: Connection, ledger: LedgerRow, batch: int) -> FreshnessClaim | AbsenceClaim:
    """Return the ledger's head in a batch, or that it was not there yet."""
    if head_at(connection, ledger.id, batch) is not None:
        head = ledger_head(connection, ledger, batch)
        return FreshnessClaim(replace(head, batch=replace(head.batch, anchors=())))
    path = map_path(path_reader(connection, batch, ledger.ledger_id), ledger.ledger_id)
    there = replace(anchored_batch(connection, batch), anchors=())
    return AbsenceClaim(LedgerAbsence(path.siblings, path.found, there))
