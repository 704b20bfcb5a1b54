"""CHAIN_FAULTS row 29: endpoints that differ about what a transaction would do, or did."""

import pytest

from anchor.node.endpoint import HttpEndpoint
from anchor.server.anchoring.repair import cancel_send
from anchor.server.chain.contract import selector
from tests.fixtures.anchoring import Bench, MakeBench
from tests.fixtures.rpc_proxy import Fault, MakeProxy, RpcProxy, answer, refuse

REVERTS = refuse("execution reverted", 3)


def beside(bench: Bench, proxy: RpcProxy) -> list[HttpEndpoint]:
    return [HttpEndpoint(proxy.url), HttpEndpoint(bench.anvil.url)]


@pytest.mark.parametrize("lie", [REVERTS, answer(hex(10**9)), answer("0x1")], ids=["reverts", "much", "1"])
def test_29_a_lie_about_an_anchors_gas_is_told_with_both_words(
    bench: Bench, make_proxy: MakeProxy, lie: Fault
) -> None:
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=beside(bench, proxy))
    proxy.on("eth_estimateGas", lie)
    bench.press.add()
    for _ in range(3):
        loop.run_once()
    said = bench.alarms()["endpoints_disagree"]
    assert proxy.url in said
    assert bench.anvil.url in said
    assert bench.attempt_rows() == []
    proxy.heal()
    loop.run_once()
    bench.mine()
    loop.run_once()
    bench.check_caught_up()
    assert "endpoints_disagree" not in bench.alarms()


def test_29_a_lie_about_a_cancels_gas_holds_up_no_cancel(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench("--no-mining")
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=beside(bench, proxy))
    bench.press.add()
    loop.run_once()
    cancel_send(bench.database, "anvil", bench.clock)
    proxy.on("eth_estimateGas", REVERTS)
    loop.run_once()
    anchor, cancel = bench.attempt_rows()
    assert (cancel.kind, cancel.gas_limit) == ("cancel", anchor.gas_limit)
    bench.mine()
    loop.run_once()
    assert bench.states()[0] == "cancelled"


def test_29_a_lie_about_why_an_anchor_reverted_keeps_it_from_no_record(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench("--no-mining")
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=beside(bench, proxy))
    bench.press.add()
    loop.run_once()
    # The owner's transaction pays more and comes first in the block.
    names = selector("nameSubmitter(address)") + bytes(12) + bench.owner.address
    bench.anvil.rpc(
        "eth_sendTransaction",
        {
            "from": "0x" + bench.owner.address.hex(),
            "to": "0x" + bench.reader().address.hex(),
            "data": "0x" + names.hex(),
            "maxFeePerGas": hex(10**12),
            "maxPriorityFeePerGas": hex(10**11),
        },
    )
    bench.mine()
    calls = proxy.on("eth_call", lambda call: said(call) if "from" in call.params[0] else call_through(call))
    said, call_through = answer("0x"), lambda call: answer(call.forward()["result"])(call)
    loop.run_once()
    assert calls.used
    assert bench.states()[0] == "failed"
    assert "disagree about what a call does" in bench.alarms()["reverted"]
