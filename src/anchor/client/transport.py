"""One request over HTTP: retried where that is safe, its JSON read exactly, its refusals raised."""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import httpx

from anchor.client.errors import AnchorProblem, AnchorUnreachable, CannotBeSent, UnexpectedAnswer
from anchor.client.members import Json, MemberError, Members, parse_answer
from anchor.node.http import certificates, place_of_redirect

T = TypeVar("T")

ATTEMPTS: Final = 4
_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 30.0
_PLAIN: Final = "identity"
_OF_THE_WAY: Final = {b"content-encoding", b"transfer-encoding", b"content-length"}
LARGEST_ANSWER: Final = 128 * 1024 * 1024
"""Bytes: twice as many as the largest proof file has."""
WHOLE_ANSWER: Final = 10
"""Times the timeout, which is that of each part, may pass until an answer is whole."""
_PROBLEM: Final = "application/problem+json"


def json_body(value: Json) -> bytes:
    """Return a value as the JSON of a request. A lone surrogate goes as its escape, to be refused."""
    return json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace")


def idempotency_header(given: str | None, referenced: bool) -> dict[str, str] | None:
    """Return the header that makes a recording's retries safe, where no reference does."""
    if given is not None:
        return {"Idempotency-Key": given}
    return None if referenced else {"Idempotency-Key": secrets.token_urlsafe(24)}


class Transport:
    """Sends requests to one server. Thread-safe, as httpx's client is."""

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        timeout: float,
        attempts: int,
        http: httpx.BaseTransport | None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises CannotBeSent for a URL or a key that no request can carry."""
        if key is not None and not (key.isascii() and key.isprintable()):
            raise CannotBeSent("the API key", "it has a character that is in no key")
        self._url: Final = url.rstrip("/")
        self._attempts: Final = attempts
        self._longest: Final = WHOLE_ANSWER * timeout
        self._pause: Final = pause
        try:
            self._client: Final = httpx.Client(
                verify=certificates(),
                base_url=self._url,
                # Compressed, a small answer could become any large one.
                headers={"Accept-Encoding": "identity"} | ({} if key is None else {"X-Api-Key": key}),
                timeout=timeout,
                transport=http,
                follow_redirects=False,
            )
            # Read once, for a name in Punycode is only looked at now.
            _ = self._client.base_url.host
        except (httpx.InvalidURL, ValueError) as error:
            raise CannotBeSent("the URL", str(error)) from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ask(self, reading: Callable[[Members], T], method: str, path: str, **more: Any) -> T:
        """Return what ``reading`` makes of the answer, asked for as ``send`` does. Raises ClientError."""
        return self.read(reading, self.send(method, path, **more))

    def read(self, reading: Callable[[Members], T], answer: httpx.Response) -> T:
        """Return what ``reading`` makes of an answer. Raises UnexpectedAnswer where it raises ValueError."""
        read = self.json_of(answer)
        try:
            return reading(Members(read))
        except ValueError as error:
            raise UnexpectedAnswer(self._place(answer), answer.status_code, str(error)) from None

    def json_of(self, answer: httpx.Response) -> Json:
        """Return an answer's JSON; numbers with a fraction are Decimal. Raises UnexpectedAnswer."""
        try:
            return parse_answer(answer.content)
        except MemberError as error:
            raise UnexpectedAnswer(self._place(answer), answer.status_code, str(error)) from None
        except (ValueError, RecursionError):
            raise UnexpectedAnswer(self._place(answer), answer.status_code, "it is not JSON") from None

    def _place(self, answer: httpx.Response) -> str:
        url = answer.request.url
        return f"{url.scheme}://{url.netloc.decode()}{url.raw_path.partition(b'?')[0].decode()}"

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Json = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
    ) -> httpx.Response:
        """Return a successful answer.

        ``content`` is a body that is JSON already. The request is retried while the server is not
        reachable or too busy, unless it must be sent ``once``. Raises ClientError.
        """
        if body is not None:
            content = json_body(body)
        sent_headers = dict(headers or {})
        if content is not None:
            sent_headers["Content-Type"] = "application/json"
        parameters = {name: value for name, value in (query or {}).items() if value is not None}
        attempts = 1 if once else self._attempts
        for attempt in range(1, attempts + 1):
            last = attempt == attempts
            pause = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
            try:
                request = self._client.build_request(
                    method, path, params=parameters, content=content, headers=sent_headers
                )
            except (httpx.InvalidURL, ValueError) as error:
                raise CannotBeSent("a parameter", str(error)) from None
            try:
                answer = self._answer(request)
            except httpx.TransportError as error:
                if last:
                    raise AnchorUnreachable(self._url, str(error) or type(error).__name__) from None
            except UnicodeError as error:
                # The host's name is longer than a name can be, or has an empty part.
                raise AnchorUnreachable(self._url, str(error)) from None
            else:
                if answer.status_code < 300:
                    return answer
                problem = self._problem(answer)
                if answer.status_code != 503 or last:
                    raise problem
                pause = max(pause, min(problem.retry_after or 0, _LONGEST_PAUSE))
            self._pause(pause)
        raise AssertionError("the last attempt returns or raises")

    def _answer(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, read to its end. Raises httpx.TransportError, UnicodeError, UnexpectedAnswer."""
        started = time.monotonic()
        answer = self._client.send(request, stream=True)
        content = bytearray()
        try:
            if answer.headers.get("content-encoding", _PLAIN).strip().lower() != _PLAIN:
                raise self._unexpected(answer, "it is compressed, which was not asked for")
            for part in answer.iter_bytes():
                content += part
                if len(content) > LARGEST_ANSWER:
                    raise self._unexpected(answer, f"it has more than {LARGEST_ANSWER} bytes")
                if time.monotonic() - started > self._longest:
                    raise httpx.ReadTimeout(f"the answer was not whole after {self._longest:g} s")
        finally:
            answer.close()
        told = [(name, value) for name, value in answer.headers.raw if name.lower() not in _OF_THE_WAY]
        return httpx.Response(answer.status_code, headers=told, content=bytes(content), request=request)

    def _unexpected(self, answer: httpx.Response, why: str) -> UnexpectedAnswer:
        return UnexpectedAnswer(self._place(answer), answer.status_code, why)

    def _problem(self, answer: httpx.Response) -> AnchorProblem:
        if answer.is_redirect:
            place = place_of_redirect(str(answer.request.url), answer.headers.get("location", ""))
            raise self._unexpected(answer, f"it redirects to {place}, which is not followed")
        try:
            document = parse_answer(answer.content)
            after = answer.headers.get("retry-after", "")
            if answer.headers.get("content-type", "").startswith(_PROBLEM):
                return AnchorProblem(document, int(after) if after.isdigit() else None)
        except (ValueError, RecursionError):
            pass
        raise UnexpectedAnswer(self._place(answer), answer.status_code)
