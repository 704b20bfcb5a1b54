"""What the routes answer. Field names are the contract's; hashes are 0x-prefixed lower-case hex.

Amounts are JSON numbers with all their digits and no exponent; times are milliseconds since 1970.
"""

from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from anchor.wire.problems import ProblemDocument
from anchor.wire.requests import CustomerId, Index, Unit

Number: TypeAlias = Annotated[Raw, Meta(description="Exact.", extra_json_schema={"type": "number"})]
JsonObject: TypeAlias = Annotated[Raw, Meta(extra_json_schema={"type": "object"})]
Hash: TypeAlias = Annotated[str, Meta(extra_json_schema={"pattern": "^0x[0-9a-f]{64}$"})]
Milliseconds: TypeAlias = Annotated[int, Meta(description="Since 1970-01-01T00:00:00Z.")]
DeltaStatus: TypeAlias = Annotated[
    str,
    Meta(
        description="QUEUED: durably stored. PROCESSING: in a batch. VERIFIED: final on chain.",
        extra_json_schema={"enum": ["QUEUED", "PROCESSING", "VERIFIED"]},
    ),
]

_ENCODER: Final = msgspec.json.Encoder()


def encode(answer: Any) -> bytes:
    """Return an answer as JSON."""
    return _ENCODER.encode(answer)


class NoteAnswer(Struct, rename="camel", frozen=True):
    """Something that was taken otherwise than it was sent, and how."""

    field: Annotated[str, Meta(description="A JSON pointer into the request.")]
    code: Annotated[str, Meta(extra_json_schema={"enum": ["cut_to_millisecond", "leap_second"]})]
    detail: str


class RecordedAnswer(Struct, rename="camel", gc=False):
    """A delta is durably on record. The receipt is the key to it: keep it, and keep it to yourself.

    ``status`` is QUEUED whenever a delta is recorded; the receipt tells how far it has come since.
    """

    receipt_id: str
    status: DeltaStatus
    fingerprint: Hash
    customer_id: str
    unit: str
    ledger_id: Hash
    index: int
    delta: Number
    balance: Number
    recorded_at: Milliseconds
    idempotent: bool
    notes: Annotated[
        tuple[NoteAnswer, ...] | UnsetType, Meta(description="Left out where there is nothing to say.")
    ] = UNSET


class RefusedAnswer(Struct, rename="camel"):
    """One delta of a batch that was not recorded, and why."""

    problem: ProblemDocument


class BatchAnswer(Struct, rename="camel"):
    """A result for each delta of a batch, in the order of the request."""

    recorded: int
    idempotent: int
    refused: int
    results: Annotated[
        list[Any],
        Meta(
            extra_json_schema={
                "items": {
                    "anyOf": [
                        {"$ref": "#/components/schemas/RecordedAnswer"},
                        {"$ref": "#/components/schemas/RefusedAnswer"},
                    ]
                }
            }
        ),
    ]


class StandingAnswer(Struct, rename="camel"):
    """A number of deltas, and their sum."""

    balance: Number
    delta_count: int


class AuditAnswer(Struct, rename="camel"):
    """The balance added up again from the log."""

    agrees: bool
    balance: Number
    delta_count: int
    first_mismatch: int | None
    """The first index whose balance is not the one before it plus its amount."""


class DerivedAnswer(Struct, rename="camel"):
    """A customer's balance: what is final on the chain, with what is pending beside it.

    As of an index or a time, all of it counts the deltas up to there and no later one.
    """

    customer_id: str
    unit: str
    ledger_id: Hash
    balance: Number
    """Of the verified deltas."""
    delta_count: int
    """How many deltas are verified."""
    last_verified_index: int | None
    pending: StandingAnswer
    """What is recorded and not verified yet: how many deltas, and their sum."""
    recorded: StandingAnswer
    """Verified and pending together."""
    audit: AuditAnswer | None = None


class DeltaAnswer(Struct, rename="camel"):
    """A delta as it is on record. A text that was erased is null."""

    index: int
    delta: Number
    balance: Number
    occurred_at: Milliseconds
    recorded_at: Milliseconds
    reason: str | None
    reference_id: str | None
    metadata: JsonObject | None
    adjusts: Hash | None
    fingerprint: Hash
    receipt_id: str | None
    status: DeltaStatus
    erased: dict[str, Hash] | UnsetType = UNSET
    """Where texts were erased: the commitments that stand in their place, by field."""


class LedgerAnswer(Struct, rename="camel"):
    """One customer's record in one unit."""

    ledger_id: Hash
    customer_id: str
    unit: str
    size: int
    balance: Number
    last_recorded_at: Milliseconds
    sealed_size: int


class AnchorAnswer(Struct, rename="camel"):
    """Where a batch is on a chain."""

    chain: str
    chain_id: int
    contract: str
    transaction_hash: Hash
    block_number: int
    block_hash: Hash
    block_time: Milliseconds
    state: Annotated[str, Meta(extra_json_schema={"enum": ["mined", "final"]})]
    batch: int
    """The batch whose root is there: this one, or a later one whose history holds it."""


class LogAnswer(Struct, rename="camel"):
    """A log. ``logId`` is the hash of the key that names its ledgers, and of its founder's address."""

    log_id: Hash
    identity_public_key: Hash
    founder: str


class ShownBatch(Struct, rename="camel"):
    """All that a batch's anchored root is made of, beside the log's id."""

    number: int
    history_root: Hash
    map_root: Hash
    sealed_at: Milliseconds


class BatchSummary(Struct, rename="camel"):
    """A sealed batch, and where it is on chains."""

    number: int
    sealed_at: Milliseconds
    anchor_root: Hash
    history_root: Hash
    map_root: Hash
    delta_count: int
    ledger_count: int
    anchors: list[AnchorAnswer]


class ReceiptAnswer(Struct, rename="camel"):
    """A receipt: the delta, how far it has come, and where that can be seen."""

    receipt_id: str
    status: DeltaStatus
    fingerprint: Hash
    customer_id: str
    unit: str
    ledger_id: Hash
    delta: DeltaAnswer
    batch: int | None
    anchors: list[AnchorAnswer]


class CheckpointAnswer(Struct, omit_defaults=True, rename="camel"):
    """A range of a ledger sealed under one hash: the same range gives the same hash, for ever."""

    proof_token: str
    proof_hash: Hash
    delta_count: int
    status: Annotated[str, Meta(extra_json_schema={"enum": ["QUEUED", "VERIFIED"]})]
    customer_id: str
    unit: str
    ledger_id: Hash
    from_index: int
    to_index: int
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


class Page(Struct, rename="camel"):
    """A part of a list. ``next`` is the cursor of the part after it; null: there is none."""

    items: list[Any]
    next: str | None


class RecordsAnswer(Struct, rename="camel"):
    """Deltas as proof files show them, and their stored fingerprints. ``size``: how many there are."""

    log: dict[str, Any]
    ledger: dict[str, Any]
    size: int
    items: list[dict[str, Any]]
    next: str | None


class KeyAnswer(Struct, omit_defaults=True, rename="camel"):
    """An API key. The key itself is shown once, when it is made."""

    id: int
    name: str
    scopes: list[str]
    created_at: Milliseconds
    customer_id: str | None = None
    revoked_at: Milliseconds | None = None
    key: str | None = None


CheckedState: TypeAlias = Annotated[
    str, Meta(extra_json_schema={"enum": ["holds", "fails", "not_checked", "not_asked"]})
]


class CheckAnswer(Struct, rename="camel"):
    """One check, and how it went."""

    source: Annotated[str, Meta(extra_json_schema={"enum": ["db", "chain"]})]

    name: str
    outcome: Annotated[str, Meta(extra_json_schema={"enum": ["passed", "failed", "skipped"]})]
    explanation: str
    expected: str | None
    found: str | None


class CheckedAnswer(Struct, rename="camel"):
    """What became of each source: ``holds``, ``fails``, ``not_checked`` (it could not be), ``not_asked``."""

    db: CheckedState
    chain: CheckedState


class VerifyAnswer(Struct, rename="camel"):
    """What was checked of a receipt or a checkpoint, and what came of it."""

    id: str
    kind: Annotated[str, Meta(extra_json_schema={"enum": ["receipt", "checkpoint"]})]
    valid: bool | None
    """True: a final block of the chain holds it. False: a check failed. Null: not checked against a chain."""
    status: DeltaStatus
    summary: str
    checked: CheckedAnswer
    checks: list[CheckAnswer]
    statements: list[str]
    """What is proven, in words; nothing unless valid."""
    anchors: list[AnchorAnswer]
    ledger_id: Hash
    fingerprint: Hash | None
    proof_hash: Hash | None
    from_index: int
    to_index: int


class HealthAnswer(Struct):
    """All is well, as far as this was asked."""

    status: str


class StatusAnswer(Struct, rename="camel"):
    """How the log and its anchoring stand. Fees and funds are wei."""

    at: Milliseconds
    delta_count: int
    ledger_count: int
    newest_batch: int
    newest_sealed_at: Milliseconds | None
    unsealed_since: Milliseconds | None
    lag_ms: int
    """The age of the oldest delta that the primary chain does not hold."""
    worker: str | None
    worker_renewed_at: Milliseconds | None
    chains: list[dict[str, Any]]
    alarms: list[dict[str, Any]]


class SampleFileAnswer(Struct, rename="camel"):
    """A sample: docs/proof-files.md describes it, docs/sample-file.schema.json is its schema."""

    format: str
    version: int
    period: dict[str, Any]
    before: dict[str, Any] | None
    deltas: list[dict[str, Any]]


class ProofFileAnswer(Struct, rename="camel"):
    """A proof file: docs/proof-files.md describes it, docs/proof-file.schema.json is its schema."""

    format: str
    version: int
    kind: str


ErasableName = Annotated[str, Meta(extra_json_schema={"enum": ["reason", "referenceId", "metadata"]})]


class ErasureRequest(Struct, forbid_unknown_fields=True, rename="camel"):
    """Which fields of which delta to erase. The delta is named by its receipt, or by its place."""

    fields: Annotated[list[ErasableName], Meta(extra_json_schema={"minItems": 1, "maxItems": 3})]
    by: Annotated[
        str,
        Meta(
            description="Who erases, for the record: better an office than a person.",
            examples=["data protection office"],
            extra_json_schema={"minLength": 1, "maxLength": 200},
        ),
    ]
    receipt_id: Annotated[str | None, Meta(extra_json_schema={"minLength": 1})] = None
    customer_id: CustomerId | None = None
    unit: Unit | None = None
    index: Index | None = None


class ErasureAnswer(Struct, rename="camel"):
    """An erasure on record. ``already``: it was there before this request."""

    field: ErasableName
    commitment: Hash
    """What stands in the field's place in the fingerprint and in every proof."""
    erased_at: Milliseconds
    erased_by: str
    already: bool


class ErasedAnswer(Struct, rename="camel"):
    """What was erased of a delta."""

    receipt_id: str
    ledger_id: Hash
    index: int
    erasures: list[ErasureAnswer]
    old_pages_removed: bool
    """False: a reader of the database still needs an old page with the text. Send the same again."""
