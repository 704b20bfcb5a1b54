"""What the routes answer. Field names are the contract's; hashes are 0x-prefixed lower-case hex.

Amounts are JSON numbers with all their digits and no exponent; times are milliseconds since 1970. A client
passes over a field that it does not know, so that a newer server may say more.
"""

from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from anchor.wire.amounts import Number
from anchor.wire.problems import ProblemDocument
from anchor.wire.requests import ErasableName

T = TypeVar("T")

Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Index: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1, description="Counts from 0 in the ledger.")]
Milliseconds: TypeAlias = Annotated[
    int, Meta(ge=0, le=2**63 - 1, description="Milliseconds since 1970-01-01T00:00:00Z.")
]
Hash: TypeAlias = Annotated[str, Meta(extra_json_schema={"pattern": "^0x[0-9a-f]{64}$"})]
Address: TypeAlias = Annotated[
    str, Meta(description="Of a contract or an account.", extra_json_schema={"pattern": "^0x[0-9a-f]{40}$"})
]
ReceiptId: TypeAlias = Annotated[str, Meta(extra_json_schema={"pattern": "^rcpt_[a-z2-7]{26}$"})]
ProofToken: TypeAlias = Annotated[str, Meta(extra_json_schema={"pattern": "^ckpt_[a-z2-7]{26}$"})]
Cursor: TypeAlias = Annotated[
    str,
    Meta(
        description="Where the next part of a list begins.",
        extra_json_schema={"pattern": "^(0|[1-9][0-9]{0,17})$"},
    ),
]
DeltaStatus: TypeAlias = Annotated[
    str,
    Meta(
        description="QUEUED: durably stored. PROCESSING: in a batch. VERIFIED: final on chain.",
        extra_json_schema={"enum": ["QUEUED", "PROCESSING", "VERIFIED"]},
    ),
]

_ENCODER: Final = msgspec.json.Encoder()


def encode(response: Any) -> bytes:
    """Return a response, or a part of one, as JSON."""
    return _ENCODER.encode(response)


class EmitNote(Struct, rename="camel", frozen=True):
    """Something that was taken otherwise than it was sent, and how."""

    field: Annotated[str, Meta(description="A JSON pointer into the request.")]
    code: Annotated[str, Meta(extra_json_schema={"enum": ["cut_to_millisecond", "leap_second"]})]
    detail: str


class EmitResponse(Struct, rename="camel", gc=False):
    """A delta is durably on record. The receipt is the key to it: keep it, and keep it to yourself.

    ``status`` is QUEUED whenever a delta is recorded; the receipt tells how far it has come since.
    """

    receipt_id: ReceiptId
    status: DeltaStatus
    fingerprint: Hash
    customer_id: str
    unit: str
    ledger_id: Hash
    index: Index
    delta: Number
    balance: Number
    recorded_at: Milliseconds
    idempotent: bool
    notes: Annotated[
        tuple[EmitNote, ...] | UnsetType, Meta(description="Left out where there is nothing to say.")
    ] = UNSET


class EmitRefusal(Struct, rename="camel"):
    """One delta of a batch that was not recorded, and why."""

    problem: ProblemDocument


if TYPE_CHECKING:
    EmitResult: TypeAlias = EmitResponse | EmitRefusal
else:

    class EmitResult:
        """Either of the two; msgspec tells no structs apart that bear no tag, so ``wire.reading`` does."""


class EmitBatchResponse(Struct, rename="camel"):
    """A result for each delta of a batch, in the order of the request."""

    recorded: Count
    idempotent: Count
    refused: Count
    results: list[EmitResult]


class DeltaSum(Struct, rename="camel"):
    """A number of deltas, and their sum."""

    balance: Number
    delta_count: Count


class Recomputation(Struct, rename="camel"):
    """The balance added up again from the log."""

    agrees: bool
    balance: Number
    delta_count: Count
    first_mismatch: Index | None
    """The first index whose balance is not the one before it plus its amount."""


class DeriveResponse(Struct, rename="camel"):
    """A customer's balance: what is final on the chain, with what is pending beside it.

    As of an index or a time, all of it counts the deltas up to there and no later one.
    """

    customer_id: str
    unit: str
    ledger_id: Hash
    balance: Number
    """Of the verified deltas."""
    delta_count: Count
    """How many deltas are verified."""
    last_verified_index: Index | None
    pending: DeltaSum
    """What is recorded and not verified yet: how many deltas, and their sum."""
    recorded: DeltaSum
    """Verified and pending together."""
    audit: Recomputation | None = None


class DeltaResponse(Struct, rename="camel"):
    """A delta as it is on record. A text that was erased is null."""

    index: Index
    delta: Number
    balance: Number
    occurred_at: Milliseconds
    recorded_at: Milliseconds
    reason: str | None
    reference_id: str | None
    metadata: dict[str, Any] | None
    adjusts: Hash | None
    fingerprint: Hash
    receipt_id: ReceiptId | None
    status: DeltaStatus
    erased: dict[str, Hash] | UnsetType = UNSET
    """Where texts were erased: the commitments that stand in their place, by field."""


class LedgerResponse(Struct, rename="camel"):
    """One customer's record in one unit."""

    ledger_id: Hash
    customer_id: str
    unit: str
    size: Count
    balance: Number
    last_recorded_at: Milliseconds
    sealed_size: Count


class BatchAnchor(Struct, rename="camel"):
    """Where a batch is on a chain."""

    chain: str
    chain_id: Count
    contract: Address
    transaction_hash: Hash
    block_number: Count
    block_hash: Hash
    block_time: Milliseconds
    state: Annotated[str, Meta(extra_json_schema={"enum": ["mined", "final"]})]
    batch: Count
    """The batch whose root is there: this one, or a later one whose history holds it."""


class LogResponse(Struct, rename="camel"):
    """A log. ``logId`` is the hash of the key that names its ledgers, and of its founder's address."""

    log_id: Hash
    identity_public_key: Hash
    founder: Address


class ShownBatch(Struct, rename="camel"):
    """All that a batch's anchored root is made of, beside the log's id."""

    number: Count
    history_root: Hash
    map_root: Hash
    sealed_at: Milliseconds


class BatchResponse(Struct, rename="camel"):
    """A sealed batch, and where it is on chains."""

    number: Count
    sealed_at: Milliseconds
    anchor_root: Hash
    history_root: Hash
    map_root: Hash
    delta_count: Count
    ledger_count: Count
    anchors: list[BatchAnchor]


class ReceiptResponse(Struct, rename="camel"):
    """A receipt: the delta, how far it has come, and where that can be seen."""

    receipt_id: ReceiptId
    status: DeltaStatus
    fingerprint: Hash
    customer_id: str
    unit: str
    ledger_id: Hash
    delta: DeltaResponse
    batch: Count | None
    anchors: list[BatchAnchor]


class CheckpointResponse(Struct, omit_defaults=True, rename="camel"):
    """A range of a ledger sealed under one hash: the same range gives the same hash, for ever."""

    proof_token: ProofToken
    proof_hash: Hash
    delta_count: Count
    status: Annotated[str, Meta(extra_json_schema={"enum": ["QUEUED", "VERIFIED"]})]
    customer_id: str
    unit: str
    ledger_id: Hash
    from_index: Index
    to_index: Index
    opening_balance: Number
    closing_balance: Number
    net_change: Number
    opening_root: Hash
    closing_root: Hash
    created_at: Milliseconds
    start: Milliseconds | None = None
    """Of a time span: its beginning."""
    end: Milliseconds | None = None
    """Of a time span: the first instant after it."""


class Page(Struct, Generic[T], rename="camel"):
    """A part of a list. ``next`` is the cursor of the part after it; null: there is none."""

    items: list[T]
    next: Cursor | None


class LedgerPage(Page[LedgerResponse], rename="camel"):
    """Some of the ledgers."""


class DeltaPage(Page[DeltaResponse], rename="camel"):
    """Some of a ledger's deltas, in the order of their indices."""


class BatchPage(Page[BatchResponse], rename="camel"):
    """Some of the batches, the newest first."""


class ShownBatchPage(Page[ShownBatch], rename="camel"):
    """Some of the batches, the oldest first."""


class CheckpointPage(Page[CheckpointResponse], rename="camel"):
    """Some of a ledger's checkpoints."""


class LedgerOfRecords(Struct, rename="camel"):
    """The ledger, as proof files name it: whose it is, and the proof that it is the customer's only one."""

    ledger_id: Hash
    customer_id: str
    unit: str
    identity_proof: Annotated[str, Meta(extra_json_schema={"pattern": "^0x[0-9a-f]{160}$"})]


class ShownRecord(Struct, rename="camel"):
    """A delta in the form that it has in proof files, and its stored fingerprint."""

    fingerprint: Hash
    delta: dict[str, Any]


class RecordsResponse(Page[ShownRecord], rename="camel"):
    """Deltas as proof files show them, and their stored fingerprints. ``size``: how many there are."""

    log: LogResponse
    ledger: LedgerOfRecords
    size: Count


class KeyResponse(Struct, omit_defaults=True, rename="camel"):
    """An API key. The key itself is shown once, when it is made."""

    id: Count
    name: str
    scopes: list[str]
    created_at: Milliseconds
    customer_id: str | None = None
    revoked_at: Milliseconds | None = None
    key: str | None = None


class KeyPage(Page[KeyResponse], rename="camel"):
    """Some of the API keys, revoked ones too."""


CheckedState: TypeAlias = Annotated[
    str, Meta(extra_json_schema={"enum": ["holds", "fails", "not_checked", "not_asked"]})
]


class VerifyCheck(Struct, rename="camel"):
    """One check, and how it went."""

    source: Annotated[str, Meta(extra_json_schema={"enum": ["db", "chain"]})]

    name: str
    outcome: Annotated[str, Meta(extra_json_schema={"enum": ["passed", "failed", "skipped"]})]
    explanation: str
    expected: str | None
    found: str | None


class CheckedSources(Struct, rename="camel"):
    """What became of each source: ``holds``, ``fails``, ``not_checked`` (it could not be), ``not_asked``."""

    db: CheckedState
    chain: CheckedState


class VerifyResponse(Struct, rename="camel"):
    """What was checked of a receipt or a checkpoint, and what came of it."""

    id: str
    kind: Annotated[str, Meta(extra_json_schema={"enum": ["receipt", "checkpoint"]})]
    valid: bool | None
    """True: a final block of the chain holds it. False: a check failed. Null: not checked against a chain."""
    status: DeltaStatus
    summary: str
    checked: CheckedSources
    checks: list[VerifyCheck]
    statements: list[str]
    """What is proven, in words; nothing unless valid."""
    anchors: list[BatchAnchor]
    ledger_id: Hash
    fingerprint: Hash | None
    proof_hash: Hash | None
    from_index: Index
    to_index: Index


class HealthResponse(Struct):
    """All is well, as far as this was asked."""

    status: str


class SampleFileResponse(Struct, rename="camel"):
    """A sample: docs/proof-files.md describes it, docs/sample-file.schema.json is its schema."""

    format: str
    version: int
    period: dict[str, Any]
    before: dict[str, Any] | None
    deltas: list[dict[str, Any]]


class ProofFileResponse(Struct, rename="camel"):
    """A proof file: docs/proof-files.md describes it, docs/proof-file.schema.json is its schema."""

    format: str
    version: int
    kind: str


class FieldErasure(Struct, rename="camel"):
    """An erasure on record. ``already``: it was there before this request."""

    field: ErasableName
    commitment: Hash
    """What stands in the field's place in the fingerprint and in every proof."""
    erased_at: Milliseconds
    erased_by: str
    already: bool


class EraseResponse(Struct, rename="camel"):
    """What was erased of a delta."""

    receipt_id: ReceiptId
    ledger_id: Hash
    index: Index
    erasures: list[FieldErasure]
    old_pages_removed: bool
    """False: a reader of the database still needs an old page with the text. Send the same again."""
