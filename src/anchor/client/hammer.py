"""Aim a load at a deployment and hold it to its word: every receipt is checked, on the chain too.

    report = Hammer(clients, plan, chain=..., contract=...).run()

The clients may be of several servers of one log: requests go to them in turn, and a retry goes to the
next one. Everything is sent until it is answered, so a load that outlives a killed server is fine.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Final, TypeVar

from anchor.client.client import AnchorClient
from anchor.client.errors import AnchorProblem
from anchor.client.hammer_findings import Fault, Findings, HammerReport, Timings
from anchor.client.hammer_load import UNIT, HammerPlan, HammerRequest, requests_of
from anchor.client.hammer_proofs import ProofCheck
from anchor.client.values import NewDelta, Recorded, Refused, Standing

T = TypeVar("T")
R = TypeVar("R")
Progress = Callable[[str, int], None]
"""Hears a stage ("emit", "anchor", "prove") and how many more deltas have passed it."""

_POLL_SECONDS: Final = 0.5
_NOTHING: Final = Standing(Decimal(0), 0)


class Hammer:
    """One run. ``connections`` requests are under way at once; ``wait`` is seconds for the anchoring."""

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
        self._receipts: dict[str, tuple[NewDelta, Recorded]] = {}
        self._retried = 0

    def run(self) -> HammerReport:
        """Emit, wait for the chain, check every receipt. Raises ClientError where a server stays away."""
        started = time.monotonic()
        latencies = self._side_by_side(self._emit, enumerate(requests_of(self._plan)))
        emitting = Timings(time.monotonic() - started, [one for some in latencies for one in some])
        self._check_places()
        anchoring = time.monotonic()
        self._check_ledgers()
        anchored = time.monotonic()
        proven = self._side_by_side(self._prove, self._receipts.values())
        proving = Timings(time.monotonic() - anchored, [seconds for seconds, _ in proven])
        return HammerReport(
            run=self._plan.run,
            deltas=self._plan.deltas,
            acknowledged=len(self._receipts),
            retried=self._retried,
            verified=sum(valid for _, valid in proven),
            emitting=emitting,
            anchoring_seconds=anchored - anchoring,
            proving=proving,
            findings=self._findings,
        )

    def _side_by_side(self, action: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Do something for every item, so many at once, without holding what is still to come."""
        source = iter(items)
        results: list[R] = []

        def work() -> None:
            while True:
                with self._lock:
                    item = next(source, None)
                if item is None:
                    return
                result = action(item)
                with self._lock:
                    results.append(result)

        with ThreadPoolExecutor(self._connections) as pool:
            for done in [pool.submit(work) for _ in range(self._connections)]:
                done.result()
        return results

    # Emitting

    def _emit(self, numbered: tuple[int, HammerRequest]) -> list[float]:
        number, request = numbered
        first, seconds = self._send(number, request)
        latencies = [seconds]
        for delta, answer in zip(request.deltas, first, strict=True):
            self._acknowledge(delta, answer)
        if request.again:
            second, seconds = self._send(number + 1, request)
            latencies.append(seconds)
            for before, after in zip(first, second, strict=True):
                self._compare_retry(before, after)
            with self._lock:
                self._retried += len(request.deltas)
        self._progress("emit", len(request.deltas))
        return latencies

    def _send(self, number: int, request: HammerRequest) -> tuple[list[Recorded | Refused], float]:
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
        return answers, time.perf_counter() - started

    def _acknowledge(self, delta: NewDelta, answer: Recorded | Refused) -> None:
        reference = str(delta.reference_id)
        if isinstance(answer, Refused):
            self._findings.add(Fault.REFUSED, reference, "a receipt", answer.problem)
            return
        told = (answer.customer_id, answer.unit, answer.delta)
        if told != (delta.customer_id, delta.unit, delta.delta):
            self._findings.add(Fault.CHANGED, reference, delta, answer)
        with self._lock:
            self._receipts[reference] = (delta, answer)

    def _compare_retry(self, before: Recorded | Refused, after: Recorded | Refused) -> None:
        if isinstance(before, Refused):
            return
        if isinstance(after, Refused):
            self._findings.add(Fault.CHANGED, before.receipt_id, before, after.problem)
        elif (after.receipt_id, after.index) != (before.receipt_id, before.index):
            self._findings.add(Fault.DUPLICATE, before.receipt_id, before.receipt_id, after.receipt_id)
        elif (after.fingerprint, after.balance) != (before.fingerprint, before.balance):
            self._findings.add(Fault.CHANGED, before.receipt_id, before.fingerprint, after.fingerprint)
        elif not after.idempotent:
            self._findings.add(Fault.CHANGED, before.receipt_id, "idempotent", "recorded once more")

    # Checking

    def _check_places(self) -> None:
        """No place and no receipt id was given out twice."""
        places: dict[tuple[str, int], str] = {}
        ids: dict[str, str] = {}
        for reference, (_, receipt) in self._receipts.items():
            place = (receipt.ledger_id, receipt.index)
            other = places.setdefault(place, reference)
            other = ids.setdefault(receipt.receipt_id, reference) if other == reference else other
            if other != reference:
                self._findings.add(Fault.DUPLICATE, f"index {receipt.index}", reference, other)

    def _check_ledgers(self) -> None:
        """Every ledger holds exactly what was acknowledged, and is anchored whole in the time there is."""
        expected: dict[str, Standing] = defaultdict(lambda: _NOTHING)
        for delta, receipt in self._receipts.values():
            so_far = expected[delta.customer_id]
            expected[delta.customer_id] = Standing(so_far.balance + receipt.delta, so_far.delta_count + 1)
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

    def _prove(self, acknowledged: tuple[NewDelta, Recorded]) -> tuple[float, bool]:
        delta, receipt = acknowledged
        started = time.perf_counter()
        fault = self._check.fault_of(self._clients[receipt.index % len(self._clients)], delta, receipt)
        seconds = time.perf_counter() - started
        if fault is not None:
            self._findings.add(fault.fault, receipt.receipt_id, fault.expected, fault.found)
        self._progress("prove", 1)
        return seconds, fault is None
