"""A chain's answers, remembered."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from anchor.node.view import AnchoredEvent, Block, ChainView, Finality
from anchor.protocol.hashing import Bytes32

T = TypeVar("T")


class RememberedChain:
    """A chain's answers, each asked for once: of thousands of proofs most rest on the same few blocks.

    What is final does not change, so only the newest final block grows old; ``forget`` asks anew.
    """

    def __init__(self, chain: ChainView) -> None:
        self._chain = chain
        self._answers: dict[tuple[object, ...], object] = {}
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Ask for everything again."""
        with self._lock:
            self._answers = {}

    def _once(self, key: tuple[object, ...], ask: Callable[[], T]) -> T:
        with self._lock:
            if key not in self._answers:
                self._answers[key] = ask()
            return self._answers[key]  # type: ignore[return-value]

    def chain_id(self) -> int:
        """Return the chain's id."""
        return self._once(("chain_id",), self._chain.chain_id)

    def final_block(self, finality: Finality) -> Block:
        """Return the newest block that was final when it was asked for."""
        return self._once(("final", finality), lambda: self._chain.final_block(finality))

    def block(self, number: int) -> Block | None:
        """Return the block at a height."""
        return self._once(("block", number), lambda: self._chain.block(number))

    def log_id(self, contract: bytes) -> Bytes32 | None:
        """Return the contract's log id."""
        return self._once(("log_id", contract), lambda: self._chain.log_id(contract))

    def head(self, contract: bytes, block: int) -> Bytes32:
        """Return the contract's head as of a block."""
        return self._once(("head", contract, block), lambda: self._chain.head(contract, block))

    def pinned_at(self, contract: bytes, root: Bytes32, block: int) -> int:
        """Return when a root was pinned."""
        key = ("pinned_at", contract, root, block)
        return self._once(key, lambda: self._chain.pinned_at(contract, root, block))

    def anchored(self, contract: bytes, block_hash: Bytes32) -> Sequence[AnchoredEvent]:
        """Return the contract's events in a block."""
        key = ("anchored", contract, block_hash)
        return self._once(key, lambda: self._chain.anchored(contract, block_hash))
