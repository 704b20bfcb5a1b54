"""The client: one method for each call of the HTTP face."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Literal, Self

import httpx

from anchor.client import readings
from anchor.client.errors import AnchorProblem
from anchor.client.exchange import HttpOrderedRecord, HttpRecord
from anchor.client.members import Json, MemberError, Members, Shape
from anchor.client.paths import segment
from anchor.client.transport import ATTEMPTS, Transport, idempotency_header
from anchor.client.values import (
    Amount,
    Checkpoint,
    Derived,
    NewDelta,
    Page,
    Receipt,
    Recorded,
    Refused,
    Time,
    amount_text,
    balance_text,
    time_json,
)
from anchor.compare.books import Entry
from anchor.compare.divergence import Divergence, OwnEntries, OwnFingerprints, first_divergence
from anchor.compare.reconciliation import Reconciliation, reconcile

BATCH_ITEMS: Final = 1_000


class AnchorClient:
    """Speaks to one Anchor server. Thread-safe; close it, or use it in a ``with`` statement.

    Every call may raise AnchorProblem (the server refused), AnchorUnreachable or UnexpectedAnswer, and
    CannotBeSent where what is given fits into no request.
    A call is retried, at most ``attempts`` times in all, while the server cannot be reached or is too
    busy; that never records anything twice.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = 30.0,
        attempts: int = ATTEMPTS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """``key`` may be left out for ``verify`` and ``ready``; ``transport`` replaces the network.

        Raises CannotBeSent.
        """
        self._transport: Final = Transport(url, key, timeout=timeout, attempts=attempts, http=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    # Recording

    def emit(
        self,
        customer_id: str,
        delta: Amount,
        *,
        reason: str = "",
        reference_id: str | None = None,
        unit: str = "",
        metadata: Mapping[str, Any] | None = None,
        occurred_at: Time | None = None,
        adjusts: str | None = None,
        metadata_numbers: Literal["exact", "text"] = "exact",
        idempotency_key: str | None = None,
    ) -> Recorded:
        """Record one delta; durable when this returns.

        Give ``reference_id``, your name of the event, so that sending it again, even years later, gives
        the first receipt. Without one, only this call's own retries are safe.
        """
        new = NewDelta(
            customer_id, delta, reason, reference_id, unit, metadata, occurred_at, adjusts, metadata_numbers
        )
        return self._transport.ask(
            Recorded.from_json,
            "POST",
            "/api/v1/balance/delta",
            body=new.to_json(),
            headers=idempotency_header(idempotency_key, reference_id is not None),
        )

    def emit_batch(
        self, deltas: Sequence[NewDelta], *, idempotency_key: str | None = None
    ) -> list[Recorded | Refused]:
        """Record up to 1,000 deltas; a result for each, in order. A refused one stops no other."""
        referenced = all(delta.reference_id is not None for delta in deltas)
        return self._transport.ask(
            lambda answer: _results(answer, len(deltas)),
            "POST",
            "/api/v1/balance/delta/batch",
            body={"deltas": [delta.to_json() for delta in deltas]},
            headers=idempotency_header(idempotency_key, referenced),
        )

    # Balances

    def derive(
        self,
        customer_id: str,
        unit: str = "",
        *,
        as_of_index: int | None = None,
        as_of_time: Time | None = None,
        audit: bool = False,
    ) -> Derived:
        """Return a customer's balance, verified and pending."""
        return self._transport.ask(
            Derived.from_json,
            "GET",
            f"/api/v1/balance/derive/{segment(customer_id)}",
            query={
                "unit": unit or None,
                "asOfIndex": as_of_index,
                "asOfTime": None if as_of_time is None else time_json(as_of_time),
                "audit": "true" if audit else None,
            },
        )

    def compare_balances(
        self,
        customer_id: str,
        unit: str = "",
        *,
        yours: Amount | None = None,
        counterparty: Amount | None = None,
        as_of_index: int | None = None,
    ) -> Json:
        """Return whether the balances are the record's, and what would explain it where they are not."""
        body: dict[str, Json] = {"customerId": customer_id, "unit": unit, "asOfIndex": as_of_index}
        for name, balance in (("yourBalance", yours), ("counterpartyBalance", counterparty)):
            if balance is not None:
                body[name] = balance_text(balance)
        return self._transport.ask(readings.compared, "POST", "/api/v1/balance/compare", body=body)

    def compare_deltas(
        self,
        customer_id: str,
        unit: str = "",
        *,
        yours: Iterable[tuple[str | None, Amount]] | None = None,
        counterparty: Iterable[tuple[str | None, Amount]] | None = None,
        from_index: int | None = None,
        to_index: int | None = None,
        period: str | None = None,
    ) -> Json:
        """Return the exact discrepancies of short lists of (reference, amount) with the record.

        A long list is better compared with ``reconcile``, which sends none of it.
        """
        body: dict[str, Json] = {
            "customerId": customer_id,
            "unit": unit,
            "fromIndex": from_index,
            "toIndex": to_index,
            "period": period,
        }
        for name, entries in (("yourDeltas", yours), ("counterpartyDeltas", counterparty)):
            if entries is not None:
                body[name] = [
                    {"referenceId": reference, "amount": amount_text(amount)} for reference, amount in entries
                ]
        return self._transport.ask(readings.compared, "POST", "/api/v1/balance/compare", body=body)

    def reconcile(self, customer_id: str, books: Iterable[Entry], unit: str = "") -> Reconciliation:
        """Find every entry of long books that differs from the record, whatever their order.

        The books stay here; what travels grows with the differences alone. Raises TooManyDifferences
        and RecordContradictsItself besides.
        """
        return reconcile(books, HttpRecord(self._transport, customer_id, unit))

    def first_divergence(
        self, customer_id: str, own: OwnEntries | OwnFingerprints, unit: str = ""
    ) -> Divergence:
        """Find where ordered books, or a replica's fingerprints, part from the record: in two requests."""
        kind = "entries" if isinstance(own, OwnEntries) else "fingerprints"
        return first_divergence(own, HttpOrderedRecord(self._transport, customer_id, unit, kind))

    # Erasing

    def erase(self, receipt_id: str, fields: Iterable[str], by: str) -> Json:
        """Erase ``reason``, ``referenceId`` or ``metadata`` of a delta for good. Its proofs stay valid."""
        body = {"receiptId": receipt_id, "fields": list(fields), "by": by}
        return self._transport.ask(readings.erased, "POST", "/api/v1/erasures", body=body)

    # Checkpoints

    def checkpoint(
        self,
        customer_id: str,
        unit: str = "",
        *,
        from_index: int | None = None,
        to_index: int | None = None,
        period: str | None = None,
        start_date: str | None = None,
        end_date: str | None = None,
    ) -> Checkpoint:
        """Seal a range of a ledger, by indices or by time. The same range gives the same checkpoint."""
        return self._transport.ask(
            Checkpoint.from_json,
            "POST",
            "/api/v1/balance/checkpoint",
            body={
                "customerId": customer_id,
                "unit": unit,
                "fromIndex": from_index,
                "toIndex": to_index,
                "period": period,
                "startDate": start_date,
                "endDate": end_date,
            },
        )

    def find_checkpoint(self, proof_token: str) -> Checkpoint:
        """Return a checkpoint as it is now."""
        path = f"/api/v1/checkpoints/{segment(proof_token)}"
        return self._transport.ask(Checkpoint.from_json, "GET", path)

    def checkpoint_proof(self, proof_token: str, *, deltas: str | None = None) -> bytes:
        """Return a checkpoint's proof file.

        ``deltas`` puts all deltas of the range in: ``full``, ``amounts``, ``fingerprints``, or the texts to
        show of each, ``reason,referenceId,metadata``.
        """
        path = f"/api/v1/checkpoints/{segment(proof_token)}/proof"
        return self._transport.send("GET", path, query={"deltas": deltas}).content

    # Receipts, ledgers, batches

    def receipt(self, receipt_id: str) -> Receipt:
        """Return a receipt: the delta, and how far it has come."""
        return self._transport.ask(Receipt.from_json, "GET", f"/api/v1/receipts/{segment(receipt_id)}")

    def proof(self, receipt_id: str, *, disclosure: str = "full") -> bytes:
        """Return the proof file of a receipt.

        ``disclosure`` is ``full``, ``amounts``, ``fingerprints``, or the texts to show:
        ``reason,referenceId,metadata``.
        """
        path = f"/api/v1/receipts/{segment(receipt_id)}/proof"
        return self._transport.send("GET", path, query={"disclosure": disclosure}).content

    def ledger_proof(self, ledger_id: str, kind: str, **query: Any) -> bytes:
        """Return a proof file about a ledger.

        ``kind`` is ``balance`` (with ``asOfIndex``, or the newest), ``freshness``, or ``consistency`` (with
        the ``earlierSize`` of a head that is known from before).
        """
        path = f"/api/v1/ledgers/{segment(ledger_id)}/proofs/{segment(kind)}"
        return self._transport.send("GET", path, query=query).content

    def absence_proof(self, customer_id: str, unit: str = "") -> bytes:
        """Return the proof file that a customer has no ledger in a unit."""
        query = {"customerId": customer_id, "unit": unit or None}
        return self._transport.send("GET", "/api/v1/proofs/absence", query=query).content

    def ledgers(self, customer_id: str | None = None) -> Iterator[Json]:
        """Go through the ledgers, all or a customer's."""
        return self._all("/api/v1/ledgers", readings.LEDGER, {"customerId": customer_id})

    def deltas(self, ledger_id: str) -> Iterator[Json]:
        """Go through the deltas of a ledger, in the order of their indices."""
        return self._all(f"/api/v1/ledgers/{segment(ledger_id)}/deltas", readings.DELTA, {})

    def batches(self) -> Iterator[Json]:
        """Go through the batches, the newest first, with the transactions that anchored them."""
        return self._all("/api/v1/batches", readings.BATCH, {})

    def page(self, path: str, cursor: str | None = None, **query: Any) -> Page[Json]:
        """Return one page of a list."""
        return self._page(path, {}, {**query, "cursor": cursor})

    def _page(self, path: str, item: Shape, query: Mapping[str, Any]) -> Page[Json]:
        return self._transport.ask(
            lambda answer: readings.page_of(answer, item, query.get("cursor")), "GET", path, query=query
        )

    def _all(self, path: str, item: Shape, query: Mapping[str, Any]) -> Iterator[Json]:
        """Go through a list, each of whose items is of this shape."""
        cursor: str | None = None
        while True:
            page = self._page(path, item, {"limit": 1000, **query, "cursor": cursor})
            yield from page.items
            if page.next is None:
                return
            cursor = page.next

    # Anybody's

    def verify(self, proof_id: str, source: str = "both") -> Json:
        """Ask the server to check a receipt id, proof token or proof hash; needs no key.

        Who trusts no server checks a proof file instead: ``anchor verify FILE --rpc URL``.
        """
        path = f"/api/v1/verify/{segment(proof_id)}"
        return self._transport.ask(readings.verified, "GET", path, query={"source": source})

    def ready(self) -> bool:
        """Return whether the server can record now."""
        try:
            self.require_ready()
        except AnchorProblem:
            return False
        return True

    def require_ready(self) -> None:
        """Return where the server can record now; else raise what keeps it, as AnchorProblem."""
        self._transport.ask(readings.whole({"status": str}), "GET", "/readyz")

    def log_id(self) -> str:
        """Return the id of the server's log, as its contract holds it: 0x and 64 hex digits."""
        return self._transport.ask(lambda answer: answer.text("logId"), "GET", "/api/v1/log")

    # Operating

    def status(self) -> Json:
        """Return how the log and its anchoring stand."""
        return self._transport.ask(readings.status, "GET", "/api/v1/status")

    def create_key(
        self, name: str, scopes: Sequence[str] | None = None, *, customer_id: str | None = None
    ) -> Json:
        """Make an API key; the answer's ``key`` is shown this once."""
        body = {"name": name, "scopes": None if scopes is None else list(scopes), "customerId": customer_id}
        return self._transport.ask(readings.new_api_key, "POST", "/api/v1/keys", body=body, once=True)

    def keys(self) -> Iterator[Json]:
        """Go through the API keys, without the keys themselves."""
        return self._all("/api/v1/keys", readings.API_KEY, {})

    def revoke_key(self, key_id: int) -> Json:
        """Revoke an API key for good."""
        return self._transport.ask(readings.api_key, "DELETE", f"/api/v1/keys/{key_id}")


def _results(answer: Members, count: int) -> list[Recorded | Refused]:
    """Read what became of each delta of a batch. Raises MemberError."""
    results = answer.parts("results")
    if len(results) != count:
        raise MemberError(f"/results has {len(results)} items for {count} deltas")
    return [Refused.from_json(one) if "problem" in one else Recorded.from_json(one) for one in results]
