"""The newest anchored head that the server shows, held against the chain, the copy, and all heads before."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from anchor.client.errors import AnchorProblem, ClientError, UnexpectedAnswer
from anchor.node.view import ChainUnavailable, ChainView, Clock
from anchor.proof.reading import parse_proof_file
from anchor.proof.values import (
    ConsistencyClaim,
    FreshnessClaim,
    KeptHead,
    LedgerHead,
    ProofFile,
)
from anchor.proof.writing import proof_file_json, write_proof_file
from anchor.protocol.batch import Batch
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import ZERO, Bytes32
from anchor.protocol.merkle import Frontier
from anchor.protocol.times import moment
from anchor.replica.accusing import Accuser
from anchor.replica.checking import check_batches, check_pins, check_times, extended
from anchor.replica.evidence import Findings
from anchor.replica.operator import OF_WHO_ASKS, Operator, ShownProof
from anchor.replica.proving import prove_delta
from anchor.replica.store import Store
from anchor.replica.tree import OwnTree
from anchor.replica.values import LATEST_TIME, ChainPin, HeldHead, Misfit, Wanted
from anchor.replica.withheld_heads import MissedHeads, Seen
from anchor.verify.on_chain import CURRENT_HEAD, NEWEST_BLOCK
from anchor.verify.results import INVALID, NOT_CHECKED, Verification
from anchor.verify.verification import verify_proof

_FINALITY: Final = "finality"


class HeadChecks:
    """One round's look at one ledger's head. ``take_deltas`` fetches what the copy lacks."""

    def __init__(
        self,
        store: Store,
        operator: Operator,
        chain: ChainView,
        wanted: Wanted,
        findings: Findings,
        take_deltas: Callable[[], None],
        now: int,
    ) -> None:
        self._store = store
        self._operator = operator
        self._chain = chain
        self._wanted = wanted
        self._findings = findings
        self._take_deltas = take_deltas
        self._clock = Clock(now, wanted.oldest_block)
        self._missed = MissedHeads(store, chain, wanted, findings, now)
        self._tree = OwnTree(store)
        self._accuser = Accuser(operator, store, self.verify)

    @property
    def _contract(self) -> bytes | None:
        return self._store.chain.contract if self._store.chain else self._wanted.contract

    def verify(self, proof: ProofFile) -> Verification:
        """Verify a proof file as the follower means it."""
        return verify_proof(
            proof,
            self._chain,
            expected_contract=self._contract,
            finality=self._wanted.finality,
            clock=self._clock,
        )

    def check(self) -> Seen:
        """Fetch the head, check it, and keep it where it fits. Raises ClientError."""
        try:
            chain_id = self._chain.chain_id()
        except ChainUnavailable as unavailable:
            return Seen(unavailable.reason)
        try:
            shown = self._operator.proof(self._store.pins.ledger_id, "freshness", chainId=chain_id)
        except AnchorProblem as problem:
            if problem.code != "not_sealed_yet":
                raise
            return self._missed.unanchored(None)
        claim = shown.proof.claim
        if not isinstance(claim, FreshnessClaim):
            raise UnexpectedAnswer(self._operator.url, 200)
        misfit = check_pins(self._store.pins, shown.proof.log, shown.proof.ledger)
        if misfit is not None:
            self._findings.add(self._store, misfit, shown=proof_file_json(shown.proof))
            return Seen("the server shows something else")
        if all(anchor.chain_id != chain_id for anchor in claim.head.batch.anchors):
            return self._missed.unanchored(claim.head)
        return self._on_chain(shown, claim.head)

    def _on_chain(self, shown: ShownProof, head: LedgerHead) -> Seen:
        self._settle_waiting()
        result = self.verify(shown.proof)
        missed: Bytes32 | None = None
        still: str | None = None
        failed = result.failed
        if failed is not None and failed.name in {CURRENT_HEAD, NEWEST_BLOCK}:
            if failed.name == CURRENT_HEAD:
                missed = bytes.fromhex((failed.found or "").removeprefix("0x"))
            else:
                still = _why(result)
            # It is not seen to be the newest, and may still be all that it says otherwise.
            result = self._verify_head(head)
            failed = result.failed
        if result.verdict == NOT_CHECKED:
            waiting = failed is not None and failed.name == _FINALITY
            if waiting and self._store.waiting is None:
                self._store.waiting = shown.raw
            return Seen(_why(result), missed is not None, waiting)
        if result.verdict == INVALID:
            failed = result.failed
            assert failed is not None
            misfit = Misfit(
                "head_refused",
                failed.name,
                f"The server's newest head does not hold: {failed.explanation}",
                failed.expected or "",
                failed.found or "",
            )
            self._findings.add(
                self._store, misfit, shown=proof_file_json(shown.proof), proofs={"head": shown.raw}
            )
            return Seen(f"the head that is shown does not hold ({failed.name})", missed is not None)
        if (time := _committed_by(result)) > LATEST_TIME:
            return Seen(f"the node shows a block of {moment(time)}, which cannot be", missed is not None)
        self._hold(head, shown, result)
        if still is None:
            self._missed.note(missed, shown, head)
        return Seen(still, missed is not None)

    def _verify_head(self, head: LedgerHead) -> Verification:
        """Verify that the chain holds a head, the newest or not."""
        pins = self._store.pins
        from_nothing = ConsistencyClaim(KeptHead(0, ZERO), (), head)
        return self.verify(ProofFile(pins.log, pins.ledger, from_nothing))

    def _settle_waiting(self) -> None:
        """Look again at the head that was not final, which newer ones would keep from ever being seen."""
        raw = self._store.waiting
        if raw is None:
            return
        proof = parse_proof_file(raw)
        assert isinstance(proof.claim, FreshnessClaim)
        result = self._verify_head(proof.claim.head)
        if result.verdict == NOT_CHECKED:
            return
        # Where it is not on the chain any more, its block was reorganised away: that is nobody's fault.
        self._store.waiting = None
        if result.valid and _committed_by(result) <= LATEST_TIME:
            self._hold(proof.claim.head, ShownProof(raw, proof), result)

    # The head against the copy

    def _hold(self, head: LedgerHead, shown: ShownProof, result: Verification) -> None:
        """Keep a head that is on the chain where it fits to all that is held."""
        chain, store = result.facts["chain"], self._store
        pin = ChainPin(chain["chainId"], bytes.fromhex(chain["contract"][2:]))
        seen = HeldHead(head, _committed_by(result))
        before = store.newest_head()
        if before is not None and before.batch == seen.batch and before.head.root == head.root:
            return
        if head.size > store.standing().size:
            self._take_deltas()
        if head.size > store.standing().size:
            self._beyond(before, head, shown)
            return
        root = self._tree.root(head.size)
        if root != head.root:
            self._root_differs(before, head, root, shown)
            return
        if before is not None and not self._follows(before, seen, shown):
            return
        if not self._take_history(before, head, shown):
            return
        self._times(before, seen)
        self._consistency(before, head)
        store.add_head(seen, pin)

    def _follows(self, before: HeldHead, seen: HeldHead, shown: ShownProof) -> bool:
        """Whether a head comes after the one before it."""
        number, held = seen.batch.number, before.batch.number
        if number < held:
            # An older head: it is missed as one that is not shown, not as one that is wrong.
            return False
        if number == held:
            misfit = Misfit(
                "two_batches",
                str(number),
                f"Batch {number} is another one than before.",
                hex_of(before.batch.anchor_root(self._store.pins.log_id)),
                hex_of(seen.batch.anchor_root(self._store.pins.log_id)),
            )
            self._tell(misfit, shown, lambda: self._accuser.two_batches(before, seen.head))
            return False
        if seen.head.size < before.head.size:
            misfit = Misfit(
                "shrunk",
                _after(before),
                f"The ledger has fewer deltas in batch {number} than in batch {held}.",
                f"{before.head.size} or more",
                str(seen.head.size),
            )
            self._tell(misfit, shown, lambda: self._accuser.shrunk(before, seen.head))
            return False
        return True

    def _beyond(self, before: HeldHead | None, head: LedgerHead, shown: ShownProof) -> None:
        """The head holds deltas that the copy could not take."""
        size = self._store.standing().size
        if self._findings.found:
            # What did not fit was told. The copy's own tree does not reach so far: ask for a proof at least.
            self._consistency(before, head)
            return
        misfit = Misfit(
            "withheld",
            str(size),
            f"The newest head holds {head.size} deltas, and delta {size} is not shown.",
            str(head.size),
            str(size),
        )
        self._tell(misfit, shown, lambda: None)

    def _root_differs(
        self, before: HeldHead | None, head: LedgerHead, root: Bytes32, shown: ShownProof
    ) -> None:
        misfit = Misfit(
            "rewritten",
            _after(before),
            f"The head of {head.size} deltas in batch {head.batch.batch.number} is not that of the "
            "deltas which were shown.",
            hex_of(root),
            hex_of(head.root),
        )
        self._tell(misfit, shown, lambda: self._accuser.rewritten(head))

    def _take_history(self, before: HeldHead | None, head: LedgerHead, shown: ShownProof) -> bool:
        """Check all batches since the last known one, and keep them: the head's root vouches for all."""
        store, batch = self._store, head.batch.batch
        history = store.history()
        if (known := store.batch(batch.number)) is not None:
            fits = known == batch
            misfit = None if fits else self._two_batches(known, batch)
        else:
            accepted, misfit = self._new_batches(history, batch)
            if misfit is None:
                store.add_batches(history, accepted)
        if misfit is None:
            return True
        self._tell(misfit, shown, lambda: None if before is None else self._accuser.two_batches(before, head))
        return False

    def _two_batches(self, known: Batch, batch: Batch) -> Misfit:
        log_id = self._store.pins.log_id
        return Misfit(
            "two_batches",
            str(batch.number),
            f"Batch {batch.number} is another one than was shown before.",
            hex_of(known.anchor_root(log_id)),
            hex_of(batch.anchor_root(log_id)),
        )

    def _new_batches(self, history: Frontier, batch: Batch) -> tuple[list[Batch], Misfit | None]:
        """Fetch and check the batches after a history up to, and with, the one that the chain holds."""
        log_id, newest = self._store.pins.log_id, self._store.batch(history.size)
        found: list[Batch] = []
        misfit: Misfit | None = None
        while misfit is None and history.size < batch.number:
            between = history.size < batch.number - 1
            more = self._operator.batches(history.size + 1, batch.number - 1) if between else []
            accepted, misfit = check_batches(log_id, history, newest, more or [batch])
            history = extended(log_id, history, accepted)
            newest = accepted[-1] if accepted else newest
            found += accepted
        return found, misfit

    def _times(self, before: HeldHead | None, seen: HeldHead) -> None:
        head, store = seen.head, self._store
        old = 0 if before is None else before.head.size
        first_new = store.record(old) if head.size > old else None
        last = store.record(head.size - 1)
        for misfit in check_times(head, before, first_new, last, seen.time):
            index = misfit.index

            def prove(kind: str = misfit.kind, index: int | None = index) -> ProofFile | None:
                if index is None or (kind == "backdated" and before is None):
                    return None
                if kind == "backdated":
                    assert before is not None
                    return self._accuser.backdated(before, index, head)
                return self._accuser.recorded_after_sealed(index, head)

            self._findings.add(store, misfit, shown=_head_json(store, head), prove=prove)

    def _consistency(self, before: HeldHead | None, head: LedgerHead) -> None:
        """Have the server prove that the head extends the last one, and check the proof."""
        if before is None or head.size == before.head.size:
            return
        expected = KeptHead(before.head.size, before.head.root)
        proofs = {"held": self._held_proof(before)}
        try:
            shown = self._operator.proof(
                self._store.pins.ledger_id, "consistency", earlierSize=before.head.size
            )
        except AnchorProblem as problem:
            if problem.status >= 500 or problem.status in OF_WHO_ASKS:
                raise
            self._not_extended(head, "a consistency proof", problem.code, problem.document, proofs)
            return
        claim, answer = shown.proof.claim, proof_file_json(shown.proof)
        proofs["consistency"] = shown.raw
        found = claim.earlier if isinstance(claim, ConsistencyClaim) else None
        if found is None or KeptHead(found.size, found.root) != expected:
            root = "another proof" if found is None else hex_of(found.root)
            self._not_extended(head, hex_of(expected.root), root, answer, proofs)
            return
        result = self.verify(shown.proof)
        if result.verdict == INVALID and (failed := result.failed) is not None:
            self._not_extended(head, failed.expected or "", failed.found or "", answer, proofs)

    def _not_extended(
        self, head: LedgerHead, expected: str, found: str, answer: object, proofs: dict[str, bytes]
    ) -> None:
        misfit = Misfit(
            "not_extended",
            str(head.batch.batch.number),
            "The server does not prove that the ledger only grew since the last head.",
            expected,
            found,
        )
        self._findings.add(self._store, misfit, shown=answer, proofs=proofs)

    # Telling

    def _tell(self, misfit: Misfit, shown: ShownProof, prove: Callable[[], ProofFile | None]) -> None:
        proofs = {"head": shown.raw}
        before = self._store.newest_head()
        if before is not None:
            proofs["held"] = self._held_proof(before)
            with suppress(ClientError):
                later = self._operator.proof(
                    self._store.pins.ledger_id, "consistency", earlierSize=before.head.size
                )
                proofs["consistency"] = later.raw
        self._findings.add(
            self._store, misfit, shown=proof_file_json(shown.proof), proofs=proofs, prove=prove
        )

    def _held_proof(self, held: HeldHead) -> bytes:
        """Return the held head as a proof file: its last delta, with the path to the anchored root."""
        return write_proof_file(prove_delta(self._store, held.head.size - 1, held))


def _head_json(store: Store, head: LedgerHead) -> object:
    return proof_file_json(ProofFile(store.pins.log, store.pins.ledger, FreshnessClaim(head)))


def _committed_by(result: Verification) -> int:
    """Return the time (ms) of the block that holds the root of a valid proof."""
    time: int = result.facts["chain"]["batches"][-1]["committedBy"]
    return time


def _why(result: Verification) -> str:
    failed = result.failed
    return "no chain was asked" if failed is None else failed.explanation.rstrip(".")


def _after(before: HeldHead | None) -> str:
    """Where a head that is not taken stands: after the last one that was, which stays the same."""
    return "" if before is None else str(before.batch.number)
