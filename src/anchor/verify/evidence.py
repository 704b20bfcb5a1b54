"""A chain's evidence in a file: a contract's head and pins in one block, provable without any node.

Whoever trusts the block's hash (from a node of their own, an explorer, a newspaper) needs nothing else.
The file is one JSON object::

    {"format": "anchor-chain-evidence", "version": 1, "chainId", "contract", "blockHeader" (RLP), "code",
     "accountProof": [node, ...], "slots": [{"slot", "proof": [node, ...]}, ...]}

Everything but the two first and the chain's id is ``0x`` and lower-case hexadecimal digits.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from anchor.node.reader import JsonRpcChain
from anchor.node.view import (
    AnchoredEvent,
    Block,
    ChainUnavailable,
    EventsUnavailable,
    Finality,
    PinUnknown,
    TrustedBlock,
)
from anchor.proof.bounds import ProofFileError, parse_json, shown
from anchor.proof.members import Members, address, bytes_up_to, hash32, list_of, u64
from anchor.protocol.errors import ProofError, hex_of
from anchor.protocol.hashing import ZERO, Bytes32, keccak
from anchor.verify.rlp import encode, integer
from anchor.verify.state_proof import (
    HEAD_SLOT,
    LARGEST_NODE,
    LONGEST_PROOF,
    Account,
    pinned_slot,
    read_account,
    read_header,
    read_slot,
)

FORMAT: Final = "anchor-chain-evidence"
VERSION: Final = 1
LARGEST_EVIDENCE: Final = 1024 * 1024
LARGEST_CODE: Final = 24_576
"""EIP-170."""
MOST_SLOTS: Final = 64

ANCHOR_LOG_CODE: Final = bytes.fromhex("8808ba224e022415cc7506b2465252d9da178cb500dbbc0f7456c81da0d23455")
"""Keccak-256 of the code of the AnchorLog that ships with this package, zeros in place of its log id."""
LOG_ID_PLACE: Final = 526


@dataclass(frozen=True, slots=True)
class SlotProof:
    """A storage slot and its proof, from the root down."""

    slot: Bytes32
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ChainEvidence:
    """The file's values."""

    chain_id: int
    contract: bytes
    header: bytes
    code: bytes
    account_proof: tuple[bytes, ...]
    slots: tuple[SlotProof, ...]

    @property
    def block_hash(self) -> Bytes32:
        """The hash of the block: what the reader has to recognise."""
        return keccak(self.header)

    def to_json(self) -> dict[str, Any]:
        """Return the file's JSON value."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "chainId": self.chain_id,
            "contract": hex_of(self.contract),
            "blockHeader": hex_of(self.header),
            "code": hex_of(self.code),
            "accountProof": [hex_of(node) for node in self.account_proof],
            "slots": [
                {"slot": hex_of(slot.slot), "proof": [hex_of(node) for node in slot.proof]}
                for slot in self.slots
            ],
        }

    def to_bytes(self) -> bytes:
        """Return the file's text."""
        return (json.dumps(self.to_json(), indent=2) + "\n").encode()


def parse_evidence(raw: bytes) -> ChainEvidence:
    """Return the values of an evidence file. Raises ProofFileError."""
    members = Members.of(parse_json(raw, LARGEST_EVIDENCE), "")
    for name, expected in (("format", FORMAT), ("version", VERSION)):
        found = members.fields.get(name)
        if found != expected or isinstance(found, bool):
            raise ProofFileError(name, f"/{name}", f"is {shown(found)}, not {expected}")
        members.take(name, lambda value, _: value)
    node_list = list_of(bytes_up_to(LARGEST_NODE), LONGEST_PROOF)

    def slot(value: Any, place: str) -> SlotProof:
        inner = Members.of(value, place)
        found = SlotProof(inner.take("slot", hash32), inner.take("proof", node_list))
        inner.done()
        return found

    evidence = ChainEvidence(
        members.take("chainId", u64),
        members.take("contract", address),
        members.take("blockHeader", bytes_up_to(LARGEST_NODE)),
        members.take("code", bytes_up_to(LARGEST_CODE)),
        members.take("accountProof", node_list),
        members.take("slots", list_of(slot, MOST_SLOTS)),
    )
    members.done()
    return evidence


class EvidenceChain(TrustedBlock):
    """A chain of which one block is known: a ChainView for ``verify_proof``, with no node behind it.

    It answers for the state of that block only, which counts as final because the reader trusts its hash.
    """

    def __init__(self, evidence: ChainEvidence, trusted_hash: Bytes32) -> None:
        """Raises ProofError where the evidence is not of that block, or does not hold together."""
        self._evidence = evidence
        header = read_header(evidence.header, trusted_hash)
        self._block = Block(header.number, header.hash, header.timestamp)
        self._account = _account(header.state_root, evidence)
        self._slots = {
            slot.slot: read_slot(self._account.storage_root, slot.slot, slot.proof) for slot in evidence.slots
        }

    def chain_id(self) -> int:
        """Return the chain's id, as the file states it: a block's hash is of one chain only."""
        return self._evidence.chain_id

    def final_block(self, finality: Finality) -> Block:  # noqa: ARG002
        """Return the one block."""
        return self._block

    def block(self, number: int) -> Block | None:
        """Return the one block; of earlier ones nothing is known."""
        if number == self._block.number:
            return self._block
        raise EventsUnavailable("no node was asked, and the evidence is of another block")

    def log_id(self, contract: bytes) -> Bytes32 | None:
        """Return the log id in the contract's code, which has to be the AnchorLog that we know."""
        if contract != self._evidence.contract:
            raise ChainUnavailable("the evidence is of another contract")
        code = self._evidence.code
        masked = code[:LOG_ID_PLACE] + ZERO + code[LOG_ID_PLACE + 32 :]
        if keccak(masked) != ANCHOR_LOG_CODE:
            return None
        return code[LOG_ID_PLACE : LOG_ID_PLACE + 32]

    def head(self, contract: bytes, block: int) -> Bytes32:  # noqa: ARG002
        """Return the head. Raises ChainUnavailable where the evidence does not show it."""
        if contract != self._evidence.contract or HEAD_SLOT not in self._slots:
            raise ChainUnavailable("the evidence does not show this contract's head")
        return self._slots[HEAD_SLOT]

    def pinned_at(self, contract: bytes, root: Bytes32, block: int) -> int:  # noqa: ARG002
        """Return when a root was pinned, 0 where it was not. Raises PinUnknown without its slot."""
        slot = pinned_slot(root)
        if slot not in self._slots:
            raise PinUnknown("the evidence does not show whether this root is pinned")
        return int.from_bytes(self._slots[slot], "big")

    def anchored(self, contract: bytes, block_hash: Bytes32) -> Sequence[AnchoredEvent]:  # noqa: ARG002
        """State holds no events."""
        raise EventsUnavailable("no node was asked for events")


def _account(state_root: Bytes32, evidence: ChainEvidence) -> Account:
    account = read_account(state_root, evidence.contract, evidence.account_proof)
    if account is None:
        raise ProofError("account proof", f"a contract at {hex_of(evidence.contract)}", "none")
    found = keccak(evidence.code)
    if found != account.code_hash:
        raise ProofError("contract code", hex_of(account.code_hash), hex_of(found))
    return account


# Collecting it


_HEADER_FIELDS: Final = (
    ("parentHash", False),
    ("sha3Uncles", False),
    ("miner", False),
    ("stateRoot", False),
    ("transactionsRoot", False),
    ("receiptsRoot", False),
    ("logsBloom", False),
    ("difficulty", True),
    ("number", True),
    ("gasLimit", True),
    ("gasUsed", True),
    ("timestamp", True),
    ("extraData", False),
    ("mixHash", False),
    ("nonce", False),
    ("baseFeePerGas", True),
    ("withdrawalsRoot", False),
    ("blobGasUsed", True),
    ("excessBlobGas", True),
    ("parentBeaconBlockRoot", False),
    ("requestsHash", False),
    ("blockAccessListHash", False),
    ("slotNumber", True),
)
"""A header's fields in order, and whether each is a number; from baseFeePerGas on they came with forks."""
_NOT_OF_THE_HEADER: Final = frozenset(
    ("hash", "size", "totalDifficulty", "transactions", "uncles", "withdrawals", "blockAccessList")
)
_FIRST_OF_FORKS: Final = 15
_MOST_NAMED: Final = 5


def collect_evidence(
    chain: JsonRpcChain, contract: bytes, *, block: int | None = None, roots: Sequence[Bytes32] = ()
) -> ChainEvidence:
    """Ask a node for the evidence of one block, the newest final one unless told.

    ``roots`` are pinned roots to prove beside the head. Raises ChainUnavailable where the node does not
    give it; what it gives is checked before it is returned.
    """
    number = chain.final_block(Finality()).number if block is None else block
    height = hex(number)
    given = chain.call("eth_getBlockByNumber", height, False)
    _require_known_kind(chain, given)
    slots = [HEAD_SLOT, *(pinned_slot(root) for root in roots)]
    proof = chain.call("eth_getProof", hex_of(contract), [hex_of(slot) for slot in slots], height)
    code = chain.call("eth_getCode", hex_of(contract), height)
    try:
        evidence = ChainEvidence(
            chain.chain_id(),
            contract,
            header_of(given),
            _bytes(code),
            tuple(_bytes(node) for node in proof["accountProof"]),
            tuple(
                SlotProof(slot, tuple(_bytes(node) for node in entry["proof"]))
                for slot, entry in zip(slots, proof["storageProof"], strict=True)
            ),
        )
        EvidenceChain(evidence, _bytes(given["hash"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ChainUnavailable(f"{chain.name} gives a block or a proof that cannot be read") from error
    except ProofError as error:
        raise ChainUnavailable(
            f"{chain.name} gives evidence that does not fit its block ({error})"
        ) from error
    return evidence


def _require_known_kind(chain: JsonRpcChain, block: Any) -> None:
    """Refuse the blocks of a chain whose headers are not Ethereum's: that is no fault of the node."""
    if not isinstance(block, dict):
        return  # not a block at all: refused as such
    missing = [name for name, _ in _HEADER_FIELDS[:_FIRST_OF_FORKS] if block.get(name) is None]
    if not missing:
        try:
            if keccak(header_of(block)) == _bytes(block["hash"]):
                return
        except (KeyError, TypeError, ValueError):
            return
    known = {name for name, _ in _HEADER_FIELDS} | _NOT_OF_THE_HEADER
    unknown = sorted(set(block) - known)
    what = [f"without {', '.join(missing)}"] if missing else []
    what += [f"with {', '.join(unknown[:_MOST_NAMED])}"] if unknown else []
    told = ", ".join(what)
    raise ChainUnavailable(
        f"chain {chain.chain_id()} has block headers of another kind than Ethereum's"
        f"{f' ({told})' if told else ''}: no evidence of its blocks can be checked without a node. "
        "Check against a node of the chain"
    )


def header_of(block: dict[str, Any]) -> bytes:
    """Return the RLP of a block's header, from its JSON-RPC form."""
    fields = [
        integer(int(block[name], 16)) if is_number else _bytes(block[name])
        for at, (name, is_number) in enumerate(_HEADER_FIELDS)
        if at < _FIRST_OF_FORKS or block.get(name) is not None
    ]
    return encode(fields)


def _bytes(value: Any) -> bytes:
    if not isinstance(value, str) or value[:2] != "0x":
        raise ValueError("not hexadecimal")
    return bytes.fromhex(value[2:])
