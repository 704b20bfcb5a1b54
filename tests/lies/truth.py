"""What is true of a world, known from its making and not from the verifier: the judge of its answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from anchor.proof.values import (
    AbsenceClaim,
    AnchoredBatch,
    Backdated,
    BalanceClaim,
    ConsistencyClaim,
    DeltaClaim,
    DeltaRecord,
    FalseBalance,
    Fraud,
    FraudClaim,
    FreshnessClaim,
    Included,
    KeptHead,
    LedgerAbsence,
    LedgerHead,
    PeriodClaim,
    ProofFile,
    RecordedAfterSealed,
    ShrunkLedger,
    TimeReversed,
    TwoBatches,
    TwoDeltas,
    TwoHeads,
    VanishedLedger,
)
from anchor.protocol.amounts import format_units
from anchor.protocol.hashing import ZERO, Bytes32
from anchor.protocol.merkle import LEDGER_TREE, tree_root
from anchor.verify.results import Verification
from tests.lies.worlds import World

QUARTER = 15 * 60 * 1000
ALL_BETWEEN = "Of all that the chain held"
NOTHING_ELSE = "nothing else is among them"


class NotSo(Exception):
    """An answer 'valid' says something that is not so."""


def require_true(world: World, proof: ProofFile, answer: Verification) -> None:
    """Raise NotSo unless what a valid answer says of a file is true of the world."""
    truth = _Truth(world, proof)
    truth.identity()
    truth.own_and_committed(answer)
    truth.claim(answer)


def _batches(claim: object) -> Iterator[AnchoredBatch]:
    """Every batch that a claim makes a statement about: not those that only carry one in their history."""
    if isinstance(claim, AnchoredBatch):
        yield claim
    elif isinstance(claim, LedgerHead | LedgerAbsence):
        yield claim.batch
    else:
        for name in getattr(claim, "__dataclass_fields__", ()):
            value = getattr(claim, name)
            if not isinstance(value, DeltaRecord | Included):
                yield from _batches(value)


class _Truth:
    def __init__(self, world: World, proof: ProofFile) -> None:
        self.world, self.proof = world, proof
        self.true_log = world.branches[0]
        self.ledger_id = ZERO if proof.ledger is None else proof.ledger.ledger_id

    def so(self, condition: bool, what: str) -> None:
        if not condition:
            raise NotSo(what)

    def identity(self) -> None:
        self.so(self.proof.log.log_id == self.true_log.log_id, "it is of another log")
        ledger = self.proof.ledger
        if ledger is not None and ledger.customer is not None:
            named = ledger.customer
            only = self.true_log.key.ledger_identity(named.customer_id, named.unit).ledger_id
            self.so(ledger.ledger_id == only, "the ledger is not that customer's")

    def own_and_committed(self, answer: Verification) -> None:
        roots = []
        for batch in _batches(self.proof.claim):
            root = batch.batch.anchor_root(self.true_log.log_id)
            made = self.world.made.get(root)
            self.so(made is not None and made.is_signed, f"the log never signed batch {batch.batch.number}")
            roots.append(root)
        stated = answer.facts["chain"]["batches"]
        self.so(len(stated) == len(roots), "a batch was not looked for on the chain")
        for one in stated:
            since = self.world.committed_since(bytes.fromhex(one["anchorRoot"][2:]))
            self.so(since is not None and since <= one["committedBy"], "it was committed later than is said")

    # What a batch holds

    def held(self, batch: AnchoredBatch) -> Sequence[DeltaRecord]:
        made = self.world.made[batch.batch.anchor_root(self.true_log.log_id)]
        return made.ledgers.get(self.ledger_id, ())

    def fingerprint(self, record: DeltaRecord) -> Bytes32:
        return record.fingerprint(self.true_log.separator, self.ledger_id)

    def root(self, records: Sequence[DeltaRecord]) -> Bytes32:
        return tree_root(LEDGER_TREE, [LEDGER_TREE.leaf(self.fingerprint(one)) for one in records])

    def head(self, head: LedgerHead) -> Sequence[DeltaRecord]:
        records = self.held(head.batch)
        self.so(head.size == len(records), "the head has another size")
        self.so(head.root == self.root(records), "the head has another root")
        return records

    def included(self, one: Included, head: LedgerHead) -> DeltaRecord:
        records = self.head(head)
        self.so(one.record.index < len(records), "there is no such delta")
        true = records[one.record.index]
        shown = one.record.fingerprint(self.true_log.separator, self.ledger_id)
        self.so(shown == self.fingerprint(true), "the delta in the record is another")
        return true

    # What is claimed

    def claim(self, answer: Verification) -> None:
        claim = self.proof.claim
        if isinstance(claim, DeltaClaim | BalanceClaim):
            true = self.included(claim.delta, claim.head)
            batch = claim.head.batch.batch
            self.so(true.recorded_at <= batch.sealed_at, "it was recorded after its batch was sealed")
            if isinstance(claim, BalanceClaim):
                last = true.index == len(self.held(claim.head.batch)) - 1
                self.so(answer.facts["isLast"] == last, "it is not the balance as of that batch")
                self.so(answer.facts["balance"] == format_units(true.balance), "it is another balance")
        elif isinstance(claim, AbsenceClaim):
            self.so(not self.held(claim.absence.batch), "the batch holds the ledger")
            self.newest(claim.absence.batch, answer)
        elif isinstance(claim, FreshnessClaim):
            self.head(claim.head)
            root = claim.head.batch.batch.anchor_root(self.true_log.log_id)
            self.so(root == self.world.chain.heads[-1], "it is not the head on the chain")
            self.newest(claim.head.batch, answer)
        elif isinstance(claim, ConsistencyClaim):
            later = self.head(claim.head)
            self.so(claim.earlier.size <= len(later), "the earlier head is larger")
            self.so(claim.earlier.root == self.root(later[: claim.earlier.size]), "it does not extend it")
            if not isinstance(claim.earlier, KeptHead):
                self.head(claim.earlier)
        elif isinstance(claim, PeriodClaim):
            self.period(claim, answer)
        else:
            assert isinstance(claim, FraudClaim)
            self.so(not self.world.honest, "an honest operator is accused")
            self.so(self.is_broken(claim.fraud), f"no rule is broken: {type(claim.fraud).__name__}")

    def newest(self, batch: AnchoredBatch, answer: Verification) -> None:
        """What is newest or absent is said as of no later than the batch and its block allow."""
        first = min(
            (
                block.timestamp * 1000
                for root, _, block in self.world.anchored()
                if root == batch.batch.anchor_root(self.true_log.log_id)
            ),
            default=None,
        )
        (one,) = answer.facts["chain"]["batches"]
        self.so(one["newestAsOf"] <= max(0, batch.batch.sealed_at - QUARTER), "it is said to be too new")
        condition = "".join(answer.statements)
        in_order = "if the log anchored its batches in order" in condition
        self.so(in_order, "the condition on the operator's order is not named")
        if first is not None and one["newestAsOf"] > first:
            known = ("unless the same root was anchored before", "by the operator's clock")
            self.so(any(one in condition for one in known), "its first event was earlier")

    def period(self, claim: PeriodClaim, answer: Verification) -> None:
        records = self.head(claim.head)
        start, end = claim.from_index, claim.to_index
        self.so(start <= end < len(records), "there is no such range")
        self.so(claim.opening_root == self.root(records[:start]), "the range opens with another root")
        self.so(claim.closing_root == self.root(records[: end + 1]), "the range closes with another root")
        self.included(claim.closing, claim.head)
        self.so((claim.opening is None) == (start == 0), "the delta before is not shown")
        if claim.opening is not None:
            self.included(claim.opening, claim.head)
        if claim.deltas is not None:
            listed = claim.deltas.records
            self.so(len(listed) == end - start + 1, "not all deltas are listed")
            for one, true in zip(listed, records[start : end + 1], strict=True):
                shown = one.fingerprint(self.true_log.separator, self.ledger_id)
                self.so(shown == self.fingerprint(true), "a listed delta is another")
        if claim.span is not None:
            self.span(claim, records, answer)

    def span(self, claim: PeriodClaim, records: Sequence[DeltaRecord], answer: Verification) -> None:
        span = claim.span
        assert span is not None
        text = " ".join(answer.statements)
        within = [one.index for one in records if span.start <= one.recorded_at < span.end]
        missing = [index for index in within if not claim.from_index <= index <= claim.to_index]
        self.so(not missing, f"deltas {missing} of the span are missing")
        if NOTHING_ELSE in text:
            self.so(within == list(range(claim.from_index, claim.to_index + 1)), "others are in the range")
        committed = answer.facts["chain"]["batches"]
        self.so(committed[-1]["committedBy"] >= span.end, "the closing block is of before the end")
        closing = claim.head.batch.batch.anchor_root(self.true_log.log_id)
        self.so(closing in self.roots_on_the_chain(), "the closing batch is not itself on the chain")
        size = 0
        if span.opening is not None:
            opened = self.held(span.opening.batch)
            size = len(opened)
            since = self.world.committed_since(span.opening.batch.batch.anchor_root(self.true_log.log_id))
            self.so(since is not None and since <= span.start, "the opening batch came after the start")
            self.so(span.opening.batch.batch.sealed_at <= span.start, "the opening batch is of the span")
            self.so(self.root(opened) == self.root(records[:size]), "the ledger was rewritten in between")
        self.so(size <= claim.from_index, "the opening batch holds a part of the range")
        edges = answer.facts["span"]
        for name, part in (
            ("before", records[size : claim.from_index]),
            ("after", records[claim.to_index + 1 :]),
        ):
            told = (edges[name]["count"], edges[name]["sum"])
            self.so(told == (len(part), format_units(sum(one.amount for one in part))), f"the edge {name}")
        for earlier, later in pairwise([*records[max(0, size - 1) : claim.from_index]]):
            self.so(later.recorded_at >= earlier.recorded_at, "times run backwards at an edge")
        if ALL_BETWEEN in text:
            self.all_between(claim, committed, within)

    def roots_on_the_chain(self) -> set[Bytes32]:
        return {root for root, _, _ in self.world.anchored()} | {*self.world.chain.heads}

    def all_between(self, claim: PeriodClaim, committed: Sequence[dict[str, int]], within: list[int]) -> None:
        """Nothing of the span was on the chain between the blocks that the closing batch does not hold."""
        assert claim.span is not None
        closing = committed[-1]["block"]
        opening = committed[0]["block"] if len(committed) > 1 else 0
        for root, _, block in self.world.anchored():
            made = self.world.made.get(root)
            if made is None or not made.is_signed or not opening < block.number < closing:
                continue
            others = [
                one.index
                for one in made.ledgers.get(self.ledger_id, ())
                if claim.span.start <= one.recorded_at < claim.span.end
            ]
            self.so(set(others) <= set(within), "the chain held more of the span between the two blocks")

    def is_broken(self, fraud: Fraud) -> bool:
        """Whether two things that the log signed really cannot both be."""
        match fraud:
            case FalseBalance():
                after = self.included(fraud.after, fraud.head)
                before = 0 if fraud.before is None else self.included(fraud.before, fraud.head).balance
                at = -1 if fraud.before is None else fraud.before.record.index
                return after.index == at + 1 and after.balance != before + after.amount
            case TimeReversed():
                first, second = (self.included(one, fraud.head) for one in (fraud.before, fraud.after))
                return second.index == first.index + 1 and second.recorded_at < first.recorded_at
            case RecordedAfterSealed():
                late = self.included(fraud.delta, fraud.head)
                return late.recorded_at > fraud.head.batch.batch.sealed_at
            case Backdated():
                late = self.included(fraud.delta, fraud.head)
                held = self.head(fraud.earlier)
                sealed_at = fraud.earlier.batch.batch.sealed_at
                return late.index >= len(held) and late.recorded_at < sealed_at - 60_000
            case TwoDeltas():
                one = self.included(fraud.first, fraud.first_head)
                two = self.included(fraud.second, fraud.second_head)
                return one.index == two.index and self.fingerprint(one) != self.fingerprint(two)
            case TwoHeads():
                one, two = self.head(fraud.first), self.head(fraud.second)
                return len(one) == len(two) and self.root(one) != self.root(two)
            case ShrunkLedger():
                numbers = fraud.earlier.batch.batch.number, fraud.later.batch.batch.number
                return numbers[0] < numbers[1] and len(self.head(fraud.later)) < len(self.head(fraud.earlier))
            case VanishedLedger():
                numbers = fraud.earlier.batch.batch.number, fraud.absence.batch.batch.number
                held = self.head(fraud.earlier)
                return numbers[0] < numbers[1] and bool(held) and not self.held(fraud.absence.batch)
            case TwoBatches():
                return (
                    fraud.first.batch.number == fraud.second.batch.number
                    and fraud.first.batch != fraud.second.batch
                )
            case _:
                return False
