"""A checkpoint of a time span, bounded by two batches: section 7.

What the operator writes into a delta's time proves nothing by itself. Two blocks bound the span, and every
delta that came between them and stands outside the range is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from anchor.proof.values import DeltaRecord, Edge, LedgerAbsence, LedgerHead, PeriodClaim, Span
from anchor.protocol.amounts import format_units
from anchor.protocol.checkpoint import SEALED_BEHIND
from anchor.protocol.hashing import Bytes32
from anchor.protocol.merkle import LEDGER_TREE, Frontier
from anchor.protocol.times import moment
from anchor.verify.local_checks import LocalChecks
from anchor.verify.on_chain import Claimed, Committed
from anchor.verify.results import NOT_CHECKED

MOST_SHOWN: Final = 100_000
"""Deltas at both edges of a span that are checked; one with more is too large to check."""

OPENING: Final = "opening batch"
CLOSING: Final = "closing batch"


@dataclass(frozen=True, slots=True)
class Bounded:
    """What bounds a span: its two batches (the opening one, where there is one, first), and what to say."""

    batches: tuple[Claimed, ...]
    statements: tuple[str, ...]
    facts: dict[str, Any]


def span_of(
    local: LocalChecks, claim: PeriodClaim, span: Span, closing: DeltaRecord, batch: Claimed
) -> Bounded:
    """Check all of a span that needs no chain.

    ``closing`` is the period's last delta, ``batch`` that of its head.
    """
    checks, head = local.checks, claim.head
    shown = len(span.before.records) + len(span.after.records)
    if shown > MOST_SHOWN:
        checks.fail(
            "span: edges",
            f"at most {MOST_SHOWN} deltas at its edges",
            shown,
            "The span is too large to check: too many deltas lie between its blocks and its range.",
            NOT_CHECKED,
        )
    text = f"from {moment(span.start)} up to, not including, {moment(span.end)}"
    checks.holds("span", span.start < span.end, "a start before the end", text, "The span is not empty.")
    checks.holds(
        "span: closing delta",
        span.start <= closing.recorded_at < span.end,
        text,
        moment(closing.recorded_at),
        f"Delta {closing.index} was recorded in the span.",
    )
    sealed_at = head.batch.batch.sealed_at
    checks.holds(
        "span: closing batch",
        sealed_at >= span.end + SEALED_BEHIND,
        f"from {moment(span.end + SEALED_BEHIND)}",
        moment(sealed_at),
        "The closing batch was sealed a minute or more after the span was over.",
    )
    opened, size = _opening(local, span)
    checks.holds(
        "span: opening size",
        size <= claim.from_index,
        f"at most {claim.from_index}",
        size,
        "The range begins with or after the opening batch's end.",
    )
    first = max(0, size - 1)
    known = [(claim.from_index, claim.opening_root)]
    if isinstance(span.opening, LedgerHead):
        known.insert(0, (size, span.opening.root))
    before = _Shown("before", range(first, claim.from_index), span.before.records)
    after = _Shown("after", range(claim.to_index + 1, head.size), span.after.records)
    before.in_tree(local, span.before, known)
    after.in_tree(local, span.after, [(claim.to_index + 1, claim.closing_root), (head.size, head.root)])
    before.follow(local, None)
    after.follow(local, closing)
    for record in before.records:
        if record.recorded_at >= span.start:
            checks.fail(
                "span: before",
                f"before {moment(span.start)}",
                moment(record.recorded_at),
                f"Delta {record.index} stands before the range, and was not recorded before the span.",
            )
    checks.passed("span: before", len(before.records), "What stands before the range is of before the span.")
    for record in after.records:
        if record.recorded_at < span.end:
            checks.fail(
                "span: after",
                f"from {moment(span.end)}",
                moment(record.recorded_at),
                f"Delta {record.index} stands behind the range, and was recorded before the span was over.",
            )
    checks.passed("span: after", len(after.records), "What stands behind the range is of after the span.")
    if after.records:
        local.recorded(after.records[-1], head, "after")
    if size and isinstance(span.opening, LedgerHead):
        local.recorded(before.records[0], span.opening, OPENING)
    between = before.records[1:] if size else before.records
    between_blocks = "up to the closing block" if opened is None else "between the two blocks"
    closes = replace(batch, label=CLOSING, direct=True, no_earlier=span.end)
    return Bounded(
        (closes,) if opened is None else (opened, closes),
        (
            f"Of all that batch {batch.number} holds of this ledger, nothing recorded {text}, is missing "
            "from this range.",
            *(() if opened is not None else ("It is shown from the ledger's first delta on.",)),
            f"Dated outside the span by the operator, on the chain {between_blocks}: "
            f"{_sum(between)} before it, {_sum(after.records)} behind it.",
        ),
        {
            "start": span.start,
            "end": span.end,
            "openingBatch": None if opened is None else opened.number,
            "closingBatch": batch.number,
            "before": _edge_facts(between),
            "after": _edge_facts(after.records),
        },
    )


def blocks_words(span: Span, committed: Sequence[Committed]) -> tuple[str, ...]:
    """Say what the two blocks leave open. ``committed`` are the batches, as ``span_of`` returned them."""
    *opening, closing = committed
    lines = [
        f"What was on the chain before {_block(one)} cannot truthfully have been recorded in the span."
        for one in opening
    ]
    return (
        *lines,
        f"What came after {_block(closing)} was back-dated where it says {moment(span.start)} to "
        f"{moment(span.end)}, or anchored late.",
        "Whether the chain held more between the two blocks was not searched.",
    )


def _block(one: Committed) -> str:
    where = "the block of its pin" if one.block is None else f"block {one.block}"
    return f"{where} ({moment(one.time * 1000)})"


def _opening(local: LocalChecks, span: Span) -> tuple[Claimed | None, int]:
    """Check the ledger in the opening batch, and return the batch with its size; None and 0 without one."""
    if span.opening is None:
        local.checks.passed("span: opening batch", "none", "The span is shown from the ledger's first delta.")
        return None, 0
    if isinstance(span.opening, LedgerAbsence):
        opened, size = local.absence(span.opening, OPENING), 0
    else:
        opened, size = local.head(span.opening, OPENING), span.opening.size
    sealed_at = span.opening.batch.batch.sealed_at
    local.checks.holds(
        "span: opening batch",
        sealed_at <= span.start,
        f"up to {moment(span.start)}",
        moment(sealed_at),
        "The opening batch was sealed no later than the span began.",
    )
    return replace(opened, no_later=span.start), size


@dataclass(frozen=True, slots=True)
class _Shown:
    """Adjacent deltas at an edge of a span."""

    name: str
    indices: range
    records: tuple[DeltaRecord, ...]

    def in_tree(self, local: LocalChecks, edge: Edge, known: Sequence[tuple[int, Bytes32]]) -> None:
        """Check that they lead through the ledger's roots at these sizes, in order."""
        checks, name, start = local.checks, f"span: deltas {self.name}", self.indices.start
        checks.same(
            name,
            len(self.indices),
            len(self.records),
            f"There are {len(self.indices)} {self.name} the range.",
        )
        checks.same(
            f"span: peaks {self.name}",
            start.bit_count(),
            len(edge.peaks),
            "There is one for each bit of the first index.",
        )
        frontier = Frontier(start, edge.peaks)
        leaves: list[Bytes32] = []
        for at, record in zip(self.indices, self.records, strict=True):
            if record.index != at:
                checks.fail(name, at, record.index, f"The deltas {self.name} the range follow without a gap.")
            leaves.append(LEDGER_TREE.leaf(record.fingerprint(local.separator, local.ledger_id)))
        done = start
        for size, root in known:
            frontier = frontier.extend(LEDGER_TREE, leaves[done - start : size - start])
            done = size
            checks.same(
                f"span: tree {self.name}",
                root,
                frontier.root(LEDGER_TREE),
                f"They are those of the ledger of {size} deltas.",
                f"A delta {self.name} the range was altered, or one is missing: they do not lead to the "
                f"ledger of {size} deltas.",
            )

    def follow(self, local: LocalChecks, previous: DeltaRecord | None) -> None:
        """Check that balances follow and times never decrease, from ``previous`` on."""
        for record in self.records:
            if previous is not None or record.index == 0:
                expected = record.amount + (0 if previous is None else previous.balance)
                if expected != record.balance:
                    local.checks.fail(
                        f"span: balances {self.name}",
                        format_units(expected),
                        format_units(record.balance),
                        f"Delta {record.index}: its balance is not the one before it plus its amount.",
                    )
            if previous is not None and record.recorded_at < previous.recorded_at:
                local.checks.fail(
                    f"span: times {self.name}",
                    f"from {moment(previous.recorded_at)}",
                    moment(record.recorded_at),
                    f"Delta {record.index} was recorded before the one before it.",
                )
            previous = record
        local.checks.passed(
            f"span: balances {self.name}", len(self.records), "Balances and times follow one another."
        )


def _sum(records: Sequence[DeltaRecord]) -> str:
    count = len(records)
    if not count:
        return "none"
    return f"{count} delta{'' if count == 1 else 's'} of {format_units(sum(one.amount for one in records))}"


def _edge_facts(records: Sequence[DeltaRecord]) -> dict[str, Any]:
    return {"count": len(records), "sum": format_units(sum(one.amount for one in records))}
