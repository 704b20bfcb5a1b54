"""Step 4 of a verification: does the agreed contract hold this batch's root, in a final block?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from anchor.node.view import (
    Block,
    ChainUnavailable,
    ChainView,
    Clock,
    EventsUnavailable,
    Finality,
    PinUnknown,
    TrustedBlock,
)
from anchor.proof.values import Anchor, AnchoredBatch, BlockLocation
from anchor.protocol.batch import Batch
from anchor.protocol.errors import ProofError, hex_of
from anchor.protocol.hashing import Bytes32
from anchor.protocol.merkle import HISTORY_TREE, root_from_inclusion
from anchor.protocol.times import moment
from anchor.verify.chain_names import chain_in_words
from anchor.verify.results import INVALID, NOT_CHECKED, Checks, Step, Stopped, Verdict
from anchor.verify.times import AsOf, earliest_block, newest_as_of, says_nothing

Evidence: TypeAlias = tuple[str, int | None, int]
"""By what a root is found (event, pinned, head), in which block (None: pinned), and its time in seconds."""

CURRENT_HEAD: Final = "current head"
NEWEST_BLOCK: Final = "newest block"
"""Steps of a claim to be the newest: the contract's head, and that the node does not stand still."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A batch that the file's claim rests on. ``label`` tells it from others, empty where it is alone."""

    label: str
    batch: AnchoredBatch
    must_be_newest: bool = False
    direct: bool = False
    """Whether its own root has to be on the chain, and no later batch's that holds it."""
    no_earlier: int | None = None
    """Milliseconds: the block that proves it is of this time or later."""
    no_later: int | None = None

    @property
    def number(self) -> int:
        """The batch's number."""
        return self.batch.batch.number

    def step(self, name: str) -> str:
        """The name of a step about this batch."""
        return f"{name} ({self.label})" if self.label else name


@dataclass(frozen=True, slots=True)
class Committed:
    """What the chain shows of a batch: committed no later than ``time`` (seconds), in ``block``.

    ``sealed_at`` (ms) is the batch's own word; ``is_head`` is whether its own root was the contract's head
    in ``as_of``.
    """

    label: str
    number: int
    sealed_at: int
    root: Bytes32
    through: int | None
    by: str
    block: int | None
    time: int
    is_head: bool
    as_of: Block

    @property
    def newest(self) -> AsOf:
        """As of when what the batch says is the newest, and on what condition."""
        block = self.time * 1000
        own_event = block if self.by == "event" and self.through is None else None
        return newest_as_of(self.sealed_at, own_event, block)


def check_histories(checks: Checks, claimed: Claimed, log_id: Bytes32) -> None:
    """Check every history path that the file gives for a batch, whatever chain it is for."""
    for anchor in claimed.batch.anchors:
        _anchored_root(checks, claimed, anchor, log_id)


def _anchored_root(
    checks: Checks, claimed: Claimed, anchor: Anchor, log_id: Bytes32
) -> tuple[Batch, Bytes32]:
    """Return the batch whose root is on the chain, and that root."""
    batch = claimed.batch.batch
    root = batch.anchor_root(log_id)
    if anchor.through is None:
        return batch, root
    later = anchor.through.batch
    name = claimed.step("history path")
    explanation = f"Batch {batch.number} is in the history of batch {later.number}."
    try:
        history_root = root_from_inclusion(
            HISTORY_TREE, HISTORY_TREE.leaf(root), batch.number - 1, later.number - 1, anchor.through.path
        )
    except ProofError as failure:
        checks.refused(name, failure, "The history path cannot be one of that batch.")
        raise
    checks.same(
        name,
        later.history_root,
        history_root,
        explanation,
        f"The path of batch {batch.number} does not lead to the history of batch {later.number}.",
    )
    checks.holds(
        claimed.step("history times"),
        batch.sealed_at <= later.sealed_at,
        f"up to {moment(later.sealed_at)}",
        moment(batch.sealed_at),
        f"Batch {batch.number} was sealed no later than batch {later.number}.",
    )
    return later, later.anchor_root(log_id)


class OnChain:
    """One verification's look at one chain. Without a ``clock``, a final block may be of any age."""

    def __init__(
        self, checks: Checks, chain: ChainView, log_id: Bytes32, finality: Finality, clock: Clock | None
    ) -> None:
        self.checks = checks
        self.chain = chain
        self.log_id = log_id
        self.finality = finality
        self.by_hash = isinstance(chain, TrustedBlock)
        self.clock = None if self.by_hash else clock

    def check(self, claims: Sequence[Claimed], expected_contract: bytes | None) -> "Seen":
        """Check every batch under one contract. Raises Stopped where one is not there."""
        try:
            return self._check(claims, expected_contract)
        except ChainUnavailable as unavailable:
            self.checks.fail("chain", "an answer", "none", f"{unavailable.reason}.", NOT_CHECKED)
            raise

    def _check(self, claims: Sequence[Claimed], expected_contract: bytes | None) -> "Seen":
        chain_id = self.chain.chain_id()
        contract = self._contract(claims, chain_id, expected_contract)
        found = self.chain.log_id(contract)
        if found is None:
            self._no_contract(claims, chain_id, contract)
        self.checks.same(
            "contract's log",
            self.log_id,
            found,
            "The contract is the anchor of this log.",
            "The contract at this address anchors another log.",
        )
        final = self.chain.final_block(self.finality)
        what = "The block that you trust" if self.by_hash else f"The newest final block ({self.finality})"
        self.checks.passed(
            "final block",
            final.number,
            f"{what}, of {moment(final.timestamp * 1000)}: {hex_of(final.hash)}.",
        )
        committed = tuple(self._committed(claim, chain_id, contract, final) for claim in claims)
        return Seen(chain_id, contract, final, committed, self.by_hash)

    def _contract(self, claims: Sequence[Claimed], chain_id: int, expected: bytes | None) -> bytes:
        anchors = [anchor for claim in claims for anchor in claim.batch.anchors]
        here = [anchor for anchor in anchors if anchor.chain_id == chain_id]
        if expected is not None:
            others = {anchor.contract for anchor in here} - {expected}
            if here and all(anchor.contract != expected for anchor in here):
                self.checks.fail(
                    "contract", expected, min(others), "The file names another contract than you agreed on."
                )
            self.checks.passed(
                "contract", expected, f"The contract that you named, on {on_which(chain_id, self.by_hash)}."
            )
            return expected
        if not here:
            named = sorted({anchor.chain_id for anchor in anchors})
            self.checks.fail(
                "chain",
                f"chain {' or '.join(map(str, named))}" if named else "a contract to ask",
                f"chain {chain_id}",
                "The node is of another chain than the file names."
                if named
                else "The file names no chain: name the agreed contract to have it asked.",
                NOT_CHECKED,
            )
        contract = here[0].contract
        self.checks.passed(
            "contract", contract, f"The contract that the file names, on {on_which(chain_id, self.by_hash)}."
        )
        return contract

    def _no_contract(self, claims: Sequence[Claimed], chain_id: int, contract: bytes) -> None:
        """Fail: a contract that is not there refutes the file, unless the file's block is not there yet."""
        anchors = [anchor for claim in claims for anchor in claim.batch.anchors]
        named = [
            anchor.location.block_number
            for anchor in anchors
            if (anchor.chain_id, anchor.contract) == (chain_id, contract) and anchor.location is not None
        ]
        told = f"There is none at {hex_of(contract)}."
        verdict: Verdict = INVALID
        if named and max(named) > (final := self.chain.final_block(self.finality)).number:
            told = (
                f"There is none at {hex_of(contract)} yet: the newest final block ({self.finality}) is "
                f"{final.number}, and the file names block {max(named)}. The node lags behind."
            )
            verdict = NOT_CHECKED
        self.checks.fail("contract", "an AnchorLog", "nothing that answers", told, verdict)

    def _committed(self, claim: Claimed, chain_id: int, contract: bytes, final: Block) -> Committed:
        anchors = [
            anchor
            for anchor in claim.batch.anchors
            if (anchor.chain_id, anchor.contract) == (chain_id, contract)
        ]
        if not claim.batch.anchors:
            # A batch that names no place may still be the contract's head, or a pinned one.
            anchors = [Anchor(chain_id, contract)]
        if not anchors:
            self.checks.fail(
                claim.step("chain"),
                f"an anchor in {hex_of(contract)} on chain {chain_id}",
                "only other places",
                f"The file does not say where batch {claim.number} is on this chain.",
                NOT_CHECKED,
            )
        if claim.direct:
            own = [anchor for anchor in anchors if anchor.through is None]
            if not own:
                self.checks.fail(
                    claim.step("own root"),
                    f"the root of batch {claim.number}",
                    "only that of a later batch",
                    "The closing batch's own root has to be on the chain: a later one may hide what came "
                    "between.",
                )
            anchors = own
        # One that holds is enough. Where none does, one that could not be checked leaves the batch unchecked,
        # whichever is named first.
        before = len(self.checks.steps)
        kept: tuple[Verdict, list[Step]] | None = None
        for anchor in anchors:
            try:
                return self._anchored(claim, anchor, contract, final)
            except Stopped as stopped:
                if kept is None or stopped.verdict == NOT_CHECKED or kept[0] != NOT_CHECKED:
                    kept = stopped.verdict, self.checks.steps[before:]
                del self.checks.steps[before:]
        assert kept is not None
        self.checks.steps += kept[1]
        raise Stopped(kept[0])

    def _anchored(self, claim: Claimed, anchor: Anchor, contract: bytes, final: Block) -> Committed:
        batch, root = _anchored_root(Checks(), claim, anchor, self.log_id)
        own_root = claim.batch.batch.anchor_root(self.log_id)
        through = None if anchor.through is None else batch.number
        head = self.chain.head(contract, final.number)
        evidence: Evidence | None = None
        if anchor.location is not None:
            evidence = self._by_event(claim, anchor.location, contract, batch, root, final)
        if evidence is None:
            no_events = anchor.location is not None
            evidence = self._by_state(claim, contract, batch, head, final, no_events=no_events)
        evidence = self._in_time(claim, batch, evidence, final, is_head=root == head)
        self._within(claim, evidence[2] * 1000)
        if claim.must_be_newest:
            self.checks.same(
                claim.step(CURRENT_HEAD),
                own_root,
                head,
                f"This root is the contract's head in block {final.number}.",
                f"The contract's head in block {final.number} is another: the file shows an older state.",
            )
            self._goes_on(claim, final)
        by, block, time = evidence
        sealed_at = claim.batch.batch.sealed_at
        is_head = own_root == head
        return Committed(
            claim.label, claim.number, sealed_at, own_root, through, by, block, time, is_head, final
        )

    def _in_time(
        self, claim: Claimed, batch: Batch, found: Evidence, final: Block, *, is_head: bool
    ) -> Evidence:
        """Hold when the batch on the chain says it was sealed against the block that proves its root.

        An early block proves nothing about a batch of the future; the final one may, while it is the head.
        """
        name = claim.step("block time")
        _, _, time = found
        sealed = f"{moment(batch.sealed_at)}, when batch {batch.number} says it was sealed"
        if is_head and says_nothing(batch.sealed_at, time * 1000):
            self.checks.skipped(
                name,
                f"The block of {moment(time * 1000)} proves nothing, since it is more than 15 minutes "
                f"before {sealed}.",
            )
            found = "head", final.number, final.timestamp
            _, _, time = found
        self.checks.holds(
            name,
            not says_nothing(batch.sealed_at, time * 1000),
            f"from {moment(earliest_block(batch.sealed_at))}",
            moment(time * 1000),
            f"The block that proves the root is not more than 15 minutes before {sealed}.",
        )
        return found

    def _within(self, claim: Claimed, time: int) -> None:
        """Hold the time (ms) of the block that proves a batch against the span that it bounds."""
        if claim.no_later is not None:
            self.checks.holds(
                "span: opening block",
                time <= claim.no_later,
                f"up to {moment(claim.no_later)}",
                moment(time),
                "The opening batch was on the chain no later than the span began.",
            )
        if claim.no_earlier is not None:
            self.checks.holds(
                "span: closing block",
                time >= claim.no_earlier,
                f"from {moment(claim.no_earlier)}",
                moment(time),
                "The closing batch came onto the chain after the span was over.",
            )

    def _goes_on(self, claim: Claimed, final: Block) -> None:
        """See that the final block is not of long ago: what is newest, an old one cannot say."""
        if self.clock is None:
            return
        name, time = claim.step(NEWEST_BLOCK), moment(final.timestamp * 1000)
        why = self.clock.stands_still(final)
        if why is not None:
            oldest = f"a final block of {moment(self.clock.since)} or later"
            self.checks.fail(name, oldest, time, why, NOT_CHECKED)
        self.checks.passed(name, time, "The final block is recent: the node does not stand still.")

    def _by_event(
        self,
        claim: Claimed,
        location: BlockLocation,
        contract: bytes,
        batch: Batch,
        root: Bytes32,
        final: Block,
    ) -> Evidence | None:
        """Find the event that the file names; None where the node keeps no events that old."""
        number = location.block_number
        if number > final.number:
            self.checks.fail(
                claim.step("finality"),
                f"a block up to {final.number}",
                f"block {number}",
                f"The block is not final yet by your rule ({self.finality}), or the node lags behind.",
                NOT_CHECKED,
            )
        try:
            block = self.chain.block(number)
        except EventsUnavailable as unavailable:
            self.checks.skipped(claim.step("block"), f"{unavailable.reason}.")
            return None
        if block is None:
            raise ChainUnavailable(f"the node has no block {number}, though its final block is above it")
        self.checks.same(
            claim.step("block"),
            location.block_hash,
            block.hash,
            f"Block {number} is final, and the one that the file names.",
            f"The chain's block {number} is another than the file names.",
        )
        try:
            events = self.chain.anchored(contract, block.hash)
        except EventsUnavailable as unavailable:
            self.checks.skipped(claim.step("anchored event"), f"{unavailable.reason}.")
            return None
        name = claim.step("anchored event")
        ours = [event for event in events if event.new_head == root]
        if not ours:
            self.checks.fail(
                name,
                root,
                events[0].new_head if events else "no event of this contract",
                f"The contract anchored no such root in block {number}.",
            )
        # A block may anchor one root twice, with another between; any that fits is good.
        event = next((one for one in ours if one.transaction_hash == location.transaction_hash), ours[0])
        self.checks.same(name, root, event.new_head, f"The contract anchored this root in block {number}.")
        self.checks.same(
            claim.step("transaction"),
            location.transaction_hash,
            event.transaction_hash,
            "It is in the transaction that the file names.",
        )
        self.checks.same(
            claim.step("batch number"), batch.number, event.number, "The event states the batch's own number."
        )
        return "event", number, block.timestamp

    def _by_state(
        self, claim: Claimed, contract: bytes, batch: Batch, head: Bytes32, final: Block, *, no_events: bool
    ) -> Evidence:
        """Find the batch's root as the contract's head, or pinned.

        Where the file names an event that could not be looked for (``no_events``), nothing shows whether the
        root is pinned, or the block is older than the batch, a root that is found in neither place is not
        contradicted.
        """
        root = batch.anchor_root(self.log_id)
        unknown = no_events
        try:
            pinned_at = self.chain.pinned_at(contract, root, final.number)
        except PinUnknown:
            pinned_at, unknown = 0, True
        if pinned_at:
            self.checks.passed(
                claim.step("pinned head"), root, "The contract keeps this root as a pinned head."
            )
            self.checks.holds(
                claim.step("pin's time"),
                pinned_at <= final.timestamp,
                f"up to {moment(final.timestamp * 1000)}",
                moment(pinned_at * 1000),
                f"It was not pinned after block {final.number}, as of which it is.",
            )
            return "pinned", None, pinned_at
        name = claim.step("contract's head")
        if root != head:
            why, verdict = _not_seen(batch, final, unknown, self.by_hash)
            self.checks.fail(name, root, head, why, verdict)
        self.checks.passed(name, root, f"This root is the contract's head in block {final.number}.")
        return "head", final.number, final.timestamp


def _not_seen(batch: Batch, final: Block, unknown: bool, by_hash: bool) -> tuple[str, Verdict]:
    """Say what it means that a root is neither the head nor known to be pinned, and what helps."""
    if unknown:
        node = "a node" if by_hash else "another node, one"
        return (
            "The root is not the contract's head, and was not seen elsewhere, which says nothing against it: "
            f"ask {node} that keeps old events, or take a file that leads through a later batch to the head."
        ), NOT_CHECKED
    if final.timestamp * 1000 < batch.sealed_at:
        why = "take evidence of a newer block" if by_hash else "the node lags, or no newer one is final"
        return (
            f"Block {final.number} is of {moment(final.timestamp * 1000)}, before batch {batch.number} was "
            f"sealed ({moment(batch.sealed_at)}), so that it cannot hold its root yet: {why}."
        ), NOT_CHECKED
    return "The root is neither the contract's head nor a pinned one.", INVALID


def on_which(chain_id: int, by_hash: bool) -> str:
    """Name the chain: of a block that is trusted by its hash, only a file says which chain it is of."""
    if by_hash:
        return f"the chain of the block that you trust (the file calls it chain {chain_id})"
    return chain_in_words(chain_id)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the chain shows: where, up to which block, and for each batch.

    ``by_hash``: the reader trusts the block's hash, and no node was asked.
    """

    chain_id: int
    contract: bytes
    final: Block
    committed: tuple[Committed, ...]
    by_hash: bool
