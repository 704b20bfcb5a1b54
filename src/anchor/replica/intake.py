"""Deltas on their way from the server into the copy: the next page is fetched while one is looked at, and
what fits is kept some thousand at once.

A transaction for each page would write a million deltas' index three times over, since fingerprints fall
anywhere in it.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from anchor.replica.checking import DeltaChecks
from anchor.replica.operator import Operator, Page
from anchor.replica.store import Store
from anchor.replica.values import Misfit, Shown

KEPT_AT_ONCE: Final = 10_000
"""Deltas in one transaction: what is fetched again at most after the process was killed."""
LONGEST_UNKEPT: Final = 2.0
"""Seconds that deltas wait for others, where the server is slow."""


class Taking:
    """Checks new deltas against the copy and against each other, and keeps those that fit."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._begin()

    def _begin(self) -> None:
        self._standing = self._store.standing()
        self._checks = DeltaChecks(self._store.pins, self._standing, self._store.holds_fingerprint)
        self._waiting: list[Shown] = []
        self._since = time.monotonic()

    @property
    def size(self) -> int:
        """How many deltas fit, kept or waiting for it."""
        return self._standing.size + len(self._waiting)

    def take(self, deltas: Sequence[Shown]) -> Misfit | None:
        """Take those of the deltas that fit, up to the first that does not; return what is wrong with it."""
        accepted, misfit = self._checks.accept(deltas)
        self._waiting += accepted
        if len(self._waiting) >= KEPT_AT_ONCE or time.monotonic() - self._since > LONGEST_UNKEPT:
            self.keep()
        return misfit

    def keep(self) -> None:
        """Write what waits into the copy. Raises ReplicaError where another process wrote meanwhile."""
        if self._waiting:
            self._store.append(self._standing, self._waiting)
            self._begin()


def pages_from(operator: Operator, customer_id: str, unit: str, start: int) -> Iterator[Page]:
    """Yield the pages of a ledger from an index on, to the end that the server states.

    While one is looked at, the next is on its way. Raises what asking raises, in the place of its page.
    """
    page = operator.page(customer_id, unit, start)
    while page.deltas and (following := page.start + len(page.deltas)) < page.size:
        ahead = _Ahead(lambda at=following: operator.page(customer_id, unit, at))  # type: ignore[misc]
        yield page
        page = ahead.result()
    yield page


class _Ahead(threading.Thread):
    """One page that is being fetched; nobody has to wait for it."""

    def __init__(self, fetch: Callable[[], Page]) -> None:
        super().__init__(name="next page", daemon=True)
        self._fetch = fetch
        self._page: Page | None = None
        self._failure: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self._page = self._fetch()
        except Exception as error:
            self._failure = error

    def result(self) -> Page:
        """Wait for the page, and return it or raise why there is none."""
        self.join()
        if self._failure is not None:
            raise self._failure
        assert self._page is not None
        return self._page
