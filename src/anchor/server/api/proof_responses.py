"""Proof files as they are answered."""

from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response

from anchor.proof.values import (
    BalanceClaim,
    DeltaClaim,
    DeltaRecord,
    Disclosure,
    Included,
    ProofFile,
    Showing,
    disclose,
    parse_showing,
)
from anchor.proof.writing import write_proof_file
from anchor.protocol.fingerprint import domain_separator
from anchor.wire.problems import Problem

SHOWING_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {"enum": [each.value for each in Disclosure]},
        {"pattern": "^(reason|referenceId|metadata)(,(reason|referenceId|metadata))*$"},
    ]
}
"""What ``showing`` takes, for the description of the API."""

PROOF_EXAMPLE: Final[dict[str, Any]] = {"format": "anchor-proof", "version": 2, "kind": "delta"}


def proof_response(proof: ProofFile, name: str) -> Response:
    """Return a proof file, to be kept under a name of its own."""
    headers = {"content-disposition": f'attachment; filename="{name}.proof.json"'}
    return Response(write_proof_file(proof), media_type="application/json", headers=headers)


def showing(text: str, field: str) -> Showing:
    """Return how much of a delta a parameter asks for. Raises Problem."""
    try:
        return parse_showing(text)
    except ValueError as error:
        raise Problem("invalid_value", f"{error}.", field=field) from None


def disclosed(proof: ProofFile, disclosure: Showing) -> ProofFile:
    """Return the proof of a delta or a balance with only as much of the delta shown as asked for."""
    claim = proof.claim
    if disclosure is Disclosure.FULL or not isinstance(claim, DeltaClaim | BalanceClaim):
        return proof
    shown = _shown(proof, claim.delta, disclosure)
    return replace(proof, claim=replace(claim, delta=shown))


def _shown(proof: ProofFile, included: Included, disclosure: Showing) -> Included:
    record = included.record
    if proof.ledger is None or not isinstance(record, DeltaRecord):
        return included
    separator = domain_separator(proof.log.log_id)
    return replace(
        included, record=disclose(record, disclosure, separator=separator, ledger_id=proof.ledger.ledger_id)
    )
