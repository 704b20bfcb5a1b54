"""CHAIN_FAULTS rows 7-15 and 37: what nodes say to a transaction, what becomes of it in their pools, and
what it costs."""

import itertools

import httpx
import pytest

from anchor.node.endpoint import HttpEndpoint
from anchor.server.anchoring.status import read_status
from anchor.server.chain.fees import FeeLimits
from tests.fixtures.anchoring import Bench, MakeBench
from tests.fixtures.rpc_proxy import Call, MakeProxy, Reply, answer, change, refuse


def finish(bench: Bench, loop: object, *, rounds: int = 4) -> None:
    """Mine and work until nothing is left to do."""
    for _ in range(rounds):
        bench.mine()
        bench.clock.advance(16_000)
        loop.run_once()  # type: ignore[attr-defined]


@pytest.mark.databases("sqlite", "postgresql")
def test_07_already_known_counts_as_sent(make_bench: MakeBench, make_proxy: MakeProxy) -> None:
    bench = make_bench("--no-mining")
    proxy = make_proxy(bench.anvil.url)

    def known(call: Call) -> Reply:
        call.forward()
        return refuse("already known")(call)

    proxy.on("eth_sendRawTransaction", known)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    loop.run_once()
    assert bench.states() == ["sent"]
    assert bench.alarms() == {}
    finish(bench, loop)
    assert bench.states() == ["final"]
    bench.check_caught_up()


@pytest.mark.databases("sqlite", "postgresql")
def test_08_replacement_underpriced_raises_tip_and_cap_by_an_eighth_each(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench()
    proxy = make_proxy(bench.anvil.url)
    proxy.on("eth_sendRawTransaction", refuse("replacement transaction underpriced"), times=4)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    # Each look offers what it has once more, and signs once.
    for _ in range(2):
        loop.run_once()
    attempts = bench.attempt_rows()
    assert len(attempts) == 3
    for lower, higher in itertools.pairwise(attempts):
        assert higher.max_fee * 10 >= lower.max_fee * 11
        assert higher.max_tip * 10 >= lower.max_tip * 11
    finish(bench, loop)
    assert bench.states() == ["final"]
    bench.check_caught_up()


def test_09_a_price_below_the_nodes_minimum_is_raised_to_it(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench()
    proxy = make_proxy(bench.anvil.url)
    # The chain's own history asks for a tip of 1 wei, the node for a gwei.
    proxy.on("eth_feeHistory", change(lambda history: history | {"reward": [["0x1"]]}))
    seen: list[int] = []

    def minimum(call: Call) -> Reply:
        tip = bench.attempt_rows()[-1].max_tip
        seen.append(tip)
        if tip < 10**9:
            return refuse(f"transaction underpriced: gas tip cap {tip}, minimum needed 1000000000")(call)
        return answer(call.forward()["result"])(call)

    proxy.on("eth_sendRawTransaction", minimum)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    assert seen[0] == 1
    assert seen[-1] >= 10**9
    assert len(seen) <= 4
    assert bench.states() == ["final"]
    bench.check_caught_up()


@pytest.mark.databases("sqlite", "postgresql")
def test_10_a_fee_spike_above_the_cap_waits_tells_the_operator_and_drops_nothing(
    make_bench: MakeBench,
) -> None:
    bench = make_bench()
    loop = bench.loop(fees=FeeLimits(max_fee=20 * 10**9))
    bench.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(100 * 10**9))
    bench.mine()
    bench.press.add()
    loop.run_once()
    assert bench.attempt_rows() == []
    assert "the cap is 20000000000 wei" in bench.alarms()["fee_above_cap"]
    # More batches come; when the spike is over the newest is sent, once, and nothing before it.
    bench.press.add()
    loop.run_once()
    bench.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    bench.mine()
    loop.run_once()
    assert "fee_above_cap" not in bench.alarms()
    finish(bench, loop)
    assert [event.number for event in bench.line()] == [2]
    bench.check_caught_up()


def test_10_a_budget_that_is_spent_waits_for_the_next_day(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.press.add()
    free = bench.loop()
    free.run_once()
    finish(bench, free)
    [attempt] = bench.attempt_rows()
    loop = bench.loop(budget_per_day=int(attempt.fee_paid * 1.5))
    bench.press.add()
    loop.run_once()
    assert "budget_spent" in bench.alarms()
    assert bench.states() == ["final", "planned"]
    bench.clock.advance(86_400_000)
    loop.run_once()
    finish(bench, loop)
    assert bench.states() == ["final", "final"]
    assert "budget_spent" not in bench.alarms()
    bench.check_caught_up()


def test_11_where_fees_fell_the_replacement_still_outbids_the_attempt_it_replaces(
    make_bench: MakeBench,
) -> None:
    bench = make_bench("--no-mining")
    bench.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(50 * 10**9))
    bench.mine()
    loop = bench.loop()
    bench.press.add()
    loop.run_once()
    [first] = bench.attempt_rows()
    bench.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**12))
    bench.mine()
    bench.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    # An empty block, so that the pool keeps what it has.
    bench.anvil.rpc("anvil_dropAllTransactions")
    bench.mine()
    bench.clock.advance(31_000)
    loop.run_once()
    _, second = bench.attempt_rows()
    assert second.max_fee * 10 >= first.max_fee * 11
    assert second.max_tip * 10 >= first.max_tip * 11
    finish(bench, loop)
    assert bench.states() == ["final"]
    bench.check_caught_up()


def test_12_a_chain_without_eip_1559_gets_legacy_fees(make_bench: MakeBench) -> None:
    bench = make_bench("--hardfork", "berlin")
    bench.press.add()
    loop = bench.loop()
    loop.run_once()
    finish(bench, loop)
    [attempt] = bench.attempt_rows()
    assert bytes(attempt.raw)[0] >= 0xC0
    assert attempt.max_fee == attempt.max_tip
    assert bench.states() == ["final"]
    bench.check_caught_up()


@pytest.mark.databases("sqlite", "postgresql")
def test_13_dropped_from_the_mempool_is_broadcast_again(make_bench: MakeBench) -> None:
    bench = make_bench("--no-mining")
    loop = bench.loop()
    bench.press.add()
    loop.run_once()
    bench.anvil.rpc("anvil_dropAllTransactions")
    bench.clock.advance(16_000)
    loop.run_once()
    assert len(bench.attempt_rows()) == 1
    finish(bench, loop)
    assert bench.states() == ["final"]
    bench.check_caught_up()


def test_13_and_also_where_the_bump_fails(make_bench: MakeBench, make_proxy: MakeProxy) -> None:
    bench = make_bench("--no-mining")
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    loop.run_once()
    [first] = bench.attempt_rows()
    bench.anvil.rpc("anvil_dropAllTransactions")
    bench.mine()
    first_raw = "0x" + bytes(first.raw).hex()

    def only_the_first(call: Call) -> Reply:
        if call.params == [first_raw]:
            return answer(call.forward().get("result"))(call)
        return refuse("replacement transaction underpriced")(call)

    proxy.on("eth_sendRawTransaction", only_the_first)
    bench.clock.advance(31_000)
    loop.run_once()
    assert len(bench.attempt_rows()) > 1
    finish(bench, loop)
    [anchor] = bench.anchor_rows()
    assert bytes(anchor.transaction_hash) == bytes(first.transaction_hash)
    assert bench.states() == ["final"]
    bench.check_caught_up()


@pytest.mark.databases("sqlite", "postgresql")
def test_14_never_seen_in_a_mempool_is_noticed_and_sent_through_another_endpoint(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench("--no-mining")
    swallower = make_proxy(bench.anvil.url)

    def swallow(_call: Call) -> Reply:
        return answer("0x" + bytes(bench.attempt_rows()[-1].transaction_hash).hex())(_call)

    swallower.on("eth_sendRawTransaction", swallow)
    alone = bench.loop(endpoints=[HttpEndpoint(swallower.url)])
    bench.press.add()
    alone.run_once()
    assert bench.states() == ["sent"]
    bench.clock.advance(16_000)
    alone.run_once()
    assert "never_seen" in bench.alarms()
    both = bench.loop(endpoints=[HttpEndpoint(swallower.url), HttpEndpoint(bench.anvil.url)])
    both.run_once()
    finish(bench, both)
    assert len(bench.attempt_rows()) == 1
    assert bench.states() == ["final"]
    assert "never_seen" not in bench.alarms()
    bench.check_caught_up()


def test_14_of_two_endpoints_one_that_swallows_it_hinders_nothing(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench("--no-mining")
    swallower = make_proxy(bench.anvil.url)

    def swallow(call: Call) -> Reply:
        return answer("0x" + bytes(bench.attempt_rows()[-1].transaction_hash).hex())(call)

    swallower.on("eth_sendRawTransaction", swallow)
    swallower.on("eth_getTransactionByHash", answer(None))
    both = bench.loop(endpoints=[HttpEndpoint(swallower.url), HttpEndpoint(bench.anvil.url)])
    bench.press.add()
    both.run_once()
    finish(bench, both)
    assert len(bench.attempt_rows()) == 1
    assert bench.states() == ["final"]
    assert bench.alarms() == {}
    bench.check_caught_up()


@pytest.mark.databases("sqlite", "postgresql")
def test_15_out_of_funds_pauses_with_a_clear_status_and_resumes_when_funded(bench: Bench) -> None:
    account = "0x" + bench.signer.address.hex()
    loop = bench.loop()
    bench.anvil.rpc("anvil_setBalance", account, "0x1")
    bench.press.add()
    loop.run_once()
    alarm = bench.alarms()["out_of_funds"]
    assert account.lower() in alarm.lower()
    [shown] = read_status(bench.database, bench.clock).alarms
    assert shown.stops_sending
    assert bench.states() == ["planned"]
    bench.anvil.rpc("anvil_setBalance", account, hex(10**18))
    loop.run_once()
    finish(bench, loop)
    assert bench.states() == ["final"]
    assert "out_of_funds" not in bench.alarms()
    bench.check_caught_up()


def test_15_a_refusal_for_lack_of_funds_leaves_the_stored_bytes_to_be_sent_when_funded(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench()
    proxy = make_proxy(bench.anvil.url)
    rule = proxy.on("eth_sendRawTransaction", refuse("insufficient funds for gas * price + value"))
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    loop.run_once()
    assert "out_of_funds" in bench.alarms()
    assert bench.states() == ["signed"]
    proxy.rules.remove(rule)
    loop.run_once()
    finish(bench, loop)
    assert len(bench.attempt_rows()) == 1
    assert bench.states() == ["final"]
    bench.check_caught_up()


def test_15_low_funds_are_warned_of_before_they_run_out(bench: Bench) -> None:
    loop = bench.loop(interval=60.0, low_funds_days=7.0)
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    cost = bench.attempt_rows()[0].fee_paid
    # Five days at one anchor a day, as today.
    bench.anvil.rpc("anvil_setBalance", "0x" + bench.signer.address.hex(), hex(cost * 5))
    loop.run_once()
    assert "days" in bench.alarms()["funds_low"]
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    assert bench.states() == ["final", "final"]
    bench.check_caught_up()


def test_37_a_gas_limit_above_the_blocks_is_refused_before_sending(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench()
    proxy = make_proxy(bench.anvil.url)
    proxy.on("eth_estimateGas", answer(hex(10**9)))
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    loop.run_once()
    assert "a block has" in bench.alarms()["gas_above_block_limit"]
    assert bench.attempt_rows() == []
    assert proxy.count("eth_sendRawTransaction") == 0
    proxy.heal()
    loop.run_once()
    finish(bench, loop)
    assert bench.states() == ["final"]
    bench.check_caught_up()


def test_no_log_line_or_alarm_shows_the_key_in_an_endpoints_url(
    bench: Bench, log_lines: pytest.LogCaptureFixture
) -> None:
    secret = "topsecretkey"
    refusing = HttpEndpoint(
        f"https://user:{secret}@node.example/v3/{secret}?k={secret}",
        transport=httpx.MockTransport(lambda _request: httpx.Response(429)),
    )
    bench.press.add()
    bench.loop(endpoints=[refusing]).run_once()
    bench.loop(endpoints=[refusing, HttpEndpoint(bench.anvil.url)]).run_once()
    assert "node.example" in bench.alarms()["endpoint_unreachable"]
    said = log_lines.text + str(bench.alarms()) + repr(bench.settings(rpc=(f"https://x/{secret}",)))
    assert secret not in said
