"""Make the file of a sampled audit: what the first block that held a period draws of it.

The anchor that draws is as old as the period, and the map under it may not be stored any more: then its
way is computed from the heads, which always are.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from sqlalchemy import Connection

from anchor.proof.values import (
    AbsenceClaim,
    DeltaClaim,
    FreshnessClaim,
    ProofFile,
)
from anchor.protocol.hashing import Bytes32
from anchor.server.ledger.errors import LedgerError
from anchor.server.ledger.model import Log
from anchor.server.ledger.past_heads import past_absence, past_head
from anchor.server.ledger.proving import (
    included_delta,
    proof_ledger,
    proof_log,
    provable_ledger,
)
from anchor.server.ledger.proving_periods import prove_period
from anchor.server.ledger.ranges import range_of_indices
from anchor.server.storage.anchors import chains_in_use
from anchor.server.storage.database import Database
from anchor.server.storage.proving import first_anchor_showing, head_at
from anchor.server.storage.reading import LedgerRow
from anchor.verify.results import INVALID
from anchor.verify.sampling import (
    anchoring_block,
    check_sample,
    draw_sample,
    under_one_anchor,
    write_sample,
)
from anchor.verify.verification import verify_proof


@dataclass(eq=False)
class NotAnchoredYet(LedgerError):
    """A sample was asked for of a period that no block of the chain holds yet."""

    code: ClassVar[str] = "not_anchored"
    remedy: ClassVar[str] = "wait for the anchor"

    def __str__(self) -> str:
        return "the period is in no block of this chain yet"


@dataclass(eq=False)
class SampleUnsound(LedgerError):
    """The record does not lead to what was anchored: a sample of it would be taken for a cheat's."""

    code: ClassVar[str] = "sample_unsound"
    remedy: ClassVar[str] = "see what is wrong with the record: anchor audit --data DIR"
    why: str

    def __str__(self) -> str:
        return f"no verifier would accept this sample: {self.why}"


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample: its file, the block that drew it, and the drawn indices."""

    file: bytes
    block: Bytes32
    drawn: tuple[int, ...]


def make_sample(
    database: Database,
    log: Log,
    chain_id: int | None,
    customer_id: str,
    unit: str,
    from_index: int,
    to_index: int,
    count: int,
) -> Sample:
    """Prove a period (both ends included) and ``count`` of its deltas under its first anchor on a chain:
    this one, or the primary.

    Raises UnknownCustomer, IndexOutOfRange, RangeReversed, NotAnchoredYet, and SampleUnsound where it would
    not verify.
    """
    own_log = proof_log(log)
    with database.read() as connection:
        ledger = provable_ledger(connection, customer_id, unit)
        range_of_indices(ledger.size, from_index, to_index)
        if chain_id is None:
            # Without a chain in use there is none of this id, either.
            chain_id = next((chain.chain_id for chain in chains_in_use(connection)), 0)
        found = first_anchor_showing(connection, chain_id, ledger.id, to_index)
        if found is None:
            raise NotAnchoredYet
        batch, batch_before = found
        before = (
            None
            if batch_before is None
            else ProofFile(own_log, proof_ledger(ledger), _before(connection, ledger, batch_before))
        )
        head = past_head(connection, ledger, batch)
        whole = prove_period(connection, log, customer_id, unit, from_index, to_index, head=head)
        period = under_one_anchor(whole, chain_id)
        block = anchoring_block(period)
        drawn = draw_sample(block, ledger.ledger_id, from_index, to_index, count)
        deltas = [
            under_one_anchor(
                ProofFile(
                    own_log,
                    proof_ledger(ledger),
                    DeltaClaim(included_delta(connection, ledger, index, head.size), head),
                ),
                chain_id,
            )
            for index in drawn
        ]
    made = write_sample(period, deltas, before)
    _require_sound(made, before, count)
    return Sample(made, block, tuple(drawn))


def _before(connection: Connection, ledger: LedgerRow, batch: int) -> FreshnessClaim | AbsenceClaim:
    """Return the ledger's head in a batch, or that it was not there yet."""
    if head_at(connection, ledger.id, batch) is not None:
        head = past_head(connection, ledger, batch)
        return FreshnessClaim(replace(head, batch=replace(head.batch, anchors=())))
    absence = past_absence(connection, ledger, batch)
    return AbsenceClaim(replace(absence, batch=replace(absence.batch, anchors=())))


def _require_sound(made: bytes, before: ProofFile | None, count: int) -> None:
    """Check what can be checked of a sample without a chain. Raises SampleUnsound."""
    checked = [check_sample(made, None, count=count)]
    if before is not None:
        checked.append(verify_proof(before, None))
    for one in checked:
        if one.verdict == INVALID:
            raise SampleUnsound(one.statements[-1])
