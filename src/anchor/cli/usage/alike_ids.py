"""Ids that people take for each other: a new one that differs from a known one only by case, width, blanks or
normal form is written by mistake more often than meant, and a ledger cannot be renamed.
"""

from collections.abc import Iterable
from typing import Final

from anchor.protocol.visible_text import alike

CUSTOMER: Final = "customerId"
UNIT: Final = "unit"


class KnownIds:
    """The customers and units on record, and those of the rows so far."""

    def __init__(self, known: Iterable[tuple[str, str]]) -> None:
        """``known``: customer id and unit of each ledger."""
        self._exact: set[tuple[str, str]] = set()
        self._by_form: dict[tuple[str, str], str] = {}
        for customer_id, unit in known:
            self.add(CUSTOMER, customer_id)
            self.add(UNIT, unit)

    def add(self, field: str, text: str) -> str | None:
        """Take an id as known. Returns the known one that a new one looks like; None where there is none."""
        if (field, text) in self._exact:
            return None
        self._exact.add((field, text))
        other = self._by_form.setdefault((field, alike(text)), text)
        return None if other == text else other
