"""What the endpoints of one chain agree about: its blocks, which of them lag, and answers held against
each other.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from anchor.node.endpoint import Endpoint, NodeRefused, RpcError
from anchor.node.lag import FUTURE_SECONDS, Tip, is_of_the_future, lag_behind
from anchor.node.refusals import Refusal
from anchor.protocol.hashing import Bytes32
from anchor.server.chain.endpoint_group import Answer, EndpointGroup, Finding, Value, WrongChain
from anchor.server.chain.values import Block, MalformedAnswer, block_of, hexadecimal


@dataclass(eq=False)
class EndpointsDisagree(Exception):
    """Endpoints contradict each other about something that counts."""

    what: str
    answers: dict[str, str]
    remedy: ClassVar[str] = (
        "try again in a moment, as a block may be on its way; if it lasts, one of them lies or is on a "
        "fork: take it out of rpc"
    )

    def __str__(self) -> str:
        said = "; ".join(f"{name}: {answer}" for name, answer in self.answers.items())
        return f"the endpoints disagree about {self.what}: {said}"


class AgreeingEndpoints(EndpointGroup):
    """Endpoints whose blocks and answers are compared."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        chain_id: int,
        *,
        agreement: int = 1,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        now: Callable[[], float] = time.time,
    ) -> None:
        """``agreement`` is how many endpoints must answer alike before something counts as final.

        ``now`` is the time in seconds since 1970, against which blocks of the future are told.
        """
        super().__init__(endpoints, chain_id, monotonic=monotonic, jitter=jitter)
        self.agreement: Final = agreement
        self._now = now
        self.lagging: set[str] = set()
        self.common: Block | None = None
        """The newest block that every endpoint had at the last ``tallest_block``."""
        self.common_height: int | None = None
        """The lowest height of the endpoints that keep up, at the last ``tallest_block``."""
        self.present: Block | None = None
        """The newest block that may be believed, at the last ``tallest_block``: other blocks' age is told
        by it."""
        self.tags_known: Final[set[str]] = set()
        """Tags that an endpoint of this chain was seen to know."""

    def tallest_block(self) -> Block:
        """Return the highest 'latest' block of all endpoints, and set what is common, and who lags.

        A height above the others' counts only where its endpoint has the block by its number too, and where
        it is not of the future while others' are not. Raises RpcError where no endpoint answers,
        EndpointsDisagree where they show different blocks at the lowest of their heights.
        """
        newest = self.of_all("eth_getBlockByNumber", ["latest", False], block_of)
        lowest = min(newest.values(), key=lambda block: block.number)
        uneven = any(block.number > lowest.number for block in newest.values())
        shared = self._one_block_at(lowest.number) if uneven else _agreeing(lowest.number, newest)
        # One that has just answered nonsense is not heard about the rest either.
        newest = {name: block for name, block in newest.items() if name in shared}
        self.common = next(iter(shared.values()), lowest)
        now = self._now()
        present = {name: block for name, block in newest.items() if not is_of_the_future(_tip(block), now)}
        if is_of_the_future(_tip(self.common), now):
            # Our clock is slow, or it is a chain of a test: nobody is set aside for a height.
            present = {}
        self.lagging = set()
        self.present = self._held(present, self.common)
        for endpoint, block in newest.items():
            self._set_aside(endpoint, block, of_the_future=endpoint not in present)
        kept_up = [block.number for name, block in newest.items() if name not in self.lagging]
        tallest = self.present if present else self._held(newest, self.common)
        self.common_height = min(kept_up, default=tallest.number)
        return tallest

    def _set_aside(self, endpoint: str, block: Block, *, of_the_future: bool) -> None:
        """Hear an endpoint no more that lags. Raises EndpointsDisagree where the others contradict it."""
        assert self.present is not None
        assert self.common is not None
        ahead = lag_behind(_tip(block), _tip(self.present))
        if of_the_future and ahead is not None:
            what = f"{endpoint}'s newest block is more than {FUTURE_SECONDS:.0f} s ahead of our clock"
            self.findings.append(Finding("block_of_the_future", what))
        lag = lag_behind(_tip(self.present), _tip(block))
        if lag is None:
            return
        if block.number > self.common.number:
            self._one_block_at(block.number)
        self.lagging.add(endpoint)
        self.findings.append(Finding("endpoint_lags", f"{endpoint} is {lag}"))

    def _held(self, newest: Mapping[str, Block], common: Block) -> Block:
        """Return the highest of some newest blocks that can be had by its number as well."""
        for block in sorted(newest.values(), key=lambda block: block.number, reverse=True):
            if block.number <= common.number:
                break
            shown = self._one_block_at(block.number)
            if any(found.hash == block.hash for found in shown.values()):
                return block
        return common

    def _blocks_at(self, number: int) -> dict[str, Block]:
        """Return the block at a height by each endpoint that has one. Raises RpcError where none answers."""
        answers = self.every("eth_getBlockByNumber", [hex(number), False], _block_at(number))
        blocks = {answer.endpoint: answer.result for answer in answers if answer.result is not None}
        if not any(answer.error is None or _not_there(answer.error) for answer in answers):
            raise _last_error(answers) or WrongChain(self.chain_id, {})
        return blocks

    def _one_block_at(self, number: int) -> dict[str, Block]:
        """Return the block at a height by each endpoint that has it. Raises EndpointsDisagree, RpcError."""
        return _agreeing(number, self._blocks_at(number))

    def block(self, number: int) -> Block | None:
        """Return a block, or None where no endpoint has it. Raises RpcError where none answers."""
        return next(iter(self._blocks_at(number).values()), None)

    def agreed_block(self, number: int) -> Block | None:
        """Return the block at a height, by every endpoint that has one.

        None where fewer than ``agreement`` have one. Raises EndpointsDisagree, and RpcError where no
        endpoint answers at all.
        """
        blocks = self._one_block_at(number)
        if len(blocks) < self.agreement:
            return None
        return next(iter(blocks.values()), None)

    def genesis_hash(self) -> Bytes32:
        """Return the hash of block 0, by which a chain that was reset is told from the one before.

        Raises EndpointsDisagree where they show different ones.
        """
        blocks = self._one_block_at(0)
        if not blocks:
            raise MalformedAnswer("block 0", "null")
        return next(iter(blocks.values())).hash

    def agreed(self, what: str, said: Mapping[str, Value], shown: Callable[[Value], str]) -> Value:
        """Return what the endpoints that keep up say. Raises EndpointsDisagree where they differ."""
        kept_up = self.keeping_up(said)
        if len(set(kept_up.values())) > 1:
            raise EndpointsDisagree(what, {name: shown(value) for name, value in kept_up.items()})
        return next(iter(kept_up.values()))

    def keeping_up(self, said: Mapping[str, Value]) -> Mapping[str, Value]:
        """Leave out the endpoints that lag, unless none else has an answer."""
        if len(said) > 1 and self.common is None:
            self.tallest_block()
        return {name: value for name, value in said.items() if name not in self.lagging} or said


def _tip(block: Block) -> Tip:
    return Tip(block.number, block.time / 1000)


def _agreeing(number: int, blocks: dict[str, Block]) -> dict[str, Block]:
    one_hash(f"block {number}", {name: block.hash for name, block in blocks.items()})
    return blocks


def one_hash(what: str, hashes: Mapping[str, Bytes32]) -> None:
    """Raise EndpointsDisagree unless all name the same hash."""
    if len(set(hashes.values())) > 1:
        raise EndpointsDisagree(what, {name: hexadecimal(hash_) for name, hash_ in hashes.items()})


def _not_there(error: RpcError) -> bool:
    return isinstance(error, NodeRefused) and error.meaning is Refusal.BLOCK_UNKNOWN


def _last_error(answers: Sequence[Answer[Any]]) -> RpcError | None:
    return next((answer.error for answer in reversed(answers) if answer.error is not None), None)


def _block_at(number: int) -> Callable[[Any], Block | None]:
    def read(answer: Any) -> Block | None:
        if answer is None:
            return None
        block = block_of(answer)
        if block.number != number:
            raise MalformedAnswer(f"block {number}", f"block {block.number}")
        return block

    return read
