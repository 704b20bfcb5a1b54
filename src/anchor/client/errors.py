"""What a call of the client raises: a refusal, a server that cannot be reached, an odd answer or input."""

from typing import Final

from anchor.client.members import Json, Members


class ClientError(Exception):
    """Any of them."""


class AnchorProblem(ClientError):
    """The server refused the request: its problem document (RFC 9457)."""

    def __init__(self, document: Json, retry_after: int | None = None, *, place: str = "") -> None:
        """Raises MemberError for what is no problem document; ``place`` is where in an answer it stands."""
        members = Members(document, place)
        self.document: Final[dict[str, Json]] = members.answer
        self.status: Final = members.whole("status")
        self.code: Final = members.text("code")
        self.title: Final = members.text("title")
        self.detail: Final = members.text_or_none("detail")
        self.field: Final = members.text_or_none("field")
        self.remedy: Final = members.text_or_none("remedy")
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


class CannotBeSent(ClientError, ValueError):
    """No request can carry it: a URL, a key or a parameter. Nothing was sent. A key is never in its text."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what} cannot be used: {reason}")
        self.reason: Final = reason


class UnexpectedAnswer(ClientError):
    """The answer is not one of an Anchor server's; something else may listen there.

    ``why`` says what of the answer is missing or wrong, where that is known.
    """

    remedy: Final = (
        "check that the URL is an Anchor server's; what was asked may have been done, so look before you "
        "ask again"
    )

    def __init__(self, url: str, status: int, why: str = "") -> None:
        super().__init__(
            f"{url} answered {status} with something that no Anchor server says" + (f": {why}" if why else "")
        )
        self.url: Final = url
        self.status: Final = status
