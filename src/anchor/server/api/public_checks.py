"""What anybody may have checked who holds a receipt, a proof token or a proof hash.

The record is checked by making the proof file and following it, as an auditor would; the chain by asking
it. Neither customer nor texts are shown: the id is the key to what is proven, not to whose it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from anchor.node.view import ChainView, Finality
from anchor.proof.values import PeriodClaim, ProofFile, ProofLedger
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import Bytes32
from anchor.server.api.shaping import anchor
from anchor.server.ledger.checkpoints import CheckpointView
from anchor.server.ledger.errors import NotSealedYet
from anchor.server.ledger.model import Log
from anchor.server.ledger.proving import Prover
from anchor.server.ledger.proving_periods import prove_period
from anchor.server.ledger.proving_spans import SpanNotClosed
from anchor.server.ledger.views import ReceiptView, find_batch
from anchor.server.storage.database import Database
from anchor.verify.results import VALID, Step, Verification
from anchor.verify.verification import verify_proof
from anchor.wire.responses import CheckedSources, VerifyCheck, VerifyResponse


class Source(StrEnum):
    """Against what a proof is checked."""

    DB = "db"
    CHAIN = "chain"
    BOTH = "both"


@dataclass(frozen=True)
class AskedChain:
    """A chain that can be asked, the contract on it (20 bytes), and what counts as final there."""

    chain_id: int
    contract: bytes
    view: ChainView
    finality: Finality


class PublicChecks:
    """Checks receipts and checkpoints of one log. Blocking: the chain may take seconds."""

    def __init__(self, database: Database, log: Log, chains: Sequence[AskedChain]) -> None:
        self._database = database
        self._log = log
        self._chains = chains
        self._prover = Prover(database, log)

    def receipt(self, view: ReceiptView, source: Source) -> VerifyResponse:
        """Check the delta that a receipt leads to."""
        row = view.delta.delta
        try:
            proof = self._prover.delta(view.ledger.customer_id, view.ledger.unit, row.index_in_ledger)
        except NotSealedYet:
            proof = None
        checks = self._check(proof, source, None)
        return VerifyResponse(
            id=view.delta.receipt_id,
            kind="receipt",
            valid=checks.valid,
            status=view.delta.status.value,
            summary=checks.summary("This delta"),
            checked=CheckedSources(checks.db, checks.chain),
            checks=checks.steps,
            statements=checks.statements,
            anchors=[anchor(each) for each in view.anchors],
            ledger_id=hex_of(view.ledger.ledger_id),
            fingerprint=hex_of(row.fingerprint),
            proof_hash=None,
            from_index=row.index_in_ledger,
            to_index=row.index_in_ledger,
        )

    def checkpoint(self, view: CheckpointView, source: Source, asked_by: str) -> VerifyResponse:
        """Check a checkpoint; ``asked_by`` is the token or hash that led to it."""
        sealed = view.checkpoint
        try:
            with self._database.read() as connection:
                proof = prove_period(
                    connection,
                    self._log,
                    view.customer_id,
                    view.unit,
                    sealed.from_index,
                    sealed.to_index,
                    span=None if view.span is None else (view.span.start, view.span.end),
                )
        except (NotSealedYet, SpanNotClosed):
            proof = None
        checks = self._check(proof, source, (sealed.opening_root, sealed.closing_root))
        anchors = []
        if proof is not None and isinstance(proof.claim, PeriodClaim):
            batch = find_batch(self._database, proof.claim.head.batch.batch.number)
            anchors = [anchor(each) for each in batch.anchors]
        return VerifyResponse(
            id=asked_by,
            kind="checkpoint",
            valid=checks.valid,
            status=view.status.value,
            summary=checks.summary("This checkpoint"),
            checked=CheckedSources(checks.db, checks.chain),
            checks=checks.steps,
            statements=checks.statements,
            anchors=anchors,
            ledger_id=hex_of(sealed.ledger_id),
            fingerprint=None,
            proof_hash=hex_of(view.proof_hash),
            from_index=sealed.from_index,
            to_index=sealed.to_index,
        )

    def _check(
        self, proof: ProofFile | None, source: Source, roots: tuple[Bytes32, Bytes32] | None
    ) -> "_Checks":
        checks = _Checks(source)
        if proof is None:
            return checks
        checks.take_record(verify_proof(_nameless(proof), None))
        if roots is not None and isinstance(proof.claim, PeriodClaim):
            checks.take_roots(roots, (proof.claim.opening_root, proof.claim.closing_root))
        if source is not Source.DB and checks.db != "fails" and self._chains:
            asked = self._chains[0]
            checks.take_chain(
                verify_proof(
                    _nameless(proof), asked.view, expected_contract=asked.contract, finality=asked.finality
                )
            )
        return checks


def _nameless(proof: ProofFile) -> ProofFile:
    """Return the proof without whose ledger it is."""
    assert proof.ledger is not None, "proofs of deltas and periods concern a ledger"
    return replace(proof, ledger=ProofLedger(proof.ledger.ledger_id))


class _Checks:
    """What became of the two sources."""

    def __init__(self, source: Source) -> None:
        self.db = "not_asked" if source is Source.CHAIN else "not_checked"
        self.chain = "not_asked" if source is Source.DB else "not_checked"
        self.steps: list[VerifyCheck] = []
        self.statements: list[str] = []
        self._sealed = False
        self._local = 0

    @property
    def valid(self) -> bool | None:
        """Whether all holds, the chain included; None where the chain has not said so."""
        if "fails" in (self.db, self.chain):
            return False
        return True if self.chain == "holds" else None

    def take_record(self, found: Verification) -> None:
        """Note what following the proof through the record came to."""
        self._sealed = True
        self._local = len([step for step in found.steps if step.name != "chain"])
        if found.failed is not None:
            # Whatever was asked for: a proof that does not fit together shows nothing on a chain either.
            self.db = "fails"
        elif self.db != "not_asked":
            self.db = "holds"
        if self.db != "not_asked":
            self.steps += [_step("db", step) for step in found.steps if step.outcome != "skipped"]

    def take_roots(self, stored: tuple[Bytes32, Bytes32], proven: tuple[Bytes32, Bytes32]) -> None:
        """Hold the checkpoint's own roots against those of the record as it is now."""
        for name, expected, found in zip(("opening root", "closing root"), stored, proven, strict=True):
            agrees = expected == found
            explanation = "The checkpoint and the record have the same root."
            if not agrees:
                self.db, explanation = "fails", "The record has another root than the checkpoint."
            if self.db != "not_asked":
                outcome = "passed" if agrees else "failed"
                self.steps.append(
                    VerifyCheck("db", name, outcome, explanation, hex_of(expected), hex_of(found))
                )

    def take_chain(self, found: Verification) -> None:
        """Note what asking the chain came to."""
        if found.verdict == VALID:
            self.chain = "holds"
            self.statements = [_said_here(statement) for statement in found.statements]
        elif found.verdict == "invalid":
            self.chain = "fails"
        self.steps += [_step("chain", step) for step in found.steps[self._local :]]

    def summary(self, what: str) -> str:
        """Return one sentence for people."""
        if self.valid:
            return f"{what} is in the record, and a final block of the chain commits to it."
        if self.valid is False:
            return f"{what} could not be shown: a check failed, see below."
        if not self._sealed:
            return f"{what} is durably stored, and in no batch yet."
        if self.db == "holds":
            return f"{what} is in the record; no final block of the chain was seen to commit to it."
        return f"No final block of the chain was seen to commit to {what.lower()}."


def _step(source: str, step: Step) -> VerifyCheck:
    explanation = _said_here(step.explanation)
    return VerifyCheck(source, step.name, step.outcome, explanation, step.expected, step.found)


def _said_here(sentence: str) -> str:
    """Return a sentence of the verifier's as this server says it: its settings name the contract."""
    return sentence.replace("that you named", "that this server is set to").replace(
        "which you named", "which this server is set to"
    )
