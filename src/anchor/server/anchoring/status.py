"""What ``anchor status``, ``GET /api/v1/status`` and ``/metrics`` show: read from the database alone."""

from typing import cast

from sqlalchemy import Connection

from anchor.protocol.errors import hex_of
from anchor.server.anchoring.alarms import MEANINGS, AlarmName
from anchor.server.anchoring.lease import LEASE_NAME
from anchor.server.anchoring.states import IN_FLIGHT
from anchor.server.ledger.clock import Clock
from anchor.server.storage.anchors import AnchorRow, ChainRow, batch_of_root, chains_in_use, newest_anchor
from anchor.server.storage.database import Database
from anchor.server.storage.leases import read_lease
from anchor.server.storage.observations import AlarmRow, alarms_raised, observation_of
from anchor.server.storage.sending import (
    anchors_of_unknown_cost,
    attempts_of,
    costs_since,
    fees_paid,
    sends_in,
    usual_cost,
)
from anchor.server.storage.unanchored import (
    Backlog,
    deltas_between,
    log_totals,
    oldest_delta_after,
    read_backlog,
)
from anchor.wire.amounts import Number
from anchor.wire.status import AlarmStatus, AttemptStatus, ChainStatus, InFlight, LastAnchor, StatusResponse

DAY_MS = 86_400_000


def days_left(connection: Connection, chain: int, *, balance: int, gas_price: int, now: int) -> float | None:
    """Return for how many days ``balance`` (wei) pays for as many anchors as the last 24 hours had.

    Each is taken to cost what the last one did, or what it would cost at today's price where that is
    more. None before the first anchor.
    """
    usual = usual_cost(connection, chain)
    if usual is None:
        return None
    gas, fee = usual
    _, anchors = fees_paid(connection, chain, now - DAY_MS)
    return balance / (max(anchors, 1) * max(fee, gas * gas_price, 1))


WEEK_MS = 7 * DAY_MS


def read_status(database: Database, clock: Clock) -> StatusResponse:
    """Return how the log and its anchoring stand. Raises StorageUnavailable."""
    now = clock.now_ms()
    with database.read() as connection:
        backlog = read_backlog(connection)
        deltas, ledgers = log_totals(connection)
        rows = chains_in_use(connection)
        chains = [_chain_status(connection, row, backlog, now) for row in rows]
        alarms = [_alarm_status(alarm) for alarm in alarms_raised(connection)]
        lease = read_lease(connection, LEASE_NAME)
    primary = next((chain for chain in chains if chain.primary), None)
    oldest = backlog.unsealed_since if primary is None else primary.oldest_unanchored_at
    return StatusResponse(
        at=now,
        delta_count=deltas,
        ledger_count=ledgers,
        newest_batch=backlog.newest_batch,
        newest_sealed_at=backlog.newest_sealed_at,
        unsealed_since=backlog.unsealed_since,
        lag_ms=0 if oldest is None else max(0, now - oldest),
        worker=None if lease is None else lease.holder,
        worker_renewed_at=None if lease is None else lease.renewed_at,
        chains=chains,
        alarms=alarms,
    )


def _chain_status(connection: Connection, row: ChainRow, backlog: Backlog, now: int) -> ChainStatus:
    seen = observation_of(connection, row.id)
    anchored = newest_anchor(connection, row.id)
    final = newest_anchor(connection, row.id, final=True)
    anchored_batch = 0 if anchored is None else anchored.batch
    final_batch = 0 if final is None else final.batch
    oldest = oldest_delta_after(connection, anchored_batch, backlog)
    head = None if seen is None else batch_of_root(connection, seen.head)
    spent, count = fees_paid(connection, row.id, now - DAY_MS)
    costs = costs_since(connection, row.id, now - WEEK_MS)
    deltas = deltas_between(connection, costs.first_batch, costs.last_batch)
    cost = costs.total // costs.anchors if costs.anchors else None
    days = None
    if seen is not None:
        days = days_left(connection, row.id, balance=seen.sender_balance, gas_price=seen.gas_price, now=now)
    return ChainStatus(
        name=row.name,
        chain_id=row.chain_id,
        contract=hex_of(row.contract),
        primary=row.is_primary,
        observed_at=None if seen is None else seen.observed_at,
        head=None if seen is None else hex_of(seen.head),
        head_batch=None if head is None else head.number,
        block_number=None if seen is None else seen.block_number,
        block_time=None if seen is None else seen.block_time,
        final_block=None if seen is None else seen.final_number,
        anchored_batch=anchored_batch,
        final_batch=final_batch,
        last_anchor=None if anchored is None else _last_anchor(anchored),
        oldest_unanchored_at=oldest,
        lag_ms=0 if oldest is None else max(0, now - oldest),
        oldest_unverified_at=oldest_delta_after(connection, final_batch, backlog),
        in_flight=_in_flight(connection, row.id),
        sender=None if seen is None else hex_of(seen.sender),
        balance=None if seen is None else seen.sender_balance,
        gas_price=None if seen is None else seen.gas_price,
        spent_last_day=spent,
        anchors_last_day=count,
        anchors_of_unknown_cost=anchors_of_unknown_cost(connection, row.id, now - WEEK_MS),
        cost_per_anchor=cost,
        cost_per_delta=_shared(costs.total, deltas) if deltas else None,
        days_left=cast(Number | None, days),
    )


def _last_anchor(row: AnchorRow) -> LastAnchor:
    return LastAnchor(
        chain=row.chain,
        batch=row.batch,
        previous_head=hex_of(row.previous_head),
        transaction_hash=hex_of(row.transaction_hash),
        block_number=row.block_number,
        block_hash=hex_of(row.block_hash),
        block_time=row.block_time,
        state=row.state,
        settled=row.settled,
        recorded_at=row.recorded_at,
    )


def _shared(total: int, parts: int) -> str:
    """Return ``total / parts`` as a decimal text, cut off after six digits."""
    whole, millionths = divmod(total * 10**6 // parts, 10**6)
    return f"{whole}.{millionths:06d}".rstrip("0").rstrip(".")


def _in_flight(connection: Connection, chain: int) -> InFlight | None:
    sends = sends_in(connection, chain, IN_FLIGHT)
    if not sends:
        return None
    send = sends[0]
    return InFlight(
        batch=send.batch,
        state=send.state,
        nonce=send.nonce,
        planned_at=send.planned_at,
        attempts=[
            AttemptStatus(
                hex_of(attempt.transaction_hash),
                attempt.kind,
                attempt.signed_at,
                attempt.accepted_at is not None,
                attempt.max_fee,
                attempt.max_tip,
                attempt.refusal,
            )
            for attempt in attempts_of(connection, send.id)
        ],
    )


def _alarm_status(alarm: AlarmRow) -> AlarmStatus:
    meaning = MEANINGS[AlarmName(alarm.name)]
    return AlarmStatus(
        name=alarm.name,
        chain=alarm.chain,
        detail=alarm.detail,
        since=alarm.raised_at,
        remedy=meaning.remedy,
        stops_sending=meaning.stops,
    )
