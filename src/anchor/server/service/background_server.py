"""An ASGI app served by a thread of this process, on a port that is taken before it starts."""

import socket
import threading
from typing import Any, Final

import msgspec
import uvicorn
import uvicorn.protocols.http.auto

from anchor.server.service.settings import InvalidSettings
from anchor.wire.problems import Problem

# uvicorn's is httptools' or h11's, whichever is installed.
_Protocol: Any = uvicorn.protocols.http.auto.AutoHTTPProtocol


class HttpProtocol(_Protocol):  # type: ignore[misc]
    """Answers one connection."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Refuse what cannot be parsed, a malformed Content-Length for one, and hang up."""
        problem = Problem("not_http")
        body = msgspec.json.encode(problem.document())
        lines = [b"HTTP/1.1 400 Bad Request"]
        lines += [name + b": " + value for name, value in problem.headers()]
        lines += [b"content-length: %d" % len(body), b"connection: close"]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        self.transport.close()


_START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 8
"""How long a server that is told to stop waits for what is under way: a caller who stalls in the middle of a
request must not keep it from ending, and process supervisors kill after 10 seconds."""


class BackgroundServer:
    """uvicorn in a thread. ``port`` 0 takes any free one; ``url`` says which it was."""

    def __init__(self, app: Any, host: str, port: int) -> None:
        """Raises InvalidSettings where the port is taken."""
        self._socket = listen(host, port)
        self.port: Final[int] = self._socket.getsockname()[1]
        self.url: Final = url_of(host, self.port)
        config = uvicorn.Config(
            app,
            http=HttpProtocol,
            log_level="warning",
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._run, name=f"http-{self.port}", daemon=True)

    def start(self) -> None:
        """Return when the first request can be answered. Raises RuntimeError where the app fails."""
        self._thread.start()
        if not self._server.ready.wait(_START_SECONDS) or not self._server.started:
            raise RuntimeError(f"the server on port {self.port} did not start")

    def stop(self) -> None:
        """Answer what is under way and ends in ``STOP_SECONDS``, and stop; let go of the port."""
        self._server.should_exit = True
        if self._thread.ident is None:
            self._socket.close()
        else:
            self._thread.join(STOP_SECONDS + 2)

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._server.ready.set()
            self._socket.close()


def url_of(host: str, port: int) -> str:
    """Return the URL of what listens there."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address. Raises InvalidSettings where that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
    except (OSError, OverflowError) as error:
        taken.close()
        reason = "a port is 0 to 65535" if isinstance(error, OverflowError) else error.strerror
        raise InvalidSettings(
            f"{host}:{port}", f"it cannot be listened on: {reason}", "choose another address or port"
        ) from None
    return taken


class _Server(uvicorn.Server):
    """uvicorn's server that says when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()
