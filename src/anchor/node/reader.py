"""A chain read over JSON-RPC with httpx alone: few calls, each bounded in time and size, none trusted.

An answer that is not exactly what was asked for counts as no answer. URLs often hold a key: they are
never shown whole.
"""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final, TypeVar

import httpx

from anchor.node.endpoint import HttpEndpoint, NodeRefused
from anchor.node.http import AnswerRefused
from anchor.node.refusals import PASSING, Refusal
from anchor.node.view import (
    AnchoredEvent,
    Block,
    ChainUnavailable,
    ChainView,
    EventsUnavailable,
    Finality,
    NoFinalBlock,
    PlacedEvent,
)
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import ZERO, Bytes32, keccak

LARGEST_ANSWER: Final = 8 * 1024 * 1024
"""Bytes. The largest answer that is ever asked for is one block without its transactions."""

ANCHORED_TOPIC: Final = keccak(b"Anchored(uint64,bytes32,bytes32)")
_LOG_ID: Final = keccak(b"logId()")[:4]
_HEAD: Final = keccak(b"head()")[:4]
_PINNED_AT: Final = keccak(b"pinnedAt(bytes32)")[:4]
_SUBMITTER: Final = keccak(b"submitter()")[:4]
_OWNER: Final = keccak(b"owner()")[:4]
_HEX: Final = frozenset("0123456789abcdef")

Value = TypeVar("Value")


class AnswerTooLarge(ChainUnavailable):
    """The node's answer has more than ``LARGEST_ANSWER`` bytes."""


PAUSES: Final = (0.5, 1.0, 2.0)
"""Seconds between the times that a node is asked which says that it has too much to do."""


class Overloaded(ChainUnavailable):
    """The node has too much to do, or what it does for us is spent: it has said nothing about the chain."""


class JsonRpcChain:
    """One node over HTTP. ``timeout`` is in seconds, for each call as a whole."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 20.0,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pause = pause
        self._endpoint = HttpEndpoint(
            url, timeout=timeout, longest=timeout, largest=LARGEST_ANSWER, transport=transport
        )
        self.name: str = self._endpoint.name

    def close(self) -> None:
        """Close the connection."""
        self._endpoint.close()

    def chain_id(self) -> int:
        """Return the chain's id."""
        return self._quantity(self.call("eth_chainId"), "a chain id")

    def final_block(self, finality: Finality) -> Block:
        """Return the newest block that is final by the rule."""
        if finality.tag is not None:
            try:
                block = self._block(finality.tag)
            except NodeRefused as refused:
                if refused.meaning not in PASSING:
                    # Who refuses the tag in whatever words, and answers this, does not have it.
                    self.newest_block()
                    raise self._no_tag(finality.tag) from refused
                raise
            if block is None:
                raise self._no_tag(finality.tag)
            return block
        newest = self._block("latest")
        if newest is None or newest.number + 1 < finality.confirmations:
            raise NoFinalBlock(f"{self.name} knows no block with {finality.confirmations} confirmations")
        block = self.block(newest.number + 1 - finality.confirmations)
        if block is None:
            raise ChainUnavailable(f"{self.name} does not show a block below its newest")
        return block

    def newest_block(self) -> Block:
        """Return the newest block."""
        block = self._block("latest")
        if block is None:
            raise ChainUnavailable(f"{self.name} shows no block")
        return block

    def block(self, number: int) -> Block | None:
        """Return the block at a height; None where the chain is not that high."""
        block = self._block(hex(number))
        if block is not None and block.number != number:
            raise self._unusable(f"block {block.number}, asked for block {number}")
        return block

    def log_id(self, contract: bytes) -> Bytes32 | None:
        """Return the contract's log id; None where nothing there has one."""
        # It is immutable, so the newest block serves: old state need not be kept for it.
        try:
            answer = self._call_contract(contract, _LOG_ID, "latest")
        except NodeRefused as refused:
            if "revert" in refused.message:
                return None
            raise
        return answer or None

    def head(self, contract: bytes, block: int) -> Bytes32:
        """Return the contract's head as of a block; ZERO where the contract is younger."""
        return self._call_contract(contract, _HEAD, hex(block)) or ZERO

    def pinned_at(self, contract: bytes, root: Bytes32, block: int) -> int:
        """Return when a root was pinned, in seconds; 0 where it was not."""
        return int.from_bytes(self._call_contract(contract, _PINNED_AT + root, hex(block)))

    def anchored(self, contract: bytes, block_hash: Bytes32) -> Sequence[AnchoredEvent]:
        """Return the contract's ``Anchored`` events in a block."""
        wanted = {
            "address": hex_of(contract),
            "topics": [hex_of(ANCHORED_TOPIC)],
            "blockHash": hex_of(block_hash),
        }
        try:
            answer = self.call("eth_getLogs", wanted)
        except NodeRefused as refused:
            raise EventsUnavailable(f"the node shows no events of that block: {refused.reason}") from refused
        if not isinstance(answer, list):
            raise self._unusable("events that are not a list")
        events = [self._placed(event, contract) for event in answer]
        if any(placed.block_hash != block_hash for placed in events):
            raise self._unusable("an event that was not asked for")
        return [placed.event for placed in events]

    def anchored_between(
        self, contract: bytes, first: int, last: int, numbers: Sequence[int] = ()
    ) -> list[PlacedEvent]:
        """Return the ``Anchored`` events from one block to another, in the chain's order.

        ``numbers`` asks for those batches alone. Raises NodeRefused or AnswerTooLarge, among others,
        where the range is too large for the node.
        """
        wanted = {
            "address": hex_of(contract),
            "topics": [
                hex_of(ANCHORED_TOPIC),
                *([[f"0x{number:064x}" for number in numbers]] * bool(numbers)),
            ],
            "fromBlock": hex(first),
            "toBlock": hex(last),
        }
        answer = self.call("eth_getLogs", wanted)
        if not isinstance(answer, list):
            raise self._unusable("events that are not a list")
        found = sorted(
            (self._placed(event, contract) for event in answer),
            key=lambda placed: (placed.block_number, placed.log_index),
        )
        places = {(placed.block_number, placed.log_index) for placed in found}
        if len(places) < len(found) or any(not first <= block <= last for block, _ in places):
            raise self._unusable("an event that was not asked for")
        return found

    def roles(self, contract: bytes, block: int) -> tuple[bytes, bytes]:
        """Return the addresses of the contract's submitter and owner as of a block; zeros where none."""
        submitter, owner = (
            (self._call_contract(contract, function, hex(block)) or ZERO)[12:]
            for function in (_SUBMITTER, _OWNER)
        )
        return submitter, owner

    # Calls and answers

    def call(self, method: str, *params: Any) -> Any:
        """Return the result of one call, asked again a few times of a node that has too much to do.

        Raises NodeRefused, or ChainUnavailable.
        """
        for pause in PAUSES:
            try:
                return self._call(method, params)
            except NodeRefused as refused:
                if refused.meaning is not Refusal.RATE_LIMITED:
                    raise
            except Overloaded:
                pass
            self._pause(pause)
        return self._call(method, params)

    def _call(self, method: str, params: Sequence[Any]) -> Any:
        try:
            status, body = self._endpoint.exchange(method, params)
        except AnswerRefused as refused:
            unusable = AnswerTooLarge if refused.too_large else ChainUnavailable
            raise unusable(f"{self.name} {refused.reason}") from refused
        except httpx.HTTPError as error:
            raise ChainUnavailable(f"{self.name} does not answer ({type(error).__name__})") from error
        if status in (429, 503):
            raise Overloaded(f"{self.name} answers {method} with HTTP {status}: it has too much to do")
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise ChainUnavailable(f"{self.name} answers {method} with HTTP {status} and no JSON") from error
        if not isinstance(answer, dict):
            raise self._unusable(f"{method} with something that is not JSON-RPC")
        if (refusal := answer.get("error")) is not None:
            message = refusal.get("message") if isinstance(refusal, dict) else refusal
            said = message if isinstance(message, str) else "an error without words"
            said = self._endpoint.hide(said)[:200]
            code = refusal.get("code") if isinstance(refusal, dict) else 0
            raise NodeRefused(
                self.name,
                method,
                code if isinstance(code, int) else 0,
                said,
                None,
                reason=f"{self.name} refuses {method}: {said}",
            )
        if "result" not in answer:
            raise self._unusable(f"{method} with neither result nor error")
        return answer["result"]

    def _call_contract(self, contract: bytes, data: bytes, block: str) -> bytes:
        """Return one word, or nothing where there is no such contract."""
        answer = self.call("eth_call", {"to": hex_of(contract), "data": hex_of(data)}, block)
        return b"" if answer == "0x" else self._bytes(answer, 32, "a word from the contract")

    def _block(self, which: str) -> Block | None:
        answer = self.call("eth_getBlockByNumber", which, False)
        if answer is None:
            return None
        if not isinstance(answer, dict):
            raise self._unusable("a block that is not an object")
        return Block(
            self._quantity(answer.get("number"), "a block's number"),
            self._bytes(answer.get("hash"), 32, "a block's hash"),
            self._quantity(answer.get("timestamp"), "a block's time"),
        )

    def _placed(self, event: Any, contract: bytes) -> PlacedEvent:
        topics = event.get("topics") if isinstance(event, dict) else None
        if not isinstance(topics, list) or len(topics) != 3:
            raise self._unusable("an event that is not the contract's")
        signature, number, new_head = (self._bytes(topic, 32, "a topic") for topic in topics)
        source = self._bytes(event.get("address"), 20, "an event's contract")
        removed = event.get("removed")
        kept = removed is None or removed is False
        if (signature, source) != (ANCHORED_TOPIC, contract) or not kept:
            raise self._unusable("an event that was not asked for")
        if number[:24] != bytes(24):
            raise self._unusable("an event whose number is no u64")
        return PlacedEvent(
            AnchoredEvent(
                int.from_bytes(number),
                self._bytes(event.get("data"), 32, "an event's data"),
                new_head,
                self._bytes(event.get("transactionHash"), 32, "an event's transaction"),
            ),
            self._quantity(event.get("blockNumber"), "an event's block"),
            self._bytes(event.get("blockHash"), 32, "an event's block"),
            self._quantity(event.get("logIndex"), "an event's place"),
        )

    def _bytes(self, value: Any, length: int, what: str) -> bytes:
        # Addresses may come with a checksum in upper case.
        digits = value[2:].lower() if isinstance(value, str) and value[:2] == "0x" else ""
        if len(digits) != 2 * length or not _HEX.issuperset(digits):
            raise self._unusable(f"something that is not {what}")
        return bytes.fromhex(digits)

    def _quantity(self, value: Any, what: str) -> int:
        digits = value[2:].lower() if isinstance(value, str) and value[:2] == "0x" else ""
        if not 1 <= len(digits) <= 16 or not _HEX.issuperset(digits):
            raise self._unusable(f"something that is not {what}")
        return int(digits, 16)

    def _unusable(self, answer: str) -> ChainUnavailable:
        return ChainUnavailable(f"{self.name} answers with {answer}")

    def _no_tag(self, tag: str) -> ChainUnavailable:
        return ChainUnavailable(
            f"{self.name} knows no {tag} block: where the chain has none, choose a number of confirmations"
        )


class AgreeingChains:
    """Several nodes of one chain: an answer counts where all give the same."""

    def __init__(self, chains: Sequence[tuple[str, ChainView]]) -> None:
        self._chains = chains

    def chain_id(self) -> int:
        """Return the chain's id."""
        return self._all("the chain's id", lambda chain: chain.chain_id())

    def final_block(self, finality: Finality) -> Block:
        """Return the lowest of the nodes' final blocks, which all must hold."""
        lowest = min(
            (chain.final_block(finality) for _, chain in self._chains), key=lambda block: block.number
        )
        agreed = self._all(f"block {lowest.number}", lambda chain: chain.block(lowest.number))
        if agreed is None:
            raise ChainUnavailable(f"no node shows block {lowest.number}, which one of them calls final")
        return agreed

    def block(self, number: int) -> Block | None:
        """Return the block at a height."""
        return self._all(f"block {number}", lambda chain: chain.block(number))

    def log_id(self, contract: bytes) -> Bytes32 | None:
        """Return the contract's log id."""
        return self._all("the contract's log", lambda chain: chain.log_id(contract))

    def head(self, contract: bytes, block: int) -> Bytes32:
        """Return the contract's head as of a block."""
        return self._all("the contract's head", lambda chain: chain.head(contract, block))

    def pinned_at(self, contract: bytes, root: Bytes32, block: int) -> int:
        """Return when a root was pinned, in seconds."""
        return self._all("a pinned head", lambda chain: chain.pinned_at(contract, root, block))

    def anchored(self, contract: bytes, block_hash: Bytes32) -> Sequence[AnchoredEvent]:
        """Return the contract's events in a block."""
        return self._all("the events of a block", lambda chain: list(chain.anchored(contract, block_hash)))

    def _all(self, what: str, ask: Callable[[ChainView], Value]) -> Value:
        answers = [(name, ask(chain)) for name, chain in self._chains]
        first_name, first = answers[0]
        for name, answer in answers[1:]:
            if answer != first:
                raise ChainUnavailable(
                    f"{first_name} and {name} disagree about {what}: one of them lies or lags"
                )
        return first


def one_chain(nodes: Sequence[JsonRpcChain]) -> ChainView:
    """Return the view of one chain by its nodes, of which there is one at least: several have to agree."""
    return nodes[0] if len(nodes) == 1 else AgreeingChains([(node.name, node) for node in nodes])


def open_chain(stack: ExitStack, urls: Sequence[str], *, timeout: float = 20.0) -> ChainView:
    """Return one chain by the nodes at these URLs, which ``stack`` closes. ``timeout`` is in seconds."""
    nodes = [JsonRpcChain(url, timeout=timeout) for url in urls]
    for node in nodes:
        stack.callback(node.close)
    return one_chain(nodes)
