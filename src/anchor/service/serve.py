"""``anchor serve``: the HTTP API in a process of its own. Any number of them may share one PostgreSQL."""

import signal
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from anchor.service.assembly import open_directory
from anchor.service.background_server import STOP_SECONDS, listen
from anchor.service.http_app import make_app


def run_server(
    directory: Path, environment: Mapping[str, str], *, host: str | None = None, port: int | None = None
) -> None:
    """Answer requests until SIGTERM or SIGINT; what is under way then has ``STOP_SECONDS`` to end.

    Raises InvalidSettings where the port is taken.
    """
    opened = open_directory(directory, environment)
    try:
        settings = opened.settings
        app = make_app(opened, settings.chains)
        # Taken here, so that a port in use is one sentence and not a traceback.
        taken = listen(host or settings.server.host, settings.server.port if port is None else port)
        config = uvicorn.Config(
            app,
            log_level="info",
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        _Server(config).run(sockets=[taken])
    finally:
        opened.close()


class _Server(uvicorn.Server):
    """uvicorn's server, for which being told to stop is a good end and not a death by signal."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield
