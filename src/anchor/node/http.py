"""One HTTP answer, bounded as a whole in time and in size, from a server that nobody trusts."""

import re
import ssl
import threading
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

_PLAIN: Final = "identity"
_HTTP_URL: Final = re.compile(r"https?://[^\s/%]+(/|[?]|\Z)", re.IGNORECASE)


@cache
def certificates() -> ssl.SSLContext:
    """Return what HTTPS servers are checked by. Read once a process, which takes a tenth of a second."""
    return httpx.create_ssl_context()


def names_a_host(url: str) -> bool:
    """Return whether a URL is one of HTTP and its host a name or an address that can be looked for."""
    try:
        # As httpx reads it, and a name of the DNS has no empty part and none longer than 63 characters.
        host = httpx.URL(url).host
        return _HTTP_URL.match(url) is not None and bool(host.encode("idna")) and urlsplit(url).port != 0
    except (httpx.InvalidURL, ValueError):
        return False


class AnswerRefused(Exception):
    """The answer is longer, or takes longer, than it may, or is packed; or nobody can be asked. ``reason``
    says which, after the server's name."""

    def __init__(self, reason: str, *, too_large: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.too_large = too_large


def read_answer(
    client: httpx.Client, method: str, url: str, *, largest: int, timeout: float, **request: Any
) -> tuple[int, bytes]:
    """Return an answer's status and content, for which no compression is asked: what unpacks to any size,
    or is packed twice, cannot be bounded before it is unpacked.

    ``largest`` is in bytes, ``timeout`` in seconds; ``request`` is what httpx takes. Raises AnswerRefused and
    httpx.HTTPError.
    """
    exchange = _Exchange(client, largest, method, url, request)
    exchange.start()
    exchange.join(timeout)
    if exchange.is_alive():
        exchange.given_up = True
        raise AnswerRefused(f"takes longer than {timeout:g} s to answer", too_large=False)
    if exchange.failure is not None:
        raise exchange.failure
    return exchange.status, bytes(exchange.body)


def place_of_redirect(url: str, location: str) -> str:
    """Return the scheme, host and port that a redirect leads to: the rest may repeat a key."""
    try:
        place = httpx.URL(url).join(location)
        return f"{place.scheme}://{place.netloc.decode('ascii')}"
    except (httpx.InvalidURL, ValueError):
        return "a place that is no URL"


class _Exchange(threading.Thread):
    """A request and its answer, in a thread of its own.

    httpx bounds each piece that it waits for, not the whole: a server that sends a byte of a header now and
    then would keep its caller for ever. So the caller waits no longer than it wants, and leaves it behind.
    """

    def __init__(
        self, client: httpx.Client, largest: int, method: str, url: str, request: dict[str, Any]
    ) -> None:
        super().__init__(name="bounded-http", daemon=True)
        self._client = client
        self._largest = largest
        self._asked = (method, url, request)
        self.status = 0
        self.body = bytearray()
        self.failure: Exception | None = None
        self.given_up = False

    def run(self) -> None:
        method, url, request = self._asked
        try:
            headers = {**request.pop("headers", {}), "Accept-Encoding": _PLAIN}
            with self._client.stream(method, url, headers=headers, **request) as response:
                self.status = response.status_code
                if response.is_redirect:
                    place = place_of_redirect(url, response.headers.get("Location", ""))
                    raise AnswerRefused(
                        f"redirects to {place}, which is not followed: name that place itself",
                        too_large=False,
                    )
                if response.headers.get("Content-Encoding", _PLAIN).strip().lower() != _PLAIN:
                    raise AnswerRefused(
                        "answers in a compressed form that was not asked for", too_large=False
                    )
                for chunk in response.iter_bytes():
                    self.body += chunk
                    if len(self.body) > self._largest:
                        raise AnswerRefused(f"sends more than {self._largest} bytes", too_large=True)
                    if self.given_up:
                        return
        except (httpx.InvalidURL, UnicodeError, OverflowError):
            # A name that is too long, has an empty part or is no Punycode, and a port that is too large, are
            # only found out on the way.
            self.failure = AnswerRefused("is not a URL that can be asked", too_large=False)
        except Exception as error:
            self.failure = error
