"""CHAIN_FAULTS row 30: the operator's cancel on chains and nodes that ask more of it."""

from dataclasses import dataclass

import pytest

from anchor.node.endpoint import HttpEndpoint
from anchor.server.anchoring.loop import AnchoringLoop
from anchor.server.anchoring.repair import cancel_send
from anchor.server.chain.fees import FeeLimits
from anchor.server.chain.transactions import decode_signed
from tests.fixtures.anchoring import Bench, MakeBench
from tests.fixtures.rpc_proxy import Call, Fault, MakeProxy, Reply, RpcProxy, answer, refuse, status

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


@pytest.mark.parametrize("why", [refuse("no transfers today"), status(429)], ids=["refused", "429"])
def test_30_a_cancel_that_no_node_took_is_offered_again_and_gets_no_dearer(stuck: Stuck, why: Fault) -> None:
    bench, loop = stuck.bench, stuck.loop
    stuck.proxy.on("eth_sendRawTransaction", why)
    loop.run_once()
    for _ in range(3):
        bench.clock.advance(31_000)
        mine_above(bench)
        loop.run_once()
    assert [one.kind for one in bench.attempt_rows()] == ["anchor", "cancel"]
    assert {"node_refuses", "endpoint_unreachable"} & set(bench.alarms())
    stuck.proxy.heal()
    bench.clock.advance(16_000)
    loop.run_once()
    bench.mine()
    loop.run_once()
    assert bench.states()[0] == "cancelled"


def test_30_a_cancel_that_had_too_little_gas_gets_more_at_the_same_price(stuck: Stuck) -> None:
    bench, loop = stuck.bench, stuck.loop
    refuse_cancels(stuck.proxy, "intrinsic gas too low", below=25_000)
    loop.run_once()
    stuck.proxy.on("eth_estimateGas", answer(hex(25_000)))
    bench.clock.advance(31_000)
    mine_above(bench)
    loop.run_once()
    _, before, after = bench.attempt_rows()
    assert (after.max_fee, after.max_tip, after.refusal) == (before.max_fee, before.max_tip, None)
    assert after.gas_limit > before.gas_limit == 21_000


def test_30_a_cancel_that_every_node_finds_too_cheap_has_a_highest_price_and_that_is_told(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench("--no-mining")
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    loop.run_once()
    cancel_send(bench.database, "anvil", bench.clock)
    refuse_cancels(proxy, "replacement transaction underpriced")
    for _ in range(16):
        bench.clock.advance(31_000)
        mine_above(bench)
        loop.run_once()
    fees = [one.max_fee for one in bench.attempt_rows() if one.kind == "cancel"]
    # Ten times what the market asks: there is no cap in these settings.
    assert 500 * GWEI < max(fees) < 1100 * GWEI
    said = bench.alarms()["fee_above_cap"]
    assert "cancel" in said
    assert "10 times" in said
    assert "max_fee_gwei" in said
    count = len(fees)
    bench.clock.advance(31_000)
    mine_above(bench)
    loop.run_once()
    assert len(bench.attempt_rows()) == 1 + count
    # It is offered on and on, at that price.
    proxy.heal()
    bench.clock.advance(16_000)
    loop.run_once()
    bench.mine()
    loop.run_once()
    assert bench.states()[0] == "cancelled"


def test_30_a_cancel_never_offers_more_than_the_account_holds(stuck: Stuck) -> None:
    bench, loop = stuck.bench, stuck.loop
    address = "0x" + bench.signer.address.hex()
    bench.anvil.rpc("anvil_setBalance", address, hex(21_000 * 300 * GWEI))
    refuse_cancels(stuck.proxy, "replacement transaction underpriced")
    for _ in range(6):
        loop.run_once()
        bench.clock.advance(31_000)
        mine_above(bench)
    assert max(one.max_fee for one in bench.attempt_rows()) <= 300 * GWEI
    assert "cancel" in bench.alarms()["out_of_funds"]
    assert "fee_above_cap" not in bench.alarms()
    bench.anvil.rpc("anvil_setBalance", address, hex(10**18))
    stuck.proxy.heal()
    bench.clock.advance(31_000)
    loop.run_once()
    bench.mine()
    loop.run_once()
    assert bench.states()[0] == "cancelled"
