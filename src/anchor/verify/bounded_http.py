"""One HTTP answer, bounded as a whole in time and in size, from a server that nobody trusts."""

import time
from typing import Any

import httpx


class AnswerRefused(Exception):
    """The answer is longer, or takes longer, than it may. ``reason`` says which, after the server's name."""

    def __init__(self, reason: str, *, too_large: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.too_large = too_large


def read_answer(
    client: httpx.Client, method: str, url: str, *, largest: int, timeout: float, **request: Any
) -> tuple[int, bytes]:
    """Return an answer's status and content.

    ``largest`` is in bytes, ``timeout`` in seconds; ``request`` is what httpx takes. Raises AnswerRefused,
    httpx.HTTPError and httpx.InvalidURL.
    """
    deadline = time.monotonic() + timeout
    body = bytearray()
    with client.stream(method, url, **request) as response:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > largest:
                raise AnswerRefused(f"sends more than {largest} bytes", too_large=True)
            if time.monotonic() > deadline:
                raise AnswerRefused(f"takes longer than {timeout:g} s to answer", too_large=False)
        return response.status_code, bytes(body)
