"""``GET /api/v1/verify/{id}``: anybody's, no key needed. The id is the key, so ids cannot be guessed."""

import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from anchor.server.api.access import json_response, refuse_unknown_parameters
from anchor.server.api.concurrency import Turns
from anchor.server.api.documentation import described
from anchor.server.api.public_checks import AskedChain, PublicChecks, Source
from anchor.server.api.values import HASH
from anchor.server.ledger.checkpoints import (
    TOKEN_PREFIX,
    UnknownCheckpoint,
    find_checkpoint,
    find_checkpoints_of_hash,
)
from anchor.server.ledger.errors import UnknownReceipt
from anchor.server.ledger.model import Log
from anchor.server.ledger.receipt_ids import PREFIX as RECEIPT_PREFIX
from anchor.server.ledger.views import find_receipt
from anchor.server.storage.database import Database
from anchor.wire.problems import Problem
from anchor.wire.responses import VerifyResponse

AT_ONCE: Final = 4
WAITING: Final = 60

_RECEIPT: Final = re.compile(rf"{RECEIPT_PREFIX}[a-z2-7]{{26}}", re.ASCII)
_TOKEN: Final = re.compile(rf"{TOKEN_PREFIX}[a-z2-7]{{26}}", re.ASCII)

_EXAMPLE: Final[dict[str, Any]] = {
    "id": "rcpt_gy3tmojvgq2dknzyha4wcytbmi",
    "kind": "receipt",
    "valid": None,
    "status": "QUEUED",
    "summary": "This delta is durably stored, and in no batch yet.",
    "checked": {"db": "not_checked", "chain": "not_checked"},
    "checks": [],
    "statements": [],
    "anchors": [],
    "ledgerId": "0x6b0e8e3f9f0a4a3f4d6f1d0b9c8a7e6f5d4c3b2a19080706f5e4d3c2b1a09f8e",
    "fingerprint": "0x8f0d2b6a1c3e5f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8",
    "proofHash": None,
    "fromIndex": 0,
    "toIndex": 0,
}


def routes(database: Database, log: Log, chains: tuple[AskedChain, ...]) -> APIRouter:
    """Return the route over one database and the chains that can be asked."""
    router = APIRouter(tags=["Verifying"])
    checks = PublicChecks(database, log, chains)
    turns = Turns(AT_ONCE, WAITING)

    @router.get(
        "/api/v1/verify/{id}",
        summary="Check a receipt or a checkpoint",
        **described(
            "verify",
            VerifyResponse,
            _EXAMPLE,
            problems=("unknown_proof", "wrong_kind_of_id", "overloaded"),
            scope=None,
        ),
    )
    async def verify(
        request: Request,
        id: Annotated[str, Path(description="A receipt id, a proof token or a proof hash.")],
        source: Annotated[
            Source, Query(description="db: the record itself. chain: the contract on the chain.")
        ] = Source.BOTH,
    ) -> Response:
        """Needs no key. To trust no server, check the proof file instead: `anchor verify FILE --rpc URL`."""
        refuse_unknown_parameters(request)
        return json_response(await turns.take(lambda: _verify(database, log, checks, id, source)))

    return router


def _verify(
    database: Database, log: Log, checks: PublicChecks, proof_id: str, source: Source
) -> VerifyResponse:
    try:
        if _RECEIPT.fullmatch(proof_id):
            return checks.receipt(find_receipt(database, log, proof_id), source)
        if _TOKEN.fullmatch(proof_id):
            return checks.checkpoint(find_checkpoint(database, proof_id), source, proof_id)
        if HASH.fullmatch(proof_id):
            oldest = find_checkpoints_of_hash(database, bytes.fromhex(proof_id[2:]))[0]
            return checks.checkpoint(oldest, source, proof_id)
    except UnknownReceipt:
        raise Problem("unknown_proof", "No delta has this receipt.", field="id") from None
    except UnknownCheckpoint:
        raise Problem("unknown_proof", "No checkpoint has this token or hash.", field="id") from None
    # It is not repeated: it may be a key that was pasted here.
    raise Problem("wrong_kind_of_id", field="id")
