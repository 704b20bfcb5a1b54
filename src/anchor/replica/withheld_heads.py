"""Heads that the contract holds and the server does not show: a moment of haste, or later a cheat."""

from dataclasses import dataclass

from anchor.node.view import ChainUnavailable, ChainView, Clock
from anchor.proof.values import FreshnessClaim, LedgerHead
from anchor.proof.writing import proof_file_json
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import ZERO, Bytes32
from anchor.replica.evidence import Findings
from anchor.replica.operator import ShownProof
from anchor.replica.store import Store
from anchor.replica.values import Misfit, Wanted


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a look: why the head that is shown could not be checked, None where it could.

    ``waiting``: its block is not final yet. ``behind``: the chain has a newer head than is shown.
    """

    not_checked: str | None = None
    behind: bool = False
    waiting: bool = False


class MissedHeads:
    """Remembers since when a head of the contract is missed, across rounds. ``now`` is in ms."""

    def __init__(self, store: Store, chain: ChainView, wanted: Wanted, findings: Findings, now: int) -> None:
        self._store = store
        self._chain = chain
        self._wanted = wanted
        self._findings = findings
        self._now = now

    def unanchored(self, head: LedgerHead | None) -> Seen:
        """Nothing that is shown is on the node's chain: is there anything?"""
        store = self._store
        contract = store.chain.contract if store.chain else self._wanted.contract
        nothing = "nothing is anchored yet" if head is None else "what is shown is not anchored there yet"
        if contract is None:
            return Seen(nothing)
        try:
            if self._chain.log_id(contract) != store.pins.log_id:
                return Seen("the contract is not this log's")
            final = self._chain.final_block(self._wanted.finality)
            root = self._chain.head(contract, final.number)
        except ChainUnavailable as unavailable:
            return Seen(unavailable.reason)
        if root == ZERO:
            still = Clock(self._now, self._wanted.oldest_block).stands_still(final)
            return Seen(nothing if still is None else still.rstrip("."))
        known = store.number_of(root)
        if head is not None and known is not None and known <= head.batch.batch.number:
            # What the chain holds was seen, and what is shown comes after it: the chain is behind.
            self.note(None, None, head)
            return Seen(nothing)
        self.note(root, None, head)
        return Seen(nothing, behind=True)

    def note(self, root: Bytes32 | None, shown: ShownProof | None, head: LedgerHead | None) -> None:
        """Note the contract's head, None where the server shows it; tell once it is missed for too long."""
        store = self._store
        missed = store.missed
        if missed is not None and (root is None or (missed[0] != root and self._reached(missed[0], shown))):
            missed = store.missed = None
        if root is None:
            return
        if missed is None:
            missed = store.missed = (root, self._now)
        if self._now - missed[1] < self._wanted.lag * 1000:
            return
        found = "none" if head is None else hex_of(head.batch.batch.anchor_root(store.pins.log_id))
        misfit = Misfit(
            "old_head",
            hex_of(missed[0]),
            "The contract holds a newer head than the one that the server shows as the newest.",
            hex_of(root),
            found,
        )
        self._findings.add(
            store,
            misfit,
            shown=None if shown is None else proof_file_json(shown.proof),
            proofs={} if shown is None else {"head": shown.raw},
        )

    def _reached(self, root: Bytes32, shown: ShownProof | None) -> bool:
        """Whether what is shown on the chain has come as far as a head that was missed."""
        number = self._store.number_of(root)
        claim = None if shown is None else shown.proof.claim
        return (
            number is not None
            and isinstance(claim, FreshnessClaim)
            and claim.head.batch.batch.number >= number
        )
