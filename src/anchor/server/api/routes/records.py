"""What is on record: receipts and their proof files, ledgers and their deltas, batches."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from anchor.proof.values import HOW_TO_SHOW
from anchor.server.api.access import Access, json_response, readable_ledger, readable_receipt
from anchor.server.api.documentation import described
from anchor.server.api.proof_responses import (
    PROOF_EXAMPLE,
    SHOWING_SCHEMA,
    disclosed,
    proof_response,
    showing,
)
from anchor.server.api.shaping import batch_summary, delta, ledger, receipt
from anchor.server.api.values import hash_of, require_id, whole_number
from anchor.server.ledger.api_keys import ApiKey, Scope
from anchor.server.ledger.model import Log
from anchor.server.ledger.proving import Prover
from anchor.server.ledger.views import (
    batches_page,
    deltas_page,
    find_batch,
    ledgers_page,
)
from anchor.server.storage.database import Database
from anchor.wire.responses import (
    BatchPage,
    BatchResponse,
    DeltaPage,
    LedgerPage,
    LedgerResponse,
    ProofFileResponse,
    ReceiptResponse,
)

_LEDGER_ID: Final = "0x6b0e8e3f9f0a4a3f4d6f1d0b9c8a7e6f5d4c3b2a19080706f5e4d3c2b1a09f8e"
_HASH: Final = "0x8f0d2b6a1c3e5f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8"
_DELTA: Final[dict[str, Any]] = {
    "index": 0,
    "delta": -182,
    "balance": -182,
    "occurredAt": 1776412800000,
    "recordedAt": 1776412800000,
    "reason": "182 gpu hours",
    "referenceId": "run-7781",
    "metadata": None,
    "adjusts": None,
    "fingerprint": _HASH,
    "receiptId": "rcpt_gy3tmojvgq2dknzyha4wcytbmi",
    "status": "VERIFIED",
}
_ANCHOR: Final[dict[str, Any]] = {
    "chain": "mainnet",
    "chainId": 1,
    "contract": "0x5fbdb2315678afecb367f032d93f642f64180aa3",
    "transactionHash": "0x1c2b3a495867768594a3b2c1d0efeedcccbbaa99887766554433221100ffeedd",
    "blockNumber": 24871234,
    "blockHash": "0x2d3c4b5a69788796a5b4c3d2e1f0ffeeddccbbaa998877665544332211000ffe",
    "blockTime": 1776412860000,
    "state": "final",
    "batch": 1,
}
_RECEIPT: Final[dict[str, Any]] = {
    "receiptId": _DELTA["receiptId"],
    "status": "VERIFIED",
    "fingerprint": _HASH,
    "customerId": "acme",
    "unit": "",
    "ledgerId": _LEDGER_ID,
    "delta": _DELTA,
    "batch": 1,
    "anchors": [_ANCHOR],
}
_LEDGER: Final[dict[str, Any]] = {
    "ledgerId": _LEDGER_ID,
    "customerId": "acme",
    "unit": "",
    "size": 1,
    "balance": -182,
    "lastRecordedAt": 1776412800000,
    "sealedSize": 1,
}
_BATCH: Final[dict[str, Any]] = {
    "number": 1,
    "sealedAt": 1776412810000,
    "anchorRoot": _HASH,
    "historyRoot": "0x" + "00" * 32,
    "mapRoot": _LEDGER_ID,
    "deltaCount": 1,
    "ledgerCount": 1,
    "anchors": [_ANCHOR],
}


def routes(database: Database, log: Log, access: Access) -> APIRouter:
    """Return the routes over one database."""
    router = APIRouter()
    prover = Prover(database, log)
    Reader = Annotated[ApiKey, Depends(access.key(Scope.READ))]  # noqa: N806
    Limit = Annotated[int, Query(ge=1, le=1000)]  # noqa: N806

    @router.get(
        "/api/v1/receipts/{receiptId}",
        summary="A receipt: the delta, and how far it has come",
        tags=["Receipts"],
        **described("getReceipt", ReceiptResponse, _RECEIPT, problems=("unknown_receipt", "invalid_id")),
    )
    def one_receipt(key: Reader, receiptId: str) -> Response:  # noqa: N803
        return json_response(receipt(readable_receipt(database, log, key, receiptId)))

    @router.get(
        "/api/v1/receipts/{receiptId}/proof",
        summary="The proof file of a receipt",
        tags=["Receipts"],
        **described(
            "getReceiptProof",
            ProofFileResponse,
            PROOF_EXAMPLE,
            problems=("unknown_receipt", "not_sealed_yet"),
        ),
    )
    def receipt_proof(
        key: Reader,
        receiptId: str,  # noqa: N803
        disclosure: Annotated[
            str,
            Query(
                description=f"How much of the delta the file shows: {HOW_TO_SHOW}.",
                json_schema_extra=SHOWING_SCHEMA,
            ),
        ] = "full",
    ) -> Response:
        """Check it without asking us: `anchor verify FILE --rpc URL`."""
        shown = showing(disclosure, "disclosure")
        view = readable_receipt(database, log, key, receiptId)
        index = view.delta.delta.index_in_ledger
        proof = prover.delta(view.ledger.customer_id, view.ledger.unit, index)
        return proof_response(disclosed(proof, shown), receiptId)

    @router.get(
        "/api/v1/ledgers",
        summary="The ledgers, or those of a customer",
        tags=["Ledgers"],
        **described("listLedgers", LedgerPage, {"items": [_LEDGER], "next": None}),
    )
    def ledgers(
        key: Reader,
        customerId: str | None = None,  # noqa: N803
        cursor: str = "0",
        limit: Limit = 100,
    ) -> Response:
        """A key for one customer lists this customer's."""
        if customerId is not None:
            require_id(customerId, "customerId")
        if key.customer_id is not None and customerId not in (None, key.customer_id):
            return json_response(LedgerPage([], None))
        found = ledgers_page(
            database,
            after=whole_number(cursor, "cursor"),
            limit=limit + 1,
            customer_id=key.customer_id or customerId,
        )
        listed = found[:limit]
        return json_response(
            LedgerPage([ledger(row) for row in listed], str(listed[-1].id) if len(found) > limit else None)
        )

    @router.get(
        "/api/v1/ledgers/{ledgerId}",
        summary="One ledger",
        tags=["Ledgers"],
        **described("getLedger", LedgerResponse, _LEDGER, problems=("unknown_ledger", "invalid_value")),
    )
    def one_ledger(key: Reader, ledgerId: str) -> Response:  # noqa: N803
        return json_response(ledger(readable_ledger(database, key, hash_of(ledgerId, "ledgerId"))))

    @router.get(
        "/api/v1/ledgers/{ledgerId}/deltas",
        summary="The deltas of a ledger, in order",
        tags=["Ledgers"],
        **described(
            "listDeltas",
            DeltaPage,
            {"items": [_DELTA], "next": None},
            problems=("unknown_ledger", "invalid_value"),
        ),
    )
    def ledger_deltas(
        key: Reader,
        ledgerId: str,  # noqa: N803
        cursor: Annotated[str, Query(description="The index to begin with.")] = "0",
        limit: Limit = 100,
    ) -> Response:
        row = readable_ledger(database, key, hash_of(ledgerId, "ledgerId"))
        start = whole_number(cursor, "cursor")
        found = deltas_page(database, log, row.ledger_id, start=start, limit=limit + 1)
        return json_response(
            DeltaPage(
                [delta(view) for view in found[:limit]], str(start + limit) if len(found) > limit else None
            )
        )

    @router.get(
        "/api/v1/batches",
        summary="The batches, newest first, with the transactions that anchored them",
        tags=["Batches"],
        **described("listBatches", BatchPage, {"items": [_BATCH], "next": None}),
    )
    def batches(key: Reader, cursor: str | None = None, limit: Limit = 100) -> Response:  # noqa: ARG001
        before = None if cursor is None else whole_number(cursor, "cursor")
        found = batches_page(database, before=before, limit=limit + 1)
        listed = found[:limit]
        return json_response(
            BatchPage(
                [batch_summary(view) for view in listed],
                str(listed[-1].batch.number) if len(found) > limit else None,
            )
        )

    @router.get(
        "/api/v1/batches/{number}",
        summary="One batch",
        tags=["Batches"],
        **described("getBatch", BatchResponse, _BATCH, problems=("unknown_batch",)),
    )
    def one_batch(key: Reader, number: Annotated[int, Path(ge=0, le=2**63 - 1)]) -> Response:  # noqa: ARG001
        return json_response(batch_summary(find_batch(database, number)))

    return router
