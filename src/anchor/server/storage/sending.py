"""What we sent: a send for each planned anchor, and every transaction that was signed for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from anchor.protocol.hashing import Bytes32
from anchor.server.storage.schema_sending import attempts, sends


@dataclass(frozen=True, slots=True)
class SendRow:
    """A planned anchor transaction. ``nonce`` and ``sender`` are None until it is signed."""

    id: int
    chain: int
    batch: int
    previous_head: Bytes32
    new_head: Bytes32
    state: str
    planned_at: int
    changed_at: int
    sender: bytes | None
    nonce: int | None
    cancel_requested_at: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """A signed transaction of a send. Fees are wei per gas; ``kind`` is 'anchor' or 'cancel'."""

    id: int
    send: int
    kind: str
    transaction_hash: Bytes32
    raw: bytes
    max_fee: int
    max_tip: int
    gas_limit: int
    signed_at: int
    accepted_at: int | None
    broadcast_at: int | None
    refusal: str | None
    block_number: int | None
    block_hash: Bytes32 | None
    succeeded: bool | None
    gas_used: int | None
    fee_paid: int | None
    mined_at: int | None


def plan_send(
    connection: Connection,
    *,
    chain: int,
    batch: int,
    previous_head: Bytes32,
    new_head: Bytes32,
    state: str,
    now: int,
) -> SendRow:
    """Write a planned send, and return it."""
    values: dict[str, Any] = {
        "chain": chain,
        "batch": batch,
        "previous_head": previous_head,
        "new_head": new_head,
        "state": state,
        "planned_at": now,
        "changed_at": now,
    }
    key = connection.execute(insert(sends).values(**values)).inserted_primary_key
    assert key is not None
    return SendRow(id=key[0], sender=None, nonce=None, cancel_requested_at=None, reason=None, **values)


def retarget_send(
    connection: Connection,
    send: int,
    *,
    batch: int,
    previous_head: Bytes32,
    new_head: Bytes32,
    now: int,
) -> None:
    """Let a send that nobody signed yet take a newer batch or another head to build upon."""
    connection.execute(
        update(sends)
        .where(sends.c.id == send)
        .values(batch=batch, previous_head=previous_head, new_head=new_head, changed_at=now)
    )


def set_send_state(
    connection: Connection, send: int, *, before: str, after: str, now: int, reason: str | None = None
) -> bool:
    """Move a send from one state to another; False where it was not in ``before`` any more."""
    values: dict[str, Any] = {"state": after, "changed_at": now}
    if reason is not None:
        values["reason"] = reason
    moved = connection.execute(
        update(sends).where(sends.c.id == send, sends.c.state == before).values(**values)
    )
    return moved.rowcount == 1


def record_attempt(
    connection: Connection,
    *,
    send: int,
    kind: str,
    transaction_hash: Bytes32,
    raw: bytes,
    max_fee: int,
    max_tip: int,
    gas_limit: int,
    sender: bytes,
    nonce: int,
    now: int,
) -> None:
    """Store signed bytes, before anybody else sees them."""
    connection.execute(update(sends).where(sends.c.id == send).values(sender=sender, nonce=nonce))
    connection.execute(
        insert(attempts).values(
            send=send,
            kind=kind,
            transaction_hash=transaction_hash,
            raw=raw,
            max_fee=max_fee,
            max_tip=max_tip,
            gas_limit=gas_limit,
            signed_at=now,
        )
    )


def record_broadcast(
    connection: Connection, attempt: int, *, accepted: bool, refusal: str | None, now: int
) -> None:
    """Say what the nodes answered to an attempt."""
    values: dict[str, Any] = {"broadcast_at": now, "refusal": refusal}
    if accepted:
        values["accepted_at"] = func.coalesce(attempts.c.accepted_at, now)
    connection.execute(update(attempts).where(attempts.c.id == attempt).values(**values))


def record_mined(
    connection: Connection,
    attempt: int,
    *,
    block_number: int,
    block_hash: Bytes32,
    succeeded: bool,
    gas_used: int,
    fee_paid: int,
    now: int,
) -> None:
    """Say which block holds an attempt, and what it cost."""
    connection.execute(
        update(attempts)
        .where(attempts.c.id == attempt)
        .values(
            block_number=block_number,
            block_hash=block_hash,
            succeeded=succeeded,
            gas_used=gas_used,
            fee_paid=fee_paid,
            mined_at=func.coalesce(attempts.c.mined_at, now),
        )
    )


def record_unmined(connection: Connection, send: int) -> None:
    """Say that no block holds any attempt of a send any more."""
    connection.execute(
        update(attempts)
        .where(attempts.c.send == send)
        .values(
            block_number=None, block_hash=None, succeeded=None, gas_used=None, fee_paid=None, mined_at=None
        )
    )


def request_cancel(connection: Connection, send: int, now: int) -> None:
    """Let the sender replace a send by one that does nothing. The operator's word only."""
    connection.execute(
        update(sends)
        .where(sends.c.id == send)
        .values(cancel_requested_at=func.coalesce(sends.c.cancel_requested_at, now))
    )


def sends_in(connection: Connection, chain: int, states: tuple[str, ...]) -> list[SendRow]:
    """Return a chain's sends in these states, by nonce, those without one last."""
    rows = connection.execute(
        select(sends).where(sends.c.chain == chain, sends.c.state.in_(states)).order_by(sends.c.id)
    )
    found = [_send(row) for row in rows]
    return sorted(found, key=lambda send: (send.nonce is None, send.nonce or 0, send.id))


def send_of_transaction(connection: Connection, chain: int, transaction_hash: Bytes32) -> SendRow | None:
    """Return the send that a transaction was signed for."""
    row = connection.execute(
        select(sends)
        .join(attempts, attempts.c.send == sends.c.id)
        .where(sends.c.chain == chain, attempts.c.transaction_hash == transaction_hash)
    ).first()
    return None if row is None else _send(row)


def send_of_id(connection: Connection, send: int) -> SendRow:
    """Return a send."""
    return _send(connection.execute(select(sends).where(sends.c.id == send)).one())


def newest_send(connection: Connection, chain: int) -> SendRow | None:
    """Return the send that was planned last."""
    row = connection.execute(
        select(sends).where(sends.c.chain == chain).order_by(sends.c.id.desc()).limit(1)
    ).one_or_none()
    return None if row is None else _send(row)


def attempts_of(connection: Connection, send: int) -> list[AttemptRow]:
    """Return all attempts of a send, oldest first."""
    rows = connection.execute(select(attempts).where(attempts.c.send == send).order_by(attempts.c.id))
    return [_attempt(row) for row in rows]


def highest_bid(connection: Connection, chain: int, sender: bytes, nonce: int) -> tuple[int, int] | None:
    """Return the highest fee and tip that we ever signed for a nonce: what a replacement must outbid."""
    rows = connection.execute(
        select(attempts.c.max_fee, attempts.c.max_tip)
        .join(sends, attempts.c.send == sends.c.id)
        .where(sends.c.chain == chain, sends.c.sender == sender, sends.c.nonce == nonce)
    ).all()
    if not rows:
        return None
    return max(row[0] for row in rows), max(row[1] for row in rows)


def fees_paid(connection: Connection, chain: int, since: int) -> tuple[int, int]:
    """Return the wei spent in transactions mined since a time, and how many these were."""
    rows = connection.execute(
        select(attempts.c.fee_paid)
        .join(sends, attempts.c.send == sends.c.id)
        .where(sends.c.chain == chain, attempts.c.mined_at >= since, attempts.c.fee_paid.is_not(None))
    ).all()
    return sum(row[0] for row in rows), len(rows)


@dataclass(frozen=True, slots=True)
class Costs:
    """What anchoring cost in a span: wei, the successful anchors, and the batches that these covered,
    those after ``first_batch`` up to ``last_batch``."""

    total: int
    anchors: int
    first_batch: int
    last_batch: int


def costs_since(connection: Connection, chain: int, since: int) -> Costs:
    """Return what a chain's transactions cost since a time, failed ones included."""
    rows = connection.execute(
        select(attempts.c.fee_paid, attempts.c.succeeded, attempts.c.mined_at, sends.c.batch)
        .join(sends, attempts.c.send == sends.c.id)
        .where(sends.c.chain == chain, attempts.c.mined_at >= since, attempts.c.fee_paid.is_not(None))
        .order_by(attempts.c.mined_at)
    ).all()
    anchored = [row.batch for row in rows if row.succeeded]
    if not anchored:
        return Costs(sum(row.fee_paid for row in rows), 0, 0, 0)
    before = connection.execute(
        select(func.max(sends.c.batch)).where(
            sends.c.chain == chain,
            sends.c.batch < anchored[0],
            sends.c.state.in_(("mined", "final")),
        )
    ).scalar_one_or_none()
    return Costs(
        total=sum(row.fee_paid for row in rows),
        anchors=len(anchored),
        first_batch=before or 0,
        last_batch=max(anchored),
    )


def anchors_of_unknown_cost(connection: Connection, chain: int, since: int) -> int:
    """Return how many anchors of ours were found in a block since a time, without a receipt that says
    what they cost: no endpoint showed one for a day."""
    paid = select(attempts.c.id).where(attempts.c.send == sends.c.id, attempts.c.fee_paid.is_not(None))
    return connection.execute(
        select(func.count())
        .select_from(sends)
        .where(
            sends.c.chain == chain,
            sends.c.state.in_(("mined", "final")),
            sends.c.changed_at >= since,
            ~paid.exists(),
        )
    ).scalar_one()


def usual_cost(connection: Connection, chain: int) -> tuple[int, int] | None:
    """Return the gas and the wei that the last successful anchor took."""
    row = connection.execute(
        select(attempts.c.gas_used, attempts.c.fee_paid)
        .join(sends, attempts.c.send == sends.c.id)
        .where(sends.c.chain == chain, attempts.c.kind == "anchor", attempts.c.succeeded.is_(True))
        .order_by(attempts.c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else (row.gas_used, row.fee_paid)


def _send(row: Sequence[Any]) -> SendRow:
    return SendRow(*row)


def _attempt(row: Sequence[Any]) -> AttemptRow:
    return AttemptRow(*row)
