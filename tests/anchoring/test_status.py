"""What the operator is shown, from the database alone."""

from anchor.anchoring.status import read_status
from tests.fixtures.anchoring import Bench


def test_an_empty_log_has_no_lag(bench: Bench) -> None:
    status = read_status(bench.database, bench.clock)
    assert (status.newest_batch, status.lag_ms, status.chains, status.alarms) == (0, 0, (), ())


def test_head_fees_and_funds_are_shown(bench: Bench) -> None:
    loop = bench.loop()
    for _ in range(3):
        bench.press.add()
        loop.run_once()
        bench.mine(2)
        loop.run_once()
        bench.clock.advance(60_000)
    status = read_status(bench.database, bench.clock)
    [chain] = status.chains
    assert chain.head == bench.reader().head()
    assert (chain.head_batch, chain.anchored_batch, chain.final_batch) == (3, 3, 3)
    assert chain.primary
    assert chain.in_flight is None
    assert chain.anchors_last_day == 3
    assert chain.cost_per_anchor is not None
    assert chain.spent_last_day == 3 * chain.cost_per_anchor + chain.spent_last_day % 3
    assert chain.cost_per_delta is not None
    assert chain.balance == bench.node().balance(bench.signer.address)
    assert chain.days_left is not None
    assert chain.days_left > 100
    assert status.worker == "the worker"


def test_what_is_in_flight_is_shown_with_its_attempts(bench: Bench) -> None:
    bench.anvil.rpc("evm_setAutomine", False)
    bench.press.add()
    bench.loop().run_once()
    [chain] = read_status(bench.database, bench.clock).chains
    assert chain.in_flight is not None
    assert (chain.in_flight.batch, chain.in_flight.state) == (1, "sent")
    [attempt] = chain.in_flight.attempts
    assert attempt.accepted
    assert bench.node().seen(attempt.transaction_hash)


def test_an_alarm_is_shown_with_what_to_do(bench: Bench) -> None:
    bench.anvil.rpc("anvil_setBalance", "0x" + bench.signer.address.hex(), "0x0")
    bench.press.add()
    bench.loop().run_once()
    [alarm] = read_status(bench.database, bench.clock).alarms
    assert (alarm.name, alarm.chain, alarm.stops_sending) == ("out_of_funds", "anvil", True)
    assert "fund" in alarm.remedy
