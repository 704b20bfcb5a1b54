"""Aim a load at a deployment and hold it to its word: every receipt is checked, on the chain too.

    report = Hammer(clients, plan, chain=..., contract=...).run()

The clients may be of several servers of one log: requests go to them in turn, and a retry goes to the
next one. Everything is sent until it is answered, so a load that outlives a killed server is fine.
"""

import threading
import time
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Final, TypeVar

from anchor.cli.hammer.findings import Fault, Findings, HammerReport, Timings
from anchor.cli.hammer.load import UNIT, Acknowledged, HammerPlan, HammerRequest, requests_of
from anchor.cli.hammer.proofs import ProofCheck
from anchor.client.client import AnchorClient
from anchor.client.errors import AnchorProblem
from anchor.client.values import NewDelta, Recorded, Refused, Standing

T = TypeVar("T")
Progress = Callable[[str, int], None]
"""Hears a stage ("emit", "anchor", "prove") and how many more deltas have passed it."""

_POLL_SECONDS: Final = 0.5
_NOTHING: Final = Standing(Decimal(0), 0)


class Hammer:
    """One run. ``wait`` is seconds for the anchoring.

    ``connections`` requests are under way at once, and beside them the second sendings that do not wait
    for the first.
    """

    def __init__(
        self,
        clients: Sequence[AnchorClient],
        plan: HammerPlan,
        check: ProofCheck,
        *,
        connections: int = 8,
        wait: float = 300.0,
        progress: Progress = lambda _stage, _steps: None,
    ) -> None:
        self._clients = clients
        self._plan = plan
        self._check = check
        self._connections = connections
        self._wait = wait
        self._progress = progress
        self._findings = Findings()
        self._lock = threading.Lock()
        self._receipts: list[Acknowledged] = []
        self._names: dict[str, str] = {}
        self._emit_seconds = array("d")
        self._prove_seconds = array("d")
        self._retried = 0
        self._together = 0
        self._verified = 0
        self._twins = ThreadPoolExecutor(connections, "twin")

    def run(self) -> HammerReport:
        """Emit, wait for the chain, check every receipt. Raises ClientError where a server stays away."""
        started = time.monotonic()
        with self._twins:
            self._side_by_side(self._emit, enumerate(requests_of(self._plan)))
        emitting = Timings.of(time.monotonic() - started, self._emit_seconds)
        self._check_places()
        anchoring = time.monotonic()
        self._check_ledgers()
        anchored = time.monotonic()
        self._side_by_side(self._prove, self._receipts)
        proving = Timings.of(time.monotonic() - anchored, self._prove_seconds)
        return HammerReport(
            run=self._plan.run,
            deltas=self._plan.deltas,
            acknowledged=len(self._receipts),
            retried=self._retried,
            together=self._together,
            verified=self._verified,
            emitting=emitting,
            anchoring_seconds=anchored - anchoring,
            proving=proving,
            findings=self._findings,
        )

    def _side_by_side(self, action: Callable[[T], None], items: Iterable[T]) -> None:
        """Do something for every item, so many at once, without holding what is still to come."""
        source = iter(items)

        def work() -> None:
            while True:
                with self._lock:
                    item = next(source, None)
                if item is None:
                    return
                action(item)

        with ThreadPoolExecutor(self._connections) as pool:
            for done in [pool.submit(work) for _ in range(self._connections)]:
                done.result()

    # Emitting

    def _emit(self, numbered: tuple[int, HammerRequest]) -> None:
        number, request = numbered
        twin = self._twins.submit(self._send, number + 1, request) if request.together else None
        first = self._send(number, request)
        for delta, answer in zip(request.deltas, first, strict=True):
            self._acknowledge(delta, answer)
        if request.again:
            second = self._send(number + 1, request) if twin is None else twin.result()
            for before, after in zip(first, second, strict=True):
                self._compare_retry(before, after, request.together)
            with self._lock:
                self._retried += len(request.deltas)
                self._together += len(request.deltas) * request.together
        self._progress("emit", len(request.deltas))

    def _send(self, number: int, request: HammerRequest) -> list[Recorded | Refused]:
        client = self._clients[number % len(self._clients)]
        started = time.perf_counter()
        answers: list[Recorded | Refused]
        if self._plan.batch == 1:
            (delta,) = request.deltas
            try:
                answers = [
                    client.emit(
                        delta.customer_id,
                        delta.delta,
                        reason=delta.reason,
                        reference_id=delta.reference_id,
                        unit=delta.unit,
                    )
                ]
            except AnchorProblem as problem:
                if problem.status >= 500 or problem.status in (401, 403):
                    raise
                answers = [Refused(problem)]
        else:
            answers = client.emit_batch(request.deltas)
        seconds = time.perf_counter() - started
        with self._lock:
            self._emit_seconds.append(seconds)
        return answers

    def _acknowledge(self, delta: NewDelta, answer: Recorded | Refused) -> None:
        reference = str(delta.reference_id)
        if isinstance(answer, Refused):
            self._findings.add(Fault.REFUSED, reference, "a receipt", answer.problem)
            return
        told = (answer.customer_id, answer.unit, answer.delta)
        if told != (delta.customer_id, delta.unit, delta.delta):
            self._findings.add(Fault.CHANGED, reference, delta, answer)
        with self._lock:
            self._receipts.append(
                Acknowledged(
                    # Few of these differ, and each is kept once.
                    self._names.setdefault(delta.customer_id, delta.customer_id),
                    reference,
                    int(delta.delta),
                    answer.receipt_id,
                    self._names.setdefault(answer.ledger_id, answer.ledger_id),
                    answer.index,
                    answer.fingerprint,
                )
            )

    def _compare_retry(self, before: Recorded | Refused, after: Recorded | Refused, together: bool) -> None:
        if isinstance(before, Refused):
            return
        if isinstance(after, Refused):
            self._findings.add(Fault.CHANGED, before.receipt_id, before, after.problem)
        elif (after.receipt_id, after.index) != (before.receipt_id, before.index):
            self._findings.add(Fault.DUPLICATE, before.receipt_id, before.receipt_id, after.receipt_id)
        elif (after.fingerprint, after.balance) != (before.fingerprint, before.balance):
            self._findings.add(Fault.CHANGED, before.receipt_id, before.fingerprint, after.fingerprint)
        elif not (after.idempotent or (together and before.idempotent)):
            self._findings.add(Fault.CHANGED, before.receipt_id, "idempotent", "recorded once more")

    # Checking

    def _check_places(self) -> None:
        """No place and no receipt id was given out twice."""
        for what, key_of in (("receipt id", _id_of), ("place", _place_of)):
            seen: set[object] = set()
            for receipt in self._receipts:
                key = key_of(receipt)
                if key in seen:
                    self._findings.add(Fault.DUPLICATE, receipt.reference_id, f"a {what} of its own", key)
                seen.add(key)

    def _check_ledgers(self) -> None:
        """Every ledger holds exactly what was acknowledged, and is anchored whole in the time there is."""
        expected: dict[str, Standing] = defaultdict(lambda: _NOTHING)
        for receipt in self._receipts:
            so_far = expected[receipt.customer_id]
            expected[receipt.customer_id] = Standing(so_far.balance + receipt.amount, so_far.delta_count + 1)
        waiting = {customer: standing.delta_count for customer, standing in expected.items()}
        deadline = time.monotonic() + self._wait
        checked: set[str] = set()
        while waiting:
            for customer, left in list(waiting.items()):
                verified, recorded = self._standing(customer)
                if customer not in checked:
                    checked.add(customer)
                    if not self._matches(customer, expected[customer], recorded):
                        self._progress("anchor", left)
                        del waiting[customer]
                        continue
                now_left = expected[customer].delta_count - verified
                self._progress("anchor", left - now_left)
                waiting[customer] = now_left
                if not now_left:
                    del waiting[customer]
            if waiting:
                if time.monotonic() > deadline:
                    for customer, left in waiting.items():
                        self._findings.add(
                            Fault.NOT_ANCHORED, customer, f"in {self._wait:g} s", f"{left} deltas wait", left
                        )
                    return
                time.sleep(_POLL_SECONDS)

    def _standing(self, customer: str) -> tuple[int, Standing]:
        """Return how many deltas of a ledger are verified, and what is recorded in all."""
        try:
            derived = self._clients[0].derive(customer, UNIT)
        except AnchorProblem as problem:
            if problem.status != 404:
                raise
            return 0, _NOTHING
        return derived.delta_count, derived.recorded

    def _matches(self, customer: str, expected: Standing, found: Standing) -> bool:
        if expected == found:
            return True
        difference = found.delta_count - expected.delta_count
        fault = Fault.LOSS if difference < 0 else Fault.DUPLICATE if difference > 0 else Fault.CHANGED
        self._findings.add(fault, customer, expected, found, abs(difference) or 1)
        return False

    def _prove(self, receipt: Acknowledged) -> None:
        started = time.perf_counter()
        fault = self._check.fault_of(self._clients[receipt.index % len(self._clients)], receipt)
        seconds = time.perf_counter() - started
        if fault is not None:
            self._findings.add(fault.fault, receipt.receipt_id, fault.expected, fault.found)
        with self._lock:
            self._prove_seconds.append(seconds)
            self._verified += fault is None
        self._progress("prove", 1)


def _id_of(receipt: Acknowledged) -> object:
    return receipt.receipt_id


def _place_of(receipt: Acknowledged) -> object:
    return receipt.ledger_id, receipt.index
