"""CHAIN_FAULTS rows 29, 36: the first endpoint is wrong about the contract when a worker starts."""

from typing import Any

from sqlalchemy import select

from anchor.node.endpoint import HttpEndpoint
from anchor.server.storage.schema_sending import chains
from tests.fixtures.anchoring import Bench
from tests.fixtures.rpc_proxy import MakeProxy, RpcProxy, answer, frozen_at


def worker(bench: Bench, proxy: RpcProxy) -> Any:
    """The one behind the proxy is asked first."""
    return bench.loop(endpoints=[HttpEndpoint(proxy.url), HttpEndpoint(bench.anvil.url)])


def test_36_a_first_endpoint_that_is_still_syncing_keeps_no_worker_from_starting(
    bench: Bench, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(bench.anvil.url)
    proxy.on("eth_getBlockByNumber", frozen_at(bench.anvil.rpc("eth_getBlockByNumber", "0x0", False)))
    proxy.on("eth_getCode", answer("0x"))
    proxy.on("eth_call", answer("0x"))
    proxy.on("eth_getTransactionCount", answer("0x0"))
    bench.anvil.rpc("anvil_mine", hex(12), hex(12))
    bench.go_to_the_newest_block()
    loop = worker(bench, proxy)
    bench.press.add()
    loop.run_once()
    assert set(bench.alarms()) == {"endpoint_lags"}
    assert bench.states() != []
    bench.check_caught_up()


def test_36_a_first_endpoint_that_shows_no_contract_is_held_against_the_others(
    bench: Bench, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(bench.anvil.url)
    proxy.on("eth_getCode", answer("0x"))
    loop = worker(bench, proxy)
    bench.press.add()
    for _ in range(3):
        loop.run_once()
    assert "no_contract" not in bench.alarms()
    assert "about the code at 0x" in bench.alarms()["endpoints_disagree"]
    assert bench.states() == []
    proxy.heal()
    loop.run_once()
    assert bench.alarms() == {}
    bench.check_caught_up()


def test_29_a_head_that_the_first_endpoint_denies_sets_no_first_block(
    bench: Bench, make_proxy: MakeProxy
) -> None:
    """The log begins at the chain's beginning where the contract holds a head already."""
    before = bench.loop()
    bench.press.add()
    before.run_once()
    bench.mine(300)
    proxy = make_proxy(bench.anvil.url)
    proxy.on("eth_call", answer("0x" + "00" * 32))
    # A chain of another name is a new row.
    bench.name = "again"
    loop = worker(bench, proxy)
    loop.run_once()
    proxy.heal()
    loop.run_once()
    with bench.database.read() as reading:
        found = select(chains.c.first_block).where(chains.c.name == "again")
        assert list(reading.execute(found).scalars()) == [0]
