"""A sample that an operator makes is one that an auditor accepts, however long after its anchor."""

from dataclasses import dataclass

import pytest
from sqlalchemy import delete, insert

from anchor.proof.values import PeriodClaim
from anchor.protocol.hashing import ZERO
from anchor.server.ledger.model import Emission
from anchor.server.ledger.proving_periods import prove_period
from anchor.server.ledger.sampling import SampleUnsound, make_sample
from anchor.server.storage.anchors import AnchorRow, add_chain, record_anchor
from anchor.server.storage.schema import heads, map_nodes
from anchor.verify.results import Verification
from anchor.verify.sampling import check_sample
from tests.fixtures.logs import OpenedLog
from tests.server.ledger.written_ledgers import write_ledger
from tests.verify.building import MemoryChain

CUSTOMER = "acme"


@dataclass
class AnchoredLog:
    """A log in a database, whose batches are sealed and put on a chain in memory one after the other."""

    opened: OpenedLog
    chain: MemoryChain
    row: int
    recorded: int = 0

    def record(self, customer: str, count: int) -> None:
        self.opened.clock.advance(1_000)
        self.recorded += 1
        self.opened.record(
            *(Emission(customer, -1 - at, "burst", f"job_{self.recorded}_{at}") for at in range(count))
        )

    def seal(self) -> None:
        self.opened.clock.advance(1_000)
        batch = self.opened.sealer.seal()
        assert batch is not None
        previous = self.chain.heads[-1]
        at = self.chain.anchor(batch.anchor_root, batch.number)
        anchor = AnchorRow(
            chain=self.row,
            batch=batch.number,
            previous_head=previous,
            transaction_hash=at.transaction_hash,
            block_number=at.block_number,
            block_hash=at.block_hash,
            block_time=self.chain.blocks[at.block_number].timestamp * 1000,
            state="final",
            settled=True,
            recorded_at=self.opened.clock.now_ms(),
        )
        with self.opened.database.write() as connection:
            record_anchor(connection, anchor)

    def sample(self, from_index: int, to_index: int, count: int = 5) -> Verification:
        """Make a sample as the operator does, and check it as an auditor does."""
        made = make_sample(
            self.opened.database,
            self.opened.log,
            self.chain.id,
            CUSTOMER,
            "",
            from_index,
            to_index,
            count,
        )
        return check_sample(
            made.file,
            self.chain,
            count=count,
            from_index=from_index,
            to_index=to_index,
            expected_contract=self.chain.contract,
        )


@pytest.fixture
def log(opened: OpenedLog) -> AnchoredLog:
    chain = MemoryChain(opened.log.log_id)
    with opened.database.write() as connection:
        row = add_chain(
            connection,
            name="memory",
            chain_id=chain.id,
            contract=chain.contract,
            genesis_hash=ZERO,
            first_block=0,
            is_primary=True,
            now=0,
        )
    return AnchoredLog(opened, chain, row.id)


def test_a_period_is_proven_as_its_caller_sees_the_record(log: AnchoredLog) -> None:
    log.record(CUSTOMER, 8)
    log.seal()
    with log.opened.database.read() as connection:
        seen = prove_period(connection, log.opened.log, CUSTOMER, "", 2, 6)
        log.record(CUSTOMER, 3)
        log.seal()
        assert prove_period(connection, log.opened.log, CUSTOMER, "", 2, 6) == seen
    assert isinstance(seen.claim, PeriodClaim)
    with log.opened.database.read() as connection:
        newer = prove_period(connection, log.opened.log, CUSTOMER, "", 2, 6).claim
    assert isinstance(newer, PeriodClaim)
    assert (seen.claim.head.batch.batch.number, newer.head.batch.batch.number) == (1, 2)


@pytest.mark.parametrize("before", ["no anchor", "not there", "there"])
def test_a_sample_stays_valid_however_many_anchors_become_final_after_its_own(
    log: AnchoredLog, before: str
) -> None:
    for customer in ("b", "c", "d", "e", "f"):
        log.record(customer, 2)
    if before == "there":
        log.record(CUSTOMER, 3)
    if before != "no anchor":
        log.seal()
    log.record(CUSTOMER, 20)
    log.record("g", 1)
    log.seal()
    for _ in range(5):
        result = log.sample(4, 17)
        assert result.valid, result.failed
        for customer in (CUSTOMER, "c", f"new {log.recorded}"):
            log.record(customer, 1)
        log.seal()


def test_a_sample_that_no_verifier_would_accept_is_refused(log: AnchoredLog) -> None:
    log.record("other", 2)
    log.record(CUSTOMER, 6)
    log.seal()
    with log.opened.database.write() as connection:
        connection.execute(delete(map_nodes).where(map_nodes.c.depth == 1))
    assert log.sample(0, 5).valid
    write_ledger(log.opened.database, [1], ledger=99)
    with log.opened.database.write() as connection:
        connection.execute(insert(heads).values(ledger=99, batch=1, size=1, root=ZERO, balance=1))
    with pytest.raises(SampleUnsound, match="head is not in the map"):
        log.sample(0, 5)
