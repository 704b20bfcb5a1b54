"""A chain's evidence, altered: as text, and deep in its tries with every hash above put right again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from random import Random

from anchor.protocol.hashing import Bytes32, keccak
from anchor.verify.evidence import ChainEvidence, SlotProof
from tests.web.corpus import altered


def rehashed(evidence: ChainEvidence, trie: int, at: int, node: bytes) -> ChainEvidence:
    """The evidence with another node, and with the hashes of all that stands above it made to fit.

    ``trie`` is -1 for the account's, or the place of a slot. Whoever makes up a whole chain could do this:
    only the block's hash tells that it is another one.
    """
    header, slots, proof = evidence.header, list(evidence.slots), list(evidence.account_proof)
    if trie >= 0:
        nodes = list(slots[trie].proof)
        old, new = _replaced(nodes, at, node)
        slots[trie] = SlotProof(slots[trie].slot, tuple(nodes))
        at, node = len(proof) - 1, proof[-1].replace(old, new)
    old, new = _replaced(proof, at, node)
    return replace(evidence, header=header.replace(old, new), account_proof=tuple(proof), slots=tuple(slots))


def _replaced(nodes: list[bytes], at: int, node: bytes) -> tuple[Bytes32, Bytes32]:
    """Put a node in its place, and return the root as it was and as it is."""
    old, new = keccak(nodes[at]), keccak(node)
    nodes[at] = node
    for above in range(at - 1, -1, -1):
        before = nodes[above]
        nodes[above] = before.replace(old, new)
        old, new = keccak(before), keccak(nodes[above])
    return old, new


def spoiled(raw: bytes, random: Random) -> bytes:
    """Some bytes of it changed, left out or put in; where it begins more often than elsewhere."""
    changed = bytearray(raw)
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        at = random.randrange(min(len(changed), random.choice([4, 40, len(changed)])) or 1)
        what = random.randrange(4)
        if what == 0 and len(changed) > 1:
            del changed[at]
        elif what == 1:
            changed.insert(at, random.choice([0, 0x7F, 0x80, 0xB8, 0xC0, 0xF8, 0xFF, random.randrange(256)]))
        elif what == 2:
            changed[at] ^= 1 << random.randrange(8)
        else:
            changed[at] = random.randrange(256)
    return bytes(changed)


def spoiled_evidence(evidence: ChainEvidence, count: int, seed: int) -> Iterator[tuple[bytes, Bytes32]]:
    """Altered evidence, and the block hash that is trusted with it."""
    random, whole, trusted = Random(seed), evidence.to_json(), evidence.block_hash
    for _ in range(count):
        what = random.random()
        if what < 0.4:
            yield altered(whole, random), trusted
            continue
        if what < 0.55:
            other = replace(evidence, header=spoiled(evidence.header, random))
        elif what < 0.6:
            other = replace(evidence, code=spoiled(evidence.code, random))
        else:
            trie = random.randrange(-1, len(evidence.slots))
            nodes = evidence.account_proof if trie < 0 else evidence.slots[trie].proof
            at = random.randrange(len(nodes))
            other = rehashed(evidence, trie, at, spoiled(nodes[at], random))
        yield json.dumps(other.to_json()).encode(), other.block_hash
