"""What a comparison answers. The record is the yardstick: ``offBy`` is how far a side is off it."""

from typing import Annotated

from msgspec import Meta, Struct

from anchor.wire.answers import Number, StandingAnswer

SideName = Annotated[str, Meta(extra_json_schema={"enum": ["yours", "counterparty"]})]
Kind = Annotated[str, Meta(extra_json_schema={"enum": ["missing", "extra", "altered", "duplicated"]})]


class BehindAnswer(Struct, rename="camel"):
    """The figure is the record's balance at an earlier index: the deltas after it would be missing."""

    as_of_index: int | None
    """Null: the balance before the first delta."""
    missing_from: int
    missing_count: int
    earlier_times: int
    """How often the record had this balance before as well."""


class CandidateAnswer(Struct, rename="camel"):
    """One delta whose amount is the whole gap. There may be others: it is a candidate."""

    kind: Annotated[str, Meta(extra_json_schema={"enum": ["missing", "counted_twice"]})]
    index: int
    reference_id: str | None
    amount: Number


class BalanceDiscrepancy(Struct, rename="camel"):
    """One side's balance that is not the record's, and what would explain it."""

    side: SideName
    balance: Number
    record_balance: Number
    off_by: Number
    behind: BehindAnswer | None
    candidates: list[CandidateAnswer]
    candidate_count: int
    explanation: str


class EntryDiscrepancy(Struct, rename="camel"):
    """One entry of a side's books that is not as in the record."""

    side: SideName
    kind: Kind
    reference_id: str | None
    index: int | None
    """Its place in the record; null where it is not there."""
    position: int | None
    """Its place in the list, from 0; null where it is not there."""
    record_amount: Number | None
    listed_amount: Number | None
    off_by: Number
    elsewhere: int | None
    """Of an extra entry, where only a part was compared: the index that it has outside this part."""


class RecordAnswer(Struct, rename="camel"):
    """The balance of the record that was compared with."""

    balance: Number
    which: Annotated[str, Meta(extra_json_schema={"enum": ["recorded", "verified", "as_of_index"]})]
    as_of_index: int | None
    recorded: StandingAnswer
    verified: StandingAnswer


class CompareBalancesAnswer(Struct, rename="camel"):
    """Whether the balances are the record's, and where not, what would explain it."""

    match: bool
    discrepancies: list[BalanceDiscrepancy]
    agreeing: list[SideName]
    """The sides that agree with the record."""
    sides_agree: bool | None
    """Whether the two sides agree with one another, whatever the record says; null where one was sent."""
    record: RecordAnswer
    searched_from: int
    """Explanations were searched from this index of the record on."""


class ConfirmedAnswer(Struct, rename="camel"):
    """Up to and including this index, the list and the record are the same."""

    index: int
    balance: Number


class PartedAnswer(Struct, rename="camel"):
    """The first index after which the running balances differ."""

    index: int
    record_balance: Number
    listed_balance: Number


class TallyAnswer(Struct, rename="camel"):
    """How many discrepancies of one kind, and by how much they put the total off."""

    count: int
    off_by: Number


class MovedAnswer(Struct, rename="camel"):
    """An entry that stands elsewhere in the list than in the record."""

    index: int
    position: int


class ListAnswer(Struct, rename="camel"):
    """One side's list against the record."""

    side: SideName
    agrees: bool
    count: int
    total: Number
    off_by: Number
    tallies: dict[str, TallyAnswer]
    discrepancy_count: int
    confirmed: ConfirmedAnswer | None
    parted: PartedAnswer | None
    moved: list[MovedAnswer]
    moved_count: int


class ComparedAnswer(Struct, rename="camel"):
    """Which part of the record was compared. ``toIndex`` is null where it is empty."""

    from_index: int
    to_index: int | None
    delta_count: int
    total: Number


class CompareDeltasAnswer(Struct, rename="camel"):
    """Whether the lists are the record's, and every entry that is not."""

    match: bool
    discrepancies: list[EntryDiscrepancy]
    sides: list[ListAnswer]
    shared_count: int
    """Discrepancies that both sides have alike: there they agree with one another, not with the record."""
    record: ComparedAnswer


CompareAnswer = CompareBalancesAnswer | CompareDeltasAnswer
