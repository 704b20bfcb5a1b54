"""The HTTP API in this process, without a port: for an operator's commands over a data directory.

Whoever can read the directory's keys may do everything; no API key is asked for.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from anchor.server.api.authentication import Authenticator
from anchor.server.ledger.api_keys import ApiKey, Scope
from anchor.server.service.assembly import OpenLog, open_directory
from anchor.server.service.http_app import make_app

_OPERATOR: Final = ApiKey(
    id=0, name="operator", scopes=frozenset(Scope), customer_id=None, created_at=0, revoked_at=None
)


class OperatorAccess(Authenticator):
    """Lets every request do everything."""

    async def key_of(self, headers: Iterable[tuple[bytes, bytes]], scope: Scope) -> ApiKey:  # noqa: ARG002
        """Return the operator's own rights."""
        return _OPERATOR


class InProcessTransport(httpx.BaseTransport):
    """Answers a client's requests with an ASGI app that runs on an event loop of a thread."""

    def __init__(self, app: Any, opened: OpenLog) -> None:
        self._opened = opened
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="in-process-api", daemon=True)
        self._thread.start()
        self._stack = AsyncExitStack()
        self._inner = httpx.ASGITransport(app)
        self._run(self._stack.enter_async_context(_lifespan(app)))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the app's answer."""
        return self._run(self._answer(request))  # type: ignore[no-any-return]

    def close(self) -> None:
        """Stop the app and let go of the database."""
        if self._loop.is_closed():
            return
        self._run(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._opened.close()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        asked = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        answered = await self._inner.handle_async_request(asked)
        content = await answered.aread()
        return httpx.Response(answered.status_code, headers=answered.headers, content=content)

    def _run(self, coroutine: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result()


@asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    async with app.router.lifespan_context(app):
        yield


def local_transport(directory: Path, environment: Mapping[str, str]) -> InProcessTransport:
    """Return what answers a client's requests from a data directory."""
    opened = open_directory(directory, environment)
    access = OperatorAccess(opened.database, opened.clock)
    return InProcessTransport(make_app(opened, opened.settings.chains, authenticator=access), opened)
