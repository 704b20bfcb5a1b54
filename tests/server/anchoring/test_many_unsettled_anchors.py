"""Anchors that wait to be final or settled hold up none of those behind them, however many they are."""

from anchor.server.anchoring.loop import AnchoringLoop
from anchor.server.chain.finality import FinalityRule
from anchor.server.storage.anchors import AnchorRow, batch_of_number, record_anchor
from tests.fixtures.anchoring import Bench, MakeBench

MANY = 100


def mined_behind_many(bench: Bench, state: str, finality: FinalityRule) -> AnchoringLoop:
    """Have a batch mined whose ``MANY`` predecessors all have an unsettled anchor of one state."""
    for _ in range(MANY + 1):
        bench.press.press()
    loop = bench.loop(finality=finality)
    loop.run_once()
    block = bench.node().block(1)
    assert block is not None
    with bench.database.write() as connection:
        for number in range(1, MANY + 1):
            batch = batch_of_number(connection, number)
            assert batch is not None
            anchor = AnchorRow(
                chain=1,
                batch=number,
                previous_head=bytes(32),
                transaction_hash=batch.anchor_root,
                block_number=block.number,
                block_hash=block.hash,
                block_time=block.time,
                state=state,
                settled=False,
                recorded_at=bench.clock.now_ms(),
            )
            record_anchor(connection, anchor)
    bench.mine()
    loop.run_once()
    assert bench.states() == ["mined"]
    return loop


def test_the_newest_anchor_becomes_final_though_many_before_it_are_not_settled(make_bench: MakeBench) -> None:
    bench = make_bench("--no-mining", "--slots-in-an-epoch", "32")
    loop = mined_behind_many(bench, "final", FinalityRule(None, 2))
    bench.mine()
    loop.run_once()
    assert bench.states() == ["final"]
    assert not any(row.settled for row in bench.anchor_rows())


def test_the_newest_anchor_is_taken_back_and_sent_again_though_many_before_it_wait(
    make_bench: MakeBench,
) -> None:
    bench = make_bench("--no-mining", "--slots-in-an-epoch", "32")
    loop = mined_behind_many(bench, "mined", FinalityRule(None, 1000))
    bench.anvil.rpc("anvil_reorg", 1, [])
    bench.anvil.rpc("anvil_dropAllTransactions")
    loop.run_once()
    assert "left the chain" in bench.alarms()["reorganised"]
    assert bench.states() == ["sent"]
    bench.clock.advance(16_000)
    loop.run_once()
    bench.mine()
    loop.run_once()
    assert bench.states() == ["mined"]
    assert [event.number for event in bench.line()] == [MANY + 1]
