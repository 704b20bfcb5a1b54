"""Offline: a contract's head out of a block's state, with nothing trusted but the block's hash."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import rlp as reference_rlp
from hypothesis import given
from hypothesis import strategies as st
from trie import HexaryTrie

from anchor.node.reader import JsonRpcChain
from anchor.node.view import ChainUnavailable
from anchor.proof.bounds import ProofFileError
from anchor.proof.values import ProofFile
from anchor.protocol.errors import ProofError, hex_of
from anchor.protocol.hashing import keccak
from anchor.protocol.times import moment
from anchor.server.chain.artifact import anchor_log_artifact
from anchor.server.chain.signers.local import LocalSigner
from anchor.verify import verify_file, write_proof_file
from anchor.verify.evidence import (
    ANCHOR_LOG_CODE,
    LOG_ID_PLACE,
    ChainEvidence,
    collect_evidence,
    parse_evidence,
)
from anchor.verify.rlp import RlpError, decode, encode
from anchor.verify.state_proof import HEAD_SLOT, trie_value
from tests.fixtures.anvil import Anvil, running_anvil
from tests.verify.anchored_log import AnchoredLog
from tests.verify.test_alterations import flipped, get, places, put


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with running_anvil() as node:
        yield node


@pytest.fixture(scope="module")
def log(anvil: Anvil) -> AnchoredLog:
    log = AnchoredLog(anvil.url, LocalSigner(bytes.fromhex(anvil.accounts[1].private_key[2:])))
    log.grow()
    anvil.mine(3)
    return log


@pytest.fixture(scope="module")
def evidence(log: AnchoredLog) -> ChainEvidence:
    """The newest final block's evidence, with the pinned root of batch 2."""
    return collect_evidence(JsonRpcChain(log.url), log.contract, roots=[log.built.batches[1].root])


def offline(proof: Any, evidence: ChainEvidence, **options: Any) -> Any:
    options.setdefault("block_hash", hex_of(evidence.block_hash))
    return verify_file(write_proof_file(proof), evidence=evidence.to_bytes(), **options)


def test_the_head_the_pinned_and_what_they_cover_are_valid_without_a_node(
    log: AnchoredLog, evidence: ChainEvidence
) -> None:
    built = log.built
    for proof in (
        built.balance("AA", 7, 4),
        built.delta("UA", 4, 2, "mile"),
        built.delta("UA", 8, 3, "mile"),
        built.freshness("UA", 4, "mile"),
        built.absence("Nobody", 4),
        built.period("UA", 2, 9, 4, "mile", listed=True),
        built.extension("UA", 2, 4, "mile"),
    ):
        result = offline(proof, evidence, contract=log.contract)
        assert result.valid, result.failed
    assert parse_evidence(evidence.to_bytes()) == evidence


def bare(proof: ProofFile) -> ProofFile:
    """The proof of a claim under one head, with no word of where its batch is on a chain."""
    claim: Any = proof.claim
    batch = replace(claim.head.batch, anchors=())
    return replace(proof, claim=replace(claim, head=replace(claim.head, batch=batch)))


def test_what_the_state_does_not_hold_is_not_valid(log: AnchoredLog, evidence: ChainEvidence) -> None:
    result = offline(log.built.delta("UA", 1, 1, "mile"), evidence)
    assert result.verdict == "not_checked_against_a_chain", "nothing contradicts it"
    assert result.failed.name == "contract's head"
    assert "ask a node that keeps old events" in result.failed.explanation
    assert offline(log.built.freshness("UA", 2, "mile"), evidence).failed.name == "current head"


def test_which_chain_the_block_is_of_is_the_files_word_and_its_time_is_shown(
    anvil: Anvil, log: AnchoredLog, evidence: ChainEvidence
) -> None:
    liar = replace(evidence, chain_id=1)
    result = offline(bare(log.built.freshness("UA", 4, "mile")), liar, contract=log.contract)
    assert result.valid, result.failed
    named = "which you named, on the chain of the block that you trust (the file calls it chain 1)."
    assert any(named in one for one in result.statements)
    assert not any("on chain 1" in one for one in result.statements)
    time = int(anvil.rpc("eth_getBlockByHash", hex_of(evidence.block_hash), False)["timestamp"], 16)
    assert any(moment(time * 1000) in one for one in result.statements)


def test_a_block_that_one_trusts_may_be_of_any_age(log: AnchoredLog, evidence: ChainEvidence) -> None:
    assert offline(log.built.freshness("UA", 4, "mile"), evidence, now=2**42).valid


def test_evidence_of_another_contract_is_no_word_against_it(
    log: AnchoredLog, evidence: ChainEvidence
) -> None:
    result = offline(bare(log.built.balance("AA", 7, 4)), evidence, contract=b"\x77" * 20)
    assert result.verdict == "not_checked_against_a_chain"
    assert "evidence is of another contract" in result.failed.explanation


def test_another_block_than_the_trusted_one_says_nothing(log: AnchoredLog, evidence: ChainEvidence) -> None:
    result = offline(log.built.balance("AA", 7, 4), evidence, block_hash=keccak(b"another"))
    assert result.verdict == "not_checked_against_a_chain"
    assert result.failed.name == "evidence: block header"


def test_evidence_of_another_contract_says_nothing(log: AnchoredLog, evidence: ChainEvidence) -> None:
    proof = log.built.balance("AA", 7, 4)
    assert offline(proof, evidence, contract=b"\x77" * 20).verdict == "invalid"
    bare = log.built.balance("AA", 7, 4)
    assert not offline(bare, evidence, contract=log.signer.address).valid


def test_evidence_needs_a_trusted_block_and_no_node(log: AnchoredLog, evidence: ChainEvidence) -> None:
    raw = write_proof_file(log.built.balance("AA", 7, 4))
    for options in (
        {"evidence": evidence.to_bytes()},
        {"block_hash": evidence.block_hash},
        {"evidence": evidence.to_bytes(), "block_hash": evidence.block_hash, "rpc": log.url},
        {"evidence": evidence.to_bytes(), "block_hash": "0x12"},
    ):
        with pytest.raises(ValueError, match="block"):
            verify_file(raw, **options)  # type: ignore[arg-type]


def test_any_altered_evidence_is_not_valid(log: AnchoredLog, evidence: ChainEvidence) -> None:
    proof = write_proof_file(log.built.freshness("UA", 4, "mile"))
    whole = evidence.to_json()
    random = Random(1)
    for place in places(whole):
        value = get(whole, place)
        for bit in (0, 7, random.randrange(10**6), random.randrange(10**6)):
            altered = put(whole, place, flipped(value, bit))
            try:
                result = verify_file(
                    proof, evidence=json.dumps(altered).encode(), block_hash=evidence.block_hash
                )
            except ValueError:
                continue
            # The slot of another root may be altered: nothing here rests on it.
            assert not result.valid or place[:2] == ("slots", 1), place
    for place in (("accountProof",), ("slots", 0, "proof")):
        nodes = get(whole, place)
        for other in (nodes[:-1], nodes[1:], [*nodes, nodes[-1]], nodes[::-1] if len(nodes) > 1 else []):
            altered = put(whole, place, other)
            assert not verify_file(
                proof, evidence=json.dumps(altered).encode(), block_hash=evidence.block_hash
            ).valid


@pytest.mark.parametrize("raw", [b"", b"{}", b"[" * 1000, b'{"format":"anchor-chain-evidence","version":2}'])
def test_what_is_no_evidence_is_refused(raw: bytes, log: AnchoredLog) -> None:
    with pytest.raises(ProofFileError):
        parse_evidence(raw)
    proof = write_proof_file(log.built.balance("AA", 7, 4))
    result = verify_file(proof, evidence=raw, block_hash=bytes(32))
    assert result.verdict == "not_checked_against_a_chain"


def test_a_node_that_gives_other_evidence_than_its_blocks_is_noticed(anvil: Anvil, log: AnchoredLog) -> None:
    chain = JsonRpcChain(log.url)
    with pytest.raises(ChainUnavailable, match="does not fit"):
        collect_evidence(chain, b"\x77" * 20)


def test_the_code_is_that_of_the_shipped_contract() -> None:
    artifact = anchor_log_artifact()
    assert artifact.log_id_places == (LOG_ID_PLACE,)
    code = artifact.runtime_code
    masked = code[:LOG_ID_PLACE] + bytes(32) + code[LOG_ID_PLACE + 32 :]
    assert keccak(masked) == ANCHOR_LOG_CODE


def test_the_slots_are_those_of_the_shipped_contract(anvil: Anvil, log: AnchoredLog) -> None:
    word = anvil.rpc("eth_getStorageAt", hex_of(log.contract), hex_of(HEAD_SLOT), "latest")
    assert word == hex_of(log.head)


@given(
    st.dictionaries(st.binary(min_size=1, max_size=4), st.binary(min_size=1, max_size=80), max_size=40),
    st.binary(min_size=1, max_size=4),
)
def test_any_trie_of_another_implementation_is_read(entries: dict[bytes, bytes], key: bytes) -> None:
    trie = HexaryTrie({})
    for name, value in entries.items():
        trie[keccak(name)] = value
    for name in [*entries, key]:
        proof = [reference_rlp.encode(node) for node in trie.get_proof(keccak(name)) if node != b""]
        # Nodes that their parents hold are listed by that implementation, and not by nodes of a chain.
        proof = [node for at, node in enumerate(proof) if at == 0 or len(node) >= 32]
        assert trie_value("trie", trie.root_hash, name, proof) == entries.get(name)
        for at, node in enumerate(proof):
            spoiled = bytearray(node)
            spoiled[-1] ^= 1
            with pytest.raises(ProofError):
                trie_value("trie", trie.root_hash, name, [*proof[:at], bytes(spoiled), *proof[at + 1 :]])
        if proof and entries:
            with pytest.raises(ProofError):
                trie_value("trie", trie.root_hash, name, [*proof, proof[-1]])
            with pytest.raises(ProofError):
                trie_value("trie", trie.root_hash, name, proof[:-1])


items = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=5), max_leaves=20)


@given(items)
def test_rlp_is_that_of_another_implementation(item: Any) -> None:
    encoded = encode(item)
    assert encoded == reference_rlp.encode(item)
    with suppress(RlpError):
        # Deeper than anything of Ethereum's is refused.
        assert decode(encoded) == item


@given(st.binary(max_size=80))
def test_no_bytes_crash_the_rlp_reader(data: bytes) -> None:
    try:
        item = decode(data)
    except RlpError:
        return
    assert encode(item) == data


def test_the_header_of_a_real_block_of_every_fork_is_rebuilt(tmp_path: Path) -> None:
    from anchor.verify.evidence import header_of

    for fork in ("berlin", "london", "paris", "shanghai", "cancun", "prague"):
        with running_anvil("--hardfork", fork) as node:
            node.mine(2)
            block = node.rpc("eth_getBlockByNumber", "latest", False)
            assert hex_of(keccak(header_of(block))) == block["hash"], fork
