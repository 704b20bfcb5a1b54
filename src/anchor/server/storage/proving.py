"""What a proof is made of: a delta with its salts, a ledger's head in a batch, and where a batch is."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, ScalarSelect, bindparam, func, select

from anchor.protocol.hashing import Bytes32
from anchor.server.storage.anchors import AnchorRow, anchor_covering, chains_in_use
from anchor.server.storage.schema import batches, deltas, erasures, heads
from anchor.server.storage.schema_sending import anchors, chains
from anchor.server.storage.sealing import SealedBatch, sealed_batch


class ProvableDelta(NamedTuple):
    """A delta with what opens it. Where a salt is None, ``erased`` holds the field's commitment."""

    index_in_ledger: int
    amount: int
    balance: int
    occurred_at: int
    recorded_at: int
    reason: str | None
    reason_salt: bytes | None
    reference_id: str | None
    reference_salt: bytes | None
    metadata: str | None
    metadata_salt: bytes | None
    adjusts: Bytes32 | None
    erased: dict[str, Bytes32]


class HeadRow(NamedTuple):
    """A ledger's head in some batch: its size and root."""

    size: int
    root: Bytes32


class Evidence(NamedTuple):
    """Where a batch, or a later one that holds it in its history, is on a chain."""

    chain_id: int
    contract: bytes
    anchor: AnchorRow


# Statements are built once: building one costs more than running it.
_ERASED = select(erasures.c.index, erasures.c.field, erasures.c.commitment).where(
    erasures.c.ledger == bindparam("of_ledger"),
    erasures.c.index >= bindparam("start"),
    erasures.c.index < bindparam("stop"),
)
_DELTAS = (
    select(
        deltas.c.index,
        deltas.c.amount,
        deltas.c.balance,
        deltas.c.occurred_at,
        deltas.c.recorded_at,
        deltas.c.reason,
        deltas.c.reason_salt,
        deltas.c.reference_id,
        deltas.c.reference_salt,
        deltas.c.metadata,
        deltas.c.metadata_salt,
        deltas.c.adjusts,
    )
    .where(
        deltas.c.ledger == bindparam("of_ledger"),
        deltas.c.index >= bindparam("start"),
        deltas.c.index < bindparam("stop"),
    )
    .order_by(deltas.c.index)
)
_HEAD = (
    select(heads.c.size, heads.c.root)
    .where(heads.c.ledger == bindparam("of_ledger"), heads.c.batch <= bindparam("at_batch"))
    .order_by(heads.c.batch.desc())
    .limit(1)
)
_FIRST_BATCH_HOLDING = select(func.min(heads.c.batch)).where(
    heads.c.ledger == bindparam("of_ledger"), heads.c.size > bindparam("at_index")
)
_BATCH = select(batches).where(batches.c.number == bindparam("wanted"))


def _newest_anchored(*conditions: ColumnElement[bool]) -> ScalarSelect[int | None]:
    return (
        select(func.max(anchors.c.batch))
        .join(chains, chains.c.id == anchors.c.chain)
        .where(chains.c.retired_at.is_(None), *conditions)
        .scalar_subquery()
    )


_PROVABLE_BATCHES = select(
    _newest_anchored(chains.c.is_primary, anchors.c.state == "final"),
    _newest_anchored(anchors.c.state == "final"),
    _newest_anchored(),
    select(func.max(batches.c.number)).scalar_subquery(),
)
_OF_CHAIN = chains.c.chain_id == bindparam("of_chain_id")
_NEWEST_OF_CHAIN = select(
    _newest_anchored(_OF_CHAIN, anchors.c.state == "final"), _newest_anchored(_OF_CHAIN)
)
_FINAL_ANCHOR_FROM = select(func.min(anchors.c.batch)).where(
    anchors.c.chain == bindparam("on_chain"),
    anchors.c.batch >= bindparam("at_batch"),
    anchors.c.state == "final",
)


def first_anchor_showing(
    connection: Connection, chain_id: int, ledger: int, index: int
) -> tuple[int, int | None] | None:
    """Return the batch of the first anchor on a chain that holds a delta, and that of the anchor before it.

    None where no anchor holds it yet.
    """
    anchored = (
        select(func.min(anchors.c.batch))
        .join(chains, chains.c.id == anchors.c.chain)
        .where(chains.c.chain_id == chain_id, chains.c.retired_at.is_(None))
    )
    holding = first_batch_holding(connection, ledger, index)
    if holding is None:
        return None
    first = connection.execute(anchored.where(anchors.c.batch >= holding)).scalar_one()
    if first is None:
        return None
    before = anchored.with_only_columns(func.max(anchors.c.batch)).where(anchors.c.batch < first)
    return first, connection.execute(before).scalar_one()


def provable_deltas(connection: Connection, ledger: int, start: int, stop: int) -> list[ProvableDelta]:
    """Return the deltas from ``start`` up to, not including, ``stop``, in order."""
    bounds = {"of_ledger": ledger, "start": start, "stop": stop}
    rows = connection.execute(_DELTAS, bounds).all()
    erased: dict[int, dict[str, Bytes32]] = {}
    if any(None in (row.reason_salt, row.reference_salt, row.metadata_salt) for row in rows):
        for index, field, commitment in connection.execute(_ERASED, bounds):
            erased.setdefault(index, {})[field] = bytes(commitment)
    return [ProvableDelta._make((*row, erased.get(row[0], {}))) for row in rows]


def head_at(connection: Connection, ledger: int, batch: int) -> HeadRow | None:
    """Return a ledger's head as a batch holds it; None where the batch holds nothing of it."""
    row = connection.execute(_HEAD, {"of_ledger": ledger, "at_batch": batch}).one_or_none()
    return None if row is None else HeadRow(row[0], bytes(row[1]))


def first_batch_holding(connection: Connection, ledger: int, index: int) -> int | None:
    """Return the first batch that holds the delta at an index; None where none does yet."""
    return connection.execute(
        _FIRST_BATCH_HOLDING, {"of_ledger": ledger, "at_index": index}
    ).scalar_one_or_none()


def batch_numbered(connection: Connection, number: int) -> SealedBatch | None:
    """Return a batch."""
    row = connection.execute(_BATCH, {"wanted": number}).one_or_none()
    return None if row is None else sealed_batch(row)


def provable_batches(connection: Connection, chain_id: int | None = None) -> list[int]:
    """Return the batches that a proof is best made under, best first.

    The newest that is final, or at least mined, on the chain ``chain_id``, where one is asked for; the
    newest that is final on the primary chain; the newest that is final, or at least mined, on any chain;
    and the newest of all.
    """
    ranked = list(connection.execute(_PROVABLE_BATCHES).one())
    if chain_id is not None:
        ranked = [*connection.execute(_NEWEST_OF_CHAIN, {"of_chain_id": chain_id}).one(), *ranked]
    return list(dict.fromkeys(number for number in ranked if number is not None))


def evidence_of(connection: Connection, batch: int) -> list[Evidence]:
    """Return, for each chain in use, the first anchor that covers a batch: a final one if there is one."""
    found: list[Evidence] = []
    for chain in chains_in_use(connection):
        final = connection.execute(
            _FINAL_ANCHOR_FROM, {"on_chain": chain.id, "at_batch": batch}
        ).scalar_one_or_none()
        anchor = anchor_covering(connection, chain.id, batch if final is None else final)
        if anchor is not None:
            found.append(Evidence(chain.chain_id, bytes(chain.contract), anchor))
    return found
