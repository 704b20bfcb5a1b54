"""CHAIN_FAULTS rows 25, 26, 27, 28, 29, 35: endpoints that fail, lag, lie or stand on another chain."""

from typing import Any

import pytest

from anchor.node.endpoint import HttpEndpoint
from anchor.server.chain.finality import FinalityRule
from anchor.server.chain.node import Node, WrongChain
from tests.fixtures.anchoring import Bench, MakeBench
from tests.fixtures.anvil import StartAnvil
from tests.fixtures.rpc_proxy import (
    Call,
    Fault,
    MakeProxy,
    Reply,
    answer,
    change,
    lose_answer,
    lose_request,
    refuse,
    status,
)


def finish(bench: Bench, loop: object, *, rounds: int = 4) -> None:
    """Mine and work until nothing is left to do."""
    for _ in range(rounds):
        bench.mine()
        bench.clock.advance(61_000)
        loop.run_once()  # type: ignore[attr-defined]


@pytest.mark.databases("sqlite", "postgresql")
def test_25_no_new_blocks_is_an_alarm_after_a_set_time(make_bench: MakeBench) -> None:
    bench = make_bench("--no-mining")
    loop = bench.loop(no_block_after=120.0)
    loop.run_once()
    bench.clock.advance(119_000)
    loop.run_once()
    assert "no_new_blocks" not in bench.alarms()
    bench.clock.advance(2_000)
    loop.run_once()
    assert "121 s" in bench.alarms()["no_new_blocks"]
    bench.mine()
    loop.run_once()
    assert "no_new_blocks" not in bench.alarms()


@pytest.mark.databases("sqlite", "postgresql")
def test_26_a_wrong_chain_id_refuses_to_send(bench: Bench, start_anvil: StartAnvil) -> None:
    other = start_anvil("--chain-id", "99")
    loop = bench.loop(endpoints=[HttpEndpoint(other.url)])
    bench.press.add()
    loop.run_once()
    assert "chain id 31337" in bench.alarms()["wrong_chain"]
    assert bench.states() == []
    assert other.rpc("eth_blockNumber") == "0x0"


def test_26_an_endpoint_that_changes_networks_is_left_out_before_anything_is_sent(
    bench: Bench, start_anvil: StartAnvil, make_proxy: MakeProxy
) -> None:
    other = start_anvil("--chain-id", "99")
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url), HttpEndpoint(bench.anvil.url)])
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    proxy.target = other.url
    bench.press.add()
    loop.run_once()
    assert "is on 99" in bench.alarms()["wrong_chain"]
    finish(bench, loop)
    assert bench.states() == ["final", "final"]
    assert other.rpc("eth_blockNumber") == "0x0"
    bench.check_caught_up()


def test_26_where_no_endpoint_is_on_the_chain_a_node_says_so(start_anvil: StartAnvil) -> None:
    other = start_anvil("--chain-id", "99")
    with pytest.raises(WrongChain) as wrong:
        Node([HttpEndpoint(other.url)], 1).begin_cycle()
    assert (wrong.value.expected, list(wrong.value.found.values())) == (1, [99])


@pytest.mark.databases("sqlite", "postgresql")
def test_27_a_chain_that_was_reset_is_refused_outside_development(
    bench: Bench, start_anvil: StartAnvil
) -> None:
    loop = bench.loop()
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    # A new chain of the same id, with the same contract at the same address.
    other = start_anvil("--timestamp", "1700000000")
    from tests.fixtures.anchoring import bench_on

    fresh = bench_on(other, bench.database)
    assert fresh.contract == bench.contract
    fresh.press.add()
    again = fresh.loop()
    again.run_once()
    assert "first block" in fresh.alarms()["chain_reset"]
    assert fresh.line() == []
    # In development mode it takes the place of the old one, and everything is anchored anew.
    development = fresh.loop(development=True)
    development.run_once()
    finish(fresh, development)
    fresh.check_caught_up()
    assert "chain_reset" not in fresh.alarms()


FAILURES: dict[str, Fault] = {
    "429": status(429),
    "503": status(503),
    "lost request": lose_request,
    "lost answer": lose_answer,
    "rate limit": refuse("rate limit exceeded", -32005),
    "internal error": refuse("internal error", -32603),
    "not JSON": lambda _call: Reply(b"<html>gateway</html>", 200),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("method", ["eth_sendRawTransaction", "*"])
def test_28_failures_are_waited_out_and_an_unknown_outcome_is_looked_up(
    bench: Bench, make_proxy: MakeProxy, failure: str, method: str
) -> None:
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    loop.run_once()
    proxy.on(method, FAILURES[failure], times=3)
    bench.press.add()
    loop.run_once()
    finish(bench, loop, rounds=6)
    assert bench.states() == ["final"]
    # Never another transaction: the same bytes, looked up.
    assert len(bench.attempt_rows()) == 1
    assert len(bench.line()) == 1
    assert "endpoint_unreachable" not in bench.alarms()
    bench.check_caught_up()


def test_28_a_failing_endpoint_rests_longer_each_time_and_with_jitter(
    bench: Bench, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(bench.anvil.url)
    proxy.on("*", status(503))
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)], poll=1.0)
    worker = loop.workers[0]
    loop.lease.acquire()
    waits = []
    for _ in range(8):
        worker.step()
        waits.append(worker.next_look())
    assert "503" in bench.alarms()["endpoint_unreachable"]
    for failures, wait in enumerate(waits, 1):
        longest = min(60.0, 2.0**failures)
        assert longest / 2 <= wait <= longest
    proxy.heal()
    worker.step()
    assert "endpoint_unreachable" not in bench.alarms()


class TestLyingAndLagging:
    """Row 29."""

    def test_29_a_lagging_endpoint_is_told_and_nothing_waits_for_it_but_finality(
        self, bench: Bench, make_proxy: MakeProxy
    ) -> None:
        proxy = make_proxy(bench.anvil.url)
        old = bench.anvil.rpc("eth_getBlockByNumber", "latest", False)
        head = "0x" + bytes(32).hex()

        def latest(call: Call) -> Reply:
            if call.params[0] == "latest":
                return answer(old)(call)
            number = int(call.params[0], 16) if call.params[0].startswith("0x") else 0
            if number > int(old["number"], 16):
                return answer(None)(call)
            return answer(call.forward()["result"])(call)

        proxy.on("eth_getBlockByNumber", latest)
        proxy.on("eth_call", answer(head))
        proxy.on("eth_getTransactionReceipt", answer(None))
        loop = bench.loop(endpoints=[HttpEndpoint(proxy.url), HttpEndpoint(bench.anvil.url)])
        # Twelve blocks in twelve seconds are no lag on a fast chain; in two minutes they are.
        bench.mine(12)
        loop.run_once()
        assert "endpoint_lags" not in bench.alarms()
        bench.anvil.rpc("anvil_mine", hex(12), hex(12))
        bench.go_to_the_newest_block()
        bench.press.add()
        loop.run_once()
        assert bench.states() == ["mined"]
        assert "s) behind" in bench.alarms()["endpoint_lags"]
        finish(bench, loop)
        # The lowest of all answers counts as final.
        assert bench.states() == ["mined"]
        proxy.heal()
        finish(bench, loop)
        assert bench.states() == ["final"]
        assert bench.alarms() == {}
        bench.check_caught_up()

    @pytest.mark.parametrize("liar_first", [True, False])
    def test_29_a_lie_about_a_block_keeps_an_anchor_from_counting_as_final(
        self, make_bench: MakeBench, make_proxy: MakeProxy, liar_first: bool
    ) -> None:
        bench = make_bench("--no-mining")
        proxy = make_proxy(bench.anvil.url)

        def other_hash(block: Any) -> Any:
            return block and block | {"hash": "0x" + "99" * 32}

        endpoints = [HttpEndpoint(proxy.url), HttpEndpoint(bench.anvil.url)]
        loop = bench.loop(endpoints=endpoints if liar_first else endpoints[::-1])
        bench.press.add()
        loop.run_once()
        bench.mine()
        loop.run_once()
        assert bench.states() == ["mined"]
        proxy.on("eth_getBlockByNumber", change(other_hash))
        finish(bench, loop)
        assert bench.states() == ["mined"]
        assert "99" * 32 in bench.alarms()["endpoints_disagree"]
        proxy.heal()
        finish(bench, loop)
        assert bench.states() == ["final"]
        assert "endpoints_disagree" not in bench.alarms()
        bench.check_caught_up()

    @pytest.mark.databases("sqlite", "postgresql")
    def test_29_a_lie_about_the_head_sends_nothing(self, bench: Bench, make_proxy: MakeProxy) -> None:
        proxy = make_proxy(bench.anvil.url)
        loop = bench.loop(endpoints=[HttpEndpoint(proxy.url), HttpEndpoint(bench.anvil.url)])
        bench.press.add()
        loop.run_once()
        finish(bench, loop)
        proxy.on("eth_call", answer("0x" + "55" * 32))
        bench.press.add()
        for _ in range(3):
            loop.run_once()
        assert "about the contract's head" in bench.alarms()["endpoints_disagree"]
        assert bench.states() == ["final"]
        proxy.heal()
        loop.run_once()
        finish(bench, loop)
        assert bench.states() == ["final", "final"]
        bench.check_caught_up()

    def test_29_a_made_up_receipt_does_not_count(self, make_bench: MakeBench, make_proxy: MakeProxy) -> None:
        """The liar says mined; the block it names is another one at the honest endpoint."""
        bench = make_bench("--no-mining")
        proxy = make_proxy(bench.anvil.url)
        loop = bench.loop(endpoints=[HttpEndpoint(proxy.url), HttpEndpoint(bench.anvil.url)])
        bench.press.add()
        loop.run_once()

        def made_up(call: Call) -> Reply:
            return answer(
                {
                    "transactionHash": call.params[0],
                    "blockNumber": "0x1",
                    "blockHash": "0x" + "44" * 32,
                    "status": "0x1",
                    "gasUsed": "0x7530",
                    "effectiveGasPrice": "0x1",
                    "from": "0x" + bench.signer.address.hex(),
                    "logs": [],
                }
            )(call)

        proxy.on("eth_getTransactionReceipt", made_up)
        proxy.on("eth_getTransactionCount", answer("0x5"))
        for _ in range(2):
            loop.run_once()
        assert bench.anchor_rows() == []
        proxy.heal()
        finish(bench, loop)
        bench.check_caught_up()

    def test_29_agreement_asks_for_so_many_endpoints_before_anything_is_final(
        self, bench: Bench, make_proxy: MakeProxy
    ) -> None:
        proxy = make_proxy(bench.anvil.url)
        proxy.on("*", status(503))
        loop = bench.loop(endpoints=[HttpEndpoint(proxy.url), HttpEndpoint(bench.anvil.url)], agreement=2)
        bench.press.add()
        loop.run_once()
        bench.clock.advance(61_000)
        finish(bench, loop)
        # One endpoint is enough to send with, not to believe; nor is it believed that it was another's.
        assert bench.anchor_rows() == []
        assert len(bench.line()) == 1
        assert (bench.states(), set(bench.alarms())) == (["sent"], {"endpoint_unreachable"})
        proxy.heal()
        finish(bench, loop)
        assert bench.states() == ["final"]
        assert bench.alarms() == {}
        bench.check_caught_up()

    def test_29_an_endpoint_that_says_its_chain_and_no_more_is_told_and_so_is_the_send_that_waits_for_it(
        self, bench: Bench, make_proxy: MakeProxy
    ) -> None:
        proxy = make_proxy(bench.anvil.url)
        proxy.on("*", status(429))
        proxy.on("eth_chainId", change(lambda chain_id: chain_id))
        loop = bench.loop(endpoints=[HttpEndpoint(bench.anvil.url), HttpEndpoint(proxy.url)], agreement=2)
        bench.press.add()
        loop.run_once()
        bench.clock.advance(61_000)
        loop.run_once()
        assert (bench.states(), set(bench.alarms())) == (["sent"], {"endpoint_unreachable"})
        assert proxy.url in bench.alarms()["endpoint_unreachable"]
        bench.clock.advance(601_000)
        loop.run_once()
        assert "nonce 0 is used, and no receipt of ours counts" in bench.alarms()["stuck"]
        proxy.heal()
        finish(bench, loop)
        assert (bench.states(), bench.alarms()) == (["final"], {})
        bench.check_caught_up()


@pytest.mark.databases("sqlite", "postgresql")
def test_35_an_l2s_data_fee_is_read_from_the_chain_and_counted(bench: Bench, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(bench.anvil.url)
    data_fee = 10**16
    oracle = "0x420000000000000000000000000000000000000f"

    def code(call: Call) -> Reply:
        if call.params[0].lower() == oracle:
            return answer("0x60")(call)
        return answer(call.forward()["result"])(call)

    def call_oracle(call: Call) -> Reply:
        if call.params[0]["to"].lower() == oracle:
            assert call.params[0]["data"].startswith("0x49948e0e")
            return answer("0x" + data_fee.to_bytes(32, "big").hex())(call)
        given = call.forward()
        return answer(given["result"])(call)

    proxy.on("eth_getCode", code)
    proxy.on("eth_call", call_oracle)
    proxy.on(
        "eth_getTransactionReceipt", change(lambda receipt: receipt and receipt | {"l1Fee": hex(data_fee)})
    )
    account = "0x" + bench.signer.address.hex()
    # Enough for the gas, not for the data.
    bench.anvil.rpc("anvil_setBalance", account, hex(data_fee // 2))
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    loop.run_once()
    assert "out_of_funds" in bench.alarms()
    bench.anvil.rpc("anvil_setBalance", account, hex(10**18))
    loop.run_once()
    finish(bench, loop)
    assert bench.states() == ["final"]
    assert bench.attempt_rows()[0].fee_paid > data_fee
    bench.check_caught_up()


def test_35_a_sequencer_that_is_down_is_waited_for(bench: Bench, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(bench.anvil.url)
    proxy.on("eth_sendRawTransaction", refuse("sequencer is temporarily unavailable"))
    loop = bench.loop(
        endpoints=[HttpEndpoint(proxy.url)], no_block_after=60.0, finality=FinalityRule("safe", 2)
    )
    bench.press.add()
    loop.run_once()
    bench.clock.advance(61_000)
    loop.run_once()
    assert "no_new_blocks" in bench.alarms()
    assert bench.states() == ["signed"]
    proxy.heal()
    finish(bench, loop, rounds=6)
    assert bench.states() == ["final"]
    assert len(bench.attempt_rows()) == 1
    assert bench.alarms() == {}
    bench.check_caught_up()


@pytest.mark.parametrize("failure", sorted(set(FAILURES) - {"lost answer"}))
def test_28_a_cycle_that_achieved_nothing_says_so_and_the_next_one_waits(
    bench: Bench, make_proxy: MakeProxy, failure: str
) -> None:
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    worker = loop.workers[0]
    loop.lease.acquire()
    proxy.on("eth_sendRawTransaction", FAILURES[failure], times=4)
    bench.press.press()
    assert worker.step(force=True)
    for _ in range(3):
        assert not worker.step(force=True)
        assert worker.next_look() > 0
    assert len(bench.attempt_rows()) == 1
