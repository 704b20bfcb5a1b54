"""How the log and its anchoring stand: the response of ``GET /api/v1/status``.

Fees and funds are wei; null where nothing is known yet.
"""

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from anchor.wire.amounts import Number
from anchor.wire.responses import Address, Count, Hash, Milliseconds

Wei: TypeAlias = Annotated[int, Meta(ge=0)]


class LastAnchor(Struct, rename="camel"):
    """The transaction that anchored a batch last, and the block that it is in."""

    chain: Count
    batch: Count
    previous_head: Hash
    transaction_hash: Hash
    block_number: Count
    block_hash: Hash
    block_time: Milliseconds
    state: Annotated[str, Meta(extra_json_schema={"enum": ["mined", "final"]})]
    settled: bool
    recorded_at: Milliseconds


class AttemptStatus(Struct, rename="camel"):
    """A signed transaction in flight. Fees are wei per gas."""

    transaction_hash: Hash
    kind: str
    signed_at: Milliseconds
    accepted: bool
    max_fee: Wei
    max_tip: Wei
    refusal: str | None


class InFlight(Struct, rename="camel"):
    """The send that a chain has in flight."""

    batch: Count
    state: str
    nonce: Count | None
    planned_at: Milliseconds
    attempts: list[AttemptStatus]


class ChainStatus(Struct, rename="camel"):
    """One chain."""

    name: str
    chain_id: Count
    contract: Address
    primary: bool
    observed_at: Milliseconds | None
    head: Hash | None
    head_batch: Count | None
    block_number: Count | None
    block_time: Milliseconds | None
    final_block: Count | None
    anchored_batch: Count
    final_batch: Count
    last_anchor: LastAnchor | None
    oldest_unanchored_at: Milliseconds | None
    lag_ms: Count
    oldest_unverified_at: Milliseconds | None
    in_flight: InFlight | None
    sender: Address | None
    balance: Wei | None
    gas_price: Wei | None
    spent_last_day: Wei
    anchors_last_day: Count
    anchors_of_unknown_cost: Count
    """Of the last seven days: no endpoint showed their receipts, so that no figure here counts them."""
    cost_per_anchor: Wei | None
    cost_per_delta: Annotated[str, Meta(pattern=r"^[0-9]{1,80}(\.[0-9]{1,80})?$")] | None
    """A decimal text, down to a millionth of a wei: floats are not for money."""
    days_left: Number | None


class AlarmStatus(Struct, rename="camel"):
    """An alarm that lasts. ``chain`` is empty where it is about none."""

    name: str
    chain: str
    detail: str
    since: Milliseconds
    remedy: str
    stops_sending: bool


class StatusResponse(Struct, rename="camel"):
    """How the log and its anchoring stand."""

    at: Milliseconds
    delta_count: Count
    ledger_count: Count
    newest_batch: Count
    newest_sealed_at: Milliseconds | None
    unsealed_since: Milliseconds | None
    lag_ms: Count
    """The age of the oldest delta that the primary chain does not hold."""
    worker: str | None
    worker_renewed_at: Milliseconds | None
    chains: list[ChainStatus]
    alarms: list[AlarmStatus]
