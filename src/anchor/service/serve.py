"""``anchor serve``: the HTTP API in a process of its own. Any number of them may share one PostgreSQL."""

from collections.abc import Mapping
from pathlib import Path

import uvicorn

from anchor.service.assembly import open_directory
from anchor.service.background_server import listen
from anchor.service.http_app import make_app


def run_server(
    directory: Path, environment: Mapping[str, str], *, host: str | None = None, port: int | None = None
) -> None:
    """Answer requests until SIGTERM or SIGINT; what is under way is answered first.

    Raises InvalidSettings where the port is taken.
    """
    opened = open_directory(directory, environment)
    try:
        settings = opened.settings
        app = make_app(opened, settings.chains)
        # Taken here, so that a port in use is one sentence and not a traceback.
        taken = listen(host or settings.server.host, settings.server.port if port is None else port)
        config = uvicorn.Config(app, log_level="info", access_log=False, lifespan="on")
        uvicorn.Server(config).run(sockets=[taken])
    finally:
        opened.close()
