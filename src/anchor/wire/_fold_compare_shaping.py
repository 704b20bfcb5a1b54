"""From the ledger's comparisons to answers, with a sentence for people."""

from msgspec import Raw

from anchor.compare.balances import (
    BalanceComparison,
    SideBalance,
    Standing,
    explanation,
)
from anchor.compare.books import Discrepancy
from anchor.compare.lists import DeltaComparison, ListComparison, Side
from anchor.server.api.values import amount_json
from anchor.wire.answers import StandingAnswer
from anchor.wire.comparing import (
    BalanceDiscrepancy,
    BehindAnswer,
    CandidateAnswer,
    CompareBalancesAnswer,
    ComparedAnswer,
    CompareDeltasAnswer,
    ConfirmedAnswer,
    EntryDiscrepancy,
    ListAnswer,
    MovedAnswer,
    PartedAnswer,
    RecordAnswer,
    TallyAnswer,
)


def compared_balances(comparison: BalanceComparison) -> CompareBalancesAnswer:
    """Return a comparison of balances as it is answered."""
    used = comparison.used
    return CompareBalancesAnswer(
        match=comparison.match,
        discrepancies=[_side_balance(side, used) for side in comparison.sides if not side.agrees],
        agreeing=[side.value for side in comparison.agreeing],
        sides_agree=comparison.sides_agree,
        record=RecordAnswer(
            balance=amount_json(used.balance),
            which=comparison.record_balance.value,
            as_of_index=used.as_of_index,
            recorded=_standing(comparison.recorded),
            verified=_standing(comparison.verified),
        ),
        searched_from=comparison.searched_from,
    )


def compared_deltas(comparison: DeltaComparison) -> CompareDeltasAnswer:
    """Return a comparison of lists as it is answered."""
    count = comparison.size - comparison.from_index
    return CompareDeltasAnswer(
        match=comparison.match,
        discrepancies=[
            _entry(side.side, each, comparison.elsewhere.get(each.reference_id or ""))
            for side in comparison.sides
            for each in side.discrepancies
        ],
        sides=[_list(side) for side in comparison.sides],
        shared_count=comparison.shared_count,
        record=ComparedAnswer(
            from_index=comparison.from_index,
            to_index=comparison.size - 1 if count else None,
            delta_count=count,
            total=amount_json(comparison.record_total),
        ),
    )


def _standing(standing: Standing) -> StandingAnswer:
    return StandingAnswer(amount_json(standing.balance), standing.size)


def _side_balance(side: SideBalance, used: Standing) -> BalanceDiscrepancy:
    behind = side.behind
    return BalanceDiscrepancy(
        side=side.side.value,
        balance=amount_json(side.figure),
        record_balance=amount_json(used.balance),
        off_by=amount_json(side.off_by),
        behind=None
        if behind is None
        else BehindAnswer(
            behind.as_of_index, behind.missing_from, behind.missing_count, behind.earlier_times
        ),
        candidates=[
            CandidateAnswer(each.kind.value, each.index, each.reference_id, amount_json(each.amount))
            for each in side.candidates
        ],
        candidate_count=side.candidate_count,
        explanation=explanation(side),
    )


def _entry(side: Side, entry: Discrepancy, elsewhere: int | None) -> EntryDiscrepancy:
    return EntryDiscrepancy(
        side=side.value,
        kind=entry.kind.value,
        reference_id=entry.reference_id,
        index=entry.index,
        position=entry.position,
        record_amount=_amount(entry.record_amount),
        listed_amount=_amount(entry.listed_amount),
        off_by=amount_json(entry.off_by),
        elsewhere=elsewhere if entry.index is None else None,
    )


def _amount(units: int | None) -> Raw | None:
    return None if units is None else amount_json(units)


def _list(side: ListComparison) -> ListAnswer:
    confirmed, parted = side.confirmed, side.parted
    return ListAnswer(
        side=side.side.value,
        agrees=side.agrees,
        count=side.count,
        total=amount_json(side.total),
        off_by=amount_json(side.off_by),
        tallies={
            kind.value: TallyAnswer(tally.count, amount_json(tally.off_by))
            for kind, tally in side.tallies.items()
        },
        discrepancy_count=side.discrepancy_count,
        confirmed=None
        if confirmed is None
        else ConfirmedAnswer(confirmed.index, amount_json(confirmed.balance)),
        parted=None
        if parted is None
        else PartedAnswer(
            parted.index, amount_json(parted.record_balance), amount_json(parted.listed_balance)
        ),
        moved=[MovedAnswer(moved.index, moved.position) for moved in side.moved],
        moved_count=side.moved_count,
    )
