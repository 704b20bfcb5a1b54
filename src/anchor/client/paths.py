"""Paths of calls: any text as one segment, which arrives as it was."""

from urllib.parse import quote


def segment(text: str) -> str:
    """Return a text as one segment of a path, whatever is in it.

    A segment of one dot or two would be folded away on its way, so its dots are written as %2E.
    """
    return text.replace(".", "%2E") if text in (".", "..") else quote(text, safe="")
