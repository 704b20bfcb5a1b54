"""What a reader takes from nobody else: which log, which chain, which customer (section 8)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from anchor.proof.writing import write_proof_file
from anchor.verify import verify_file
from anchor.verify.known_logs import KnownLog, KnownLogs
from anchor.verify.verification import verify_proof
from anchor.verify.verifying_files import NotStrict
from tests.cli.running import anchor
from tests.verify.building import CHAIN_ID, BuiltLog


@pytest.fixture(scope="module")
def log() -> BuiltLog:
    log = BuiltLog(3)
    log.record_many("acme", 3)
    log.seal()
    log.anchor()
    return log


def test_another_log_than_the_one_that_was_named_is_refused(log: BuiltLog) -> None:
    found = verify_proof(log.delta("acme", 1, 1), log.chain, expected_log=b"\x07" * 32)
    assert (found.verdict, found.failed and found.failed.name) == ("invalid", "expected log")


def test_a_log_is_said_to_be_known_named_or_neither(log: BuiltLog) -> None:
    proof = log.delta("acme", 1, 1)
    known = KnownLogs.of([KnownLog("Example Inc", log.log_id)])
    said = [
        " ".join(one.statements)
        for one in (
            verify_proof(proof, log.chain, known_logs=known),
            verify_proof(proof, log.chain, expected_log=log.log_id),
            verify_proof(proof, log.chain),
        )
    ]
    assert "the log that you know as “Example Inc”" in said[0]
    assert "the log that you named" in said[1]
    assert "is for you to recognise" in said[2]


@pytest.mark.parametrize(
    ("chains", "verdict"), [((CHAIN_ID,), "valid"), ((1, CHAIN_ID), "valid"), ((), "valid")]
)
def test_a_chain_that_was_agreed_on_is_taken(log: BuiltLog, chains: Sequence[int], verdict: str) -> None:
    found = verify_proof(log.delta("acme", 1, 1), log.chain, expected_chains=chains)
    assert found.verdict == verdict


def test_a_history_on_another_chain_than_the_agreed_one_proves_nothing(log: BuiltLog) -> None:
    found = verify_proof(log.delta("acme", 1, 1), log.chain, expected_chains=(1, 8453))
    assert found.verdict == "not_checked_against_a_chain"
    assert found.failed is not None
    assert (found.failed.name, found.failed.expected) == (
        "expected chain",
        "chain 1 (Ethereum) or chain 8453 (Base)",
    )


@pytest.mark.parametrize(
    ("named", "missing"),
    [
        ({}, ("log", "chain", "customer")),
        ({"log": "Example Inc"}, ("chain", "customer")),
        ({"log": "Example Inc", "customer": "acme"}, ("chain",)),
        ({"chain_ids": (1,), "customer": "acme"}, ("log",)),
        ({"log": "Known chains", "ledger_id": "0x" + "00" * 32}, ()),
        ({"log": "Example Inc", "block_hash": "0x" + "00" * 32, "customer": "a", "evidence": b"{}"}, ()),
    ],
)
def test_a_strict_verification_is_told_all_three(
    log: BuiltLog, named: dict[str, object], missing: tuple[str, ...]
) -> None:
    known = KnownLogs.of([KnownLog("Example Inc", log.log_id), KnownLog("Known chains", b"\x02" * 32, (1,))])
    raw = write_proof_file(log.delta("acme", 1, 1))
    if missing:
        with pytest.raises(NotStrict) as refused:
            verify_file(raw, known_logs=known, strict=True, **named)  # type: ignore[arg-type]
        assert refused.value.missing == missing
    else:
        verify_file(raw, known_logs=known, strict=True, **named)  # type: ignore[arg-type]


def test_the_command_ends_with_a_code_of_its_own_unless_all_is_named(log: BuiltLog, tmp_path: Path) -> None:
    file, known = tmp_path / "acme.proof.json", tmp_path / "known-logs.json"
    file.write_bytes(write_proof_file(log.delta("acme", 1, 1)))
    log_id = "0x" + log.log_id.hex()
    added = anchor("logs", "add", "Example Inc", log_id, "--chain", "8453", "--known-logs", known)
    assert added.code == 0
    assert "chain 8453 (Base)" in added.out
    again = anchor("logs", "add", "EXAMPLE inc", "0x" + "01" * 32, "--known-logs", known)
    assert again.code == 3
    refused = anchor("verify", file, "--strict", "--known-logs", known, "--json")
    assert refused.code == 5
    assert json.loads(refused.out or refused.err)["code"] == "not_strict"
    told = anchor(
        "verify", file, "--strict", "--known-logs", known, "--log", "Example Inc", "--customer", "acme"
    )
    assert told.code == 4
    unknown = anchor("verify", file, "--known-logs", known, "--log", "Nobody")
    assert unknown.code == 2
    assert "Nobody" in unknown.err
    assert anchor("logs", "remove", "Example Inc", "--known-logs", known).code == 0
    assert json.loads(anchor("logs", "list", "--known-logs", known, "--json").out) == {"logs": []}
