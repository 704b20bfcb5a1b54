"""The contract's binding (section 6): its calls, its events, its errors, and reading it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from anchor.node.endpoint import NodeRefused
from anchor.protocol.hashing import Bytes32, keccak
from anchor.server.chain.artifact import anchor_log_artifact
from anchor.server.chain.node import BlockId, Finding, Node
from anchor.server.chain.searching import agreed_events
from anchor.server.chain.values import Event, Receipt, address_text, hexadecimal


def selector(signature: str) -> bytes:
    """Return the first 4 bytes of the hash of a function's or an error's signature."""
    return keccak(signature.encode())[:4]


ANCHOR: Final = selector("anchor(bytes32,bytes32,uint64)")
HEAD: Final = selector("head()")
ANCHORED_TOPIC: Final = keccak(b"Anchored(uint64,bytes32,bytes32)")


@dataclass(frozen=True, slots=True)
class Anchored:
    """The event of one anchor, and where it happened."""

    number: int
    previous_head: Bytes32
    new_head: Bytes32
    block_number: int
    block_hash: Bytes32
    transaction_hash: Bytes32
    log_index: int


@dataclass(frozen=True, slots=True)
class Revert:
    """Why a call reverted: the contract's error by name with its values, or '' where none was given."""

    name: str
    values: tuple[Any, ...]

    def __str__(self) -> str:
        if not self.name:
            return "reverted without a reason"
        return f"{self.name}({', '.join(_shown(value) for value in self.values)})"


def anchor_call(previous_head: Bytes32, new_head: Bytes32, number: int) -> bytes:
    """Return the calldata of ``anchor(previousHead, newHead, number)``."""
    arguments = encode(["bytes32", "bytes32", "uint64"], [previous_head, new_head, number])
    return ANCHOR + arguments


def creation_code(log_id: Bytes32, owner: bytes, submitter: bytes) -> bytes:
    """Return the bytes that create the contract, constructor arguments included."""
    arguments = encode(["bytes32", "address", "address"], [log_id, owner, submitter])
    return anchor_log_artifact().creation_code + arguments


def anchored_of(event: Event) -> Anchored | None:
    """Return the ``Anchored`` event, or None where this is another one."""
    if len(event.topics) != 3 or event.topics[0] != ANCHORED_TOPIC or len(event.data) != 32:
        return None
    return Anchored(
        number=int.from_bytes(event.topics[1], "big"),
        previous_head=event.data,
        new_head=event.topics[2],
        block_number=event.block_number,
        block_hash=event.block_hash,
        transaction_hash=event.transaction_hash,
        log_index=event.log_index,
    )


def anchored_in(receipt: Receipt, contract: bytes) -> list[Anchored]:
    """Return the anchors that a transaction made in ``contract``."""
    found = [anchored_of(event) for event in receipt.events if event.address == contract]
    return [anchored for anchored in found if anchored is not None]


def revert_of(error: NodeRefused) -> Revert:
    """Return why a call reverted, by the revert data, or by the node's words where it gave no data."""
    if error.data:
        return decode_revert(error.data)
    return Revert("", ())


def decode_revert(revert_data: bytes) -> Revert:
    """Return the contract's error that revert data holds; unknown data by its selector."""
    known = _errors().get(revert_data[:4])
    if known is None:
        return Revert(hexadecimal(revert_data[:4]) if revert_data else "", ())
    name, types = known
    try:
        return Revert(name, decode(types, revert_data[4:]))
    except DecodingError:
        return Revert(name, ())


@cache
def _errors() -> dict[bytes, tuple[str, tuple[str, ...]]]:
    table: dict[bytes, tuple[str, tuple[str, ...]]] = {
        selector("Error(string)"): ("Error", ("string",)),
        selector("Panic(uint256)"): ("Panic", ("uint256",)),
    }
    for entry in anchor_log_artifact().abi:
        if entry["type"] == "error":
            types = tuple(argument["type"] for argument in entry["inputs"])
            table[selector(f"{entry['name']}({','.join(types)})")] = (entry["name"], types)
    return table


class AnchorLog:
    """One contract on one chain, read.

    What it holds counts where the endpoints that keep up agree: else EndpointsDisagree is raised.
    """

    def __init__(self, node: Node, address: bytes) -> None:
        self.node: Final = node
        self.address: Final = address

    def head(self, block: BlockId = "latest") -> Bytes32:
        """Return the head; ZERO before the first anchor."""
        return self._word("head()", block)

    def heads(self, block: BlockId = "latest") -> dict[str, Bytes32]:
        """Return the head by each endpoint: at its own latest block, or at one that all of them have."""
        return self._words("head()", HEAD, block)

    def log_id(self) -> Bytes32:
        """Return the log that the contract holds."""
        return self._word("logId()")

    def submitter(self) -> bytes:
        """Return the address that may anchor; zero where nobody may."""
        return self._word("submitter()")[12:]

    def owner(self) -> bytes:
        """Return the address that names the submitter."""
        return self._word("owner()")[12:]

    def pending_owner(self) -> bytes:
        """Return the address that was offered the contract and has yet to accept; zero where none was."""
        return self._word("pendingOwner()")[12:]

    def pinned_at(self, root: Bytes32) -> int:
        """Return the time (seconds) of the block in which a root was first pinned, or 0."""
        signature = "pinnedAt(bytes32)"
        words = self._words(signature, selector(signature) + root)
        return int.from_bytes(self.node.agreed(f"the contract's {signature}", words, hexadecimal), "big")

    def deployed_log_id(self) -> Bytes32 | None:
        """Return the log id by the contract's code, or None where another or no contract is there."""
        return anchor_log_artifact().log_id_of(self.node.code(self.address))

    def anchored(
        self, first_block: int, last_block: int, *, new_head: Bytes32 | None = None
    ) -> Iterator[Anchored]:
        """Yield the anchors from ``last_block`` down to ``first_block``, the newest first.

        Raises EndpointsDisagree at the first that only some of the endpoints show, RpcError.
        """
        topics: list[Bytes32 | None] = [ANCHORED_TOPIC]
        if new_head is not None:
            topics += [None, new_head]
        for event in agreed_events(self.node, self.address, topics, first_block, last_block, _told):
            found = anchored_of(event)
            if found is not None:
                yield found

    def _word(self, signature: str, block: BlockId = "latest") -> Bytes32:
        words = self._words(signature, selector(signature), block)
        return self.node.agreed(f"the contract's {signature}", words, hexadecimal)

    def _words(self, signature: str, calldata: bytes, block: BlockId = "latest") -> dict[str, Bytes32]:
        """Return 32 bytes by each endpoint that gives so many. Raises RpcError, NotOurContract."""
        answers = self.node.calls(self.address, calldata, block=block)
        words = {name: answer for name, answer in answers.items() if len(answer) == 32}
        if not words:
            raise NotOurContract(signature, next(iter(answers.values())).hex()[:64])
        # One that lags may not have the contract yet.
        for name in answers.keys() - words.keys() - self.node.lagging:
            self.node.findings.append(
                Finding("endpoint_unreachable", f"{name}: eth_call: nonsense: no answer to {signature}")
            )
        return words


@dataclass(eq=False)
class NotOurContract(Exception):
    """What is at the address does not answer as an AnchorLog does."""

    question: str
    found: str

    def __str__(self) -> str:
        return f"the contract does not answer {self.question} as AnchorLog does: {self.found or 'nothing'}"


def _told(event: Event) -> str:
    found = anchored_of(event)
    if found is None:
        return f"an event in block {event.block_number} that is no Anchored"
    return (
        f"batch {found.number} in block {found.block_number}, transaction "
        f"{hexadecimal(found.transaction_hash)}, head {hexadecimal(found.new_head)}"
    )


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return hexadecimal(value)
    if isinstance(value, str) and len(value) == 42 and value.startswith("0x"):
        return address_text(bytes.fromhex(value[2:]))
    return str(value)
