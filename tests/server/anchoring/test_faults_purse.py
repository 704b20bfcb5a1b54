"""CHAIN_FAULTS rows 9, 10, 15 and 30: what a node says about prices does not empty the purse."""

import pytest

from anchor.node.endpoint import HttpEndpoint
from anchor.server.anchoring.repair import cancel_send
from anchor.server.chain.fees import FeeLimits
from tests.fixtures.anchoring import Bench, MakeBench
from tests.fixtures.rpc_proxy import MakeProxy, answer, refuse

GWEI = 10**9
BASE_FEE_REFUSAL = "max fee per gas less than block base fee: address 0x…, maxFeePerGas: 1, baseFee: 7"


def finish(bench: Bench, loop: object, *, rounds: int = 4) -> None:
    """Mine and work until nothing is left to do."""
    for _ in range(rounds):
        bench.mine()
        bench.clock.advance(16_000)
        loop.run_once()  # type: ignore[attr-defined]


def spike(bench: Bench, base_fee: int) -> None:
    """Mine a block at this base fee, long enough after the one before that a replacement is due."""
    bench.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
    bench.mine()
    bench.clock.advance(31_000)


@pytest.mark.parametrize("cap", [None, 500 * GWEI])
def test_09_a_tip_that_was_refused_is_forgotten_once_its_send_is_settled(
    make_bench: MakeBench, make_proxy: MakeProxy, cap: int | None
) -> None:
    bench = make_bench()
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)], fees=FeeLimits(max_fee=cap))
    proxy.on("eth_feeHistory", answer({"reward": [[hex(GWEI)]]}))
    firsts = []
    for _ in range(3):
        firsts.append(len(bench.attempt_rows()))
        proxy.on("eth_sendRawTransaction", refuse("transaction underpriced"), times=7)
        bench.press.add()
        loop.run_once()
        finish(bench, loop)
    assert set(bench.states()) == {"final"}
    tips = [attempt.max_tip for attempt in bench.attempt_rows()]
    # Raised for the send it was refused for, and no further than a multiple of the market's price.
    assert all(tips[first] == GWEI for first in firsts)
    assert max(tips) > 4 * GWEI
    assert max(tips) < 40 * GWEI
    assert "fee_above_cap" not in bench.alarms()
    bench.check_caught_up()


def test_09_a_minimum_beyond_reason_is_not_taken_up(make_bench: MakeBench, make_proxy: MakeProxy) -> None:
    bench = make_bench()
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    absurd = "transaction underpriced: gas tip cap 1, minimum needed 999999999999999999999"
    proxy.on("eth_sendRawTransaction", refuse(absurd), times=1)
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    assert bench.states() == ["final"]
    assert max(attempt.max_fee for attempt in bench.attempt_rows()) < 100 * GWEI
    bench.check_caught_up()


def test_09_a_price_below_the_base_fee_says_nothing_about_tips(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench()
    proxy = make_proxy(bench.anvil.url)
    proxy.on("eth_sendRawTransaction", refuse(BASE_FEE_REFUSAL), times=4)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    for _ in range(2):
        loop.run_once()
    first, second, third = (attempt.max_tip for attempt in bench.attempt_rows())
    assert first < second < third < 1.3 * first
    finish(bench, loop)
    assert bench.states() == ["final"]
    bench.check_caught_up()


@pytest.mark.databases("sqlite", "postgresql")
def test_10_a_replacement_keeps_to_the_days_budget_and_says_so_until_it_may_be_sent(
    make_bench: MakeBench,
) -> None:
    bench = make_bench("--no-mining")
    budget = 4 * 10**14
    loop = bench.loop(budget_per_day=budget, fees=FeeLimits(max_fee=500 * GWEI))
    bench.press.add()
    loop.run_once()
    for _ in range(6):
        spike(bench, 400 * GWEI)
        loop.run_once()
        loop.run_once()
        assert "spent in 24 hours" in bench.alarms()["budget_spent"]
    # Whatever the pools hold of ours, no block can make the day dearer than the budget.
    assert all(one.max_fee * one.gas_limit <= budget for one in bench.attempt_rows())
    spike(bench, GWEI)
    finish(bench, loop, rounds=6)
    assert bench.states() == ["final"]
    assert bench.alarms() == {}
    bench.check_caught_up()


def test_15_a_replacement_counts_the_fee_for_data(make_bench: MakeBench) -> None:
    bench = make_bench("--no-mining")
    loop = bench.loop(budget_per_day=3 * 10**15, fees=FeeLimits(max_fee=500 * GWEI))
    # The OP stack's oracle, as one that asks 10^15 wei whatever the data: PUSH7, MSTORE, RETURN.
    code = "0x66" + f"{10**15:014x}" + "60005260206000f3"
    bench.anvil.rpc("anvil_setCode", "0x420000000000000000000000000000000000000F", code)
    bench.press.add()
    loop.run_once()
    for _ in range(12):
        spike(bench, 400 * GWEI)
        loop.run_once()
    assert "budget_spent" in bench.alarms()
    assert all(one.max_fee * one.gas_limit <= 2 * 10**15 for one in bench.attempt_rows())


def test_30_the_operators_cancel_is_not_held_up_by_the_budget(make_bench: MakeBench) -> None:
    bench = make_bench("--no-mining")
    loop = bench.loop(budget_per_day=4 * 10**14, fees=FeeLimits(max_fee=900 * GWEI))
    bench.press.add()
    loop.run_once()
    spike(bench, 400 * GWEI)
    loop.run_once()
    assert "budget_spent" in bench.alarms()
    cancel_send(bench.database, "anvil", bench.clock)
    loop.run_once()
    assert bench.attempt_rows()[-1].kind == "cancel"
    bench.mine()
    loop.run_once()
    assert bench.states()[0] == "cancelled"
