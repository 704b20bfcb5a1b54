"""Check one receipt of the hammer's: its proof file, held against what was sent and against the chain."""

from typing import Final

from anchor.cli.hammer.findings import Fault, Finding
from anchor.cli.hammer.load import UNIT, Acknowledged
from anchor.client.client import AnchorClient
from anchor.client.errors import AnchorProblem
from anchor.node.remembered import RememberedChain
from anchor.node.view import ChainView, Finality
from anchor.proof.bounds import ProofFileError
from anchor.proof.reading import parse_proof_file
from anchor.proof.values import DeltaClaim, DeltaRecord, Disclosed, ProofFile
from anchor.protocol.amounts import parse_amount
from anchor.protocol.fingerprint import domain_separator
from anchor.verify.results import INVALID
from anchor.verify.verification import verify_proof


class ProofCheck:
    """Fetches and verifies proof files. ``contract`` None: the file's own is taken."""

    def __init__(
        self, chain: ChainView, *, contract: bytes | None = None, finality: Finality | str | int = "finalized"
    ) -> None:
        self._chain: Final = RememberedChain(chain)
        self._contract = contract
        self._finality = finality

    def fault_of(self, client: AnchorClient, receipt: Acknowledged) -> Finding | None:
        """Return what is wrong with a receipt, or None where its proof is valid and is of this delta."""
        subject = receipt.receipt_id
        try:
            raw = client.proof(receipt.receipt_id)
        except AnchorProblem as problem:
            if problem.status == 404:
                return Finding(Fault.LOSS, subject, "a proof file", str(problem))
            if problem.code == "not_sealed_yet":
                return Finding(Fault.NOT_ANCHORED, subject, "a proof file", str(problem))
            raise
        try:
            proof = parse_proof_file(raw)
        except ProofFileError as error:
            return Finding(Fault.INVALID_PROOF, subject, "a proof file", str(error))
        difference = self._difference(proof, receipt)
        if difference is not None:
            return difference
        for last in (False, True):
            verification = verify_proof(
                proof,
                self._chain,
                expected_contract=self._contract,
                expected_customer=receipt.customer_id,
                expected_unit=UNIT,
                expected_ledger_id=bytes.fromhex(receipt.ledger_id.removeprefix("0x")),
                finality=self._finality,
            )
            if verification.valid:
                return None
            if not last:
                # It may rest on a block that became final after the others were checked.
                self._chain.forget()
        failed = verification.failed
        fault = Fault.INVALID_PROOF if verification.verdict == INVALID else Fault.NOT_CHECKED
        why = "; ".join(verification.statements) if failed is None else f"{failed.name}: {failed.explanation}"
        return Finding(fault, subject, "valid", why)

    @staticmethod
    def _difference(proof: ProofFile, receipt: Acknowledged) -> Finding | None:
        """Return in what a proof file is about something else than what was sent and acknowledged."""
        wrong = Fault.INVALID_PROOF
        if not isinstance(proof.claim, DeltaClaim) or not isinstance(proof.claim.delta.record, DeltaRecord):
            return Finding(wrong, receipt.receipt_id, "the proof of a whole delta", proof.kind)
        record = proof.claim.delta.record
        ledger_id = proof.ledger.ledger_id if proof.ledger else b""
        fingerprint = record.fingerprint(domain_separator(proof.log.log_id), ledger_id)
        reference = record.reference_id.value if isinstance(record.reference_id, Disclosed) else None
        expected = (
            receipt.index,
            parse_amount(str(receipt.amount)),
            receipt.reference_id,
            receipt.fingerprint,
        )
        found = (record.index, record.amount, reference, "0x" + fingerprint.hex())
        if expected != found:
            return Finding(wrong, receipt.receipt_id, str(expected), str(found))
        return None
