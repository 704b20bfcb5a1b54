"""What a call of the client raises: a refusal, a server that cannot be reached, or an odd answer."""

from typing import Any, Final


class ClientError(Exception):
    """Any of them."""


class AnchorProblem(ClientError):
    """The server refused the request: its problem document (RFC 9457)."""

    def __init__(self, document: dict[str, Any], retry_after: int | None = None) -> None:
        self.document: Final = document
        self.status: Final[int] = document["status"]
        self.code: Final[str] = document["code"]
        self.title: Final[str] = document["title"]
        self.detail: Final[str | None] = document.get("detail")
        self.field: Final[str | None] = document.get("field")
        self.remedy: Final[str | None] = document.get("remedy")
        self.retry_after: Final = retry_after
        super().__init__(self.code)

    def __str__(self) -> str:
        parts = [self.title, f"({self.field})" if self.field else None, self.detail, self.remedy]
        return " ".join(part for part in parts if part)


class AnchorUnreachable(ClientError):
    """The server could not be reached, or did not answer in time. What was sent may be sent again."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url} cannot be reached: {reason}")
        self.url: Final = url
        self.reason: Final = reason


class UnexpectedAnswer(ClientError):
    """The answer is not one of an Anchor server's; something else may listen there."""

    def __init__(self, url: str, status: int) -> None:
        super().__init__(f"{url} answered {status} with something that no Anchor server says")
        self.url: Final = url
        self.status: Final = status
