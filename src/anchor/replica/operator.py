"""What the operator's server shows: read strictly and bounded, and taken for no more than a statement."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from anchor.client.errors import AnchorProblem, AnchorUnreachable, UnexpectedAnswer
from anchor.node.http import AnswerRefused, certificates, read_answer
from anchor.proof.bounds import ProofFileError, parse_json
from anchor.proof.members import Members, hash32, list_of, u64
from anchor.proof.part_reading import read_record
from anchor.proof.reading import parse_proof_file, read_ledger, read_log
from anchor.proof.values import DeltaRecord, ProofFile, ProofLedger, ProofLog
from anchor.protocol.batch import Batch
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import Bytes32
from anchor.replica.values import Shown

LARGEST_ANSWER: Final = 64 * 1024 * 1024
"""Bytes. A thousand deltas with all that each may hold are less."""
MOST_DELTAS: Final = 1_000
MOST_BATCHES: Final = 1_000
OF_WHO_ASKS: Final = frozenset({401, 403, 408, 429})
"""Statuses of refusals that are about who asks, or how: they say nothing of what was asked for."""


class UnreadableAnswer(UnexpectedAnswer):
    """A successful answer that does not have the form of what was asked for."""

    def __init__(self, url: str, error: ProofFileError) -> None:
        super().__init__(url, 200, f"{error.place or 'it'} {error.reason}")


@dataclass(frozen=True, slots=True)
class Page:
    """Deltas from ``start`` on, as many as the server showed; ``size`` is how many it says there are.

    ``raw`` is the answer as it came.
    """

    log: ProofLog
    ledger: ProofLedger
    size: int
    start: int
    deltas: tuple[Shown, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class ShownProof:
    """A proof file as it came, and its values."""

    raw: bytes
    proof: ProofFile


class Operator:
    """One server, asked with one key. ``timeout`` is in seconds, for each answer as a whole.

    Every method raises AnchorProblem (the server refused), AnchorUnreachable or UnexpectedAnswer.
    """

    def __init__(
        self, url: str, key: str, *, timeout: float = 60.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url: Final = url.rstrip("/")
        self._timeout = timeout
        self._client = httpx.Client(
            verify=certificates(),
            headers={"X-Api-Key": key},
            timeout=timeout,
            transport=transport,
            follow_redirects=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def page(self, customer_id: str, unit: str, start: int, limit: int = MOST_DELTAS) -> Page:
        """Return the deltas of a customer's ledger from an index on, with what they are made of."""
        query = {"customerId": customer_id, "unit": unit, "cursor": start, "limit": limit}
        raw = self._get("/api/v1/records", query)
        try:
            page = Members.of(parse_json(raw, LARGEST_ANSWER), "")
            return Page(
                page.take("log", read_log),
                page.take("ledger", read_ledger),
                page.take("size", u64),
                start,
                page.take("items", list_of(_shown, limit)),
                raw,
            )
        except ProofFileError as error:
            raise UnreadableAnswer(self.url, error) from error

    def proof(self, ledger_id: Bytes32, kind: str, **query: int) -> ShownProof:
        """Return the proof file of a kind about a ledger: ``balance``, ``freshness`` or ``consistency``."""
        return self._proof(f"/api/v1/ledgers/{hex_of(ledger_id)}/proofs/{quote(kind)}", query)

    def absence(self, customer_id: str, unit: str) -> ShownProof:
        """Return the proof file that a customer has no ledger."""
        return self._proof("/api/v1/proofs/absence", {"customerId": customer_id, "unit": unit})

    def batches(self, first: int, last: int) -> list[Batch]:
        """Return up to ``MOST_BATCHES`` batches from a number up to another, rising, as far as shown."""
        stop = min(last, first + MOST_BATCHES - 1)
        raw = self._get("/api/v1/batches", {"cursor": stop + 1, "limit": stop - first + 1})
        try:
            page = Members.of(parse_json(raw, LARGEST_ANSWER), "")
            found = page.take("items", list_of(_batch, MOST_BATCHES))
        except ProofFileError as error:
            raise UnreadableAnswer(self.url, error) from error
        asked = (batch for batch in found if first <= batch.number <= stop)
        return sorted(asked, key=lambda batch: batch.number)

    def _proof(self, path: str, query: Mapping[str, Any]) -> ShownProof:
        raw = self._get(path, query)
        try:
            return ShownProof(raw, parse_proof_file(raw))
        except ProofFileError as error:
            raise UnreadableAnswer(self.url, error) from error

    def _get(self, path: str, query: Mapping[str, Any]) -> bytes:
        url = self.url + path
        try:
            status, raw = read_answer(
                self._client, "GET", url, largest=LARGEST_ANSWER, timeout=self._timeout, params=query
            )
        except AnswerRefused as refused:
            raise AnchorUnreachable(self.url, refused.reason) from None
        except httpx.HTTPError as error:
            raise AnchorUnreachable(self.url, str(error) or type(error).__name__) from None
        if status < 300:
            return raw
        try:
            problem = AnchorProblem(json.loads(raw))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise UnexpectedAnswer(self.url, status) from None
        if problem.status != status or not isinstance(problem.code, str):
            raise UnexpectedAnswer(self.url, status)
        raise problem


def _shown(value: Any, place: str) -> Shown:
    item = Members.of(value, place)
    record = item.take("delta", read_record)
    if not isinstance(record, DeltaRecord):
        raise ProofFileError("shape", place, "withholds the delta")
    return Shown(item.take("fingerprint", hash32), record)


def _batch(value: Any, place: str) -> Batch:
    # Counts and anchors stand beside; what the anchored root is made of is all that is taken.
    batch = Members.of(value, place)
    return Batch(
        batch.take("number", u64),
        batch.take("historyRoot", hash32),
        batch.take("mapRoot", hash32),
        batch.take("sealedAt", u64),
    )
