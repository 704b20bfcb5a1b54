"""The service that a command talks to: over HTTP, or in this process over a data directory.

Both answer the same routes, so that a command is written once. Amounts come back as exact decimals.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from anchor.cli.failures import CommandFailed, ExitCode
from anchor.cli.output import Output, exact_json, json_bytes

if TYPE_CHECKING:
    from anchor.client.members import Members
    from anchor.client.transport import Transport

T = TypeVar("T")

TIMEOUT_SECONDS: Final = 60.0


class Server:
    """Routes to call. A context manager that closes what it holds.

    ``output`` shows what lasts, ``doing`` names it for people.
    """

    def __init__(self, transport: "Transport", output: Output, doing: str) -> None:
        self._transport = transport
        self._output = output
        self._doing = doing

    @property
    def transport(self) -> "Transport":
        """What the calls go through."""
        return self._transport

    def __enter__(self) -> "Server":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def get(self, path: str, reading: "Callable[[Members], T]", **query: Any) -> T:
        """Return what ``reading`` makes of the answer to a GET; parameters that are None are left out.

        Raises ClientError, and CommandFailed for a parameter that is not Unicode text.
        """
        _require_text(query)
        with self._waiting():
            return self._transport.ask(reading, "GET", path, query=query)

    def get_bytes(self, path: str, **query: Any) -> bytes:
        """Return the body that a GET answers with, as it is. Raises as ``get`` does."""
        _require_text(query)
        with self._waiting():
            return self._transport.send("GET", path, query=query).content

    def post(
        self,
        path: str,
        reading: "Callable[[Members], T]",
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
    ) -> T:
        """Return what ``reading`` makes of the answer to a POST. Fields that are None are left out.

        It is sent again where no answer comes, unless it may be sent only ``once``. Raises ClientError.
        """
        given = {name: value for name, value in body.items() if value is not None}
        content = json_bytes(exact_json(given))
        with self._waiting():
            return self._transport.ask(reading, "POST", path, content=content, headers=headers, once=once)

    def post_bytes(self, path: str, reading: "Callable[[Members], T]", body: bytes) -> T:
        """Return what ``reading`` makes of the answer to a POST of JSON, which may be sent again.

        Raises ClientError.
        """
        with self._waiting():
            return self._transport.ask(reading, "POST", path, content=body)

    def delete(self, path: str, reading: "Callable[[Members], T]") -> T:
        """Return what ``reading`` makes of the answer to a DELETE. Raises ClientError."""
        with self._waiting():
            return self._transport.ask(reading, "DELETE", path)

    def _waiting(self) -> AbstractContextManager[object]:
        return self._output.progress(self._doing, None)


def segment(text: str) -> str:
    """Return a text as one segment of a path, whatever is in it. Raises CommandFailed: not Unicode text."""
    from anchor.client.paths import segment as quoted

    _require_text({"": text})
    return quoted(text)


def _require_text(values: Mapping[str, Any]) -> None:
    for value in values.values():
        try:
            str(value).encode()
        except UnicodeEncodeError:
            raise CommandFailed(
                f"{value!a} is not Unicode text", "write it in UTF-8", ExitCode.USAGE, "usage"
            ) from None


def connect(
    url: str | None,
    key: str | None,
    data: Path | None,
    output: Output | None = None,
    *,
    doing: str = "waiting for the answer",
) -> Server:
    """Return the server that the options name. Raises CommandFailed where they name none, or two.

    ``output`` shows what lasts longer, as ``doing``; nothing does without one.
    """
    output = output or Output(as_json=True)
    with output.progress("opening the data directory" if data else "connecting", None):
        return Server(_transport(url, key, data), output, doing)


def _transport(url: str | None, key: str | None, data: Path | None) -> "Transport":
    from anchor.client.errors import CannotBeSent
    from anchor.client.transport import ATTEMPTS, Transport

    if url is not None and data is not None:
        # What was typed counts before what the environment names.
        url_typed, data_typed = (
            url != os.environ.get("ANCHOR_URL"),
            str(data) != os.environ.get("ANCHOR_DATA"),
        )
        if data_typed and not url_typed:
            url = None
        elif url_typed and not data_typed:
            data = None
    if data is not None:
        if url is not None:
            raise CommandFailed(
                "both a server and a data directory are named",
                "give --url or --data; ANCHOR_URL or ANCHOR_DATA in the environment names one too",
                ExitCode.USAGE,
                "usage",
            )
        from anchor.server.service.in_process import local_transport

        local = local_transport(data, os.environ)
        return Transport("http://data-directory", None, timeout=TIMEOUT_SECONDS, attempts=1, http=local)
    if url is None:
        raise CommandFailed(
            "no server is named",
            "give --url and --key (or set ANCHOR_URL and ANCHOR_API_KEY), or --data DIR",
            ExitCode.USAGE,
            "usage",
        )
    try:
        return Transport(url, key, timeout=TIMEOUT_SECONDS, attempts=ATTEMPTS, http=None)
    except CannotBeSent as error:
        raise CommandFailed(str(error), "check --url and --key", ExitCode.USAGE, "usage") from None
