"""The responses of a comparison. The record is the yardstick: ``offBy`` is how far a side is off it.

``compared`` tells the two apart: what was compared, balances or deltas.
"""

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from anchor.compare.balances import (
    BalanceComparison,
    SideBalance,
    Standing,
    explanation,
)
from anchor.compare.books import Discrepancy
from anchor.compare.lists import DeltaComparison, ListComparison, Side
from anchor.wire.amounts import Number, amount_json
from anchor.wire.responses import Count, DeltaSum, Index

SideName = Annotated[str, Meta(extra_json_schema={"enum": ["yours", "counterparty"]})]
Kind = Annotated[str, Meta(extra_json_schema={"enum": ["missing", "extra", "altered", "duplicated"]})]


class BehindBy(Struct, rename="camel"):
    """The figure is the record's balance at an earlier index: the deltas after it would be missing."""

    as_of_index: Index | None
    """Null: the balance before the first delta."""
    missing_from: Index
    missing_count: Count
    earlier_times: Count
    """How often the record had this balance before as well."""


class CandidateDelta(Struct, rename="camel"):
    """One delta whose amount is the whole gap. There may be others: it is a candidate."""

    kind: Annotated[str, Meta(extra_json_schema={"enum": ["missing", "counted_twice"]})]
    index: Index
    reference_id: str | None
    amount: Number


class BalanceDiscrepancy(Struct, rename="camel"):
    """One side's balance that is not the record's, and what would explain it."""

    side: SideName
    balance: Number
    record_balance: Number
    off_by: Number
    behind: BehindBy | None
    candidates: list[CandidateDelta]
    candidate_count: Count
    explanation: str


class EntryDiscrepancy(Struct, rename="camel"):
    """One entry of a side's books that is not as in the record."""

    side: SideName
    kind: Kind
    reference_id: str | None
    index: Index | None
    """Its place in the record; null where it is not there."""
    position: Count | None
    """Its place in the list, from 0; null where it is not there."""
    record_amount: Number | None
    listed_amount: Number | None
    off_by: Number
    elsewhere: Index | None
    """Of an extra entry, where only a part was compared: the index that it has outside this part."""


class ComparedBalance(Struct, rename="camel"):
    """The balance of the record that was compared with."""

    balance: Number
    which: Annotated[str, Meta(extra_json_schema={"enum": ["recorded", "verified", "as_of_index"]})]
    as_of_index: Index | None
    recorded: DeltaSum
    verified: DeltaSum


class CompareBalancesResponse(Struct, rename="camel", tag_field="compared", tag="balances"):
    """Whether the balances are the record's, and where not, what would explain it."""

    match: bool
    discrepancies: list[BalanceDiscrepancy]
    agreeing: list[SideName]
    """The sides that agree with the record."""
    sides_agree: bool | None
    """Whether the two sides agree with one another, whatever the record says; null where one was sent."""
    record: ComparedBalance
    searched_from: Index
    """Explanations were searched from this index of the record on."""


class ConfirmedUpTo(Struct, rename="camel"):
    """Up to and including this index, the list and the record are the same."""

    index: Index
    balance: Number


class PartedAfter(Struct, rename="camel"):
    """The first index after which the running balances differ."""

    index: Index
    record_balance: Number
    listed_balance: Number


class DiscrepancyTally(Struct, rename="camel"):
    """How many discrepancies of one kind, and by how much they put the total off."""

    count: Count
    off_by: Number


class MovedEntry(Struct, rename="camel"):
    """An entry that stands elsewhere in the list than in the record."""

    index: Index
    position: Count


class ComparedList(Struct, rename="camel"):
    """One side's list against the record."""

    side: SideName
    agrees: bool
    count: Count
    total: Number
    off_by: Number
    tallies: dict[str, DiscrepancyTally]
    discrepancy_count: Count
    confirmed: ConfirmedUpTo | None
    parted: PartedAfter | None
    moved: list[MovedEntry]
    moved_count: Count


class ComparedRange(Struct, rename="camel"):
    """Which part of the record was compared. ``toIndex`` is null where it is empty."""

    from_index: Index
    to_index: Index | None
    delta_count: Count
    total: Number


class CompareDeltasResponse(Struct, rename="camel", tag_field="compared", tag="deltas"):
    """Whether the lists are the record's, and every entry that is not."""

    match: bool
    discrepancies: list[EntryDiscrepancy]
    sides: list[ComparedList]
    shared_count: Count
    """Discrepancies that both sides have alike: there they agree with one another, not with the record."""
    record: ComparedRange


CompareResponse: TypeAlias = CompareBalancesResponse | CompareDeltasResponse


def compared_balances(comparison: BalanceComparison) -> CompareBalancesResponse:
    """Return a comparison of balances as it is answered."""
    used = comparison.used
    return CompareBalancesResponse(
        match=comparison.match,
        discrepancies=[_side_balance(side, used) for side in comparison.sides if not side.agrees],
        agreeing=[side.value for side in comparison.agreeing],
        sides_agree=comparison.sides_agree,
        record=ComparedBalance(
            balance=amount_json(used.balance),
            which=comparison.record_balance.value,
            as_of_index=used.as_of_index,
            recorded=_standing(comparison.recorded),
            verified=_standing(comparison.verified),
        ),
        searched_from=comparison.searched_from,
    )


def compared_deltas(comparison: DeltaComparison) -> CompareDeltasResponse:
    """Return a comparison of lists as it is answered."""
    count = comparison.size - comparison.from_index
    return CompareDeltasResponse(
        match=comparison.match,
        discrepancies=[
            _entry(side.side, each, comparison.elsewhere.get(each.reference_id or ""))
            for side in comparison.sides
            for each in side.discrepancies
        ],
        sides=[_list(side) for side in comparison.sides],
        shared_count=comparison.shared_count,
        record=ComparedRange(
            from_index=comparison.from_index,
            to_index=comparison.size - 1 if count else None,
            delta_count=count,
            total=amount_json(comparison.record_total),
        ),
    )


def _standing(standing: Standing) -> DeltaSum:
    return DeltaSum(amount_json(standing.balance), standing.size)


def _side_balance(side: SideBalance, used: Standing) -> BalanceDiscrepancy:
    behind = side.behind
    return BalanceDiscrepancy(
        side=side.side.value,
        balance=amount_json(side.figure),
        record_balance=amount_json(used.balance),
        off_by=amount_json(side.off_by),
        behind=None
        if behind is None
        else BehindBy(behind.as_of_index, behind.missing_from, behind.missing_count, behind.earlier_times),
        candidates=[
            CandidateDelta(each.kind.value, each.index, each.reference_id, amount_json(each.amount))
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


def _amount(units: int | None) -> Number | None:
    return None if units is None else amount_json(units)


def _list(side: ListComparison) -> ComparedList:
    confirmed, parted = side.confirmed, side.parted
    return ComparedList(
        side=side.side.value,
        agrees=side.agrees,
        count=side.count,
        total=amount_json(side.total),
        off_by=amount_json(side.off_by),
        tallies={
            kind.value: DiscrepancyTally(tally.count, amount_json(tally.off_by))
            for kind, tally in side.tallies.items()
        },
        discrepancy_count=side.discrepancy_count,
        confirmed=None
        if confirmed is None
        else ConfirmedUpTo(confirmed.index, amount_json(confirmed.balance)),
        parted=None
        if parted is None
        else PartedAfter(
            parted.index, amount_json(parted.record_balance), amount_json(parted.listed_balance)
        ),
        moved=[MovedEntry(moved.index, moved.position) for moved in side.moved],
        moved_count=side.moved_count,
    )
