"""A log's batches, as its server shows them to everybody: ``GET /api/v1/log`` and ``/api/v1/log/batches``."""

from types import TracebackType
from typing import Any, Final, Self

import httpx

from anchor.monitor.history import BatchesUnavailable
from anchor.node.endpoint import redact
from anchor.node.http import AnswerRefused, certificates, read_answer
from anchor.proof.bounds import ProofFileError, parse_json
from anchor.proof.members import Members, hash32, list_of, u64
from anchor.protocol.batch import Batch
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import Bytes32

PAGE: Final = 1_000
LARGEST_ANSWER: Final = 1024 * 1024
"""Bytes; a page has a quarter of that."""


class OtherLog(Exception):
    """The server serves another log than the one that is watched. ``found`` is its id."""

    def __init__(self, found: Bytes32) -> None:
        super().__init__(f"it serves the log {hex_of(found)}")
        self.found = found


class ServerBatches:
    """The batches of one log on one server, a page of them at a time. ``timeout`` is in seconds."""

    def __init__(
        self,
        url: str,
        log_id: Bytes32,
        *,
        timeout: float = 20.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.name: Final = redact(url)
        self._url: Final = url.rstrip("/")
        self._timeout: Final = timeout
        self._client: Final = httpx.Client(
            verify=certificates(), timeout=timeout, transport=transport, follow_redirects=False
        )
        self._log_id: Final = log_id
        self._is_ours = False
        self._page: dict[int, Batch] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def check_log(self) -> None:
        """Raise OtherLog where the server says that its log is another, BatchesUnavailable."""
        try:
            found = Members.of(self._get("/api/v1/log"), "").take("logId", hash32)
        except ProofFileError as error:
            raise self._unusable(error) from error
        if found != self._log_id:
            raise OtherLog(found)
        self._is_ours = True

    def batch(self, number: int) -> Batch | None:
        """Return a batch; None where the log shows none of that number. Raises BatchesUnavailable."""
        if not self._is_ours:
            try:
                self.check_log()
            except OtherLog as other:
                raise BatchesUnavailable(f"{self.name} is of another log: {other}") from other
        if number not in self._page:
            try:
                answer = Members.of(self._get(f"/api/v1/log/batches?cursor={number}&limit={PAGE}"), "")
                batches = answer.take("items", list_of(_batch, PAGE))
            except ProofFileError as error:
                raise self._unusable(error) from error
            self._page = {batch.number: batch for batch in batches}
        return self._page.get(number)

    def _get(self, path: str) -> Any:
        try:
            status, body = read_answer(
                self._client, "GET", self._url + path, largest=LARGEST_ANSWER, timeout=self._timeout
            )
        except AnswerRefused as refused:
            raise BatchesUnavailable(f"{self.name} {refused.reason}") from refused
        except httpx.InvalidURL as error:
            raise BatchesUnavailable(f"{self.name} is not a URL that can be asked") from error
        except httpx.HTTPError as error:
            raise BatchesUnavailable(f"{self.name} does not answer ({type(error).__name__})") from error
        if status != 200:
            raise BatchesUnavailable(f"{self.name} answers with HTTP {status}")
        return parse_json(body, LARGEST_ANSWER)

    def _unusable(self, error: ProofFileError) -> BatchesUnavailable:
        return BatchesUnavailable(f"{self.name} does not answer as a log does: {error.place} {error.reason}")


def _batch(value: Any, place: str) -> Batch:
    members = Members.of(value, place)
    # What a later version shows beside these is no reason to see nothing.
    return Batch(
        members.take("number", u64),
        members.take("historyRoot", hash32),
        members.take("mapRoot", hash32),
        members.take("sealedAt", u64),
    )
