"""One chain as seen through all its endpoints: failover for what is harmless, comparison for what counts.

Questions whose answer can do no harm go to the first endpoint that answers. What decides whether an
anchor is in the chain (receipts, block hashes, the final height) is asked of every endpoint that
answers, and counts only where none contradicts. What did not fit is kept as ``findings`` until the next
``begin_cycle``, for the operator.

An endpoint of another network is never used. Not thread-safe: one ``Node`` a thread.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from anchor.chain.refusals import Refusal
from anchor.chain.rpc import Endpoint, NodeRefused, RpcError, TransportFailed
from anchor.chain.values import (
    Block,
    MalformedAnswer,
    Receipt,
    block_of,
    data,
    hexadecimal,
    quantity,
    receipt_of,
)
from anchor.protocol.hashing import Bytes32

LAG_BLOCKS: Final = 8
"""An endpoint this many blocks behind the tallest one is told of as lagging."""

BlockId = int | str
"""A block's number, or a tag: 'latest', 'safe', 'finalized', 'earliest', 'pending'."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about an endpoint that the operator should know. ``kind`` is an alarm's name."""

    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What one endpoint said."""

    endpoint: str
    result: Any
    error: RpcError | None


@dataclass(frozen=True, slots=True)
class Broadcast:
    """What one endpoint said to a transaction. ``meaning`` None: it took it.

    ``reached`` is False where the endpoint cannot have seen it; ``known`` where it has an answer at all.
    """

    endpoint: str
    accepted: bool
    meaning: Refusal | None
    detail: str


@dataclass(eq=False)
class WrongChain(Exception):
    """No endpoint is on the chain that the settings name."""

    expected: int
    found: dict[str, int]

    def __str__(self) -> str:
        seen = ", ".join(f"{name} is on {chain_id}" for name, chain_id in self.found.items())
        return f"the settings say chain id {self.expected}, but {seen}"


@dataclass(eq=False)
class EndpointsDisagree(Exception):
    """Endpoints contradict each other about something that counts."""

    what: str
    answers: dict[str, str]

    def __str__(self) -> str:
        said = "; ".join(f"{name}: {answer}" for name, answer in self.answers.items())
        return f"the endpoints disagree about {self.what}: {said}"


class Node:
    """Typed questions to one chain."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        chain_id: int,
        *,
        agreement: int = 1,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """``agreement`` is how many endpoints must answer alike before something counts as final."""
        if not endpoints:
            raise ValueError("a chain needs at least one endpoint")
        self.endpoints: Final = tuple(endpoints)
        self.chain_id: Final = chain_id
        self.agreement: Final = agreement
        self.findings: list[Finding] = []
        self.lagging: set[str] = set()
        self._monotonic = monotonic
        self._jitter = jitter
        self._failures: dict[int, int] = {}
        self._resting: dict[int, float] = {}
        self._foreign: set[int] = set()

    # -- the endpoints themselves

    def begin_cycle(self) -> None:
        """Forget the last cycle's findings, and leave out every endpoint of another network.

        Raises WrongChain where none is left, TransportFailed where none answers.
        """
        self.findings = []
        self._foreign = set()
        found: dict[str, int] = {}
        last: RpcError | None = None
        usable = 0
        for place, endpoint in enumerate(self.endpoints):
            try:
                chain_id = quantity(self._ask(place, "eth_chainId", []), "chain id")
            except RpcError as error:
                last = error
                self.findings.append(Finding("endpoint_unreachable", str(error)))
                continue
            if chain_id == self.chain_id:
                usable += 1
                continue
            self._foreign.add(place)
            found[endpoint.name] = chain_id
            self.findings.append(
                Finding("wrong_chain", str(WrongChain(self.chain_id, {endpoint.name: chain_id})))
            )
        if usable:
            return
        if found:
            raise WrongChain(self.chain_id, found)
        assert last is not None
        raise last

    def every(self, method: str, params: Sequence[Any]) -> list[Answer]:
        """Ask every endpoint of this chain that is not resting after a failure."""
        answers = []
        for place in self._order(skip_resting=True):
            try:
                result, error = self._ask(place, method, params), None
            except RpcError as failure:
                result, error = None, failure
            answers.append(Answer(self.endpoints[place].name, result, error))
        return answers

    def ask(self, method: str, params: Sequence[Any]) -> Any:
        """Return the first endpoint's answer that is one. Raises the last error where none answers."""
        last: RpcError | None = None
        for place in self._order(skip_resting=False):
            try:
                return self._ask(place, method, params)
            except TransportFailed as error:
                last = error
            except NodeRefused as error:
                if error.meaning not in (Refusal.METHOD_MISSING, Refusal.BLOCK_UNKNOWN):
                    raise
                last = error
        if last is None:
            raise WrongChain(self.chain_id, {})
        raise last

    def _ask(self, place: int, method: str, params: Sequence[Any]) -> Any:
        try:
            result = self.endpoints[place].call(method, params)
        except TransportFailed:
            failures = self._failures.get(place, 0) + 1
            self._failures[place] = failures
            # 1, 2, 4 ... 60 seconds, each between half and all of it.
            pause = min(60.0, 2.0 ** (failures - 1)) * (0.5 + self._jitter() / 2)
            self._resting[place] = self._monotonic() + pause
            raise
        except NodeRefused:
            self._recovered(place)
            raise
        self._recovered(place)
        return result

    def _recovered(self, place: int) -> None:
        self._failures.pop(place, None)
        self._resting.pop(place, None)

    def _order(self, *, skip_resting: bool) -> list[int]:
        now = self._monotonic()
        usable = [place for place in range(len(self.endpoints)) if place not in self._foreign]
        awake = [place for place in usable if self._resting.get(place, now) <= now]
        if skip_resting and awake:
            return awake
        return awake + [place for place in usable if place not in awake]

    # -- blocks

    def tallest_block(self) -> Block:
        """Return the highest 'latest' block of all endpoints. Raises RpcError where none answers."""
        blocks: dict[str, Block] = {}
        last: RpcError | None = None
        for answer in self.every("eth_getBlockByNumber", ["latest", False]):
            if answer.error is not None:
                last = answer.error
            elif answer.result is not None:
                blocks[answer.endpoint] = block_of(answer.result)
        if not blocks:
            raise last or MalformedAnswer("latest block", "null")
        tallest = max(blocks.values(), key=lambda block: block.number)
        self.lagging = set()
        for endpoint, block in blocks.items():
            if tallest.number - block.number > LAG_BLOCKS:
                self.lagging.add(endpoint)
                behind = tallest.number - block.number
                self.findings.append(Finding("endpoint_lags", f"{endpoint} is {behind} blocks behind"))
        return tallest

    def block(self, block: BlockId) -> Block | None:
        """Return a block, or None where no endpoint has it."""
        for answer in self._answers("eth_getBlockByNumber", [_block_id(block), False]):
            if answer is not None:
                return block_of(answer)
        return None

    def agreed_block(self, number: int) -> Block | None:
        """Return the block at a height, by every endpoint that has one.

        None where fewer than ``agreement`` have one. Raises EndpointsDisagree, and RpcError where no
        endpoint answers at all.
        """
        blocks: dict[str, Block] = {}
        last: RpcError | None = None
        answered = False
        for answer in self.every("eth_getBlockByNumber", [hex(number), False]):
            if answer.error is not None and not _not_there(answer.error):
                last = answer.error
                continue
            answered = True
            if answer.result is not None:
                blocks[answer.endpoint] = block_of(answer.result)
        if not answered and last is not None:
            raise last
        if len({block.hash for block in blocks.values()}) > 1:
            raise EndpointsDisagree(
                f"block {number}", {name: hexadecimal(block.hash) for name, block in blocks.items()}
            )
        if len(blocks) < self.agreement:
            return None
        return next(iter(blocks.values()), None)

    def genesis_hash(self) -> Bytes32:
        """Return the hash of block 0, by which a chain that was reset is told from the one before."""
        block = self.block(0)
        if block is None:
            raise MalformedAnswer("block 0", "null")
        return block.hash

    # -- accounts and calls

    def nonce(self, address: bytes) -> int:
        """Return the next nonce by the tallest endpoint: the number of transactions in 'latest'."""
        counts = [
            quantity(answer.result, "transaction count")
            for answer in self._all_good("eth_getTransactionCount", [hexadecimal(address), "latest"])
        ]
        return max(counts)

    def balance(self, address: bytes) -> int:
        """Return wei."""
        return quantity(self.ask("eth_getBalance", [hexadecimal(address), "latest"]), "balance")

    def code(self, address: bytes) -> bytes:
        """Return the code at an address; empty where there is none."""
        return data(self.ask("eth_getCode", [hexadecimal(address), "latest"]), "code")

    def call(
        self, to: bytes, calldata: bytes, *, sender: bytes | None = None, block: BlockId = "latest"
    ) -> bytes:
        """Return what a call returns. Raises NodeRefused (REVERTED) with the revert data."""
        request = {"to": hexadecimal(to), "data": hexadecimal(calldata)}
        if sender is not None:
            request["from"] = hexadecimal(sender)
        return data(self.ask("eth_call", [request, _block_id(block)]), "call result")

    def calls(self, to: bytes, calldata: bytes) -> dict[str, bytes]:
        """Return what a call returns at each endpoint's latest block. Raises RpcError where none answers."""
        params = [{"to": hexadecimal(to), "data": hexadecimal(calldata)}, "latest"]
        return {
            answer.endpoint: data(answer.result, "call result")
            for answer in self._all_good("eth_call", params)
        }

    def estimate_gas(self, sender: bytes, to: bytes | None, calldata: bytes, value: int = 0) -> int:
        """Return gas. Raises NodeRefused (REVERTED) with the revert data."""
        request: dict[str, Any] = {"from": hexadecimal(sender), "data": hexadecimal(calldata)}
        if to is not None:
            request["to"] = hexadecimal(to)
        if value:
            request["value"] = hex(value)
        return quantity(self.ask("eth_estimateGas", [request]), "gas estimate")

    # -- transactions

    def receipt(self, transaction_hash: Bytes32) -> Receipt | None:
        """Return a receipt whose block is in the chain by every endpoint that has that height.

        None where there is none, or where an endpoint shows another block there (a finding then):
        the next look will tell. Raises RpcError where no endpoint answers.
        """
        for answer in self._all_good("eth_getTransactionReceipt", [hexadecimal(transaction_hash)]):
            if answer.result is None or answer.result.get("blockHash") is None:
                continue
            receipt = receipt_of(answer.result)
            try:
                block = self.agreed_block(receipt.block_number)
            except EndpointsDisagree as disagreement:
                self.findings.append(Finding("endpoints_disagree", str(disagreement)))
                return None
            if block is not None and block.hash == receipt.block_hash:
                return receipt
            if block is not None:
                self.findings.append(
                    Finding(
                        "endpoints_disagree",
                        f"{answer.endpoint} shows a receipt in block {receipt.block_number} "
                        f"{hexadecimal(receipt.block_hash)}, but that height holds {hexadecimal(block.hash)}",
                    )
                )
        return None

    def seen(self, transaction_hash: Bytes32) -> bool:
        """Return whether any endpoint knows the transaction, mined or not."""
        return any(
            answer.result is not None
            for answer in self._all_good("eth_getTransactionByHash", [hexadecimal(transaction_hash)])
        )

    def broadcast(self, raw: bytes) -> list[Broadcast]:
        """Give signed bytes to every endpoint; the same bytes do no harm twice."""
        return [_broadcast(answer) for answer in self.every("eth_sendRawTransaction", [hexadecimal(raw)])]

    def _all_good(self, method: str, params: Sequence[Any]) -> list[Answer]:
        answers = self.every(method, params)
        good = [answer for answer in answers if answer.error is None]
        if not good:
            last = next((answer.error for answer in reversed(answers) if answer.error is not None), None)
            raise last or WrongChain(self.chain_id, {})
        return good

    def _answers(self, method: str, params: Sequence[Any]) -> list[Any]:
        """Every answer, a node's 'no such block' as None. Raises RpcError where none answers."""
        answers = self.every(method, params)
        told = [answer.result for answer in answers if answer.error is None or _not_there(answer.error)]
        if not told:
            raise next((answer.error for answer in answers if answer.error is not None), None) or WrongChain(
                self.chain_id, {}
            )
        return told


def _broadcast(answer: Answer) -> Broadcast:
    error = answer.error
    if error is None:
        return Broadcast(answer.endpoint, True, None, "taken")
    if isinstance(error, NodeRefused):
        if error.meaning is Refusal.ALREADY_KNOWN:
            return Broadcast(answer.endpoint, True, None, "already known")
        return Broadcast(answer.endpoint, False, error.meaning, error.message)
    return Broadcast(answer.endpoint, False, None, error.reason)


def _not_there(error: RpcError) -> bool:
    return isinstance(error, NodeRefused) and error.meaning is Refusal.BLOCK_UNKNOWN


def _block_id(block: BlockId) -> str:
    return hex(block) if isinstance(block, int) else block
