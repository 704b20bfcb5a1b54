"""What the other tests rely on: the bench's own check sees what is wrong."""

import pytest

from anchor.server.storage.database import Database
from tests.fixtures.anchoring import bench_on
from tests.fixtures.anvil import StartAnvil


def test_a_final_anchor_that_the_chain_does_not_hold_is_noticed(
    start_anvil: StartAnvil, sqlite_database: Database
) -> None:
    bench = bench_on(start_anvil("--no-mining"), sqlite_database)
    loop = bench.loop()
    bench.mine(10)
    bench.press.add()
    loop.run_once()
    for _ in range(3):
        bench.mine()
        loop.run_once()
    assert bench.states() == ["final"]
    bench.check_caught_up()
    bench.anvil.rpc("anvil_reorg", 5, [])
    with pytest.raises(AssertionError, match="final on record, and not on the chain"):
        bench.check()
