"""The Python client of the HTTP face: exact amounts, safe retries, typed answers.

from anchor.client import AnchorClient

with AnchorClient("http://localhost:8440", key="ak_...") as anchor:
    receipt = anchor.emit("acme", -182, reason="182 gpu hours", reference_id="run-7781")
    print(anchor.derive("acme").recorded.balance)
"""

from anchor.client.client import AnchorClient
from anchor.client.errors import AnchorProblem, AnchorUnreachable, CannotBeSent, ClientError, UnexpectedAnswer
from anchor.client.values import (
    Checkpoint,
    Derived,
    NewDelta,
    Page,
    Receipt,
    Recorded,
    Refused,
    Standing,
)

__all__ = [
    "AnchorClient",
    "AnchorProblem",
    "AnchorUnreachable",
    "CannotBeSent",
    "Checkpoint",
    "ClientError",
    "Derived",
    "NewDelta",
    "Page",
    "Receipt",
    "Recorded",
    "Refused",
    "Standing",
    "UnexpectedAnswer",
]
