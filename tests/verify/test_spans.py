"""A time span is whole by two blocks and by its edges, never by the operator's own times (section 7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from anchor.proof.values import Edge, LedgerHead, PeriodClaim, ProofFile, Span
from anchor.proof.writing import write_proof_file
from anchor.verify.results import Verification
from anchor.verify.verification import verify_proof
from tests.verify.building import BuiltLog
from tests.web.page_answers import Question, agree, page_answers

DAY = 86_400_000


def judged(log: BuiltLog, proofs: Iterable[ProofFile]) -> list[Verification]:
    """What Python says of each, and the page with it word for word."""
    files = [(proof, write_proof_file(proof)) for proof in proofs]
    results = [verify_proof(proof, log.chain, finality="latest") for proof, _ in files]
    pages = page_answers(log.chain, [Question(raw) for _, raw in files])
    for (_, raw), result, page in zip(files, results, pages, strict=True):
        agree(raw, result, page)
    return results


def failures(log: BuiltLog, proofs: Iterable[ProofFile]) -> list[str]:
    """The step at which each of them, all invalid, fails."""
    results = judged(log, proofs)
    assert [result.verdict for result in results] == ["invalid"] * len(results)
    return [result.failed.name for result in results if result.failed is not None]


class Recorded:
    """One delta in a first batch, and then others that say they were recorded on these days."""

    def __init__(self, *days: int, first: int = 0, until: int = 14) -> None:
        self.log = BuiltLog(61)
        self.start = self.log.now
        self.at(first)
        self.log.record("UA", 5, recorded_at=self.day(first))
        self.batch()
        for day in days:
            self.log.record("UA", -1_000_000 if day == 10 else 7, recorded_at=self.day(day))
        self.at(until)
        self.batch()

    def at(self, day: int) -> None:
        self.log.now = self.day(day) + 1_000

    def day(self, day: int) -> int:
        return self.start + day * DAY

    def batch(self) -> int:
        number = self.log.seal().batch.number
        self.log.anchor()
        return number

    def span(self, days: tuple[int, int], indices: tuple[int, int], **options: Any) -> ProofFile:
        times = self.day(days[0]), self.day(days[1])
        return self.log.period("UA", *indices, 2, span=times, **options)


def altered(proof: ProofFile, **members: Any) -> ProofFile:
    """The period with other members in its span."""
    claim: Any = proof.claim
    return replace(proof, claim=replace(claim, span=replace(claim.span, **members)))


def span_in(proof: ProofFile) -> Span:
    assert isinstance(proof.claim, PeriodClaim)
    assert proof.claim.span is not None
    return proof.claim.span


def test_a_time_span_that_leaves_a_delta_out() -> None:
    played = Recorded(10, 1, 11, 12)
    # Days 9 to 13 as indexes 3 and 4: the delta of day 10, at index 1, is left out before them.
    lies = [
        played.span((9, 13), (3, 4), opening=opening, listed=listed)
        for opening in (1, None)
        for listed in (True, False)
    ]
    assert failures(played.log, lies) == ["span: times before"] * 4
    whole = lies[0]
    span = span_in(whole)
    fewer = (span.before.records[0], *span.before.records[2:])
    moved = tuple(replace(record, index=at) for at, record in enumerate(fewer))
    dated = replace(span.before.records[1], recorded_at=played.day(1))
    hidden = (span.before.records[0], dated, *span.before.records[2:])
    head = played.log.head("UA", 2)
    opened: Any = span.opening
    assert failures(
        played.log,
        [
            altered(whole, before=replace(span.before, records=fewer)),
            altered(whole, before=replace(span.before, records=moved)),
            altered(whole, before=replace(span.before, records=hidden)),
            # An opening batch that held more than it did, and one that came too late.
            altered(whole, opening=replace(opened, size=3)),
            altered(whole, opening=replace(opened, size=3, root=head.root), before=Edge((), ())),
            altered(whole, opening=head),
            altered(whole, opening=None, before=Edge((), ())),
        ],
    ) == [
        "span: deltas before",
        "span: deltas before",
        "span: tree before",
        "map presence (opening batch)",
        "map presence (opening batch)",
        "span: opening batch",
        "span: deltas before",
    ]


def test_a_time_span_that_leaves_a_delta_out_behind_its_end() -> None:
    played = Recorded(9, 12, 13, 10)
    whole = played.span((9, 13), (1, 2), opening=1)
    span = span_in(whole)
    assert failures(
        played.log,
        [
            whole,
            altered(whole, after=Edge(span.after.peaks, ())),
            altered(whole, after=Edge(span.after.peaks, span.after.records[:1])),
            played.span((9, 13), (1, 3), opening=1),
            played.span((9, 13), (1, 3), opening=1, listed=True),
        ],
    ) == [
        "span: times after",
        "span: deltas after",
        "span: deltas after",
        "span: closing delta",
        "span: listed deltas",
    ]
    # Times that run on are no better: it is of the span.
    assert failures(Recorded(9, 10, 12).log, [Recorded(9, 10, 12).span((9, 13), (1, 2), opening=1)]) == [
        "span: after"
    ]


def test_an_honest_span_says_what_is_shown_and_no_more() -> None:
    played = Recorded(1, 9, 10, 12, 13)
    ends, listed = judged(
        played.log,
        [
            played.span((9, 13), (2, 4), opening=1),
            played.span((9, 13), (2, 4), opening=1, listed=True),
        ],
    )
    said = "\n".join(ends.statements)
    assert ends.valid
    assert "Of all that batch 2 holds of this ledger, nothing recorded" in said
    assert "1 delta of 0.000000000000000007 before it, 1 delta of 0.000000000000000007 behind it" in said
    assert "was back-dated where it says" in said
    assert "cannot truthfully have been recorded in the span" in said
    assert "not searched" in said
    assert "nothing else is among them" not in said
    assert listed.valid
    assert any("nothing else is among them" in line for line in listed.statements)
    assert ends.facts["span"]["before"] == {"count": 1, "sum": "0.000000000000000007"}
    (without,) = judged(played.log, [played.log.period("UA", 2, 4, 2, listed=True)])
    assert not any("span" in line or "missing from" in line for line in without.statements)


def test_blocks_bound_a_span_and_not_the_times_that_the_operator_wrote() -> None:
    played = Recorded(9, 10, 13)
    whole = played.span((9, 13), (1, 2), opening=1)
    start, end = played.day(9), played.day(13)
    claim: Any = whole.claim
    span = span_in(whole)
    opened: Any = span.opening
    block = played.log.block_time(1)
    assert [result.verdict for result in judged(played.log, [whole])] == ["valid"]
    assert failures(
        played.log,
        [
            # The opening batch was sealed, or in a block, after the span began.
            played.log.spanned("UA", (opened.batch.batch.sealed_at - 1, end), 2, opening=1),
            played.log.spanned("UA", (block - 1, end), 2, opening=1),
            # The closing batch was sealed within the minute after it was over.
            altered(whole, end=played.log.batches[1].batch.sealed_at - 59_999),
        ],
    ) == ["span: opening batch", "span: opening block", "span: closing batch"]
    # The closing batch is shown through a later one, which may hide what came between.
    played.log.record("UA", 1, recorded_at=played.day(10))
    played.at(15)
    played.batch()
    anchor = replace(played.log.anchored_batch(3).anchors[0], through=played.log.through(2, 3))
    through = replace(claim.head.batch, anchors=(anchor,))
    behind = replace(whole, claim=replace(claim, head=replace(claim.head, batch=through)))
    assert failures(played.log, [behind]) == ["own root (closing batch)"]
    # What came after the closing block was back-dated: the span stays what it was, and says so.
    (result,) = judged(played.log, [whole])
    assert result.valid
    assert any("What came after block" in line for line in result.statements)
    assert failures(played.log, [played.log.period("UA", 1, 2, 3, span=(start, end), opening=1)]) == [
        "span: times after"
    ]


def test_a_closing_block_before_the_end_closes_nothing() -> None:
    played = Recorded(9, 10, until=11)
    log = played.log
    # Sealed, as it says, a minute after the span was over, in a block of ten minutes before.
    end = log.block_time(2) + 600_000
    log.now = end + 60_000
    number = log.seal().batch.number
    log.now = end - 590_000
    log.anchor()
    assert log.block_time(number) < end
    proof = log.period("UA", 1, 2, number, span=(played.day(9), end), opening=1)
    assert failures(log, [proof]) == ["span: closing block"]


def test_a_span_with_too_much_at_its_edges_is_too_large_and_not_invalid() -> None:
    played = Recorded(9, 10, 13)
    whole = played.span((9, 13), (1, 2), opening=1)
    span = span_in(whole)
    many = Edge(span.after.peaks, span.after.records * 100_001)
    result = verify_proof(altered(whole, after=many), played.log.chain)
    assert result.verdict == "not_checked_against_a_chain"
    assert "too large to check" in result.statements[-1]


def test_a_ledger_that_the_opening_batch_did_not_hold_is_shown_from_its_first_delta() -> None:
    played = Recorded(9, 10, 13)
    log = played.log
    log.record("AA", 3, recorded_at=played.day(15))
    played.at(20)
    number = played.batch()
    proof = log.spanned("AA", (played.day(15), played.day(19)), number, opening=2, listed=True)
    (result,) = judged(log, [proof])
    assert result.valid
    opening = span_in(proof).opening
    assert not isinstance(opening, LedgerHead)
    assert opening is not None
