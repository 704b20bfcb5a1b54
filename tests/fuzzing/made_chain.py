"""A chain's evidence made up without a chain: one block, one contract, its head and a pin."""

from __future__ import annotations

import rlp
from trie import HexaryTrie

from anchor.protocol.hashing import Bytes32, keccak
from anchor.server.chain.artifact import anchor_log_artifact
from anchor.verify.evidence import LOG_ID_PLACE, ChainEvidence, SlotProof
from anchor.verify.rlp import encode, integer
from anchor.verify.state_proof import HEAD_SLOT, pinned_slot
from tests.verify.building import CHAIN_ID, CONTRACT, START, BuiltLog

NUMBER = 7


def made_evidence(log: BuiltLog) -> ChainEvidence:
    """The evidence of a block in which the log's newest root is the head, and its first one pinned."""
    words = {
        HEAD_SLOT: log.batches[-1].root,
        pinned_slot(log.batches[0].root): integer(START // 1000),
        **{keccak(bytes([number])): bytes([1, number]) for number in range(20)},
    }
    storage = _trie({slot: encode(word) for slot, word in words.items()})
    code = bytearray(anchor_log_artifact().runtime_code)
    code[LOG_ID_PLACE : LOG_ID_PLACE + 32] = log.log_id
    account = encode([b"\x01", b"", storage.root_hash, keccak(bytes(code))])
    others = {bytes([number]) * 20: encode([b"", b"\x01", bytes(32), bytes(32)]) for number in range(20)}
    state = _trie({CONTRACT: account, **others})
    return ChainEvidence(
        CHAIN_ID,
        CONTRACT,
        made_header(state.root_hash),
        bytes(code),
        _proof(state, CONTRACT),
        tuple(SlotProof(slot, _proof(storage, slot)) for slot in list(words)[:2]),
    )


def made_header(state_root: Bytes32) -> bytes:
    """A block's header over a state."""
    return encode(
        [
            *(bytes(32), bytes(32), bytes(20), state_root, bytes(32), bytes(32), bytes(256)),
            *(
                b"",
                integer(NUMBER),
                integer(30_000_000),
                b"",
                integer(START // 1000),
                b"",
                bytes(32),
                bytes(8),
            ),
        ]
    )


def _trie(entries: dict[bytes, bytes]) -> HexaryTrie:
    trie = HexaryTrie({})
    for key, value in entries.items():
        trie[keccak(key)] = value
    return trie


def _proof(trie: HexaryTrie, key: bytes) -> tuple[bytes, ...]:
    nodes = [rlp.encode(node) for node in trie.get_proof(keccak(key)) if node != b""]
    return tuple(node for at, node in enumerate(nodes) if at == 0 or len(node) >= 32)
