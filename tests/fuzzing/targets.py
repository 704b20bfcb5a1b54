"""What is fuzzed: each reader of what others send, and what has to hold whatever is sent.

A target takes bytes, and fails by raising anything. Where the page reads the same, the target also says
which question to put to both.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from pathlib import Path

import httpx

from anchor.node.reader import JsonRpcChain
from anchor.node.view import ChainUnavailable, Finality
from anchor.proof.bounds import ProofFileError, parse_json
from anchor.proof.reading import parse_proof_file
from anchor.protocol.errors import ProofError
from anchor.protocol.hashing import keccak
from anchor.protocol.merkle import LEDGER_TREE, Frontier
from anchor.verify import verify_file, write_proof_file
from anchor.verify.audit_pack import DELTAS, PEAKS, PERIOD, TABLE, AuditPack, PackParts, write_audit_pack
from anchor.verify.evidence import ChainEvidence, EvidenceChain, SlotProof, parse_evidence
from anchor.verify.results import NOT_CHECKED
from anchor.verify.rlp import RlpError, decode, encode
from anchor.verify.sampling import FORMAT, check_sample
from anchor.verify.state_proof import HEAD_SLOT, read_header
from anchor.verify.verification import verify_proof
from anchor.verify.zip_archive import ZipArchive, ZipError
from tests.fuzzing.made_chain import made_evidence, made_header
from tests.verify.building import CONTRACT, START, BuiltLog, example_log, example_proofs
from tests.verify.fraud_examples import fraud_proofs
from tests.web.page_answers import Question

LARGEST = 1 << 20
_SEPARATOR = b"\xfe\xfe\xfe"


@cache
def log() -> BuiltLog:
    return example_log(1)


@cache
def evidence() -> ChainEvidence:
    return made_evidence(log())


@cache
def newest_proof() -> bytes:
    """A proof that the made-up block holds."""
    return write_proof_file(log().freshness("UA", len(log().batches), "mile"))


# Strict JSON


def strict_json(data: bytes) -> None:
    """What is read is what Python's own reader reads, and can be written and read again."""
    try:
        value = parse_json(data, LARGEST)
    except ProofFileError:
        return
    assert value == json.loads(data)
    assert parse_json(json.dumps(value).encode(), 8 * LARGEST) == value


def json_seeds() -> list[bytes]:
    return [
        b'{"a": [1, 18446744073709551615, "\\u00e9\\ud83d\\ude00\\n"], "b": {"c": null, "d": true}}',
        *(b'{"a": 1, "a": 2}', b"[1.5]", b"[-0]", b"[1e9]", b'"\\ud800"', b"\xef\xbb\xbf1", b"[NaN]"),
        *(b"[" * 20 + b"]" * 20, b" 1 ", b'{"\\u0000": "\\\\"}', b"18446744073709551616", b'"\xff"'),
    ]


# Proof files


def proof_file(data: bytes) -> None:
    """A file that is read can be written and read again, and is never valid without a chain."""
    try:
        proof = parse_proof_file(data)
    except ProofFileError:
        return
    assert parse_proof_file(write_proof_file(proof)) == proof
    assert not verify_proof(proof, None).valid


def proof_seeds() -> list[bytes]:
    proofs = [*example_proofs(log()).values(), *fraud_proofs().values()]
    return [json.dumps(json.loads(write_proof_file(proof))).encode() for proof in proofs]


# Archives and packs


def archive(data: bytes) -> None:
    """An archive gives no more bytes than it states, or is refused."""
    try:
        opened = ZipArchive(BytesIO(data))
        for name, entry in opened.entries.items():
            left = min(entry.size, LARGEST)
            with opened.open(name) as stream:
                read = stream.read(left + 1)
            assert len(read) <= entry.size
    except ZipError:
        return


def packed(data: bytes) -> bytes:
    """A pack of the four files that are checked, from their contents one after another."""
    parts = [*data.split(_SEPARATOR), b"", b"", b"", b""]
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in zip((PERIOD, PEAKS, DELTAS, TABLE), parts, strict=False):
            archive.writestr(name, content)
    return out.getvalue()


def pack(data: bytes) -> None:
    """A pack is never valid without a chain."""
    assert not verify_file(packed(data)).valid


def whole_pack() -> bytes:
    ledger = log().ledger("UA", "mile")
    number = len(log().batches)
    peaks = Frontier.empty().extend(LEDGER_TREE, ledger.leaves[:2]).peaks
    parts = PackParts(log().period("UA", 2, 5, number, "mile"), peaks)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pack.zip"
        write_audit_pack(path, parts, ledger.records[2:6], made_at=START)
        return path.read_bytes()


def pack_seeds() -> list[bytes]:
    with ExitStack() as stack:
        opened = AuditPack(BytesIO(whole_pack()), stack)
        return [_SEPARATOR.join(opened.read(name, LARGEST) for name in (PERIOD, PEAKS, DELTAS, TABLE))]


# A chain's evidence


def evidence_file(data: bytes) -> None:
    """Evidence answers for one block, or is refused."""
    try:
        found = parse_evidence(data)
        chain = EvidenceChain(found, found.block_hash)
    except (ProofFileError, ProofError):
        return
    assert parse_evidence(found.to_bytes()) == found
    with suppress(ChainUnavailable):
        assert len(chain.head(found.contract, 0)) == 32
    assert verify_file(newest_proof(), evidence=data, block_hash=bytes(32)).verdict == NOT_CHECKED


def about_evidence(data: bytes) -> Question:
    try:
        trusted = parse_evidence(data).block_hash
    except ProofFileError:
        trusted = bytes(32)
    return Question(newest_proof(), trusted, data)


def evidence_seeds() -> list[bytes]:
    return [json.dumps(evidence().to_json()).encode()]


def rlp(data: bytes) -> None:
    """Only the one encoding of an item is read."""
    with suppress(ProofError):
        read_header(data, keccak(data))
    try:
        item = decode(data)
    except RlpError:
        return
    assert encode(item) == data


def about_header(data: bytes) -> Question:
    other = replace(evidence(), header=data[:4096])
    return Question(newest_proof(), other.block_hash, other.to_bytes())


def rlp_seeds() -> list[bytes]:
    return [evidence().header, *evidence().account_proof, *evidence().slots[0].proof, b"\xb8\x38" + bytes(56)]


def tries(data: bytes) -> ChainEvidence:
    """Evidence whose tries have these nodes, each named by its hash where a placeholder stands.

    First the account's nodes, then those of the head's slot. 32 bytes of ``i`` stand for the hash of node
    ``i``, so that whatever changes below, what stands above still fits.
    """
    nodes = [node[:4096] for node in data.split(_SEPARATOR)[:14]]
    for at in range(len(nodes) - 1, 0, -1):
        for above in range(at):
            nodes[above] = nodes[above].replace(bytes([at]) * 32, keccak(nodes[at]))
    # What is no part of the account's proof is of the slot's: the account says where that begins.
    divided = next((at for at, node in enumerate(nodes) if node == b""), len(nodes))
    slot = SlotProof(HEAD_SLOT, tuple(nodes[divided + 1 :]))
    account = tuple(nodes[:divided])
    header = made_header(keccak(nodes[0]))
    return replace(evidence(), header=header, account_proof=account, slots=(slot,))


def state_proof(data: bytes) -> None:
    """Any tries give an account and a word, or are refused."""
    found = tries(data)
    with suppress(ProofError):
        chain = EvidenceChain(found, found.block_hash)
        assert len(chain.head(CONTRACT, 0)) == 32


def about_tries(data: bytes) -> Question:
    found = tries(data)
    return Question(newest_proof(), found.block_hash, found.to_bytes())


def trie_seeds() -> list[bytes]:
    nodes = [*evidence().account_proof, b"", *evidence().slots[0].proof]
    hashes = [keccak(node) for node in nodes]
    for at, node in enumerate(nodes):
        for below in range(at + 1, len(nodes)):
            node = node.replace(hashes[below], bytes([below]) * 32)
        nodes[at] = node
    return [_SEPARATOR.join(nodes)]


# Samples, and what nodes answer


def sample(data: bytes) -> None:
    """A sample is never valid without a chain."""
    assert not check_sample(data, None).valid


def sample_seeds() -> list[bytes]:
    number = len(log().batches)
    period, *deltas = (
        json.loads(write_proof_file(proof))
        for proof in (
            log().period("UA", 2, 5, number, "mile"),
            *(log().delta("UA", index, number, "mile") for index in (2, 3)),
        )
    )
    for proof in (period, *deltas):
        del proof["head"]["batch"]["anchors"][1:]
    document = {"format": FORMAT, "version": 2, "period": period, "before": None, "deltas": deltas}
    return [json.dumps(document).encode(), json.dumps(document | {"before": period}).encode()]


class _Answering(httpx.BaseTransport):
    """A node that answers whatever it is told to."""

    answer = b""

    def handle_request(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=self.answer)


_ANSWERING = _Answering()
_CHAIN = JsonRpcChain("http://node.example", transport=_ANSWERING)


def node(data: bytes) -> None:
    """Whatever a node answers, it answers or counts as unavailable."""
    _ANSWERING.answer, chain = data, _CHAIN
    for ask in (
        chain.chain_id,
        lambda: chain.block(1),
        lambda: chain.final_block(Finality.parse("finalized")),
        lambda: chain.final_block(Finality.parse(3)),
        lambda: chain.log_id(CONTRACT),
        lambda: chain.head(CONTRACT, 1),
        lambda: chain.pinned_at(CONTRACT, bytes(32), 1),
        lambda: chain.anchored(CONTRACT, bytes(32)),
    ):
        with suppress(ChainUnavailable):
            ask()


def node_seeds() -> list[bytes]:
    word = "0x" + "00" * 32
    block = {"number": "0x1", "hash": word, "timestamp": "0x5"}
    event = {
        "topics": ["0x" + keccak(b"Anchored(uint64,bytes32,bytes32)").hex(), word, word],
        "address": "0x" + CONTRACT.hex(),
        "blockHash": word,
        "data": word,
        "transactionHash": word,
    }
    results = [word, "0x", "0x1", None, block, [event], []]
    answers = [{"jsonrpc": "2.0", "id": 1, "result": result} for result in results]
    return [
        json.dumps(answer).encode() for answer in [*answers, {"error": {"message": "execution reverted"}}]
    ]


@dataclass(frozen=True)
class Target:
    """A reader, what it is given to begin with, how often it is run by a test (for some seconds), and what
    to ask of both verifiers about the same bytes."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    runs: int
    question: Callable[[bytes], Question] | None = None


TARGETS = {
    "strict_json": Target(strict_json, json_seeds, 25_000, Question),
    "proof_file": Target(proof_file, proof_seeds, 10_000, Question),
    "archive": Target(archive, lambda: [whole_pack(), packed(pack_seeds()[0])], 30_000, Question),
    "pack": Target(pack, pack_seeds, 4_000, lambda data: Question(packed(data))),
    "evidence": Target(evidence_file, evidence_seeds, 12_000, about_evidence),
    "rlp": Target(rlp, rlp_seeds, 4_000, about_header),
    "state_proof": Target(state_proof, trie_seeds, 3_000, about_tries),
    "sample": Target(sample, sample_seeds, 7_000, Question),
    "node": Target(node, node_seeds, 1_000),
}
