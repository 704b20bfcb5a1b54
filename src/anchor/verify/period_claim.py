"""A checkpoint and its two balances, the time span that it may stand for, and all deltas in it."""

from anchor.protocol.amounts import format_units
from anchor.protocol.checkpoint import Checkpoint, checkpoint_hash
from anchor.protocol.errors import hex_of
from anchor.protocol.merkle import LEDGER_TREE, Frontier
from anchor.verify.claims import head_facts
from anchor.verify.local_checks import LocalChecks, Proven, shown
from anchor.verify.proof_file import DeltaRecord, PeriodClaim, PeriodDeltas, Span
from anchor.verify.wording import moment


def period(local: LocalChecks, claim: PeriodClaim) -> Proven:
    """This range of a ledger has these two balances; with all its deltas, these are all."""
    start, end, head = claim.from_index, claim.to_index, claim.head
    local.checks.holds(
        "range",
        start <= end < head.size,
        f"fromIndex up to toIndex, below the head's size {head.size}",
        f"{start} to {end}",
        "The range lies within the head.",
    )
    opening_balance = _opening(local, claim)
    local.index("closing delta", end, claim.closing)
    closing_fingerprint = local.included(claim.closing, head, "closing")
    closing = shown(claim.closing)
    local.consistent(
        "closing root",
        (end + 1, claim.closing_root),
        (head.size, head.root),
        claim.closing_path,
        f"The head begins with the ledger of {end + 1} deltas, which closes the period.",
    )
    local.consistent(
        "opening root",
        (start, claim.opening_root),
        (end + 1, claim.closing_root),
        claim.opening_path,
        f"That begins with the ledger of {start} deltas, which opens it.",
    )
    batch = local.head(head)
    statements: list[str] = []
    if claim.deltas is not None:
        _all_deltas(local, claim, claim.deltas, opening_balance, closing_fingerprint)
    if claim.span is not None:
        statements.append(_span(local, claim, claim.span))
    proof_hash = checkpoint_hash(
        local.separator,
        Checkpoint(
            local.ledger_id,
            start,
            end,
            opening_balance,
            closing.balance,
            claim.opening_root,
            claim.closing_root,
        ),
    )
    local.checks.passed("proof hash", proof_hash, "The hash of this checkpoint.")
    net = closing.balance - opening_balance
    count = end - start + 1
    statements = [
        f"Deltas {start} to {end} ({count}): opening balance {format_units(opening_balance)}, "
        f"closing balance {format_units(closing.balance)}, net change {format_units(net)}.",
        *statements,
        f"All {count} deltas are listed, in order, and none is missing."
        if claim.deltas is not None
        else "Only its two ends are shown: what lies between was not looked at.",
    ]
    facts = {
        "fromIndex": start,
        "toIndex": end,
        "openingBalance": format_units(opening_balance),
        "closingBalance": format_units(closing.balance),
        "netChange": format_units(net),
        "proofHash": hex_of(proof_hash),
        "allDeltas": claim.deltas is not None,
    }
    return Proven((batch,), tuple(statements), facts | head_facts(head))


def _opening(local: LocalChecks, claim: PeriodClaim) -> int:
    """Return the balance before the period."""
    opening = claim.opening
    if claim.from_index == 0 or opening is None:
        local.checks.same(
            "opening delta",
            "none" if claim.from_index == 0 else f"delta {claim.from_index - 1}",
            "none" if opening is None else f"delta {opening.record.index}",
            "The period begins with the ledger: the balance before it is 0.",
            "The delta before the period opens its balance; before index 0 there is none.",
        )
        return 0
    local.index("opening delta", claim.from_index - 1, opening)
    local.included(opening, claim.head, "opening")
    return shown(opening).balance


def _all_deltas(
    local: LocalChecks, claim: PeriodClaim, deltas: PeriodDeltas, opening_balance: int, closing: bytes
) -> None:
    checks, start, count = local.checks, claim.from_index, claim.to_index - claim.from_index + 1
    checks.same("delta count", count, len(deltas.records), f"The period has {count} deltas.")
    peaks = start.bit_count()
    checks.same("opening peaks", peaks, len(deltas.opening_peaks), "There is one for each bit of fromIndex.")
    frontier = Frontier(start, deltas.opening_peaks)
    checks.same(
        "opening peaks' root",
        claim.opening_root,
        frontier.root(LEDGER_TREE),
        "The peaks are those of the ledger that opens the period.",
    )
    for at, record in enumerate(deltas.records):
        if record.index != start + at:
            checks.fail(
                "delta order", start + at, record.index, "The deltas follow each other without a gap."
            )
    checks.passed(
        "delta order", f"{start} to {claim.to_index}", "The deltas follow each other without a gap."
    )
    fingerprints = [record.fingerprint(local.separator, local.ledger_id) for record in deltas.records]
    root = frontier.extend(LEDGER_TREE, map(LEDGER_TREE.leaf, fingerprints)).root(LEDGER_TREE)
    checks.same(
        "all deltas",
        claim.closing_root,
        root,
        "The listed deltas, and no others, lead from the opening root to the closing root.",
        "A listed delta was altered, or one is missing: the list does not lead to the closing root.",
    )
    checks.same("last delta", closing, fingerprints[-1], "The last one listed is the closing delta.")
    _balances_add_up(local, deltas, opening_balance)


def _balances_add_up(local: LocalChecks, deltas: PeriodDeltas, opening_balance: int) -> None:
    """Check each balance against the one before it, and the order of times, where both are shown."""
    balance: int | None = opening_balance
    recorded_at = 0
    compared = 0
    for record in deltas.records:
        if not isinstance(record, DeltaRecord):
            balance = None
            continue
        if balance is not None:
            compared += 1
            if balance + record.amount != record.balance:
                local.checks.fail(
                    "balances",
                    format_units(balance + record.amount),
                    format_units(record.balance),
                    f"Delta {record.index}: its balance is not the one before it plus its amount.",
                )
        if record.recorded_at < recorded_at:
            local.checks.fail(
                "times",
                f"from {moment(recorded_at)}",
                moment(record.recorded_at),
                f"Delta {record.index} was recorded before one that stands before it.",
            )
        balance, recorded_at = record.balance, record.recorded_at
    local.checks.passed(
        "balances",
        f"{compared} of {len(deltas.records)}",
        "Each balance is the one before it plus the amount.",
    )


def _span(local: LocalChecks, claim: PeriodClaim, span: Span) -> str:
    """Check that the range is all of the time span, and nothing else."""
    checks, head = local.checks, claim.head
    text = f"from {moment(span.start)} up to, not including, {moment(span.end)}"
    checks.holds("span", span.start < span.end, "a start before the end", text, "The span is not empty.")
    if claim.opening is not None:
        _before(local, "span: delta before", shown(claim.opening), span.start)
    local.index("span: first delta", claim.from_index, span.first)
    local.included(span.first, head, "first")
    _from(local, "span: first delta's time", shown(span.first), span.start)
    _before(local, "span: last delta's time", shown(claim.closing), span.end)
    if span.next is not None:
        local.index("span: delta after", claim.to_index + 1, span.next)
        local.included(span.next, head, "next")
        _from(local, "span: delta after's time", shown(span.next), span.end)
    else:
        checks.same(
            "span: delta after",
            claim.to_index + 1,
            head.size,
            "The head holds no delta after the period's last.",
        )
        sealed_at = head.batch.batch.sealed_at
        checks.holds(
            "span: sealed after",
            sealed_at >= span.end,
            f"from {moment(span.end)}",
            moment(sealed_at),
            "The batch was sealed after the span was over.",
        )
    return f"These are all deltas recorded {text}."


def _before(local: LocalChecks, name: str, record: DeltaRecord, time: int) -> None:
    local.checks.holds(
        name,
        record.recorded_at < time,
        f"before {moment(time)}",
        moment(record.recorded_at),
        f"Delta {record.index} was recorded before {moment(time)}.",
    )


def _from(local: LocalChecks, name: str, record: DeltaRecord, time: int) -> None:
    local.checks.holds(
        name,
        record.recorded_at >= time,
        f"from {moment(time)}",
        moment(record.recorded_at),
        f"Delta {record.index} was recorded at or after {moment(time)}.",
    )
