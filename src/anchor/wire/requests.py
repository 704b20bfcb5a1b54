"""The bodies that the routes take. Field names are the contract's; docs/http-api.md shows each.

Amounts stay raw JSON until ``values`` reads their own digits. For every optional field, null means 'not
given'; UNSET tells the two apart where the quotation marks of a body are counted.
"""

from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

MAX_BATCH_ITEMS: Final = 1_000

_AMOUNT_SCHEMA: Final[dict[str, Any]] = {"type": ["number", "string"]}

CustomerId: TypeAlias = Annotated[
    str,
    Meta(
        description="Your name for the customer: 1 to 256 characters, none of them control.",
        examples=["acme"],
        extra_json_schema={"minLength": 1, "maxLength": 256},
    ),
]
Unit: TypeAlias = Annotated[
    str,
    Meta(
        description="What is counted. Each unit of a customer has a ledger of its own.",
        examples=["gpu-hour"],
        extra_json_schema={"maxLength": 256},
    ),
]
ReferenceId: TypeAlias = Annotated[
    str,
    Meta(
        description="Your name for this event, unique in the ledger for ever: what makes a retry safe.",
        examples=["run-7781"],
        extra_json_schema={"minLength": 1, "maxLength": 256},
    ),
]
Amount: TypeAlias = Annotated[
    Raw,
    Meta(
        description="An exact decimal with at most 18 fractional digits: a number, or a text of its digits.",
        examples=[-182],
        extra_json_schema=_AMOUNT_SCHEMA,
    ),
]
Index: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1, description="Counts from 0 in the ledger.")]


class Adjusts(Struct, forbid_unknown_fields=True, rename="camel"):
    """The earlier delta that this one corrects."""

    reference_id: ReferenceId


class EmitRequest(Struct, forbid_unknown_fields=True, rename="camel", gc=False):
    """One usage event: what to add to a customer's balance, and why."""

    customer_id: CustomerId
    delta: Amount
    reason: Annotated[
        str | UnsetType | None,
        Meta(
            description="Why, in your words: at most 1,024 characters.",
            examples=["api calls"],
            extra_json_schema={"maxLength": 1024},
        ),
    ] = UNSET
    reference_id: ReferenceId | UnsetType | None = UNSET
    unit: Unit | UnsetType | None = UNSET
    metadata: Annotated[
        Raw | UnsetType,
        Meta(
            description="A JSON object of yours: at most 16 KiB and 16 levels.",
            extra_json_schema={"type": ["object", "null"]},
        ),
    ] = UNSET
    occurred_at: Annotated[
        int | str | UnsetType | None,
        Meta(
            description="When it happened: milliseconds since 1970, or an instant with its offset."
            " Left out, it is the time of recording. Kept to the millisecond.",
            examples=["2026-04-17T08:30:00Z"],
        ),
    ] = UNSET
    adjusts: Adjusts | UnsetType | None = UNSET
    metadata_numbers: Annotated[
        Literal["exact", "text"] | UnsetType | None,
        Meta(
            description="What becomes of a number of the metadata that a double does not carry, such as a"
            " 64-bit id: exact refuses it, text keeps its digits as a text.",
        ),
    ] = UNSET


class EmitBatchRequest(Struct, forbid_unknown_fields=True, rename="camel"):
    """Up to 1,000 deltas. Each stands alone: a bad one is refused, the others are recorded."""

    deltas: Annotated[list[EmitRequest], Meta(extra_json_schema={"maxItems": MAX_BATCH_ITEMS})]


class EntryRequest(Struct, forbid_unknown_fields=True, rename="camel"):
    """One line of a side's books."""

    amount: Amount
    reference_id: ReferenceId | None = None


class CompareRequest(Struct, forbid_unknown_fields=True, rename="camel"):
    """Two sides' balances, or two sides' deltas. One side alone is compared with the record."""

    customer_id: CustomerId
    unit: Unit | None = None
    your_balance: Amount | UnsetType = UNSET
    counterparty_balance: Amount | UnsetType = UNSET
    as_of_index: Index | None = None
    your_deltas: list[EntryRequest] | None = None
    counterparty_deltas: list[EntryRequest] | None = None
    from_index: Index | None = None
    to_index: Index | None = None
    period: str | None = None
    start_date: str | None = None
    end_date: str | None = None


class CheckpointRequest(Struct, forbid_unknown_fields=True, rename="camel"):
    """A range of a ledger: by indices, both included, or by the time of recording."""

    customer_id: CustomerId
    unit: Unit | None = None
    from_index: Index | None = None
    to_index: Index | None = None
    period: Annotated[str | None, Meta(examples=["2026-04"])] = None
    start_date: Annotated[str | None, Meta(examples=["2026-04-01"])] = None
    end_date: Annotated[str | None, Meta(examples=["2026-04-30"])] = None


class KeyRequest(Struct, forbid_unknown_fields=True, rename="camel"):
    """A new API key. A key for one customer reads only, unless told otherwise."""

    name: Annotated[str, Meta(examples=["billing system"], extra_json_schema={"minLength": 1})]
    scopes: Annotated[
        list[str] | None,
        Meta(
            description="Of write, read and admin. Left out: read.",
            examples=[["write", "read"]],
            extra_json_schema={"items": {"enum": ["write", "read", "admin"]}},
        ),
    ] = None
    customer_id: CustomerId | None = None


ErasableName = Annotated[str, Meta(extra_json_schema={"enum": ["reason", "referenceId", "metadata"]})]


class EraseRequest(Struct, forbid_unknown_fields=True, rename="camel"):
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
