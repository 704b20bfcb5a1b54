"""HEAD: the answer to the same GET without its body. Its headers, Content-Length among them, are GET's."""

from typing import Final

from anchor.server.api.asgi import Message, Scope, Send

_NOTHING: Final = b""


def as_get(scope: Scope) -> Scope:
    """Return what GET would have been asked with."""
    return {**scope, "method": "GET"}


def without_body(send: Send) -> Send:
    """Return what passes an answer on without its body, in parts or whole."""

    async def pass_on(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
        elif not message.get("more_body", False):
            await send({"type": "http.response.body", "body": _NOTHING})

    return pass_on
