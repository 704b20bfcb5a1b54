"""The whole way: what is recorded is sealed, anchored on a real node, and its proof files check there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from anchor.node.endpoint import HttpEndpoint
from anchor.node.reader import JsonRpcChain
from anchor.proof.reading import parse_proof_file
from anchor.proof.values import Disclosure, FreshnessClaim, ProofFile
from anchor.proof.writing import write_proof_file
from anchor.server.anchoring.loop import AnchoringLoop
from anchor.server.anchoring.sending_chain import ChainConnection
from anchor.server.chain.deploying import deploy
from anchor.server.chain.finality import FinalityRule
from anchor.server.chain.node import Node
from anchor.server.chain.settings import ChainSettings, SignerSettings
from anchor.server.chain.signers.local import LocalSigner
from anchor.server.ledger.checkpoints import create_checkpoint, create_span_checkpoint
from anchor.server.ledger.errors import CustomerHasLedger, IndexOutOfRange, NotSealedYet, UnknownCustomer
from anchor.server.ledger.model import Emission
from anchor.server.ledger.periods import Span
from anchor.server.ledger.proving import Prover
from anchor.server.ledger.proving_periods import PeriodTooLarge, prove_period
from anchor.server.ledger.proving_spans import SpanNotClosed
from anchor.verify.results import Verification
from anchor.verify.verification import verify_proof
from tests.fixtures.anvil import CHAIN_ID, Anvil
from tests.fixtures.logs import OpenedLog
from tests.server.ledger.written_ledgers import anchor_batch

UNIT = "GPU-hrs"
CUSTOMER = "cust_8xKj2m"


@dataclass
class Anchored:
    """A log, the loop that anchors it on an Anvil node, and a verifier's view of that node."""

    opened: OpenedLog
    anvil: Anvil
    loop: AnchoringLoop
    contract: bytes
    chain: JsonRpcChain
    prover: Prover
    references: int = 0

    def record(self, count: int, customer: str = CUSTOMER) -> None:
        self.opened.clock.advance(1000)
        self.references += 1
        self.opened.record(
            *(
                Emission(
                    customer,
                    -(at + 1) * 10**18,
                    "gpu_burst_capacity",
                    f"job_{self.references}_{at}",
                    UNIT,
                    b'{"region":"eu-1"}' if at % 2 else None,
                )
                for at in range(count)
            )
        )
        self.opened.clock.advance(1000)

    def anchor(self) -> None:
        """Seal, send and confirm until the newest batch is final."""
        for _ in range(4):
            self.loop.run_once()
            self.anvil.mine(2)
            self.opened.clock.advance(1000)

    def verify(self, proof: ProofFile) -> Verification:
        """Verify what somebody reads who was sent the file."""
        return verify_proof(
            parse_proof_file(write_proof_file(proof)), self.chain, expected_contract=self.contract, finality=1
        )


@pytest.fixture
def anchored(opened: OpenedLog, anvil: Anvil) -> Iterator[Anchored]:
    signer = LocalSigner(bytes.fromhex(anvil.accounts[0].private_key.removeprefix("0x")))
    endpoint = HttpEndpoint(anvil.url)
    deployed = deploy(
        Node([endpoint], CHAIN_ID),
        signer,
        log_id=opened.log.log_id,
        owner=signer.address,
        submitter=signer.address,
    )
    settings = ChainSettings(
        name="anvil",
        chain_id=CHAIN_ID,
        rpc=(anvil.url,),
        signer=SignerSettings("environment"),
        contract=deployed.address,
        finality=FinalityRule(None, 1),
        interval=0.01,
        low_funds_days=1e-6,
    )
    loop = AnchoringLoop(
        opened.database,
        opened.sealer,
        [ChainConnection(settings, [endpoint], signer)],
        opened.clock,
        log_id=opened.log.log_id,
    )
    chain = JsonRpcChain(anvil.url)
    yield Anchored(opened, anvil, loop, deployed.address, chain, Prover(opened.database, opened.log))
    chain.close()


def assert_valid(verification: Verification) -> None:
    assert verification.valid, verification.failed


def test_every_delta_of_a_final_batch_has_a_proof_that_checks_against_the_chain(anchored: Anchored) -> None:
    anchored.record(7)
    anchored.record(3, "another")
    anchored.anchor()
    for index in range(7):
        assert_valid(anchored.verify(anchored.prover.delta(CUSTOMER, UNIT, index)))
    anchored.record(40)
    anchored.anchor()
    for index in (0, 6, 7, 46):
        assert_valid(anchored.verify(anchored.prover.delta(CUSTOMER, UNIT, index)))


def test_a_proof_names_no_chain_before_the_batch_is_on_one(anchored: Anchored) -> None:
    anchored.record(3)
    with pytest.raises(NotSealedYet):
        anchored.prover.delta(CUSTOMER, UNIT, 0)
    anchored.opened.sealer.seal()
    proof = anchored.prover.delta(CUSTOMER, UNIT, 0)
    assert verify_proof(proof, anchored.chain).verdict == "not_checked_against_a_chain"
    # Nor does it show the log's signature, which leaves the server only with a final batch.
    found = anchored.verify(proof)
    assert found.verdict == "not_checked_against_a_chain"
    assert "does not show that the log signed it" in found.statements[0]


def test_an_older_anchor_is_proven_through_the_history_of_a_newer_one(anchored: Anchored) -> None:
    for _ in range(5):
        anchored.record(2)
        anchored.opened.sealer.seal()
    anchored.anchor()
    proof = anchored.prover.delta(CUSTOMER, UNIT, 0)
    assert_valid(anchored.verify(proof))


def test_balance_freshness_and_growth_can_be_shown(anchored: Anchored) -> None:
    anchored.record(20)
    anchored.anchor()
    anchored.record(5)
    anchored.anchor()
    assert_valid(anchored.verify(anchored.prover.balance(CUSTOMER, UNIT)))
    assert_valid(anchored.verify(anchored.prover.balance(CUSTOMER, UNIT, 3)))
    assert_valid(anchored.verify(anchored.prover.freshness(CUSTOMER, UNIT)))
    for size in (0, 1, 16, 20, 25):
        assert_valid(anchored.verify(anchored.prover.consistency(CUSTOMER, UNIT, size)))


def test_that_a_customer_has_no_ledger_can_be_shown(anchored: Anchored) -> None:
    for customer in ("a", "b", "c", "d", "e"):
        anchored.record(1, customer)
    anchored.anchor()
    key = anchored.opened.identity_key
    for customer in ("nobody", "somebody else", "A"):
        assert_valid(anchored.verify(anchored.prover.absence(key, customer, UNIT)))
    with pytest.raises(CustomerHasLedger):
        anchored.prover.absence(key, "a", UNIT)


@pytest.mark.parametrize("deltas", [None, *Disclosure])
def test_a_period_can_be_shown_by_its_ends_or_with_all_its_deltas(
    anchored: Anchored, deltas: Disclosure | None
) -> None:
    anchored.record(11)
    start = anchored.opened.clock.ms
    anchored.record(9)
    end = anchored.opened.clock.ms
    anchored.record(4)
    anchored.anchor()
    log, database, clock = anchored.opened.log, anchored.opened.database, anchored.opened.clock
    with database.read() as connection, pytest.raises(SpanNotClosed, match="a minute after its end"):
        prove_period(connection, log, CUSTOMER, UNIT, 11, 19, span=(start, end))
    clock.advance(60_000)
    anchored.record(1)
    anchored.anchor()
    for first, last in ((0, 0), (0, 23), (5, 17), (23, 23)):
        create_checkpoint(database, log, clock, CUSTOMER, UNIT, from_index=first, to_index=last)
        with database.read() as connection:
            proof = prove_period(connection, log, CUSTOMER, UNIT, first, last, deltas=deltas)
        assert_valid(anchored.verify(proof))
    view = create_span_checkpoint(database, log, clock, CUSTOMER, UNIT, Span(start, end))
    assert (view.checkpoint.from_index, view.checkpoint.to_index) == (11, 19)
    with database.read() as connection:
        proof = prove_period(connection, log, CUSTOMER, UNIT, 11, 19, span=(start, end), deltas=deltas)
    assert_valid(anchored.verify(proof))


@pytest.mark.parametrize("deltas", list(Disclosure))
def test_all_deltas_of_a_period_go_into_a_file_that_verifiers_read_or_are_refused(
    anchored: Anchored, deltas: Disclosure
) -> None:
    anchored.record(24)
    anchored.anchor()
    log, database = anchored.opened.log, anchored.opened.database
    with database.read() as connection:

        def length(**asked: Any) -> int:
            return len(write_proof_file(prove_period(connection, log, CUSTOMER, UNIT, 0, 23, **asked)))

        whole, ends = length(deltas=deltas), length()
        with pytest.raises(PeriodTooLarge):
            length(deltas=deltas, largest=(whole - ends) // 2)
        assert length(deltas=deltas, largest=2 * whole) == whole


def test_what_is_not_there_is_said_to_be_not_there(anchored: Anchored) -> None:
    with pytest.raises(UnknownCustomer):
        anchored.prover.delta(CUSTOMER, UNIT, 0)
    anchored.record(2)
    anchored.anchor()
    for index in (-1, 2):
        with pytest.raises(IndexOutOfRange):
            anchored.prover.delta(CUSTOMER, UNIT, index)
    with pytest.raises(IndexOutOfRange):
        anchored.prover.consistency(CUSTOMER, UNIT, 3)
    with pytest.raises(UnknownCustomer):
        anchored.prover.freshness(CUSTOMER, "another unit")


def test_the_newest_root_is_that_of_the_chain_that_is_asked_for(opened: OpenedLog) -> None:
    prover = Prover(opened.database, opened.log)
    for number in (1, 2, 3):
        opened.record(Emission(CUSTOMER, -1, "usage", f"job_{number}", UNIT))
        opened.clock.advance(1000)
        assert opened.sealer.seal() is not None
        anchor_batch(opened.database, number)
        if number == 1:
            anchor_batch(opened.database, number, primary=False)
    # A batch after those that are final, for old versions of the map go with it.
    opened.record(Emission(CUSTOMER, -1, "usage", "job_4", UNIT))
    opened.clock.advance(1000)
    assert opened.sealer.seal() is not None
    for chain_id, number in ((None, 3), (1, 3), (2, 1), (7, 3)):
        proof = prover.freshness(CUSTOMER, UNIT, chain_id)
        assert isinstance(proof.claim, FreshnessClaim)
        assert proof.claim.head.batch.batch.number == number
        assert verify_proof(proof, None).verdict == "not_checked_against_a_chain"
