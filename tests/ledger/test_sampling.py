"""A period is proven under the snapshot and the head that it is asked under."""

from dataclasses import dataclass

import pytest

from anchor.ledger.model import Emission
from anchor.ledger.proving_periods import prove_period
from anchor.protocol.hashing import ZERO
from anchor.storage.anchors import AnchorRow, add_chain, record_anchor
from anchor.verify.proof_file import PeriodClaim
from tests.fixtures.logs import OpenedLog
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
