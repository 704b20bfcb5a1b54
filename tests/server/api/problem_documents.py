"""Problem documents, as tests hold answers against them."""

from typing import Any


def assert_problem(answer: Any, status: int, code: str) -> None:
    """Hold an answer against the form of a problem document."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document = answer.json()
    assert (answer.status_code, document["code"]) == (status, code), document
    assert document["status"] == status
    assert document["type"] == f"urn:anchor:problem:{code}"
    assert document["title"]
    assert document["remedy"]
    assert "Traceback" not in answer.text
