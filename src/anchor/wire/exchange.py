"""Requests and responses of comparisons with books that stay elsewhere. Bytes are base64.

``anchor.compare.reconciliation`` and ``anchor.compare.divergence`` say what the bytes are.
"""

from typing import Annotated

from msgspec import Meta, Struct

from anchor.wire.amounts import Number
from anchor.wire.requests import CustomerId, Index, Unit
from anchor.wire.responses import Count

Kind = Annotated[str, Meta(extra_json_schema={"enum": ["entries", "fingerprints"]})]
Small = Annotated[int, Meta(ge=0, le=1000)]


class CellsRequest(Struct, forbid_unknown_fields=True, rename="camel"):
    """Ask for the sketch of a range of the record, or for what a larger one has beyond a smaller."""

    customer_id: CustomerId
    salt: bytes
    level: Small
    unit: Unit | None = None
    above: Small | None = None
    start: Index | None = None
    size: Index | None = None


class CellsResponse(Struct, rename="camel"):
    """Cells of the record's sketch."""

    size: Count
    total: Number
    cells: bytes


class ResolveRequest(Struct, forbid_unknown_fields=True, rename="camel"):
    """Ask which deltas some keys stand for."""

    customer_id: CustomerId
    salt: bytes
    keys: list[bytes]
    size: Index
    unit: Unit | None = None
    start: Index | None = None


class ResolvedDelta(Struct, rename="camel"):
    """One delta that a key stands for."""

    key: bytes
    index: Index
    reference_id: str | None
    amount: Number


class ResolveResponse(Struct, rename="camel"):
    """The deltas of the keys that are known, in the order of their indices."""

    entries: list[ResolvedDelta]


class BlocksRequest(Struct, forbid_unknown_fields=True, rename="camel"):
    """Ask for the digests of the record's blocks of ``2**height`` deltas."""

    customer_id: CustomerId
    kind: Kind
    height: Small
    stop: Index
    unit: Unit | None = None


class BlocksResponse(Struct, rename="camel"):
    """Digests of blocks, joined."""

    size: Count
    digests: bytes


class DigestsRequest(Struct, forbid_unknown_fields=True, rename="camel"):
    """Ask for the digests of single deltas."""

    customer_id: CustomerId
    kind: Kind
    start: Index
    stop: Index
    unit: Unit | None = None


class DigestsResponse(Struct, rename="camel"):
    """Digests of deltas, joined."""

    digests: bytes
