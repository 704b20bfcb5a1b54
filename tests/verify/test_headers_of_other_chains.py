"""Chains whose block headers are not of Ethereum's kind are named as that, and no node is blamed."""

from __future__ import annotations

from typing import Any, cast

import pytest

from anchor.node.reader import JsonRpcChain
from anchor.node.view import ChainUnavailable
from anchor.protocol.errors import ProofError, hex_of
from anchor.protocol.hashing import keccak
from anchor.verify.evidence import collect_evidence, header_of
from anchor.verify.rlp import encode
from anchor.verify.state_proof import read_header

WORD = "0x" + "11" * 32
HEADER: dict[str, Any] = {
    **dict.fromkeys(("parentHash", "sha3Uncles", "stateRoot", "transactionsRoot", "receiptsRoot"), WORD),
    **dict.fromkeys(("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas"), "0x7"),
    "miner": "0x" + "22" * 20,
    "logsBloom": "0x" + "00" * 256,
    "extraData": "0x",
    "nonce": "0x" + "00" * 8,
    "mixHash": WORD,
}


class OneBlock:
    """A node that has one block, and no state."""

    name = "https://node.example"

    def __init__(self, block: dict[str, Any]) -> None:
        self.block = block

    def chain_id(self) -> int:
        return 42220

    def call(self, method: str, *params: Any) -> Any:
        if method == "eth_getBlockByNumber":
            return self.block
        raise ChainUnavailable("it keeps no state")


def collected(block: dict[str, Any]) -> str:
    with pytest.raises(ChainUnavailable) as refused:
        collect_evidence(cast(JsonRpcChain, OneBlock(block)), bytes(20), block=7)
    return refused.value.reason


def with_hash(block: dict[str, Any]) -> dict[str, Any]:
    return block | {"hash": hex_of(keccak(header_of(block))), "transactions": [], "size": "0x1"}


def test_a_header_that_is_known_goes_on_to_the_state() -> None:
    assert collected(with_hash(HEADER)) == "it keeps no state"
    amsterdam = {"requestsHash": WORD, "blockAccessListHash": WORD, "slotNumber": "0x9"}
    assert collected(with_hash(HEADER | amsterdam)) == "it keeps no state"


def test_a_header_without_mix_hash_names_the_kind_of_chain() -> None:
    told = collected({name: value for name, value in with_hash(HEADER).items() if name != "mixHash"})
    assert told.startswith("chain 42220 has block headers of another kind than Ethereum's (without mixHash)")
    assert "node.example" not in told


def test_a_header_with_fields_that_nobody_knows_names_them() -> None:
    told = collected(with_hash(HEADER) | {"hash": WORD, "sendRoot": WORD, "l1BlockNumber": "0x5"})
    assert "another kind than Ethereum's (with l1BlockNumber, sendRoot)" in told


def test_a_trusted_header_of_another_shape_is_named_as_that() -> None:
    celo = encode([b"\x11" * 32, b"\x22" * 20, *[b"\x11" * 32] * 3, bytes(256), *[b"\x07"] * 9])
    for header in (celo, encode([b"\x11" * 32]), encode([[b""]] * 15)):
        with pytest.raises(ProofError) as refused:
            read_header(header, keccak(header))
        assert refused.value.found == "one of another kind of chain"
    good = header_of(HEADER)
    assert read_header(good, keccak(good)).number == 7
