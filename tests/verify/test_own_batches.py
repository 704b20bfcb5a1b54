"""Nothing is valid but what the log itself signed, whoever holds the submitter's key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anchor.proof.reading import parse_proof_file
from anchor.proof.values import (
    AnchoredBatch,
    BalanceClaim,
    BatchSignature,
    DeltaClaim,
    FraudClaim,
    FreshnessClaim,
    Included,
    LedgerHead,
    ProofFile,
    TwoBatches,
    TwoHeads,
)
from anchor.proof.writing import write_proof_file
from anchor.protocol.identities import IdentityKey
from anchor.verify.results import Verification
from anchor.verify.verification import verify_proof
from tests.fixtures.logs import FOUNDER
from tests.verify.building import CONTRACT, BuiltLog


class ThiefsLog(BuiltLog):
    """What the holder of the submitter's key can make: everything but the log's signature.

    It knows one old proof file of the customer: the log's id and public key, and the ledger's identity.
    """

    def __init__(self, victim: BuiltLog, customer: str) -> None:
        super().__init__(chain=victim.chain)
        self.log_id, self.separator = victim.log_id, victim.separator
        self.victim = victim
        self.ledger(customer).identity = victim.ledger(customer).identity

    def log(self):  # type: ignore[no-untyped-def]
        return self.victim.log()

    def old_signature(self) -> BatchSignature:
        """The signature that stands in the old proof file."""
        return self.victim.signature(1)

    def signature(self, number: int, size: int | None = None) -> BatchSignature:
        return self.old_signature()


@pytest.fixture
def victim() -> BuiltLog:
    log = BuiltLog(5)
    log.record("acme", 10**18)
    log.seal()
    log.anchor()
    return log


def verified(proof: ProofFile, log: BuiltLog) -> Verification:
    again = parse_proof_file(write_proof_file(proof))
    return verify_proof(again, log.chain, expected_contract=CONTRACT, expected_customer=None)


def without_signature(proof: ProofFile) -> ProofFile:
    claim = proof.claim
    assert isinstance(claim, DeltaClaim | BalanceClaim | FreshnessClaim)
    head = replace(claim.head, batch=replace(claim.head.batch, signed=None))
    return replace(proof, claim=replace(claim, head=head))


def forged(victim: BuiltLog) -> ThiefsLog:
    """Two batches of the thief's own making, anchored with the stolen key."""
    thief = ThiefsLog(victim, "acme")
    thief.record("acme", -(10**24))
    for _ in range(2):
        thief.seal()
        thief.anchor()
    return thief


def test_the_operators_own_files_are_valid(victim: BuiltLog) -> None:
    assert verified(victim.balance("acme", 0, 1), victim).verdict == "valid"
    assert verified(victim.freshness("acme", 1), victim).verdict == "valid"


@pytest.mark.parametrize("number", [1, 2])
def test_the_submitters_key_and_one_old_proof_file_forge_no_balance(victim: BuiltLog, number: int) -> None:
    thief = forged(victim)
    found = verified(thief.balance("acme", 0, number), victim)
    assert found.verdict == "invalid"
    assert found.failed is not None
    assert found.failed.name == "signed batch"


def test_the_submitters_key_and_one_old_proof_file_forge_no_freshness(victim: BuiltLog) -> None:
    thief = forged(victim)
    found = verified(thief.freshness("acme", 2), victim)
    assert (found.verdict, found.failed and found.failed.name) == ("invalid", "signed batch")


def test_the_submitters_key_and_one_old_proof_file_accuse_no_honest_operator(victim: BuiltLog) -> None:
    thief = forged(victim)
    honest, made_up = victim.anchored_batch(1), thief.anchored_batch(1)
    two_batches = ProofFile(victim.log(), None, FraudClaim(TwoBatches(honest, made_up)))
    two_heads = victim.file("acme", FraudClaim(TwoHeads(victim.head("acme", 1), thief.head("acme", 1))))
    for accusation in (two_batches, two_heads):
        found = verified(accusation, victim)
        assert found.verdict == "invalid"
        assert found.failed is not None
        assert found.failed.name.startswith("signed batch (second")


def test_a_file_without_the_logs_signature_is_not_valid_whatever_the_chain_holds(victim: BuiltLog) -> None:
    found = verified(without_signature(victim.balance("acme", 0, 1)), victim)
    assert found.verdict == "not_checked_against_a_chain"
    assert "does not show that the log signed it" in found.statements[0]


def test_a_signature_by_another_key_is_refused(victim: BuiltLog) -> None:
    proof = victim.delta("acme", 0, 1)
    other = BuiltLog(6)
    other.log_id = victim.log_id
    other.batches = victim.batches
    claim = proof.claim
    assert isinstance(claim, DeltaClaim)
    batch = replace(claim.head.batch, signed=other.signature(1))
    found = verified(replace(proof, claim=replace(claim, head=replace(claim.head, batch=batch))), victim)
    assert (found.verdict, found.failed and found.failed.name) == ("invalid", "log's signature")


def test_a_larger_checkpoint_shows_an_earlier_batch_as_well(victim: BuiltLog) -> None:
    for _ in range(20):
        victim.seal()
    claim = victim.delta("acme", 0, 1).claim
    assert isinstance(claim, DeltaClaim)
    for size in (2, 7, 16, 21):
        batch = AnchoredBatch(claim.head.batch.batch, claim.head.batch.anchors, victim.signature(1, size))
        proof = victim.file("acme", replace(claim, head=replace(claim.head, batch=batch)))
        assert verified(proof, victim).verdict == "valid", size


def test_the_key_signs_nothing_but_notes_of_a_log() -> None:
    key = IdentityKey(bytes(32))
    for text in (b"", bytes(32), b"anchor", b"other-log/" + bytes(65)):
        with pytest.raises(ValueError, match="nothing else"):
            key.sign(text)
    assert len(key.sign(b"anchor-log/" + key.log_id(FOUNDER).hex().encode() + b"\n1\n")) == 64


def test_a_million_batches_make_a_file_at_most_two_kilobytes_larger(victim: BuiltLog) -> None:
    note = victim.signature(1).checkpoint
    largest = BatchSignature(note.replace("\n1\n", "\n1000000\n"), tuple(bytes(32) for _ in range(20)))
    claim = victim.delta("acme", 0, 1).claim
    assert isinstance(claim, DeltaClaim)
    assert isinstance(claim.head, LedgerHead)
    assert isinstance(claim.delta, Included)

    def size(signed: BatchSignature | None) -> int:
        head = replace(claim.head, batch=replace(claim.head.batch, signed=signed))
        return len(write_proof_file(victim.file("acme", replace(claim, head=head))))

    assert size(largest) - size(None) <= 2_048
