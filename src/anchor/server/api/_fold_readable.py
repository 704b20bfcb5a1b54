"""What a key may read. What is another customer's is as unknown to it as what is not there."""

from anchor.protocol.hashing import Bytes32
from anchor.server.api.values import require_id
from anchor.server.ledger.api_keys import ApiKey
from anchor.server.ledger.checkpoints import CheckpointView, find_checkpoint
from anchor.server.ledger.errors import UnknownCustomer
from anchor.server.ledger.model import Log
from anchor.server.ledger.views import ReceiptView, UnknownLedger, find_ledger, find_receipt
from anchor.server.storage.database import Database
from anchor.server.storage.reading import LedgerRow
from anchor.wire.problems import Problem


def require_customer(key: ApiKey, customer_id: str) -> None:
    """Raise UnknownCustomer where the key is for another one."""
    if key.customer_id is not None and key.customer_id != customer_id:
        raise UnknownCustomer(customer_id, "")


def readable_receipt(database: Database, log: Log, key: ApiKey, receipt_id: str) -> ReceiptView:
    """Return what a receipt leads to. Raises UnknownReceipt, or the Problem that says the same."""
    view = find_receipt(database, log, require_id(receipt_id, "receiptId"))
    if key.customer_id is not None and key.customer_id != view.ledger.customer_id:
        raise Problem("unknown_receipt", "No delta has this receipt.")
    return view


def readable_ledger(database: Database, key: ApiKey, ledger_id: Bytes32) -> LedgerRow:
    """Return a ledger. Raises UnknownLedger."""
    row = find_ledger(database, ledger_id)
    if key.customer_id is not None and key.customer_id != row.customer_id:
        raise UnknownLedger(ledger_id)
    return row


def readable_checkpoint(database: Database, key: ApiKey, proof_token: str) -> CheckpointView:
    """Return a checkpoint. Raises UnknownCheckpoint, or the Problem that says the same."""
    view = find_checkpoint(database, require_id(proof_token, "proofToken"))
    if key.customer_id is not None and key.customer_id != view.customer_id:
        raise Problem("unknown_checkpoint", "There is no such checkpoint.")
    return view
