"""One chain as seen through all its endpoints, whose answers are held against each other.

What decides whether an anchor is in the chain, and what is sent next (the newest block, block hashes,
receipts, nonces, balances, the final height, the contract's code, events and what it holds), is asked of
every endpoint that answers, and counts only where none contradicts; what gas a transaction takes, where
most endpoints say so. What did not fit is kept as ``findings`` until the next ``begin_cycle``, for the
operator.

Not thread-safe: one ``Node`` a thread.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from anchor.node.endpoint import NodeRefused
from anchor.node.refusals import Refusal
from anchor.protocol.hashing import Bytes32, keccak
from anchor.server.chain.agreement import AgreeingEndpoints, EndpointsDisagree, one_hash
from anchor.server.chain.endpoint_group import Answer, AnsweredNonsense, Finding, WrongChain
from anchor.server.chain.outcomes import agreed_gas, agreed_result
from anchor.server.chain.values import (
    Block,
    Event,
    MalformedAnswer,
    Receipt,
    address_text,
    data,
    hexadecimal,
    quantity,
    receipt_of,
)

__all__ = [
    "Answer",
    "AnsweredNonsense",
    "BlockId",
    "Broadcast",
    "EndpointsDisagree",
    "Finding",
    "Node",
    "WrongChain",
]

RECEIPTS_KEPT: Final = 86_400_000
"""Milliseconds: a node that has a block of the last day, and no receipt in it, says that there is none."""

BlockId = int | str
"""A block's number, or a tag: 'latest', 'safe', 'finalized', 'earliest', 'pending'."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """What one endpoint said to a transaction. ``meaning`` None: it took it.

    ``reached`` is False where the endpoint cannot have seen it; ``known`` where it has an answer at all.
    """

    endpoint: str
    accepted: bool
    meaning: Refusal | None
    detail: str


class Node(AgreeingEndpoints):
    """Typed questions to one chain."""

    # -- accounts and calls

    def nonces(self, address: bytes) -> tuple[int, int]:
        """Return the least and the most next nonce by the endpoints that keep up.

        That is the number of transactions in 'latest'. Raises RpcError where none answers.
        """
        counts = self._nonces(address).values()
        return min(counts), max(counts)

    def nonce(self, address: bytes) -> int:
        """Return the next nonce. Raises EndpointsDisagree where the endpoints that keep up differ."""
        counts = self._nonces(address)
        if len(set(counts.values())) > 1:
            raise _other_nonces(address, counts)
        return next(iter(counts.values()))

    def _nonces(self, address: bytes) -> Mapping[str, int]:
        counts = self.of_all("eth_getTransactionCount", [hexadecimal(address), "latest"], _count)
        kept_up = self.keeping_up(counts)
        if len(set(kept_up.values())) > 1:
            self.findings.append(Finding("endpoints_disagree", str(_other_nonces(address, kept_up))))
        return kept_up

    def balance(self, address: bytes) -> int:
        """Return wei: at the newest blocks, or where these differ at one that all who keep up have.

        Raises EndpointsDisagree where they differ there too.
        """
        said = self.keeping_up(self._balances(address, "latest"))
        if len(set(said.values())) > 1 and self.common_height is not None:
            # An anchor in the newest block has its price.
            before = self.keeping_up(self._balances(address, self.common_height))
            if before.keys() == said.keys():
                said = before
        return self.agreed(f"the balance of {address_text(address)}", said, "{} wei".format)

    def _balances(self, address: bytes, block: BlockId) -> dict[str, int]:
        return self.of_all("eth_getBalance", [hexadecimal(address), _block_id(block)], _amount)

    def code(self, address: bytes, *, block: BlockId = "latest") -> bytes:
        """Return the code at an address; empty where there is none.

        Raises EndpointsDisagree where the endpoints that keep up, or that have the block, differ.
        """
        codes = self.of_all("eth_getCode", [hexadecimal(address), _block_id(block)], _data)
        return self.agreed(f"the code at {address_text(address)}", codes, _shown_code)

    def call(
        self, to: bytes, calldata: bytes, *, sender: bytes | None = None, block: BlockId = "latest"
    ) -> bytes:
        """Return what a call returns. Raises NodeRefused (REVERTED, with its data), EndpointsDisagree."""
        request = {"to": hexadecimal(to), "data": hexadecimal(calldata)}
        if sender is not None:
            request["from"] = hexadecimal(sender)
        return agreed_result(self, [request, _block_id(block)], _data)

    def calls(self, to: bytes, calldata: bytes, *, block: BlockId = "latest") -> dict[str, bytes]:
        """Return what a call returns at each endpoint. Raises RpcError where none answers."""
        params = [{"to": hexadecimal(to), "data": hexadecimal(calldata)}, _block_id(block)]
        return self.of_all("eth_call", params, _data)

    def estimate_gas(self, sender: bytes, to: bytes | None, calldata: bytes, value: int = 0) -> int:
        """Return gas. Raises NodeRefused (REVERTED, with its data), EndpointsDisagree."""
        request: dict[str, Any] = {"from": hexadecimal(sender), "data": hexadecimal(calldata)}
        if to is not None:
            request["to"] = hexadecimal(to)
        if value:
            request["value"] = hex(value)
        return agreed_gas(self, [request], _amount)

    # -- transactions

    def receipt(self, transaction_hash: Bytes32) -> Receipt | None:
        """Return a receipt, where every endpoint that has its block shows the same one.

        None where there is none, or where an endpoint that has that height shows another block, another
        receipt or none (a finding then): the next look will tell. Raises RpcError where none answers.
        """
        params = [hexadecimal(transaction_hash)]
        said = self.of_all("eth_getTransactionReceipt", params, _receipt_of(transaction_hash))
        for teller, receipt in said.items():
            if receipt is None:
                continue
            where = f"block {receipt.block_number}"
            blocks = self._blocks_at(receipt.block_number)
            hashes = {name: block.hash for name, block in blocks.items()}
            if hashes and receipt.block_hash not in hashes.values():
                hashes[f"{teller}, by a receipt"] = receipt.block_hash
            try:
                one_hash(where, hashes)
                if len(blocks) < max(1, self.agreement):
                    continue
                self._agree_about(receipt, said, blocks)
            except EndpointsDisagree as disagreement:
                self.findings.append(Finding("endpoints_disagree", str(disagreement)))
                return None
            return receipt
        return None

    def _agree_about(
        self, receipt: Receipt, said: dict[str, Receipt | None], blocks: dict[str, Block]
    ) -> None:
        now = receipt_time = max(block.time for block in blocks.values())
        if self.present is not None:
            now = max(now, self.present.time)
        told = {
            name: other
            for name, other in said.items()
            # Who lacks the block cannot know, and who has it may have forgotten what is old.
            if name in blocks and (other is not None or now - receipt_time < RECEIPTS_KEPT)
        }
        if len({_essence(other) for other in told.values()}) > 1:
            raise EndpointsDisagree(
                f"transaction {hexadecimal(receipt.transaction_hash)} in block {receipt.block_number}",
                {name: _told(other) for name, other in told.items()},
            )

    def seen(self, transaction_hash: Bytes32) -> bool:
        """Return whether any endpoint knows the transaction, mined or not."""
        known = self.of_all(
            "eth_getTransactionByHash", [hexadecimal(transaction_hash)], lambda answer: answer is not None
        )
        return any(known.values())

    def broadcast(self, raw: bytes) -> list[Broadcast]:
        """Give signed bytes to every endpoint; the same bytes do no harm twice."""
        answers = self.every("eth_sendRawTransaction", [hexadecimal(raw)], lambda _answer: None)
        return [_broadcast(answer) for answer in answers]


def _other_nonces(address: bytes, counts: Mapping[str, int]) -> EndpointsDisagree:
    said = {name: str(count) for name, count in counts.items()}
    return EndpointsDisagree(f"the next nonce of {hexadecimal(address)}", said)


def _broadcast(answer: Answer[None]) -> Broadcast:
    error = answer.error
    if error is None:
        return Broadcast(answer.endpoint, True, None, "taken")
    if isinstance(error, NodeRefused):
        if error.meaning is Refusal.ALREADY_KNOWN:
            return Broadcast(answer.endpoint, True, None, "already known")
        return Broadcast(answer.endpoint, False, error.meaning, error.message)
    return Broadcast(answer.endpoint, False, None, error.problem)


def _block_id(block: BlockId) -> str:
    return hex(block) if isinstance(block, int) else block


def _receipt_of(transaction_hash: Bytes32) -> Callable[[Any], Receipt | None]:
    def read(answer: Any) -> Receipt | None:
        # Some nodes show a transaction that waits as a receipt without a block.
        if answer is None or (isinstance(answer, Mapping) and answer.get("blockHash") is None):
            return None
        receipt = receipt_of(answer)
        if receipt.transaction_hash != transaction_hash:
            raise MalformedAnswer("receipt", f"that of {hexadecimal(receipt.transaction_hash)}")
        return receipt

    return read


def _essence(receipt: Receipt | None) -> tuple[Bytes32, bool, tuple[Event, ...]] | None:
    return None if receipt is None else (receipt.block_hash, receipt.succeeded, receipt.events)


def _told(receipt: Receipt | None) -> str:
    if receipt is None:
        return "not mined"
    how = "mined" if receipt.succeeded else "mined and reverted"
    return f"{how}, with {len(receipt.events)} events"


def _shown_code(code: bytes) -> str:
    return f"{len(code)} bytes with the hash {hexadecimal(keccak(code))}" if code else "none"


def _count(answer: Any) -> int:
    return quantity(answer, "transaction count")


def _amount(answer: Any) -> int:
    return quantity(answer, "amount")


def _data(answer: Any) -> bytes:
    return data(answer, "call result")
