"""Follow one ledger: fetch what is new, check it against the copy and the chain, keep it, and tell.

One round after the other; each leaves the copy whole, wherever it stops. What does not fit is never kept:
the copy stays as it was, and the evidence is saved beside it.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from anchor.client.errors import AnchorProblem
from anchor.node.remembered import RememberedChain
from anchor.node.view import ChainUnavailable, ChainView
from anchor.proof.values import AbsenceClaim, ProofFile
from anchor.proof.writing import ledger_json, log_json, record_json, write_proof_file
from anchor.protocol.errors import hex_of
from anchor.replica.accusing import Accuser
from anchor.replica.checking import check_again, check_pins, pins_of
from anchor.replica.evidence import Finding, Findings
from anchor.replica.heads import HeadChecks
from anchor.replica.intake import Taking, pages_from
from anchor.replica.operator import MOST_DELTAS, OF_WHO_ASKS, Operator, Page
from anchor.replica.proving import prove_delta
from anchor.replica.store import ReplicaError, Store
from anchor.replica.values import HeldHead, Misfit, Pins, Shown, Wanted
from anchor.replica.withheld_heads import Seen
from anchor.verify.verification import verify_proof

_FINDER: Final = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Round:
    """How one round went.

    ``new_deltas`` were added, so that the copy has ``size`` with ``balance`` (units of 10**-18). ``head`` is
    the newest that was seen on the chain. ``not_checked`` says why the one that is shown could not be
    checked, None where it was; ``waiting``: its block is not final yet; ``behind``: the chain has a newer
    head than the server shows. ``findings`` is all that does not fit, known before or not.
    """

    new_deltas: int
    size: int
    balance: int
    head: HeldHead | None
    not_checked: str | None
    behind: bool
    waiting: bool
    findings: tuple[Finding, ...]


class Follower:
    """Follows one ledger of one server into one file. Not thread-safe; closes the file, nothing else."""

    def __init__(
        self,
        operator: Operator,
        chain: ChainView,
        path: Path,
        wanted: Wanted,
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Open the file where it is there.

        Raises ReplicaError where the file is no replica, or is one of something else than ``wanted``.
        """
        self._operator = operator
        self._chain = RememberedChain(chain)
        self._path = path
        self._wanted = wanted
        self._now = now_ms
        self._progress: Callable[[int, int], None] = lambda _done, _of: None
        self._told_without_copy: set[str] = set()
        self._store = Store.open(path) if path.exists() else None
        try:
            self._require_wanted()
        except ReplicaError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._store is not None:
            self._store.close()

    @property
    def store(self) -> Store | None:
        """The file; None before the first contact."""
        return self._store

    def round(self, progress: Callable[[int, int], None] = lambda _done, _of: None) -> Round:
        """Fetch and check what is new. ``progress`` hears how many deltas fit, and of how many.

        Raises ClientError where the server cannot be asked, ReplicaError where the node is of another chain
        than before; the copy then holds what was checked until then.
        """
        self._progress = progress
        self._chain.forget()
        findings = Findings(self._path, self._now, self._told_without_copy)
        if self._store is None and (refused := self._first_contact(findings)) is not None:
            return refused
        store = self._store
        assert store is not None
        self._require_chain(store)
        before = store.standing().size
        try:
            self._take_deltas(store, findings)
        except AnchorProblem as problem:
            if problem.code != "unknown_customer":
                raise
            self._denied(store, findings, problem)
            return self._told(store, findings, before, Seen("the server says that there is no such ledger"))
        self._look_again(store, findings, before)
        seen = HeadChecks(
            store,
            self._operator,
            self._chain,
            self._wanted,
            findings,
            lambda: self._take_deltas(store, findings),
            self._now(),
        ).check()
        return self._told(store, findings, before, seen)

    # Deltas

    def _first_contact(self, findings: Findings) -> Round | None:
        """Pin what is shown first, and make the file; where that cannot be, return how the round went."""
        wanted = self._wanted
        try:
            page = self._operator.page(wanted.customer_id, wanted.unit, 0, 1)
        except AnchorProblem as problem:
            if problem.code != "unknown_customer":
                raise
            # Whoever may not ask for this customer is told so here, and that is raised.
            self._operator.absence(wanted.customer_id, wanted.unit)
            return _nothing("there is no such ledger yet")
        pins = pins_of(page.log, page.ledger, wanted.customer_id, wanted.unit)
        if isinstance(pins, Pins):
            for what, meant, shown in (
                ("log", wanted.log_id, pins.log_id),
                ("ledger", wanted.ledger_id, pins.ledger_id),
            ):
                if meant is not None and meant != shown:
                    said = f"The server shows another {what} than you named."
                    pins = Misfit("identity", what, said, hex_of(meant), hex_of(shown))
                    break
        if isinstance(pins, Misfit):
            findings.add(None, pins, shown=_page_json(page))
            return _nothing("the server shows something else", *findings.found)
        self._store = Store.create(self._path, pins, self._now())
        return None

    def _take_deltas(self, store: Store, findings: Findings) -> None:
        """Fetch and keep the deltas that are new, page by page, up to what does not fit."""
        pins = store.pins
        taking = Taking(store)
        try:
            for page in pages_from(self._operator, pins.customer_id, pins.unit, taking.size):
                if (misfit := check_pins(pins, page.log, page.ledger)) is not None:
                    findings.add(store, misfit, shown=_page_json(page))
                    return
                misfit = taking.take(page.deltas)
                self._progress(taking.size, page.size)
                misfit = misfit or _short(page, taking.size)
                if misfit is not None:
                    # What fits before it is needed to prove what does not.
                    taking.keep()
                    self._tell(store, findings, misfit, page)
                    return
        finally:
            taking.keep()

    def _look_again(self, store: Store, findings: Findings, size: int) -> None:
        """Fetch some of what the copy held before once more: which, the server cannot know."""
        if not size:
            return
        start = _FINDER.randrange(max(1, size - MOST_DELTAS + 1))
        stop = min(size, start + MOST_DELTAS)
        pins = store.pins
        page = self._operator.page(pins.customer_id, pins.unit, start, stop - start)
        held = list(store.deltas(start, stop))
        misfit = check_pins(pins, page.log, page.ledger) or check_again(held, page.deltas, pins)
        if misfit is not None:
            self._tell(store, findings, misfit, page)

    def _tell(self, store: Store, findings: Findings, misfit: Misfit, page: Page) -> None:
        """Tell what does not fit about a delta, with what is shown of it and what the copy holds."""
        index = misfit.index
        if index is None:
            findings.add(store, misfit, shown=_page_json(page))
            return
        accuser = self._accuser(store)

        def prove() -> ProofFile | None:
            if misfit.kind in ("false_balance", "time_reversed"):
                return accuser.neighbours(misfit.kind, index)
            return accuser.two_deltas(index) if misfit.kind in ("altered", "dropped") else None

        at = index - page.start
        shown = _shown_json(page.deltas[at]) if 0 <= at < len(page.deltas) else _page_json(page)
        held = next(store.deltas(index, index + 1), None)
        proofs: dict[str, bytes] = {}
        if held is not None and store.head_holding(index) is not None:
            proofs["held"] = write_proof_file(prove_delta(store, index))
        findings.add(
            store,
            misfit,
            shown=shown,
            held=None if held is None else _shown_json(held),
            proofs=proofs,
            prove=prove,
        )

    def _denied(self, store: Store, findings: Findings, problem: AnchorProblem) -> None:
        """The server knows the ledger no more: have that proven, or raise where it is the key's fault."""
        pins = store.pins
        said = "The server says that there is no such ledger, and the copy holds its deltas."
        misfit = Misfit("vanished", "", said, f"{store.standing().size} deltas or more", "none")
        try:
            absence = self._operator.absence(pins.customer_id, pins.unit)
        except AnchorProblem as refused:
            if refused.status in OF_WHO_ASKS:
                raise
            findings.add(store, misfit, shown=problem.document)
            return
        before, claim = store.newest_head(), absence.proof.claim

        def prove() -> ProofFile | None:
            if before is None or not isinstance(claim, AbsenceClaim):
                return None
            return self._accuser(store).vanished(before, claim)

        findings.add(store, misfit, shown=problem.document, proofs={"absence": absence.raw}, prove=prove)

    # What is meant

    def _require_wanted(self) -> None:
        if self._store is None:
            return
        pins, wanted = self._store.pins, self._wanted
        chain = self._store.chain
        for what, meant, held in (
            ("customer", wanted.customer_id, pins.customer_id),
            ("unit", wanted.unit, pins.unit),
            ("log", wanted.log_id, pins.log_id),
            ("ledger", wanted.ledger_id, pins.ledger_id),
            ("contract", wanted.contract, None if chain is None else chain.contract),
        ):
            if meant is not None and held is not None and meant != held:
                shown = [
                    hex_of(value) if isinstance(value, bytes) else repr(value) for value in (held, meant)
                ]
                raise ReplicaError(
                    "another_replica",
                    f"{self._path} is a replica of another {what}: {shown[0]}, not {shown[1]}",
                    "name the file of this one, or a new file",
                )

    def _require_chain(self, store: Store) -> None:
        """Raise where the node is of another chain than the one that the log was seen on."""
        if store.chain is None:
            return
        try:
            found = self._chain.chain_id()
        except ChainUnavailable:
            return
        if found != store.chain.chain_id:
            raise ReplicaError(
                "another_chain",
                f"the node is of chain {found}, and the log was seen on chain {store.chain.chain_id}",
                "name a node of that chain",
            )

    def _accuser(self, store: Store) -> Accuser:
        return Accuser(
            self._operator,
            store,
            lambda file: verify_proof(
                file,
                self._chain,
                expected_contract=store.chain.contract if store.chain else self._wanted.contract,
                finality=self._wanted.finality,
            ),
        )

    def _told(self, store: Store, findings: Findings, before: int, seen: Seen) -> Round:
        standing = store.standing()
        return Round(
            standing.size - before,
            standing.size,
            standing.balance,
            store.newest_head(),
            seen.not_checked,
            seen.behind,
            seen.waiting,
            tuple(findings.found),
        )


def _nothing(not_checked: str, *findings: Finding) -> Round:
    """Return how a round went that made no copy."""
    return Round(0, 0, 0, None, not_checked, behind=False, waiting=False, findings=findings)


def _short(page: Page, size: int) -> Misfit | None:
    """Say where a page ends before the ledger does, or the ledger before the copy."""
    if page.size < size:
        said = f"The ledger has {page.size} deltas now, and the copy holds {size}."
        return Misfit("dropped", str(page.size), said, f"{size} or more", str(page.size), page.size)
    if not page.deltas and page.size > size:
        said = f"The server says that there are {page.size} deltas, and does not show delta {size}."
        return Misfit("withheld", str(size), said, str(page.size), str(size), size)
    return None


def _page_json(page: Page) -> Any:
    """Return what a page is about, without its deltas."""
    return {"log": log_json(page.log), "ledger": ledger_json(page.ledger), "size": page.size}


def _shown_json(shown: Shown) -> Any:
    return {"fingerprint": hex_of(shown.fingerprint), "delta": record_json(shown.record)}
