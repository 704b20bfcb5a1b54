"""Requests and answers of erasures: docs/erasure.md says what one leaves."""

from typing import Annotated

from msgspec import Meta, Struct

from anchor.wire.answers import Hash, Milliseconds
from anchor.wire.requests import CustomerId, Index, Unit

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
