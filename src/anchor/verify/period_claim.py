"""A checkpoint and its two balances, the time span that it may stand for, and all deltas in it."""

from typing import Final

from anchor.proof.values import DeltaRecord, HashPath, PeriodClaim, PeriodDeltas, Record, Span
from anchor.protocol.amounts import format_units
from anchor.protocol.checkpoint import Checkpoint, checkpoint_hash
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import ZERO, Bytes32
from anchor.protocol.merkle import LEDGER_TREE, Frontier
from anchor.protocol.times import moment
from anchor.verify.claims import head_facts
from anchor.verify.local_checks import LocalChecks, Proven, shown
from anchor.verify.results import Checks
from anchor.verify.span_claim import span_of

_IN_ORDER: Final = "The deltas follow each other without a gap."
_LEAVES_AT_ONCE: Final = 1024


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
    opening = _opening(local, claim)
    opening_balance = 0 if opening is None else opening.balance
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
    if opening is not None:
        local.recorded(opening, head, "opening")
    local.recorded(closing, head, "closing")
    if start == end:
        local.follows(opening, closing, "closing")
    walk = None if claim.deltas is None else _all_deltas(local, claim, claim.deltas, closing_fingerprint)
    bounded = None if claim.span is None else span_of(local, claim, claim.span, closing, batch)
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
    statements = (
        f"Deltas {start} to {end} ({count}): opening balance {format_units(opening_balance)}, "
        f"closing balance {format_units(closing.balance)}, net change {format_units(net)}.",
        *(() if bounded is None else bounded.statements),
        *(
            ("Only its two ends are shown: what lies between was not looked at.",)
            if walk is None
            else walk.told("listed")
        ),
    )
    facts = {
        "fromIndex": start,
        "toIndex": end,
        "openingBalance": format_units(opening_balance),
        "closingBalance": format_units(closing.balance),
        "netChange": format_units(net),
        "proofHash": hex_of(proof_hash),
        "allDeltas": walk is not None,
        "balancesChecked": 0 if walk is None else walk.compared,
    }
    if bounded is None:
        return Proven((batch,), statements, facts | head_facts(head))
    return Proven(bounded.batches, statements, facts | {"span": bounded.facts} | head_facts(head))


def _opening(local: LocalChecks, claim: PeriodClaim) -> DeltaRecord | None:
    """Return the delta before the period; None where the period begins with the ledger."""
    opening = claim.opening
    if claim.from_index == 0 or opening is None:
        local.checks.same(
            "opening delta",
            "none" if claim.from_index == 0 else f"delta {claim.from_index - 1}",
            "none" if opening is None else f"delta {opening.record.index}",
            "The period begins with the ledger: the balance before it is 0.",
            "The delta before the period opens its balance; before index 0 there is none.",
        )
        return None
    local.index("opening delta", claim.from_index - 1, opening)
    local.included(opening, claim.head, "opening")
    return shown(opening)


class DeltaWalk:
    """A period's deltas, taken one by one in bounded memory, and then held against its two ends."""

    def __init__(
        self,
        separator: Bytes32,
        ledger_id: Bytes32,
        start: int,
        peaks: HashPath,
        opening: DeltaRecord | None,
        closing: DeltaRecord,
        span: Span | None = None,
    ) -> None:
        """``peaks`` has as many entries as ``start`` has bits set; ``opening`` is the delta before.

        ``closing`` is the last one, which is shown by itself, whatever the list shows of it.
        """
        self._separator = separator
        self._ledger_id = ledger_id
        self._start = start
        self._frontier = Frontier(start, peaks)
        self._leaves: list[Bytes32] = []
        self._balance: int | None = 0 if opening is None else opening.balance
        self._recorded_at = 0 if opening is None else opening.recorded_at
        self._closing = closing
        self._span = span
        self.compared = 0
        """How many balances were held against the one before: of all, where no amount is withheld."""
        self._faults: dict[str, tuple[str, str, str]] = {}
        self.opening_root: Bytes32 = self._frontier.root(LEDGER_TREE)
        self.count = 0
        self.last: Bytes32 = ZERO

    def take(self, record: Record) -> Bytes32:
        """Take the next delta and return its fingerprint."""
        wanted = self._start + self.count
        if record.index != wanted:
            self._fault("delta order", wanted, record.index, _IN_ORDER)
        self.last = record.fingerprint(self._separator, self._ledger_id)
        self._leaves.append(LEDGER_TREE.leaf(self.last))
        if len(self._leaves) == _LEAVES_AT_ONCE:
            self._fold()
        self.count += 1
        if isinstance(record, DeltaRecord):
            self._compare(record)
        elif record.index == self._closing.index:
            self._compare(self._closing)
        else:
            self._balance = None
        return self.last

    def finish(self, checks: Checks, closing_root: Bytes32, closing: Bytes32) -> None:
        """Check all that was taken: order, tree, last delta, balances and times."""
        self._fold()
        self._raise(checks, "delta order")
        end = self._start + self.count - 1
        checks.passed("delta order", f"{self._start} to {end}", _IN_ORDER)
        checks.same(
            "all deltas",
            closing_root,
            self._frontier.root(LEDGER_TREE),
            "The listed deltas, and no others, lead from the opening root to the closing root.",
            "A listed delta was altered, or one is missing: the list does not lead to the closing root."
            + self._suspect(),
        )
        checks.same("last delta", closing, self.last, "The last one listed is the closing delta.")
        self._raise(checks, "balances", "times", "span: listed deltas")
        checked = f"{self.compared} of {self.count}"
        if self.compared == self.count:
            checks.passed("balances", checked, "Each balance is the one before it plus the amount.")
        elif self.compared:
            checks.passed(
                "balances",
                checked,
                f"{checked} balances were checked: each is the one before it plus the amount. "
                "The others cannot be, since amounts are withheld.",
            )
        else:
            checks.skipped("balances", "No balance could be checked: the amounts are withheld.")

    def told(self, where: str) -> tuple[str, ...]:
        """Return what to say of the deltas, which are ``where``, and of what was not checked of them."""
        all_there = f"All {self.count} deltas are {where}, in order, and none is missing."
        if self.compared == self.count:
            within = "Each of them is dated in the span: nothing else is among them."
            return (all_there,) if self._span is None else (all_there, within)
        why = "their amounts are withheld: that balance rests on the closing delta's fingerprint alone."
        if self.compared:
            held = f"{self.compared} of {self.count} balances were held against the one before."
            why = f"amounts are withheld: {held}"
        return all_there, f"Whether they add up to the closing balance was not checked, since {why}"

    def _compare(self, record: DeltaRecord) -> None:
        """Hold a balance against the one before it, and its time against the latest, where both are shown."""
        if self._balance is not None:
            self.compared += 1
            if self._balance + record.amount != record.balance:
                self._fault(
                    "balances",
                    format_units(self._balance + record.amount),
                    format_units(record.balance),
                    f"Delta {record.index}: its balance is not the one before it plus its amount.",
                )
        if record.recorded_at < self._recorded_at:
            self._fault(
                "times",
                f"from {moment(self._recorded_at)}",
                moment(record.recorded_at),
                f"Delta {record.index} was recorded before one that stands before it.",
            )
        if self._span is not None and not self._span.start <= record.recorded_at < self._span.end:
            self._fault(
                "span: listed deltas",
                f"from {moment(self._span.start)} up to, not including, {moment(self._span.end)}",
                moment(record.recorded_at),
                f"Delta {record.index} was not recorded in the span.",
            )
        self._balance, self._recorded_at = record.balance, record.recorded_at

    def _fold(self) -> None:
        self._frontier = self._frontier.extend(LEDGER_TREE, self._leaves)
        self._leaves.clear()

    def _fault(self, name: str, expected: object, found: object, explanation: str) -> None:
        """Keep the first fault in the order, and the first of the rest: the tree is looked at before."""
        if name not in self._faults and (name == "delta order" or not set(self._faults) - {"delta order"}):
            self._faults[name] = (str(expected), str(found), explanation)

    def _suspect(self) -> str:
        """Say where balances or times do not follow, if they do not: that points at what was altered."""
        return "".join(f" {explanation}" for _, _, explanation in self._faults.values())

    def _raise(self, checks: Checks, *names: str) -> None:
        for name, (expected, found, explanation) in self._faults.items():
            if name in names:
                checks.fail(name, expected, found, explanation)


def start_walk(
    checks: Checks, separator: Bytes32, ledger_id: Bytes32, claim: PeriodClaim, peaks: HashPath
) -> DeltaWalk:
    """Return the walk over a period's deltas, once the peaks are seen to be those of its opening root."""
    start = claim.from_index
    checks.same("opening peaks", start.bit_count(), len(peaks), "There is one for each bit of fromIndex.")
    opening = None if claim.opening is None else shown(claim.opening)
    walk = DeltaWalk(separator, ledger_id, start, peaks, opening, shown(claim.closing), claim.span)
    checks.same(
        "opening peaks' root",
        claim.opening_root,
        walk.opening_root,
        "The peaks are those of the ledger that opens the period.",
    )
    return walk


def _all_deltas(local: LocalChecks, claim: PeriodClaim, deltas: PeriodDeltas, closing: bytes) -> DeltaWalk:
    checks, count = local.checks, claim.to_index - claim.from_index + 1
    checks.same("delta count", count, len(deltas.records), f"The period has {count} deltas.")
    walk = start_walk(checks, local.separator, local.ledger_id, claim, deltas.opening_peaks)
    for record in deltas.records:
        walk.take(record)
    walk.finish(checks, claim.closing_root, closing)
    return walk
