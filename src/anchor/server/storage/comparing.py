"""What a comparison reads of a ledger: its entries in order, and where a figure occurs in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, select

from anchor.server.storage.schema import deltas, ledgers

CHUNK: Final = 20_000
"""Deltas that are read at once."""
_REFERENCES_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class FigureFound:
    """How often a figure occurs in a ledger, and at which index the first and the last time."""

    times: int
    first_index: int
    last_index: int


def read_entries(
    connection: Connection, ledger: int, start: int, stop: int
) -> Iterator[tuple[int, str | None, int]]:
    """Yield (index, reference, amount in units) of the deltas from ``start`` up to ``stop``, in order."""
    statement = (
        select(deltas.c.index, deltas.c.reference_id, deltas.c.amount)
        .where(deltas.c.ledger == ledger)
        .order_by(deltas.c.index)
    )
    for begin in range(start, stop, CHUNK):
        end = min(begin + CHUNK, stop)
        chunk = statement.where(deltas.c.index >= begin, deltas.c.index < end)
        yield from connection.execute(chunk)


def find_figures(
    connection: Connection,
    ledger: int,
    start: int,
    stop: int,
    balances: Sequence[int],
    amounts: Sequence[int],
) -> tuple[dict[int, FigureFound], dict[int, FigureFound]]:
    """Return where these balances and amounts (units) occur among the deltas from ``start`` up to ``stop``.

    One pass over the ledger for all of them; a figure that does not occur is absent.
    """
    columns = []
    for column, figures in ((deltas.c.balance, balances), (deltas.c.amount, amounts)):
        for figure in figures:
            columns += [
                func.count().filter(column == figure),
                func.min(deltas.c.index).filter(column == figure),
                func.max(deltas.c.index).filter(column == figure),
            ]
    row = connection.execute(
        select(*columns).where(deltas.c.ledger == ledger, deltas.c.index >= start, deltas.c.index < stop)
    ).one()
    found = [FigureFound(*row[at : at + 3]) for at in range(0, len(row), 3)]
    return (
        {figure: seen for figure, seen in zip(balances, found, strict=False) if seen.times},
        {figure: seen for figure, seen in zip(amounts, found[len(balances) :], strict=True) if seen.times},
    )


def latest_of_amount(
    connection: Connection, ledger: int, amount: int, found: FigureFound, limit: int
) -> list[tuple[int, str | None]]:
    """Return (index, reference) of the latest ``limit`` deltas of an amount that was found, latest first."""
    return list(
        connection.execute(
            select(deltas.c.index, deltas.c.reference_id)
            .where(
                deltas.c.ledger == ledger,
                deltas.c.index >= found.first_index,
                deltas.c.index <= found.last_index,
                deltas.c.amount == amount,
            )
            .order_by(deltas.c.index.desc())
            .limit(min(limit, found.times))
        )
    )


class LedgerStanding(NamedTuple):
    """A ledger's number in our tables, its id, how many deltas it holds, and their balance in units."""

    ledger: int
    ledger_id: bytes
    size: int
    balance: int


def ledger_standing(connection: Connection, customer_id: str, unit: str) -> LedgerStanding | None:
    """Return how the ledger of a customer and unit stands; None where there is none."""
    row = connection.execute(
        select(ledgers.c.id, ledgers.c.ledger_id, ledgers.c.size, ledgers.c.balance).where(
            ledgers.c.customer_id == customer_id, ledgers.c.unit == unit
        )
    ).one_or_none()
    return None if row is None or row.size == 0 else LedgerStanding(*row)


def balance_after(connection: Connection, ledger: int, index: int) -> int:
    """Return the balance (units) after the delta at ``index``; 0 for -1."""
    if index < 0:
        return 0
    balance: int = connection.execute(
        select(deltas.c.balance).where(deltas.c.ledger == ledger, deltas.c.index == index)
    ).scalar_one()
    return balance


def indices_of_references(connection: Connection, ledger: int, references: Sequence[str]) -> dict[str, int]:
    """Return the index of each of these references that the ledger has."""
    found: dict[str, int] = {}
    for at in range(0, len(references), _REFERENCES_AT_ONCE):
        rows = connection.execute(
            select(deltas.c.reference_id, deltas.c.index).where(
                deltas.c.ledger == ledger,
                deltas.c.reference_id.in_(references[at : at + _REFERENCES_AT_ONCE]),
            )
        )
        found.update((reference, index) for reference, index in rows if reference is not None)
    return found


def read_entries_at(
    connection: Connection, ledger: int, indices: Sequence[int]
) -> list[tuple[int, str | None, int]]:
    """Return (index, reference, amount in units) of the deltas at these indices, in index order."""
    found: list[tuple[int, str | None, int]] = []
    for at in range(0, len(indices), _REFERENCES_AT_ONCE):
        found += connection.execute(
            select(deltas.c.index, deltas.c.reference_id, deltas.c.amount)
            .where(deltas.c.ledger == ledger, deltas.c.index.in_(indices[at : at + _REFERENCES_AT_ONCE]))
            .order_by(deltas.c.index)
        )
    return found


def first_index_recorded_at_or_after(connection: Connection, ledger: int, size: int, time: int) -> int:
    """Return the first index whose delta was recorded at or after ``time`` (ms); ``size`` where none was.

    ``recordedAt`` never decreases in a ledger, so this takes some twenty reads, however long it is.
    """
    statement = select(deltas.c.recorded_at).where(deltas.c.ledger == ledger)
    below, end = 0, size
    while below < end:
        middle = (below + end) // 2
        if connection.execute(statement.where(deltas.c.index == middle)).scalar_one() < time:
            below = middle + 1
        else:
            end = middle
    return below
