"""Compare what two sides say with the record in the database."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from anchor.compare.balances import (
    CANDIDATES_LISTED,
    AmountSeen,
    BalanceComparison,
    BalanceSeen,
    Standing,
    compare_balances,
)
from anchor.compare.books import DiscrepancyKind, Entry
from anchor.compare.lists import DEFAULT_LISTED, DeltaComparison, Side, compare_deltas
from anchor.server.ledger.periods import Span
from anchor.server.ledger.ranges import (
    RangeTooLong,
    range_of_indices,
    range_of_span,
    require_index,
    standing_of,
)
from anchor.server.storage.comparing import (
    balance_after,
    find_figures,
    indices_of_references,
    latest_of_amount,
    read_entries,
)
from anchor.server.storage.database import Database
from anchor.server.storage.verified import verified_batch, verified_head

SEARCHED_AT_MOST: Final = 1_000_000
"""How many of a ledger's latest deltas are searched for what would explain a gap (0.3 s on SQLite)."""


def compare_balances_with_record(
    database: Database,
    customer_id: str,
    unit: str,
    figures: dict[Side, int],
    *,
    as_of_index: int | None = None,
) -> BalanceComparison:
    """Return how each side's balance (units of 10**-18) stands to the record of a customer and unit.

    ``as_of_index`` names the delta after which the balances are meant. Raises UnknownCustomer and
    IndexOutOfRange.
    """
    with database.read() as connection:
        ledger = standing_of(connection, customer_id, unit)
        as_of = None
        if as_of_index is not None:
            require_index(as_of_index, ledger.size, "asOfIndex")
            as_of = Standing(as_of_index + 1, balance_after(connection, ledger.ledger, as_of_index))
        verified = verified_head(connection, ledger.ledger, verified_batch(connection))
        return compare_balances(
            _SearchedLedger(connection, ledger.ledger),
            figures,
            recorded=Standing(ledger.size, ledger.balance),
            verified=Standing(verified.size, verified.balance),
            as_of=as_of,
        )


def compare_deltas_with_record(
    database: Database,
    customer_id: str,
    unit: str,
    lists: dict[Side, Iterable[Entry]],
    *,
    from_index: int | None = None,
    to_index: int | None = None,
    span: Span | None = None,
    listed: int | None = DEFAULT_LISTED,
    most: int | None = None,
) -> DeltaComparison:
    """Return the discrepancies of each side's list with the record of a customer and unit.

    The whole record is meant unless ``from_index`` and ``to_index`` (both included) or a ``span`` of
    ``recordedAt`` say otherwise: at most ``most`` deltas, since each that is missing takes half a kilobyte.
    Raises UnknownCustomer, IndexOutOfRange, RangeReversed and RangeTooLong.
    """
    with database.read() as connection:
        ledger = standing_of(connection, customer_id, unit)
        compared = (
            range_of_indices(ledger.size, from_index, to_index)
            if span is None
            else range_of_span(connection, ledger, span)
        )
        if most is not None and len(compared) > most:
            raise RangeTooLong(len(compared), most)
        comparison = compare_deltas(
            read_entries(connection, ledger.ledger, compared.start, compared.stop),
            lambda index: balance_after(connection, ledger.ledger, index),
            lists,
            from_index=compared.start,
            listed=listed,
        )
        if compared == range(ledger.size):
            return comparison
        unknown = {
            each.reference_id
            for side in comparison.sides
            for each in side.discrepancies
            if each.kind is DiscrepancyKind.EXTRA and each.reference_id is not None
        }
        elsewhere = indices_of_references(connection, ledger.ledger, sorted(unknown))
        return replace(comparison, elsewhere=elsewhere)


class _SearchedLedger:
    """The latest deltas of a ledger in the database, searched in one pass."""

    def __init__(self, connection: Connection, ledger: int) -> None:
        self._connection = connection
        self._ledger = ledger

    def search(
        self, size: int, balances: frozenset[int], amounts: frozenset[int]
    ) -> tuple[int, dict[int, BalanceSeen], dict[int, AmountSeen]]:
        searched_from = max(0, size - SEARCHED_AT_MOST)
        found_balances, found_amounts = find_figures(
            self._connection, self._ledger, searched_from, size, sorted(balances), sorted(amounts)
        )
        return (
            searched_from,
            {
                figure: BalanceSeen(found.last_index + 1, found.times)
                for figure, found in found_balances.items()
            },
            {
                amount: AmountSeen(
                    found.times,
                    tuple(latest_of_amount(self._connection, self._ledger, amount, found, CANDIDATES_LISTED)),
                )
                for amount, found in found_amounts.items()
            },
        )
