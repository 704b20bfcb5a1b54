"""HTTP as uvicorn speaks it, but that what is not HTTP is refused with a problem document too."""

from typing import Any

import msgspec
import uvicorn.protocols.http.auto

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
