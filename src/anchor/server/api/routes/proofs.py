"""Proof files about a ledger: its balance, its newest head, that it only grew, or that there is none."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from anchor.proof.values import Disclosure
from anchor.protocol.identities import IdentityKey
from anchor.server.api.access import Access, readable_ledger
from anchor.server.api.documentation import described
from anchor.server.api.proof_responses import (
    PROOF_EXAMPLE,
    SHOWING_SCHEMA,
    disclosed,
    proof_response,
    showing,
)
from anchor.server.api.values import hash_of, require_id, require_unit
from anchor.server.ledger.api_keys import ApiKey, Scope
from anchor.server.ledger.errors import CustomerHasLedger
from anchor.server.ledger.model import Log
from anchor.server.ledger.proving import Prover
from anchor.server.storage.database import Database
from anchor.wire.problems import Problem
from anchor.wire.responses import ProofFileResponse

_PROBLEMS: Final = ("unknown_ledger", "invalid_value", "index_out_of_range", "not_sealed_yet")


def routes(database: Database, log: Log, identity_key: IdentityKey, access: Access) -> APIRouter:
    """Return the routes over one database."""
    router = APIRouter(tags=["Proofs"])
    prover = Prover(database, log)
    Reader = Annotated[ApiKey, Depends(access.key(Scope.READ))]  # noqa: N806
    Index = Annotated[int | None, Query(ge=0, le=2**63 - 1)]  # noqa: N806

    @router.get(
        "/api/v1/ledgers/{ledgerId}/proofs/balance",
        summary="Prove a balance",
        **_described("balance"),
    )
    def balance(
        key: Reader,
        ledgerId: str,  # noqa: N803
        asOfIndex: Index = None,  # noqa: N803
        disclosure: Annotated[
            str,
            Query(
                description="full, amounts, or the texts to show: reason,referenceId,metadata.",
                json_schema_extra=SHOWING_SCHEMA,
            ),
        ] = "full",
    ) -> Response:
        """After the delta at `asOfIndex`, or as new as can be proven best."""
        shown = showing(disclosure, "disclosure")
        if shown is Disclosure.FINGERPRINTS:
            raise Problem("invalid_value", "A balance cannot be withheld here.", field="disclosure")
        row = readable_ledger(database, key, hash_of(ledgerId, "ledgerId"))
        proof = prover.balance(row.customer_id, row.unit, asOfIndex)
        return proof_response(disclosed(proof, shown), f"balance-{ledgerId[2:10]}")

    @router.get(
        "/api/v1/ledgers/{ledgerId}/proofs/freshness",
        summary="Prove a ledger's newest anchored head",
        **_described("freshness"),
    )
    def freshness(
        key: Reader,
        ledgerId: str,  # noqa: N803
        chainId: Annotated[  # noqa: N803
            int | None,
            Query(ge=1, le=2**63 - 1, description="The chain whose newest root is meant; else the primary."),
        ] = None,
    ) -> Response:
        row = readable_ledger(database, key, hash_of(ledgerId, "ledgerId"))
        proof = prover.freshness(row.customer_id, row.unit, chainId)
        return proof_response(proof, f"freshness-{ledgerId[2:10]}")

    @router.get(
        "/api/v1/ledgers/{ledgerId}/proofs/consistency",
        summary="Prove that a ledger only grew",
        **_described("consistency"),
    )
    def consistency(
        key: Reader,
        ledgerId: str,  # noqa: N803
        earlierSize: Annotated[  # noqa: N803
            int, Query(ge=0, le=2**63 - 1, description="The size of the head that is known from before.")
        ],
    ) -> Response:
        row = readable_ledger(database, key, hash_of(ledgerId, "ledgerId"))
        proof = prover.consistency(row.customer_id, row.unit, earlierSize)
        return proof_response(proof, f"consistency-{ledgerId[2:10]}")

    @router.get(
        "/api/v1/proofs/absence",
        summary="Prove that a customer has no ledger",
        **described(
            "getAbsenceProof",
            ProofFileResponse,
            {**PROOF_EXAMPLE, "kind": "absence"},
            problems=("customer_has_ledger", "customer_not_allowed", "unknown_batch", "invalid_id"),
        ),
    )
    def absence(key: Reader, customerId: str, unit: str = "") -> Response:  # noqa: N803
        require_id(customerId, "customerId")
        require_unit(unit, "unit")
        if key.customer_id not in (None, customerId):
            # Whether another customer has a ledger is for others to know.
            raise Problem("customer_not_allowed", field="customerId")
        try:
            return proof_response(prover.absence(identity_key, customerId, unit), "absence")
        except CustomerHasLedger as error:
            raise Problem(error.code, field="customerId") from None

    return router


def _described(kind: str) -> dict[str, Any]:
    return described(
        f"get{kind.capitalize()}Proof", ProofFileResponse, {**PROOF_EXAMPLE, "kind": kind}, problems=_PROBLEMS
    )
