"""``anchor serve``: the HTTP API in a process of its own. Any number of them may share one PostgreSQL."""

import signal
import socket
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from anchor.server.service.assembly import open_directory
from anchor.server.service.background_server import STOP_SECONDS, HttpProtocol, listen, url_of
from anchor.server.service.http_app import make_app


def run_server(
    directory: Path,
    environment: Mapping[str, str],
    *,
    host: str | None = None,
    port: int | None = None,
    opened_now: Callable[[], None] = lambda: None,
    announce: Callable[[str], None] = lambda _url: None,
) -> None:
    """Answer requests until SIGTERM or SIGINT; what is under way then has ``STOP_SECONDS`` to end.

    ``opened_now`` is called before the first line is logged, and ``announce`` is told the URL when the first
    request can be answered.

    Raises InvalidSettings where the port is taken.
    """
    opened = open_directory(directory, environment)
    try:
        settings = opened.settings
        app = make_app(opened, settings.chains)
        # Taken here, so that a port in use is one sentence and not a traceback.
        host = host or settings.server.host
        taken = listen(host, settings.server.port if port is None else port)
        url = url_of(host, taken.getsockname()[1])
        opened_now()
        config = uvicorn.Config(
            app,
            http=HttpProtocol,
            log_level="info",
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        _Server(config, lambda: announce(url)).run(sockets=[taken])
    finally:
        opened.close()


class _Server(uvicorn.Server):
    """uvicorn's server, for which being told to stop is a good end and not a death by signal."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield
