"""The Solidity libraries give every value of the protocol's test vectors."""

from __future__ import annotations

import json
from typing import Any

from anchor.protocol.canonical_json import canonical_json
from anchor.protocol.hashing import ZERO
from anchor.protocol.merkle import LEDGER_TREE
from scripts.compile_contracts import ROOT
from tests.contracts.conftest import Call, ProofLibrary

VECTORS: dict[str, Any] = json.loads((ROOT / "tests/vectors/protocol-v1.json").read_text())
LEDGER_NODE = b"\x01"


def raw(text: str | None) -> bytes:
    return ZERO if text is None else bytes.fromhex(text.removeprefix("0x"))


def raws(texts: list[str]) -> list[bytes]:
    return [raw(text) for text in texts]


LOG_ID = raw(VECTORS["logId"])


def delta_values(ledger: dict[str, Any], delta: dict[str, Any]) -> tuple[Any, ...]:
    """A delta of the vectors as the Solidity struct."""
    commitments = [raw(delta["commitments"][field]) for field in ("reason", "referenceId", "metadata")]
    amounts = (int(delta["amountUnits"]), int(delta["balanceUnits"]))
    times = (delta["occurredAt"], delta["recordedAt"])
    return (raw(ledger["ledgerId"]), delta["index"], *amounts, *times, *commitments, raw(delta["adjusts"]))


def batch_values(batch: dict[str, Any]) -> tuple[Any, ...]:
    """A batch of the vectors as the Solidity struct."""
    return (batch["number"], raw(batch["historyRoot"]), raw(batch["mapRoot"]), batch["sealedAt"])


def hold(library: ProofLibrary, claims: list[tuple[Call, Any]]) -> None:
    """Each call gives the value beside it."""
    assert claims
    found = library.outcomes([call for call, _ in claims])
    for (call, expected), outcome in zip(claims, found, strict=True):
        assert outcome == expected, call


def test_every_fingerprint(proof_library: ProofLibrary) -> None:
    claims = []
    for ledger in VECTORS["ledgers"]:
        for delta in ledger["deltas"]:
            call = Call("fingerprint", (LOG_ID, delta_values(ledger, delta)))
            claims.append((call, raw(delta["fingerprint"])))
    hold(proof_library, claims)


def test_every_commitment(proof_library: ProofLibrary) -> None:
    claims = []
    for delta in (delta for ledger in VECTORS["ledgers"][:4] for delta in ledger["deltas"]):
        for field, commitment in delta["commitments"].items():
            salt, value = raw(delta["salts"][field]), delta[field]
            if value is None:
                claims.append((Call("absentCommitment", (salt,)), raw(commitment)))
            else:
                text = canonical_json(value) if field == "metadata" else value.encode()
                claims.append((Call("commitment", (salt, text)), raw(commitment)))
    hold(proof_library, claims)


def test_every_inclusion_path(proof_library: ProofLibrary) -> None:
    claims = []
    for ledger in VECTORS["ledgers"]:
        for proof in ledger["inclusion"]:
            fingerprint = raw(ledger["deltas"][proof["index"]]["fingerprint"])
            leaf = LEDGER_TREE.leaf(fingerprint)
            arguments = (LEDGER_NODE, leaf, proof["index"], proof["size"], raws(proof["path"]))
            claims.append((Call("rootFromInclusion", arguments), raw(ledger["rootsBySize"][proof["size"]])))
    hold(proof_library, claims)


def test_every_consistency_path(proof_library: ProofLibrary) -> None:
    claims = []
    for ledger in VECTORS["ledgers"]:
        roots = raws(ledger["rootsBySize"])
        for proof in ledger["consistency"]:
            old, new = proof["from"], proof["to"]
            arguments = (old, roots[old], new, roots[new], raws(proof["path"]))
            claims.append((Call("verifyConsistency", arguments), None))
    hold(proof_library, claims)


def test_every_head_presence_and_absence_in_the_maps(proof_library: ProofLibrary) -> None:
    claims = []
    for batch in VECTORS["batches"]:
        for head in batch["heads"]:
            claims.append((Call("headOf", (head["size"], raw(head["root"]))), raw(head["head"])))
    for ledger_map in [*VECTORS["maps"], *VECTORS["batches"]]:
        map_root = raw(ledger_map["mapRoot"])
        for head in ledger_map["heads"]:
            arguments: tuple[Any, ...] = (raw(head["ledgerId"]), raw(head["head"]), raws(head["siblings"]))
            claims.append((Call("rootFromPresence", arguments), map_root))
        absent = ledger_map["absent"]
        for proof in absent if isinstance(absent, list) else [absent]:
            other = proof["other"]
            place = (True, raw(other["ledgerId"]), raw(other["head"])) if other else (False, ZERO, ZERO)
            arguments = (raw(proof["ledgerId"]), raws(proof["siblings"]), place)
            claims.append((Call("rootFromAbsence", arguments), map_root))
    hold(proof_library, claims)


def test_every_anchored_root_and_history_path(proof_library: ProofLibrary) -> None:
    claims = []
    batches = {batch["number"]: batch for batch in VECTORS["batches"]}
    for newer in batches.values():
        root = raw(newer["anchorRoot"])
        claims.append((Call("rootOf", (LOG_ID, batch_values(newer))), root))
        for proof in newer["history"]:
            earlier = batches[proof["number"]]
            through = (raws(proof["path"]), batch_values(newer))
            call = Call("verifyHistory", (LOG_ID, root, batch_values(earlier), through))
            claims.append((call, raw(earlier["anchorRoot"])))
    hold(proof_library, claims)


def test_every_whole_way_from_a_delta_to_an_anchored_root(proof_library: ProofLibrary) -> None:
    claims = []
    ledgers = {ledger["ledgerId"]: ledger for ledger in VECTORS["ledgers"]}
    for batch in VECTORS["batches"]:
        for head in batch["heads"]:
            ledger = ledgers[head["ledgerId"]]
            for proof in (proof for proof in ledger["inclusion"] if proof["size"] == head["size"]):
                delta = ledger["deltas"][proof["index"]]
                way = (delta_values(ledger, delta), head["size"], raws(proof["path"]), raws(head["siblings"]))
                call = Call("verifyDelta", (LOG_ID, raw(batch["anchorRoot"]), (*way, batch_values(batch))))
                claims.append((call, raw(delta["fingerprint"])))
    hold(proof_library, claims)
