"""One look at a chain, for all that is decided in it."""

from dataclasses import dataclass, replace
from typing import Self

from anchor.server.anchoring.conditions import Conditions
from anchor.server.anchoring.sending_chain import SendingChain
from anchor.server.chain.values import Block


@dataclass(frozen=True)
class Cycle:
    """A chain, its newest block, and what is found to stand in the way."""

    chain: SendingChain
    latest: Block
    conditions: Conditions

    def apart(self) -> Self:
        """Return the same look with conditions of its own, for what may not count in the end."""
        return replace(self, conditions=Conditions())
