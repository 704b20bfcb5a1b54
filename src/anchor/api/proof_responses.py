"""Proof files as they are answered."""

from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response

from anchor.protocol.fingerprint import domain_separator
from anchor.verify.proof_file import (
    BalanceClaim,
    DeltaClaim,
    DeltaRecord,
    Disclosure,
    Included,
    ProofFile,
    disclose,
)
from anchor.verify.proof_writing import write_proof_file

PROOF_EXAMPLE: Final[dict[str, Any]] = {"format": "anchor-proof", "version": 1, "kind": "delta"}


def proof_response(proof: ProofFile, name: str) -> Response:
    """Return a proof file, to be kept under a name of its own."""
    headers = {"content-disposition": f'attachment; filename="{name}.proof.json"'}
    return Response(write_proof_file(proof), media_type="application/json", headers=headers)


def disclosed(proof: ProofFile, disclosure: Disclosure) -> ProofFile:
    """Return the proof of a delta or a balance with only as much of the delta shown as asked for."""
    claim = proof.claim
    if disclosure is Disclosure.FULL or not isinstance(claim, DeltaClaim | BalanceClaim):
        return proof
    shown = _shown(proof, claim.delta, disclosure)
    return replace(proof, claim=replace(claim, delta=shown))


def _shown(proof: ProofFile, included: Included, disclosure: Disclosure) -> Included:
    record = included.record
    if proof.ledger is None or not isinstance(record, DeltaRecord):
        return included
    separator = domain_separator(proof.log.log_id)
    return replace(
        included, record=disclose(record, disclosure, separator=separator, ledger_id=proof.ledger.ledger_id)
    )
