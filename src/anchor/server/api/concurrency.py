"""Costly computations take turns: a few run at once, a bounded number wait, the rest are answered 503."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from anchor.wire.problems import Problem

T = TypeVar("T")

_RETRY_AFTER_SECONDS = 5


class Turns:
    """Runs functions in threads, at most ``at_once`` of them, while at most ``waiting`` more wait."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._running = asyncio.Semaphore(at_once)
        self._limit = at_once + waiting
        self._present = 0

    async def take(self, compute: Callable[[], T]) -> T:
        """Return what ``compute`` returns, when its turn has come. Raises Problem where too many wait."""
        if self._present >= self._limit:
            raise Problem("overloaded", "Too much of this is waiting.", retry_after=_RETRY_AFTER_SECONDS)
        self._present += 1
        try:
            async with self._running:
                return await run_in_threadpool(compute)
        finally:
            self._present -= 1
