"""Compare two sides' balances with the record, and say what would explain a difference.

A figure that is off may be the record's own balance at an earlier index: then that side misses
everything after it. Or the gap may be the amount of exactly one delta: then that side may lack it,
or have counted it twice. The amounts alone cannot tell which of several deltas it was, so these are
candidates and called so.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from anchor.compare.lists import Side
from anchor.protocol.amounts import format_units

CANDIDATES_LISTED: Final = 10
"""How many deltas of one amount are named; all are counted."""
_WHOSE: Final = {Side.YOURS: "Your", Side.COUNTERPARTY: "The counterparty's"}


class RecordBalance(StrEnum):
    """Which of the record's balances the figures were held against."""

    RECORDED = "recorded"
    """The balance of all deltas on record."""
    VERIFIED = "verified"
    """The balance of the deltas that are final on the chain."""
    AS_OF_INDEX = "as_of_index"
    """The balance after the delta that the caller named."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The balance (units of 10**-18) after the first ``size`` deltas of the record."""

    size: int
    balance: int

    @property
    def as_of_index(self) -> int | None:
        """The index of the last delta that is counted, None before the first."""
        return self.size - 1 if self.size else None


@dataclass(frozen=True, slots=True)
class BalanceSeen:
    """Where the record had a certain balance: after how many deltas the last time, and how often."""

    size: int
    times: int


class CandidateKind(StrEnum):
    """What the side would have done with the candidate."""

    MISSING = "missing"
    COUNTED_TWICE = "counted_twice"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One delta whose amount (units of 10**-18) is the whole gap."""

    kind: CandidateKind
    index: int
    reference_id: str | None
    amount: int


@dataclass(frozen=True, slots=True)
class AmountSeen:
    """The deltas of a certain amount: how many, and the latest of them as (index, reference)."""

    times: int
    latest: tuple[tuple[int, str | None], ...]


class SearchedRecord(Protocol):
    """The record, as far as a comparison of balances searches it."""

    def search(
        self, size: int, balances: frozenset[int], amounts: frozenset[int]
    ) -> tuple[int, dict[int, BalanceSeen], dict[int, AmountSeen]]:
        """Look among the first ``size`` deltas for balances and amounts.

        Returns the index from which on it looked (0 unless the record is longer than it searches),
        and what was found; a figure that was not found is absent.
        """
        ...


@dataclass(frozen=True, slots=True)
class Behind:
    """The figure is the record's balance after ``as_of_index`` (None: before the first delta).

    The side would then miss ``missing_count`` deltas, from ``missing_from`` on. ``earlier_times``
    is how often the record had that balance before as well.
    """

    as_of_index: int | None
    missing_from: int
    missing_count: int
    earlier_times: int


@dataclass(frozen=True, slots=True)
class SideBalance:
    """One side's figure; ``off_by`` is how far it is off the record (positive: too high).

    ``candidates`` holds the latest few of ``candidate_count``.
    """

    side: Side
    figure: int
    off_by: int
    behind: Behind | None
    candidates: tuple[Candidate, ...]
    candidate_count: int

    @property
    def agrees(self) -> bool:
        """Whether the figure is the record's."""
        return self.off_by == 0


@dataclass(frozen=True, slots=True)
class BalanceComparison:
    """Both figures (or one) against the record.

    ``used`` is the balance they were held against and ``record_balance`` says which of the record's
    it is. Explanations were searched from index ``searched_from`` on (0: in all of the record).
    """

    used: Standing
    record_balance: RecordBalance
    recorded: Standing
    verified: Standing
    sides: tuple[SideBalance, ...]
    searched_from: int

    @property
    def match(self) -> bool:
        """Whether every figure given is the record's."""
        return all(side.agrees for side in self.sides)

    @property
    def agreeing(self) -> tuple[Side, ...]:
        """The sides that agree with the record."""
        return tuple(side.side for side in self.sides if side.agrees)

    @property
    def sides_agree(self) -> bool | None:
        """Whether the figures are the same as one another, whatever the record says; None of one alone."""
        return len({side.figure for side in self.sides}) == 1 if len(self.sides) > 1 else None


def compare_balances(
    record: SearchedRecord,
    figures: dict[Side, int],
    *,
    recorded: Standing,
    verified: Standing,
    as_of: Standing | None = None,
) -> BalanceComparison:
    """Return how each figure (units of 10**-18) stands to the record.

    They are held against ``as_of`` where the caller named an index. Else against the balance of all
    that is recorded; but where no figure is that and one is the verified balance, against this.
    """
    used, which = recorded, RecordBalance.RECORDED
    if as_of is not None:
        used, which = as_of, RecordBalance.AS_OF_INDEX
    elif recorded.balance not in figures.values() and verified.balance in figures.values() and verified.size:
        used, which = verified, RecordBalance.VERIFIED
    gaps = {figure - used.balance for figure in figures.values()} - {0}
    if not gaps:
        sides = tuple(SideBalance(side, figure, 0, None, (), 0) for side, figure in figures.items())
        return BalanceComparison(used, which, recorded, verified, sides, 0)
    searched_from, balances, amounts = record.search(
        used.size,
        frozenset(used.balance + gap for gap in gaps),
        frozenset(gaps | {-gap for gap in gaps}),
    )
    sides = tuple(
        _explained(side, figure, used, searched_from, balances, amounts) for side, figure in figures.items()
    )
    return BalanceComparison(used, which, recorded, verified, sides, searched_from)


def _explained(
    side: Side,
    figure: int,
    used: Standing,
    searched_from: int,
    balances: dict[int, BalanceSeen],
    amounts: dict[int, AmountSeen],
) -> SideBalance:
    gap = figure - used.balance
    if gap == 0:
        return SideBalance(side, figure, 0, None, (), 0)
    kinds = {-gap: CandidateKind.MISSING, gap: CandidateKind.COUNTED_TWICE}
    candidates = [
        Candidate(kind, index, reference_id, amount)
        for amount, kind in kinds.items()
        if amount in amounts
        for index, reference_id in amounts[amount].latest
    ]
    return SideBalance(
        side,
        figure,
        gap,
        _behind(figure, used, searched_from, balances.get(figure)),
        tuple(candidates),
        sum(amounts[amount].times for amount in kinds if amount in amounts),
    )


def _behind(figure: int, used: Standing, searched_from: int, seen: BalanceSeen | None) -> Behind | None:
    # Before its first delta the record's balance is 0.
    at_the_start = figure == 0 and searched_from == 0 and used.size > 0
    if seen is not None:
        earlier = seen.times - 1 + at_the_start
        return Behind(seen.size - 1, seen.size, used.size - seen.size, earlier)
    if at_the_start:
        return Behind(None, 0, used.size, 0)
    return None


def explanation(side: SideBalance) -> str:
    """Say in sentences how a figure that is off may have come about."""
    gap = format_units(abs(side.off_by))
    sentences = [
        f"{_WHOSE[side.side]} balance is {gap} {'above' if side.off_by > 0 else 'below'} the record's."
    ]
    if side.behind is not None:
        sentences.append(_of_behind(side.behind))
    if side.candidate_count == 1:
        sentences.append(_of_candidate(side.candidates[0]))
    elif side.candidate_count:
        sentences.append(f"{side.candidate_count} deltas each have just this amount: one may be the cause.")
    if len(sentences) == 1:
        sentences.append("No single delta and no earlier balance of the record explains it.")
    return " ".join(sentences)


def _of_behind(behind: Behind) -> str:
    many = behind.missing_count
    missing = "the delta" if many == 1 else f"all {many} deltas"
    if behind.as_of_index is None:
        return f"It is the balance before the first delta: {missing} of the record would be missing."
    return (
        f"It is the record's balance at index {behind.as_of_index}: "
        f"{missing} from index {behind.missing_from} on would be missing."
    )


def _of_candidate(candidate: Candidate) -> str:
    named = f" ({candidate.reference_id})" if candidate.reference_id is not None else ""
    done = "missing" if candidate.kind is CandidateKind.MISSING else "counted twice"
    return f"The delta at index {candidate.index}{named} has just this amount: it may be {done}."
