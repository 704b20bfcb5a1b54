"""CHAIN_FAULTS row 30: the operator's cancel on chains and nodes that ask more of it."""

from dataclasses import dataclass

import pytest

from anchor.anchoring.cancelling import cancel_send
from anchor.anchoring.loop import AnchoringLoop
from anchor.chain.fees import FeeLimits
from anchor.chain.rpc import HttpEndpoint
from anchor.chain.transactions import decode_signed
from tests.fixtures.anchoring import Bench, MakeBench
from tests.fixtures.rpc_proxy import Call, MakeProxy, Reply, RpcProxy, answer, refuse

GWEI = 10**9


@dataclass(frozen=True)
class Stuck:
    """An anchor in the pool that the blocks since leave out, and the operator's word to cancel it."""

    bench: Bench
    proxy: RpcProxy
    loop: AnchoringLoop


@pytest.fixture
def stuck(make_bench: MakeBench, make_proxy: MakeProxy) -> Stuck:
    bench = make_bench("--no-mining")
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)], fees=FeeLimits(max_fee=900 * GWEI))
    bench.press.add()
    loop.run_once()
    mine_above(bench)
    cancel_send(bench.database, "anvil", bench.clock)
    return Stuck(bench, proxy, loop)


def mine_above(bench: Bench) -> None:
    """Mine a block that is too dear for what waits."""
    bench.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(100 * GWEI))
    bench.mine()


def refuse_cancels(proxy: RpcProxy, why: str, *, below: int = 10**9) -> None:
    """Take no transfer to oneself of less gas than this."""

    def send(call: Call) -> Reply:
        signed = decode_signed(bytes.fromhex(call.params[0][2:]))
        cancels = signed.transaction.to == signed.sender
        if cancels and signed.transaction.gas_limit < below:
            return refuse(why)(call)
        return answer(call.forward()["result"])(call)

    proxy.on("eth_sendRawTransaction", send)


def test_30_a_cancel_has_the_gas_that_a_transfer_takes_on_this_chain(stuck: Stuck) -> None:
    stuck.proxy.on("eth_estimateGas", answer(hex(25_000)))
    refuse_cancels(stuck.proxy, "intrinsic gas too low", below=25_000)
    stuck.loop.run_once()
    cancel = stuck.bench.attempt_rows()[-1]
    assert (cancel.kind, cancel.refusal) == ("cancel", None)
    stuck.bench.mine()
    stuck.loop.run_once()
    assert stuck.bench.states()[0] == "cancelled"


@pytest.mark.parametrize("said", ["0x1", hex(10**9), None])
def test_30_a_cancel_takes_no_more_gas_than_the_anchor_and_no_less_than_a_transfer(
    stuck: Stuck, said: str | None
) -> None:
    stuck.proxy.on("eth_estimateGas", refuse("no estimates here") if said is None else answer(said))
    stuck.loop.run_once()
    anchor, cancel = stuck.bench.attempt_rows()
    assert cancel.gas_limit == (anchor.gas_limit if said == hex(10**9) else 21_000)


def test_30_a_cancel_that_no_node_took_is_offered_anew_at_a_higher_price(stuck: Stuck) -> None:
    bench, loop = stuck.bench, stuck.loop
    refuse_cancels(stuck.proxy, "no transfers today")
    loop.run_once()
    for _ in range(2):
        bench.clock.advance(31_000)
        mine_above(bench)
        loop.run_once()
    attempts = bench.attempt_rows()
    assert [one.kind for one in attempts] == ["anchor", "cancel", "cancel", "cancel"]
    fees = [one.max_fee for one in attempts]
    assert fees == sorted(set(fees))
    assert "no transfers today" in bench.alarms()["node_refuses"]
    stuck.proxy.heal()
    bench.clock.advance(16_000)
    loop.run_once()
    bench.mine()
    loop.run_once()
    assert bench.states()[0] == "cancelled"
