"""A ledger's deltas with all that a replica needs to recompute their fingerprints."""

from dataclasses import dataclass

from anchor.proof.values import DeltaRecord, ProofLedger, ProofLog
from anchor.protocol.hashing import Bytes32
from anchor.server.ledger.model import Log
from anchor.server.ledger.proving import delta_record, proof_ledger, proof_log, provable_ledger
from anchor.server.storage.database import Database
from anchor.server.storage.ledger_trees import read_fingerprints
from anchor.server.storage.proving import provable_deltas


@dataclass(frozen=True, slots=True)
class ReplicaPage:
    """Deltas in the order of their indices, each with the fingerprint that is stored for it.

    ``size`` is how many the ledger has in all.
    """

    log: ProofLog
    ledger: ProofLedger
    size: int
    entries: tuple[tuple[Bytes32, DeltaRecord], ...]


def replica_page(
    database: Database, log: Log, customer_id: str, unit: str, *, start: int, limit: int
) -> ReplicaPage:
    """Return up to ``limit`` deltas from the index ``start`` on; none past the end.

    An erased field shows its commitment. Raises UnknownCustomer.
    """
    with database.read() as connection:
        ledger = provable_ledger(connection, customer_id, unit)
        stop = min(start + limit, ledger.size)
        deltas = provable_deltas(connection, ledger.id, start, stop)
        fingerprints = map(bytes, read_fingerprints(connection, ledger.id, start, stop))
        return ReplicaPage(
            proof_log(log),
            proof_ledger(ledger),
            ledger.size,
            tuple(zip(fingerprints, map(delta_record, deltas), strict=True)),
        )
