"""JSON-RPC endpoints: one request, one answer or one typed error.

Two kinds of failure must never be mixed up. ``NodeRefused``: a node understood and said no.
``TransportFailed``: no answer came; where ``outcome_unknown``, the node may have acted all the same, so
a transaction whose broadcast ended so is looked up, never sent anew in another form.

URLs of endpoints often hold a key. They are shown by ``redact`` only.
"""

import itertools
import json
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote, urlsplit

import httpx

from anchor.node.http import AnswerRefused, certificates, read_answer
from anchor.node.refusals import PASSING, Refusal, classify
from anchor.node.view import ChainUnavailable

MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
WHOLE_ANSWER: Final = 4
"""A whole answer may take so many times as long as the silence that is borne: none drips for ever."""


class RpcError(ChainUnavailable):
    """A request to a node that gave no result: ``problem`` says what was wrong, ``reason`` all of it."""

    def __init__(self, endpoint: str, method: str, problem: str, *, reason: str | None = None) -> None:
        super().__init__(reason or f"{endpoint}: {method}: {problem}")
        self.endpoint = endpoint
        self.method = method
        self.problem = problem


class TransportFailed(RpcError):
    """No answer: refused connection, time-out, 429, 5xx, or something that is not JSON-RPC.

    ``outcome_unknown`` is False only where the node cannot have seen the request.
    """

    def __init__(self, endpoint: str, method: str, problem: str, *, outcome_unknown: bool) -> None:
        super().__init__(endpoint, method, problem)
        self.outcome_unknown = outcome_unknown


class NodeRefused(RpcError):
    """The node's own error. ``data`` is the revert data where there is any."""

    def __init__(
        self,
        endpoint: str,
        method: str,
        code: int,
        message: str,
        data: bytes | None,
        *,
        reason: str | None = None,
    ) -> None:
        super().__init__(endpoint, method, f"{message} ({code})", reason=reason)
        self.code = code
        self.message = message
        self.data = data
        self.meaning: Refusal = classify(code, message)


class Endpoint(Protocol):
    """Something that answers JSON-RPC."""

    @property
    def name(self) -> str:
        """Return what to call it in logs: no secret in it."""
        ...

    def call(self, method: str, params: Sequence[Any]) -> Any:
        """Return the result. Raises TransportFailed or NodeRefused."""
        ...

    def hide(self, text: str) -> str:
        """Return what a node said without anything in it that may be a key of ours."""
        ...


def redact(url: str) -> str:
    """Return scheme, host and port of a URL: user, password, path and query may hold a key."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "?", f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an unreadable URL"
    hidden = "/…" if parts.path.strip("/") or parts.query or parts.username else ""
    return f"{parts.scheme}://{host}{port}{hidden}"


HIDDEN: Final = "…"
SHORTEST_PART: Final = 6
"""Characters: a step of a path that is shorter ('v3', 'rpc') is a word and no key."""
SHORTEST_SECRET: Final = 3
"""Characters of a user, a password or a value of a query: shorter ones would be found in any text."""


def secrets_of(url: str) -> tuple[str, ...]:
    """Return the parts of a URL that may be keys, the longest first: user, password, path and query."""
    parts = urlsplit(url)
    steps = [step for step in parts.path.split("/") if len(step) >= SHORTEST_PART]
    values = [pair.partition("=")[2] or pair for pair in parts.query.split("&")]
    pieces = [url, parts.path, parts.query, parts.fragment, parts.username or "", parts.password or ""]
    pieces += steps + values
    forms = {form for piece in pieces for form in (piece, unquote(piece), quote(unquote(piece), safe=""))}
    return tuple(sorted((one for one in forms if len(one) >= SHORTEST_SECRET), key=len, reverse=True))


class HttpEndpoint:
    """A node over HTTP. Thread-safe.

    ``timeout`` is seconds without a byte, ``longest`` those of a whole answer (see ``WHOLE_ANSWER``), and
    ``largest`` bytes of it.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 10.0,
        longest: float | None = None,
        largest: int = MAX_ANSWER_BYTES,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = url
        self._longest = WHOLE_ANSWER * timeout if longest is None else longest
        self._largest = largest
        self.name: str = redact(url)
        # A host without a key has no secret, and its own name is said with every failure.
        self._secrets = secrets_of(url) if self.name.endswith(HIDDEN) else ()
        self._client = httpx.Client(
            verify=certificates(),
            timeout=httpx.Timeout(timeout, connect=min(timeout, 5.0)),
            transport=transport,
            headers={"content-type": "application/json"},
        )
        self._ids = itertools.count(1)

    def exchange(self, method: str, params: Sequence[Any]) -> tuple[int, bytes]:
        """Return the status and content of a request's answer. Raises AnswerRefused, httpx.HTTPError."""
        body = json.dumps({"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)})
        return read_answer(
            self._client,
            "POST",
            self._url,
            largest=self._largest,
            timeout=self._longest,
            content=body.encode(),
        )

    def call(self, method: str, params: Sequence[Any]) -> Any:
        try:
            status, content = self.exchange(method, params)
        except AnswerRefused as error:
            raise self._no_answer(method, f"it {error.reason}", unknown=True) from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise self._no_answer(method, f"cannot connect ({_kind(error)})", unknown=False) from None
        except httpx.HTTPError as error:
            raise self._no_answer(method, f"no answer ({_kind(error)})", unknown=True) from None
        if status in (401, 403, 404, 429):
            raise self._no_answer(method, f"HTTP {status}", unknown=False)
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or ("result" not in answer and not answer.get("error")):
            raise self._no_answer(method, f"HTTP {status}, and no JSON-RPC answer", unknown=True)
        if answer.get("error"):
            raise refused(self.name, method, answer["error"], hide=self.hide)
        return answer["result"]

    def hide(self, text: str) -> str:
        """Return a text without the URL's user, password, path and query, wherever they stand in it."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _no_answer(self, method: str, reason: str, *, unknown: bool) -> TransportFailed:
        return TransportFailed(self.name, method, reason, outcome_unknown=unknown)


class LocalEndpoint:
    """A node in this process behind a function from (method, params) to a JSON-RPC answer.

    One request at a time: eth-tester's chain is not made for more.
    """

    def __init__(self, make_request: Callable[[str, list[Any]], Any], *, name: str = "in-process") -> None:
        self._make_request = make_request
        self.name: str = name
        self._lock = threading.Lock()

    def call(self, method: str, params: Sequence[Any]) -> Any:
        with self._lock:
            answer = self._make_request(method, list(params))
        if answer.get("error"):
            raise refused(self.name, method, answer["error"])
        return answer.get("result")

    def hide(self, text: str) -> str:
        """Return the text: a node in this process has no key."""
        return text


def refused(
    endpoint: str, method: str, error: Any, *, hide: Callable[[str], str] = lambda text: text
) -> RpcError:
    """Return the typed error for a JSON-RPC error object; limits and overload count as no answer.

    ``hide`` takes keys out of the node's words, which may repeat the URL that they were asked at.
    """
    if not isinstance(error, dict):
        error = {"code": 0, "message": str(error)}
    code = error.get("code")
    message = hide(str(error.get("message") or "no message"))
    failure = NodeRefused(
        endpoint, method, code if isinstance(code, int) else 0, message[:500], _revert_data(error)
    )
    if failure.meaning in PASSING:
        # 'Internal error' may hide a transaction that was taken: only a rate limit is sure to mean no.
        return TransportFailed(
            endpoint, method, message[:500], outcome_unknown=failure.meaning is not Refusal.RATE_LIMITED
        )
    return failure


def _revert_data(error: dict[str, Any]) -> bytes | None:
    data = error.get("data")
    if isinstance(data, dict):
        data = data.get("data") or data.get("result")
    if isinstance(data, str):
        # Nethermind and others write 'Reverted 0x…'.
        text = data.rpartition(" ")[2]
        if text.startswith("0x"):
            try:
                return bytes.fromhex(text[2:])
            except ValueError:
                return None
    return None


def _kind(error: Exception) -> str:
    return type(error).__name__
