"""A log on a chain in memory with a period in its second anchor, and samples of it."""

from typing import Any

from anchor.verify import ProofFile, Verification
from anchor.verify.sampling import anchoring_block, check_sample, draw_sample, write_sample
from tests.verify.building import BuiltLog

AGREED = {"count": 6, "from_index": 5, "to_index": 34}


class Sampled:
    """A period of a log on a chain in memory, and a sample of it."""

    def __init__(self, seed: int = 7) -> None:
        self.log = BuiltLog(seed)
        self.log.record_many("UA", 20)
        self.log.record_many("other", 3)
        self.log.seal()
        self.log.anchor()
        self.log.record_many("UA", 20)
        self.log.seal()
        self.log.anchor()
        self.period = self.log.period("UA", 5, 34, 2)
        self.before: ProofFile | None = self.log.freshness("UA", 1)
        self.drawn = self.draw(self.period)

    @staticmethod
    def draw(period: ProofFile) -> list[int]:
        """Return the six deltas that the period's block draws."""
        assert period.ledger is not None
        return draw_sample(anchoring_block(period), period.ledger.ledger_id, 5, 34, 6)

    def file(self, indexes: list[int], number: int = 2) -> bytes:
        """Return a sample of these deltas under the head in a batch."""
        deltas = [self.log.delta("UA", index, number) for index in indexes]
        return write_sample(self.period, deltas, self.before)

    def check(self, raw: bytes, **named: Any) -> Verification:
        """Check a sample against the chain and what was agreed, where ``named`` does not say otherwise."""
        return check_sample(raw, self.log.chain, **(AGREED | named))
