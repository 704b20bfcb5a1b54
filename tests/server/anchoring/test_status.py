"""What the operator is shown, from the database alone."""

from fractions import Fraction

import msgspec
import pytest
from prometheus_client import generate_latest

from anchor.cli.output import Output
from anchor.cli.status import show_status
from anchor.protocol.errors import hex_of
from anchor.server.anchoring.status import read_status
from anchor.server.api.metrics import metrics_registry
from anchor.wire.responses import encode
from tests.fixtures.anchoring import Bench, MakeBench


def test_an_empty_log_has_no_lag(bench: Bench) -> None:
    status = read_status(bench.database, bench.clock)
    assert (status.newest_batch, status.lag_ms, status.chains, status.alarms) == (0, 0, [], [])


@pytest.mark.databases("sqlite", "postgresql")
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
    assert chain.head == hex_of(bench.reader().head())
    assert (chain.head_batch, chain.anchored_batch, chain.final_batch) == (3, 3, 3)
    assert chain.primary
    assert chain.in_flight is None
    assert chain.anchors_last_day == 3
    assert chain.cost_per_anchor is not None
    assert chain.spent_last_day == 3 * chain.cost_per_anchor + chain.spent_last_day % 3
    # An exact text: three deltas shared what was spent, to a millionth of a wei.
    assert chain.cost_per_delta is not None
    shared = Fraction(chain.spent_last_day, 3)
    assert 0 <= shared - Fraction(chain.cost_per_delta) < Fraction(1, 10**6)
    assert chain.balance == bench.node().balance(bench.signer.address)
    assert chain.days_left is not None
    assert chain.days_left > 100
    assert status.worker == "the worker"


@pytest.mark.databases("sqlite", "postgresql")
def test_what_is_in_flight_is_shown_with_its_attempts(bench: Bench) -> None:
    bench.anvil.rpc("evm_setAutomine", False)
    bench.press.add()
    bench.loop().run_once()
    [chain] = read_status(bench.database, bench.clock).chains
    assert chain.in_flight is not None
    assert (chain.in_flight.batch, chain.in_flight.state) == (1, "sent")
    [attempt] = chain.in_flight.attempts
    assert attempt.accepted
    assert bench.node().seen(bytes.fromhex(attempt.transaction_hash[2:]))


def test_an_alarm_is_shown_with_what_to_do(bench: Bench) -> None:
    bench.anvil.rpc("anvil_setBalance", "0x" + bench.signer.address.hex(), "0x0")
    bench.press.add()
    bench.loop().run_once()
    [alarm] = read_status(bench.database, bench.clock).alarms
    assert (alarm.name, alarm.chain, alarm.stops_sending) == ("out_of_funds", "anvil", True)
    assert "fund" in alarm.remedy


@pytest.mark.databases("sqlite", "postgresql")
def test_costs_gas_price_and_the_contracts_head_are_in_metrics_and_on_the_screen(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    loop = bench.loop()
    bench.press.add()
    loop.run_once()
    bench.mine(2)
    loop.run_once()
    status = read_status(bench.database, bench.clock)
    [chain] = status.chains
    assert chain.gas_price is not None
    assert chain.cost_per_delta is not None
    text = generate_latest(metrics_registry(lambda: status)).decode()
    figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert figures['anchor_chain_head_batch{chain="anvil"}'] == "1.0"
    assert float(figures['anchor_chain_gas_price_gwei{chain="anvil"}']) == chain.gas_price / 10**9
    cost = float(figures['anchor_chain_cost_per_delta_ether{chain="anvil"}'])
    assert cost == pytest.approx(float(chain.cost_per_delta) / 10**18)
    show_status(Output(), msgspec.json.decode(encode(status)))
    shown = capsys.readouterr().out
    for words in ("gwei a delta", "last 7 days", "days at the rate of the last 24 hours", "gas"):
        assert words in shown


def test_a_chain_without_a_base_fee_shows_what_its_node_asks_for_gas(make_bench: MakeBench) -> None:
    bench = make_bench("--hardfork", "berlin")
    bench.press.add()
    bench.loop().run_once()
    [chain] = read_status(bench.database, bench.clock).chains
    assert chain.gas_price == int(bench.anvil.rpc("eth_gasPrice"), 16)
