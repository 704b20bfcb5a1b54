"""Make proof files from the database: what docs/proof-files.md describes, for whoever asks.

Each proof is made under the batch that shows the most: the newest that is final on the primary chain,
if it holds what is to be shown; otherwise the newest on any chain; otherwise the newest sealed one,
and then the file names no chain yet and says so by naming none.
"""

from sqlalchemy import Connection

from anchor.proof.values import (
    AbsenceClaim,
    Anchor,
    AnchoredBatch,
    BalanceClaim,
    BatchSignature,
    BlockLocation,
    ConsistencyClaim,
    DeltaClaim,
    DeltaRecord,
    Disclosed,
    Field,
    FreshnessClaim,
    Included,
    KeptHead,
    LedgerAbsence,
    LedgerCustomer,
    LedgerHead,
    ProofFile,
    ProofLedger,
    ProofLog,
    Through,
    Withheld,
)
from anchor.protocol.batch import Batch
from anchor.protocol.hashing import ZERO
from anchor.protocol.identities import IdentityKey
from anchor.protocol.ledger_map import map_path
from anchor.protocol.merkle import HISTORY_TREE, LEDGER_TREE
from anchor.protocol.merkle_proofs import consistency_path, inclusion_path, root_at
from anchor.protocol.signed_checkpoint import SIGNED_TREE
from anchor.server.ledger.errors import (
    CustomerHasLedger,
    IndexOutOfRange,
    NotSealedYet,
    UnknownBatch,
    UnknownCustomer,
)
from anchor.server.ledger.histories import SIGNED_BATCHES, batch_nodes, history_nodes
from anchor.server.ledger.ledger_tree import ledger_nodes
from anchor.server.ledger.model import Log
from anchor.server.storage.database import Database
from anchor.server.storage.map_nodes import path_reader
from anchor.server.storage.proving import (
    HeadRow,
    ProvableDelta,
    batch_numbered,
    evidence_of,
    head_at,
    provable_batches,
    provable_deltas,
)
from anchor.server.storage.reading import LedgerRow, ledger_of
from anchor.server.storage.signed_checkpoints import released_checkpoint


class Prover:
    """Makes the proof files of one log. Every method reads one snapshot of the database.

    All raise StorageUnavailable, and where nothing is on record UnknownCustomer.
    """

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log

    def delta(self, customer_id: str, unit: str, index: int) -> ProofFile:
        """Prove that the delta at ``index`` is in the record, every field disclosed.

        Raises IndexOutOfRange, or NotSealedYet where no batch holds it.
        """
        with self._database.read() as connection:
            ledger = provable_ledger(connection, customer_id, unit)
            included, head = self._included(connection, ledger, index)
            return self._file(ledger, DeltaClaim(included, head))

    def balance(self, customer_id: str, unit: str, as_of_index: int | None = None) -> ProofFile:
        """Prove the balance after ``as_of_index``, or the newest that can be proven best.

        Raises as ``delta`` does.
        """
        with self._database.read() as connection:
            ledger = provable_ledger(connection, customer_id, unit)
            if as_of_index is None:
                _, newest = best_head(connection, ledger, 0)
                as_of_index = newest.size - 1
            included, shown = self._included(connection, ledger, as_of_index)
            return self._file(ledger, BalanceClaim(included, shown))

    def freshness(self, customer_id: str, unit: str, chain_id: int | None = None) -> ProofFile:
        """Prove a ledger's head under the newest root on a chain: this one, or the primary.

        Raises NotSealedYet.
        """
        with self._database.read() as connection:
            ledger = provable_ledger(connection, customer_id, unit)
            head = _shown(connection, ledger, *best_head(connection, ledger, 0, chain_id))
            return self._file(ledger, FreshnessClaim(head))

    def consistency(self, customer_id: str, unit: str, earlier_size: int) -> ProofFile:
        """Prove that the newest provable head extends the ledger's first ``earlier_size`` deltas.

        Raises IndexOutOfRange where the ledger never had that size, NotSealedYet where no batch does.
        """
        with self._database.read() as connection:
            ledger = provable_ledger(connection, customer_id, unit)
            if not 0 <= earlier_size <= ledger.size:
                raise IndexOutOfRange(earlier_size, ledger.size, "earlierSize")
            head = _shown(connection, ledger, *best_head(connection, ledger, max(earlier_size - 1, 0)))
            read_nodes = ledger_nodes(connection, ledger.id, ledger.sealed_size)
            earlier = KeptHead(earlier_size, root_at(LEDGER_TREE, earlier_size, read_nodes))
            path = consistency_path(LEDGER_TREE, earlier_size, head.size, read_nodes)
            return self._file(ledger, ConsistencyClaim(earlier, tuple(path), head))

    def absence(self, identity_key: IdentityKey, customer_id: str, unit: str) -> ProofFile:
        """Prove that a customer has no ledger in a unit, under the newest root on a chain.

        Raises CustomerHasLedger where there is one, UnknownBatch where nothing is sealed.
        """
        identity = identity_key.ledger_identity(customer_id, unit)
        with self._database.read() as connection:
            batches = provable_batches(connection)
            if not batches:
                raise UnknownBatch(1)
            path = map_path(path_reader(connection, batches[0], identity.ledger_id), identity.ledger_id)
            if path.found is not None and path.found.ledger_id == identity.ledger_id:
                raise CustomerHasLedger(customer_id, unit)
            absence = LedgerAbsence(path.siblings, path.found, anchored_batch(connection, batches[0]))
            return ProofFile(
                proof_log(self._log),
                ProofLedger(identity.ledger_id, LedgerCustomer(customer_id, unit, identity.proof)),
                AbsenceClaim(absence),
            )

    def _included(self, connection: Connection, ledger: LedgerRow, index: int) -> tuple[Included, LedgerHead]:
        if not 0 <= index < ledger.size:
            raise IndexOutOfRange(index, ledger.size, "asOfIndex")
        head = _shown(connection, ledger, *best_head(connection, ledger, index))
        return included_delta(connection, ledger, index, head.size), head

    def _file(
        self,
        ledger: LedgerRow,
        claim: DeltaClaim | BalanceClaim | FreshnessClaim | ConsistencyClaim,
    ) -> ProofFile:
        return ProofFile(
            proof_log(self._log),
            proof_ledger(ledger),
            claim,
        )


def included_delta(connection: Connection, ledger: LedgerRow, index: int, size: int) -> Included:
    """Return the delta at ``index`` with its path in the ledger's first ``size`` deltas."""
    (delta,) = provable_deltas(connection, ledger.id, index, index + 1)
    path = inclusion_path(LEDGER_TREE, index, size, ledger_nodes(connection, ledger.id, ledger.sealed_size))
    return Included(delta_record(delta), tuple(path))


def proof_log(log: Log) -> ProofLog:
    """Return the log as a proof file names it."""
    return ProofLog(log.log_id, log.identity_public_key, log.founder)


def proof_ledger(ledger: LedgerRow) -> ProofLedger:
    """Return the ledger as a proof file names it, its customer included."""
    return ProofLedger(
        ledger.ledger_id, LedgerCustomer(ledger.customer_id, ledger.unit, ledger.identity_proof)
    )


def delta_record(delta: ProvableDelta) -> DeltaRecord:
    """Return a delta as a proof file shows it: every field disclosed that was not erased."""
    return DeltaRecord(
        index=delta.index_in_ledger,
        amount=delta.amount,
        balance=delta.balance,
        occurred_at=delta.occurred_at,
        recorded_at=delta.recorded_at,
        reason=_field(delta, "reason", delta.reason, delta.reason_salt),
        reference_id=_field(delta, "reference_id", delta.reference_id, delta.reference_salt),
        metadata=_field(delta, "metadata", delta.metadata, delta.metadata_salt),
        adjusts=ZERO if delta.adjusts is None else bytes(delta.adjusts),
    )


def _field(delta: ProvableDelta, name: str, value: str | None, salt: bytes | None) -> Field:
    if salt is None:
        return Withheld(delta.erased[name])
    return Disclosed(value, bytes(salt))


def ledger_head(connection: Connection, ledger: LedgerRow, batch: int) -> LedgerHead:
    """Return a ledger's head as a batch holds it, with the map's siblings and the batch's anchors."""
    head = head_at(connection, ledger.id, batch)
    if head is None:
        raise NotSealedYet(0, 0)
    return _shown(connection, ledger, batch, head)


def _shown(connection: Connection, ledger: LedgerRow, batch: int, head: HeadRow) -> LedgerHead:
    path = map_path(path_reader(connection, batch, ledger.ledger_id), ledger.ledger_id)
    return LedgerHead(head.size, head.root, path.siblings, anchored_batch(connection, batch))


def anchored_batch(connection: Connection, number: int) -> AnchoredBatch:
    """Return a batch with every place where it, or a later one that holds it, is on a chain."""
    batch = _batch(connection, number)
    return AnchoredBatch(
        batch,
        tuple(
            Anchor(
                chain_id=evidence.chain_id,
                contract=evidence.contract,
                location=BlockLocation(
                    evidence.anchor.transaction_hash,
                    evidence.anchor.block_number,
                    evidence.anchor.block_hash,
                ),
                through=_through(connection, number, evidence.anchor.batch),
            )
            for evidence in evidence_of(connection, number)
        ),
        _signature(connection, number),
    )


def _signature(connection: Connection, number: int) -> BatchSignature | None:
    """Return the log's signature over a batch; None while it may not leave the server."""
    note = released_checkpoint(connection, number)
    if note is None:
        return None
    path = inclusion_path(SIGNED_TREE, number - 1, number, batch_nodes(connection, SIGNED_BATCHES))
    return BatchSignature(note, tuple(path))


def _through(connection: Connection, number: int, anchored: int) -> Through | None:
    if anchored == number:
        return None
    path = inclusion_path(HISTORY_TREE, number - 1, anchored - 1, history_nodes(connection))
    return Through(_batch(connection, anchored), tuple(path))


def _batch(connection: Connection, number: int) -> Batch:
    batch = batch_numbered(connection, number)
    if batch is None:
        raise UnknownBatch(number)
    return Batch(batch.number, batch.history_root, batch.map_root, batch.sealed_at)


def best_batch(connection: Connection, ledger: LedgerRow, index: int) -> int:
    """Return the best batch to show the delta at ``index`` under. Raises NotSealedYet."""
    return best_head(connection, ledger, index)[0]


def best_head(
    connection: Connection, ledger: LedgerRow, index: int, chain_id: int | None = None
) -> tuple[int, HeadRow]:
    """Return that batch, and the ledger's head in it. Raises NotSealedYet."""
    for number in provable_batches(connection, chain_id):
        head = head_at(connection, ledger.id, number)
        if head is not None and head.size > index:
            return number, head
    raise NotSealedYet(index, ledger.sealed_size)


def provable_ledger(connection: Connection, customer_id: str, unit: str) -> LedgerRow:
    ledger = ledger_of(connection, customer_id, unit)
    if ledger is None:
        raise UnknownCustomer(customer_id, unit)
    return ledger
