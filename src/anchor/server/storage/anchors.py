"""Chains, and what each of them holds of our batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from anchor.protocol.hashing import Bytes32
from anchor.server.storage.schema import batches
from anchor.server.storage.schema_sending import accepted_heads, anchors, chains


@dataclass(frozen=True, slots=True)
class ChainRow:
    """A contract on a chain. ``id`` is what the other tables call it."""

    id: int
    name: str
    chain_id: int
    contract: bytes
    genesis_hash: Bytes32
    first_block: int
    is_primary: bool
    created_at: int
    retired_at: int | None


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A sealed batch, as far as a sender needs it."""

    number: int
    sealed_at: int
    anchor_root: Bytes32
    delta_count: int


@dataclass(frozen=True, slots=True)
class AnchorRow:
    """A batch whose root a chain holds. Times are milliseconds; ``state`` is 'mined' or 'final'."""

    chain: int
    batch: int
    previous_head: Bytes32
    transaction_hash: Bytes32
    block_number: int
    block_hash: Bytes32
    block_time: int
    state: str
    settled: bool
    recorded_at: int


def add_chain(
    connection: Connection,
    *,
    name: str,
    chain_id: int,
    contract: bytes,
    genesis_hash: Bytes32,
    first_block: int,
    is_primary: bool,
    now: int,
) -> ChainRow:
    """Write a chain in use under ``name``, and return it. Makes the others secondary if it is primary."""
    if is_primary:
        connection.execute(update(chains).values(is_primary=False))
    values: dict[str, Any] = {
        "name": name,
        "chain_id": chain_id,
        "contract": contract,
        "genesis_hash": genesis_hash,
        "first_block": first_block,
        "is_primary": is_primary,
        "created_at": now,
    }
    key = connection.execute(insert(chains).values(**values)).inserted_primary_key
    assert key is not None
    return ChainRow(id=key[0], retired_at=None, **values)


def chain_in_use(connection: Connection, name: str) -> ChainRow | None:
    """Return the chain that is in use under a name."""
    row = connection.execute(
        select(chains).where(chains.c.name == name, chains.c.retired_at.is_(None))
    ).one_or_none()
    return None if row is None else _chain(row)


# Built once: every proof asks, and building a statement costs more than running it.
_CHAINS_IN_USE: Final = (
    select(chains).where(chains.c.retired_at.is_(None)).order_by(chains.c.is_primary.desc(), chains.c.id)
)


def chains_in_use(connection: Connection) -> list[ChainRow]:
    """Return the chains in use, the primary one first."""
    return [_chain(row) for row in connection.execute(_CHAINS_IN_USE)]


def retire_chain(connection: Connection, chain: int, now: int) -> None:
    """Take a chain out of use: what it held counts no longer."""
    connection.execute(update(chains).where(chains.c.id == chain).values(retired_at=now, is_primary=False))


def make_primary(connection: Connection, chain: int) -> None:
    """Let this chain's finality, and no other's, make deltas VERIFIED."""
    connection.execute(update(chains).values(is_primary=chains.c.id == chain))


def newest_batch(connection: Connection) -> BatchRow | None:
    """Return the newest sealed batch."""
    row = connection.execute(_batches().order_by(batches.c.number.desc()).limit(1)).one_or_none()
    return None if row is None else _batch(row)


def batch_of_root(connection: Connection, anchor_root: Bytes32) -> BatchRow | None:
    """Return the batch with this anchored root, or None where the root is not ours."""
    row = connection.execute(_batches().where(batches.c.anchor_root == anchor_root)).one_or_none()
    return None if row is None else _batch(row)


def batch_of_number(connection: Connection, number: int) -> BatchRow | None:
    """Return a batch."""
    row = connection.execute(_batches().where(batches.c.number == number)).one_or_none()
    return None if row is None else _batch(row)


def record_anchor(connection: Connection, anchor: AnchorRow) -> None:
    """Write what a chain holds of a batch, in the place of what was known before."""
    connection.execute(
        anchors.delete().where(anchors.c.chain == anchor.chain, anchors.c.batch == anchor.batch)
    )
    connection.execute(
        insert(anchors).values(
            chain=anchor.chain,
            batch=anchor.batch,
            previous_head=anchor.previous_head,
            transaction_hash=anchor.transaction_hash,
            block_number=anchor.block_number,
            block_hash=anchor.block_hash,
            block_time=anchor.block_time,
            state=anchor.state,
            settled=anchor.settled,
            recorded_at=anchor.recorded_at,
        )
    )


def forget_anchor(connection: Connection, chain: int, batch: int) -> None:
    """Take away an anchor that the chain holds no longer."""
    connection.execute(anchors.delete().where(anchors.c.chain == chain, anchors.c.batch == batch))


def anchor_of(connection: Connection, chain: int, batch: int) -> AnchorRow | None:
    """Return the anchor of exactly this batch."""
    row = connection.execute(
        select(anchors).where(anchors.c.chain == chain, anchors.c.batch == batch)
    ).one_or_none()
    return None if row is None else _anchor(row)


def newest_anchor(connection: Connection, chain: int, *, final: bool = False) -> AnchorRow | None:
    """Return the anchor of the newest batch that a chain holds; with ``final`` in a final block only."""
    query = select(anchors).where(anchors.c.chain == chain)
    if final:
        query = query.where(anchors.c.state == "final")
    row = connection.execute(query.order_by(anchors.c.batch.desc()).limit(1)).one_or_none()
    return None if row is None else _anchor(row)


def anchor_covering(connection: Connection, chain: int, batch: int) -> AnchorRow | None:
    """Return the first anchor that covers a batch: its own, or the next one after it."""
    row = connection.execute(
        select(anchors)
        .where(anchors.c.chain == chain, anchors.c.batch >= batch)
        .order_by(anchors.c.batch)
        .limit(1)
    ).one_or_none()
    return None if row is None else _anchor(row)


def unsettled_anchors(connection: Connection, chain: int, limit: int) -> list[AnchorRow]:
    """Return anchors whose block hash is still compared with the chain's, by batch.

    Of the mined and of the final ones, the oldest and the newest ``limit`` each: the oldest move on
    first, and the newest are the first to leave with a reorganisation.
    """
    found: dict[int, AnchorRow] = {}
    for state in ("mined", "final"):
        for order in (anchors.c.batch, anchors.c.batch.desc()):
            rows = connection.execute(
                select(anchors)
                .where(anchors.c.chain == chain, anchors.c.settled.is_(False), anchors.c.state == state)
                .order_by(order)
                .limit(limit)
            )
            found |= {row.batch: _anchor(row) for row in rows}
    return [found[batch] for batch in sorted(found)]


def set_anchor_state(connection: Connection, chain: int, batch: int, *, state: str, settled: bool) -> None:
    """Say whether an anchor is final, and whether it is settled."""
    connection.execute(
        update(anchors)
        .where(anchors.c.chain == chain, anchors.c.batch == batch)
        .values(state=state, settled=settled)
    )


def count_anchors(connection: Connection, chain: int) -> int:
    """Return how many anchors a chain holds."""
    return connection.execute(
        select(func.count()).select_from(anchors).where(anchors.c.chain == chain)
    ).scalar_one()


def accept_head(connection: Connection, chain: int, head: Bytes32, now: int) -> None:
    """Let the sender go on upon a head that is not ours. The operator's word only."""
    if not head_accepted(connection, chain, head):
        connection.execute(insert(accepted_heads).values(chain=chain, head=head, accepted_at=now))


def head_accepted(connection: Connection, chain: int, head: Bytes32) -> bool:
    """Return whether the operator said to go on upon this head."""
    row = connection.execute(
        select(accepted_heads.c.head).where(accepted_heads.c.chain == chain, accepted_heads.c.head == head)
    ).one_or_none()
    return row is not None


def _batches() -> Any:
    return select(batches.c.number, batches.c.sealed_at, batches.c.anchor_root, batches.c.delta_count)


def _batch(row: Row[Any]) -> BatchRow:
    return BatchRow(row.number, row.sealed_at, bytes(row.anchor_root), row.delta_count)


def _chain(row: Sequence[Any]) -> ChainRow:
    return ChainRow(*row)


def _anchor(row: Sequence[Any]) -> AnchorRow:
    return AnchorRow(*row)
