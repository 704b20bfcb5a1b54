"""What a copy says by itself, with no server there: balances, and where others' books part from it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from anchor.compare.balances import (
    CANDIDATES_LISTED,
    AmountSeen,
    BalanceComparison,
    BalanceSeen,
    Standing,
    compare_balances,
)
from anchor.compare.books import Entry, RecordEntry
from anchor.compare.lists import DEFAULT_LISTED, DeltaComparison, Side, compare_deltas
from anchor.replica.store import ReplicaError, Store

_CHUNK: Final = 10_000


@dataclass(frozen=True, slots=True)
class CopyDerived:
    """How a copy stands, as of its end or as of what was asked for.

    ``recorded`` counts every delta up to there, ``verified`` those of them that were seen under a head in a
    final block: ``batch``, in a block of the time ``seen_at`` (ms), both None where none was.
    """

    recorded: Standing
    verified: Standing
    batch: int | None
    seen_at: int | None


def derive(store: Store, *, as_of_index: int | None = None, as_of_time: int | None = None) -> CopyDerived:
    """Return how a copy stands.

    ``as_of_index`` counts the deltas up to and including this one, ``as_of_time`` those that were recorded
    at or before it (ms); at most one is given. Raises ReplicaError where there is no such index.
    """
    size = store.standing().size
    if as_of_index is not None:
        size = _require_index(as_of_index, size) + 1
    elif as_of_time is not None:
        # Times never fall, so the last delta up to then is the one before the first after.
        found = next(store.rows('SELECT max("index") FROM deltas WHERE recorded_at <= ?', (as_of_time,)))
        size = 0 if found[0] is None else found[0] + 1
    recorded = Standing(size, _balance_after(store, size - 1))
    head = store.newest_head()
    if head is None:
        return CopyDerived(recorded, Standing(0, 0), None, None)
    verified = min(size, head.head.size)
    return CopyDerived(
        recorded, Standing(verified, _balance_after(store, verified - 1)), head.batch.number, head.time
    )


def compare_figures(
    store: Store, figures: dict[Side, int], *, as_of_index: int | None = None
) -> BalanceComparison:
    """Return how each side's balance (units of 10**-18) stands to the copy. Raises ReplicaError."""
    now = derive(store)
    as_of = None
    if as_of_index is not None:
        _require_index(as_of_index, now.recorded.size)
        as_of = Standing(as_of_index + 1, _balance_after(store, as_of_index))
    return compare_balances(
        _SearchedCopy(store), figures, recorded=now.recorded, verified=now.verified, as_of=as_of
    )


def compare_books(
    store: Store,
    lists: dict[Side, Iterable[Entry]],
    *,
    from_index: int | None = None,
    to_index: int | None = None,
    listed: int | None = DEFAULT_LISTED,
) -> DeltaComparison:
    """Return the discrepancies of each side's list with the copy, or a range of it (both ends included).

    Raises ReplicaError.
    """
    size = store.standing().size
    start = 0 if from_index is None else _require_index(from_index, size)
    stop = size if to_index is None else _require_index(to_index, size) + 1
    if start > stop:
        raise ReplicaError(
            "range_reversed", f"the range ends at index {stop - 1}, before it begins at {start}"
        )
    return compare_deltas(
        _entries(store, start, stop),
        lambda index: _balance_after(store, index),
        lists,
        from_index=start,
        listed=listed,
    )


def _require_index(index: int, size: int) -> int:
    if not 0 <= index < size:
        raise ReplicaError("index_out_of_range", f"the copy has {size} deltas, and none at index {index}")
    return index


def _balance_after(store: Store, index: int) -> int:
    if index < 0:
        return 0
    (balance,) = next(store.rows('SELECT balance FROM deltas WHERE "index" = ?', (index,)))
    return int(balance)


def _entries(store: Store, start: int, stop: int) -> Iterator[RecordEntry]:
    for begin in range(start, stop, _CHUNK):
        for index, reference_id, amount in store.rows(
            'SELECT "index", reference_id, amount FROM deltas WHERE "index" >= ? AND "index" < ? '
            'ORDER BY "index"',
            (begin, min(begin + _CHUNK, stop)),
        ):
            yield index, reference_id, int(amount)


class _SearchedCopy:
    """The copy as a comparison of balances searches it: all of it, in the database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def search(
        self, size: int, balances: frozenset[int], amounts: frozenset[int]
    ) -> tuple[int, dict[int, BalanceSeen], dict[int, AmountSeen]]:
        found_balances: dict[int, BalanceSeen] = {}
        for balance in balances:
            last, times = next(
                self._store.rows(
                    'SELECT max("index"), count(*) FROM deltas WHERE "index" < ? AND balance = ?',
                    (size, str(balance)),
                )
            )
            if times:
                found_balances[balance] = BalanceSeen(last + 1, times)
        found_amounts: dict[int, AmountSeen] = {}
        for amount in amounts:
            (times,) = next(
                self._store.rows(
                    'SELECT count(*) FROM deltas WHERE "index" < ? AND amount = ?', (size, str(amount))
                )
            )
            if times:
                latest = self._store.rows(
                    'SELECT "index", reference_id FROM deltas WHERE "index" < ? AND amount = ? '
                    'ORDER BY "index" DESC LIMIT ?',
                    (size, str(amount), CANDIDATES_LISTED),
                )
                found_amounts[amount] = AmountSeen(times, tuple((index, named) for index, named in latest))
        return 0, found_balances, found_amounts
