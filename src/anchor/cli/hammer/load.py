"""The hammer's load: which deltas are sent, in which requests, and which of them are sent twice.

Customers are skewed as real ones are, and one of them may be hot. A seed gives the same load again;
the run's own name is in every customer and reference, so that no two runs meet.
"""

import random
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from anchor.client.values import NewDelta

UNIT: Final = "hammer"
LARGEST_BATCH: Final = 1_000
MOST_DELTAS: Final = 10**7
"""Every receipt is kept until it is verified: about 0.6 KB of memory each."""
TOGETHER: Final = 0.5
"""Of the requests that are sent twice: the share that is sent again without waiting for the first answer."""


@dataclass(frozen=True, slots=True)
class HammerPlan:
    """What to send. ``hot`` and ``retries`` are shares from 0 to 1; ``batch`` 1 means single emits."""

    run: str
    deltas: int = 10_000
    batch: int = 500
    customers: int = 100
    hot: float = 0.2
    skew: float = 1.0
    retries: float = 0.1
    seed: int = 1

    def __post_init__(self) -> None:
        for name, value, least, most in (
            ("deltas", self.deltas, 1, MOST_DELTAS),
            ("batch", self.batch, 1, LARGEST_BATCH),
            ("customers", self.customers, 1, 10**6),
            ("hot", self.hot, 0, 1),
            ("skew", self.skew, 0, 10),
            ("retries", self.retries, 0, 1),
        ):
            if not least <= value <= most:
                raise ValueError(f"{name} is between {least:,} and {most:,}, not {value}")


@dataclass(frozen=True, slots=True)
class HammerRequest:
    """One request: its deltas, whether it is sent a second time, and whether at the same time."""

    deltas: tuple[NewDelta, ...]
    again: bool
    together: bool


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What was sent and what was answered, as far as it is checked; kept for every delta until the end."""

    customer_id: str
    reference_id: str
    amount: int
    receipt_id: str
    ledger_id: str
    index: int
    fingerprint: str


def requests_of(plan: HammerPlan) -> Iterator[HammerRequest]:
    """Yield the plan's requests. The n-th customer has 1 / n**skew of the load that is not the hot one's."""
    chance = random.Random(plan.seed)
    weights = list(accumulate(1 / place**plan.skew for place in range(1, plan.customers + 1)))

    def customer() -> str:
        if chance.random() < plan.hot:
            return f"{plan.run}-hot"
        return f"{plan.run}-{bisect(weights, chance.random() * weights[-1])}"

    for start in range(0, plan.deltas, plan.batch):
        deltas = tuple(
            NewDelta(
                customer_id=customer(),
                delta=-chance.randint(1, 1_000),
                reason="hammer",
                reference_id=f"{plan.run}-{number}",
                unit=UNIT,
            )
            for number in range(start, min(start + plan.batch, plan.deltas))
        )
        again = chance.random() < plan.retries
        yield HammerRequest(deltas, again, again and chance.random() < TOGETHER)
