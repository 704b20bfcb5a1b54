"""An operator cheats in each of nine ways on a real chain; whoever holds old proof files catches it.

The other side has the files that it was given, a node, and the agreed contract: nothing of the operator's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from anchor.proof.values import (
    Backdated,
    ConsistencyClaim,
    DeltaClaim,
    FalseBalance,
    Fraud,
    FreshnessClaim,
    KeptHead,
    LedgerHead,
    ShrunkLedger,
    TwoBatches,
    TwoDeltas,
    TwoHeads,
)
from anchor.server.chain.signers.local import LocalSigner
from anchor.verify import ProofFile, Verification, parse_proof_file, verify_file, write_proof_file
from tests.fixtures.anvil import Anvil, running_anvil
from tests.verify.anchored_log import AnchoredLog
from tests.verify.fraud_examples import fraud_file


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with running_anvil() as node:
        yield node


@dataclass
class Auditor:
    """The other side: what it kept, and what it can ask."""

    log: AnchoredLog
    kept: dict[str, Any]

    def verify(self, proof: ProofFile) -> Verification:
        """Verify a file under the agreed contract."""
        return verify_file(
            write_proof_file(proof), rpc=self.log.url, contract=self.log.contract, finality="latest"
        )

    def refuses(self, proof: ProofFile) -> str:
        """The step at which a file fails."""
        result = self.verify(proof)
        assert result.verdict == "invalid"
        assert result.failed is not None
        return result.failed.name

    def proves(self, fraud: Fraud) -> None:
        """Show a fraud to anybody."""
        result = self.verify(fraud_file(self.log.built, fraud))
        assert result.valid, result.failed
        assert result.statements[0].startswith("The operator cheated.")

    def delta(self, name: str) -> DeltaClaim:
        claim = parse_proof_file(self.kept[name]).claim
        assert isinstance(claim, DeltaClaim)
        return claim

    def head(self, name: str) -> LedgerHead:
        claim = parse_proof_file(self.kept[name]).claim
        assert isinstance(claim, FreshnessClaim)
        return claim.head


@pytest.fixture
def auditor(anvil: Anvil) -> Auditor:
    """Six deltas were recorded and anchored honestly; the auditor kept every delta's proof and the head."""
    log = AnchoredLog(anvil.url, LocalSigner(bytes.fromhex(anvil.accounts[1].private_key[2:])))
    log.built.record_many("UA", 6)
    log.built.now += 600_000
    log.anchor()
    kept = {f"delta {at}": write_proof_file(log.built.delta("UA", at, 1)) for at in range(6)}
    kept["head"] = write_proof_file(log.built.freshness("UA", 1))
    auditor = Auditor(log, kept)
    for raw in kept.values():
        assert auditor.verify(parse_proof_file(raw)).valid
    return auditor


def cannot_be_extended(auditor: Auditor, number: int) -> bool:
    """Whether no proof shows that the ledger of a batch extends the head that was kept."""
    head, built = auditor.head("head"), auditor.log.built
    later = built.head("UA", number)
    path = built.consistency("UA", min(head.size, later.size), later.size, number)
    claim = ConsistencyClaim(KeptHead(head.size, head.root), path, later)
    return auditor.refuses(built.file("UA", claim)) == "consistency"


def test_a_delta_is_dropped(auditor: Auditor) -> None:
    auditor.log.built.ledger("UA").records.pop()
    auditor.log.anchor()
    assert cannot_be_extended(auditor, 2)
    auditor.proves(ShrunkLedger(auditor.head("head"), auditor.log.built.head("UA", 2)))


def test_a_delta_is_altered(auditor: Auditor) -> None:
    built = auditor.log.built
    records = built.ledger("UA").records
    records[2] = replace(records[2], amount=records[2].amount + 1)
    built.record("UA", 1)
    auditor.log.anchor()
    assert cannot_be_extended(auditor, 2)
    old = auditor.delta("delta 2")
    auditor.proves(TwoDeltas(old.delta, old.head, built.included("UA", 2, 2), built.head("UA", 2)))


def test_deltas_are_reordered(auditor: Auditor) -> None:
    built = auditor.log.built
    records = built.ledger("UA").records
    records[1], records[2] = replace(records[2], index=1), replace(records[1], index=2)
    auditor.log.anchor()
    old = auditor.delta("delta 1")
    auditor.proves(TwoDeltas(old.delta, old.head, built.included("UA", 1, 2), built.head("UA", 2)))


def test_two_heads_are_shown(auditor: Auditor) -> None:
    built = auditor.log.built
    records = built.ledger("UA").records
    records[5] = replace(records[5], amount=0)
    auditor.log.anchor()
    auditor.proves(TwoHeads(auditor.head("head"), built.head("UA", 2)))


def test_a_delta_is_back_dated(auditor: Auditor) -> None:
    built = auditor.log.built
    built.record("UA", 1, recorded_at=built.now - 300_000)
    auditor.log.anchor()
    auditor.proves(Backdated(auditor.head("head"), built.included("UA", 6, 2), built.head("UA", 2)))


def test_an_old_head_is_shown_as_current(auditor: Auditor) -> None:
    old = parse_proof_file(auditor.kept["head"])
    auditor.log.built.record("UA", 1)
    auditor.log.anchor()
    assert auditor.refuses(old) == "current head"
    assert auditor.refuses(auditor.log.built.freshness("UA", 1)) == "current head"


def test_a_balance_is_forged_in_a_proof_and_in_the_record(auditor: Auditor) -> None:
    built = auditor.log.built
    proof = built.balance("UA", 5, 1)
    claim: Any = proof.claim
    forged = replace(claim.delta, record=replace(claim.delta.record, balance=0))
    assert auditor.refuses(replace(proof, claim=replace(claim, delta=forged))) == "ledger inclusion"
    built.record("UA", 1, balance=0)
    auditor.log.anchor()
    head = built.head("UA", 2)
    auditor.proves(FalseBalance(built.included("UA", 5, 2), built.included("UA", 6, 2), head))
    assert auditor.refuses(built.period("UA", 2, 6, 2, listed=True)) == "balances"


def test_a_delta_is_omitted_from_a_period(auditor: Auditor) -> None:
    proof = auditor.log.built.period("UA", 1, 4, 1, listed=True)
    assert auditor.verify(proof).valid
    claim: Any = proof.claim
    fewer = replace(claim.deltas, records=claim.deltas.records[:1] + claim.deltas.records[2:])
    assert auditor.refuses(replace(proof, claim=replace(claim, deltas=fewer))) == "delta count"
    moved = replace(
        fewer, records=tuple(replace(record, index=1 + at) for at, record in enumerate(fewer.records))
    )
    shorter = replace(claim, deltas=moved, to_index=3)
    assert auditor.refuses(replace(proof, claim=shorter)) == "closing delta"


def test_a_span_is_cut_short(auditor: Auditor) -> None:
    built = auditor.log.built
    records = built.ledger("UA").records
    whole = (records[1].recorded_at, records[5].recorded_at)
    assert auditor.verify(built.period("UA", 1, 4, 1, span=whole)).valid
    assert auditor.refuses(built.period("UA", 1, 3, 1, span=whole)) == "span: after"
    assert auditor.refuses(built.period("UA", 2, 4, 1, span=whole)) == "span: before"


def test_a_rewritten_log_is_anchored(auditor: Auditor) -> None:
    built = auditor.log.built
    first = built.anchored_batch(1)
    records = built.ledger("UA").records
    records[3] = replace(records[3], amount=0)
    # The whole log is made anew, and anchored through its second batch.
    built.batches.clear()
    built.locations.clear()
    built.seal()
    auditor.log.anchor()
    auditor.proves(TwoBatches(first, built.anchored_batch(1)))
    # And no old file is shown to be in the history of the new one.
    old = auditor.delta("delta 3")
    batch = replace(old.head.batch, anchors=built.anchored_batch(1).anchors)
    shown = replace(old, head=replace(old.head, batch=batch))
    assert auditor.refuses(built.file("UA", shown)) == "history path"
