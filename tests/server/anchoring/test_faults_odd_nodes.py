"""CHAIN_FAULTS rows 43 to 50, 56 and 57: nodes that refuse in words of their own, that ask for a price where
the chain asks for none, that show few blocks at once, that are overloaded or moved; anchors that are gone."""

from typing import Any

import pytest

from anchor.monitor.nodes import Nodes
from anchor.node.endpoint import HttpEndpoint, RpcError
from anchor.node.reader import JsonRpcChain, Overloaded
from anchor.node.view import ChainUnavailable, Finality
from anchor.server.anchoring.doctor import Doctor
from anchor.server.chain.contract import AnchorLog
from anchor.server.chain.fees import FeeLimits
from anchor.server.chain.finality import FinalityRule
from anchor.server.chain.node import Node
from anchor.server.storage.verified import verified_batch
from tests.fixtures.anchoring import LOG_ID, Bench, MakeBench
from tests.fixtures.anvil import CHAIN_ID
from tests.fixtures.rpc_proxy import Call, Fault, MakeProxy, Reply, RpcProxy, answer, change, refuse, status

BY_TAG = FinalityRule("finalized", 3)
GWEI = 10**9


def finish(bench: Bench, loop: Any, *, rounds: int = 4) -> None:
    """Mine and work until nothing is left to do."""
    for _ in range(rounds):
        bench.mine()
        bench.clock.advance(16_000)
        loop.run_once()


def refuse_tags(proxy: RpcProxy, *words: str) -> None:
    """Refuse every tag but 'latest' in these words, in turn."""
    said = [0]

    def fault(call: Call) -> Reply:
        if call.params[0] not in ("finalized", "safe"):
            return answer(call.forward()["result"])(call)
        said[0] += 1
        return refuse(words[said[0] % len(words)])(call)

    proxy.on("eth_getBlockByNumber", fault)


def test_43_a_tag_that_is_refused_in_unknown_words_is_missing_where_latest_answers(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench()
    proxy = make_proxy(bench.anvil.url)
    refuse_tags(proxy, "'finalized' tag not supported on pre-merge network", "klaatu barada nikto")
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)], finality=BY_TAG)
    bench.press.add()
    loop.run_once()
    finish(bench, loop, rounds=6)
    assert bench.states() == ["final"]
    assert bench.alarms() == {}
    bench.check_caught_up()


def test_43_a_tag_that_was_known_and_is_refused_now_is_a_fault_of_the_node(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench()
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)], finality=BY_TAG)
    loop.run_once()
    refuse_tags(proxy, "klaatu barada nikto")
    bench.press.add()
    loop.run_once()
    finish(bench, loop, rounds=6)
    assert bench.states() == ["mined"]


def test_43_where_latest_is_refused_too_nothing_is_said_of_the_tag(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench()
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)], finality=BY_TAG)
    bench.press.add()
    proxy.on("eth_getBlockByNumber", refuse("klaatu barada nikto"))
    loop.run_once()
    assert bench.states() == []
    proxy.heal()
    for _ in range(3):
        bench.clock.advance(61_000)
        loop.run_once()
    finish(bench, loop)
    assert "finality_stalled" not in bench.alarms()


def free_chain(bench: Bench, proxy: RpcProxy, least: int, said: str) -> list[int]:
    """A chain whose blocks and history ask for nothing, behind a node that takes no less than ``least``."""

    def no_base_fee(block: Any) -> Any:
        return block and block | {"baseFeePerGas": "0x0"}

    offered: list[int] = []

    def minimum(call: Call) -> Reply:
        attempt = bench.attempt_rows()[-1]
        offered.append(attempt.max_fee)
        if attempt.max_fee < least:
            return refuse(said)(call)
        return answer(call.forward()["result"])(call)

    proxy.on("eth_getBlockByNumber", change(no_base_fee))
    proxy.on("eth_feeHistory", change(lambda history: history | {"reward": [["0x0"]]}))
    proxy.on("eth_maxPriorityFeePerGas", answer("0x0"))
    proxy.on("eth_sendRawTransaction", minimum)
    return offered


def test_44_where_base_fee_and_tip_are_0_the_offer_starts_at_the_nodes_gas_price(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench()
    proxy = make_proxy(bench.anvil.url)
    offered = free_chain(bench, proxy, 5 * GWEI, "Gas price below configured minimum gas price")
    proxy.on("eth_gasPrice", answer(hex(5 * GWEI)))
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    loop.run_once()
    assert offered == [5 * GWEI]
    finish(bench, loop)
    assert bench.states() == ["final"]
    bench.check_caught_up()


def test_44_a_node_that_finds_every_price_too_low_gets_one_signature_a_cycle(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench()
    proxy = make_proxy(bench.anvil.url)
    free_chain(bench, proxy, 10**30, "fee too low")
    proxy.on("eth_gasPrice", answer("0x0"))
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    for looks in range(1, 6):
        # The worker looks at the chain before it seals, and after.
        loop.run_once()
        assert len(bench.attempt_rows()) <= 2 * looks
        bench.clock.advance(1_000)


def limited(proxy: RpcProxy, most: int, said: str) -> list[int]:
    """Let a node show the events of so few blocks at once; return how many were asked for."""
    asked: list[int] = []

    def fault(call: Call) -> Reply:
        wanted = call.params[0]
        if "blockHash" in wanted:
            return answer(call.forward()["result"])(call)
        span = int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) + 1
        asked.append(span)
        return refuse(said)(call) if span > most else answer(call.forward()["result"])(call)

    proxy.on("eth_getLogs", fault)
    return asked


def reader_by(bench: Bench, proxy: RpcProxy) -> AnchorLog:
    """A reader of the contract by a proxy."""
    return AnchorLog(Node([HttpEndpoint(proxy.url)], CHAIN_ID), bench.contract)


@pytest.mark.parametrize("most", [10, 5, 1])
def test_45_events_are_read_from_a_node_that_shows_few_blocks_at_once(
    make_bench: MakeBench, make_proxy: MakeProxy, most: int
) -> None:
    bench = make_bench()
    loop = bench.loop()
    for _ in range(2):
        bench.press.add()
        loop.run_once()
        finish(bench, loop, rounds=2)
    bench.mine(60)
    proxy = make_proxy(bench.anvil.url)
    asked = limited(proxy, most, "that is too much for this plan")
    shown = list(reader_by(bench, proxy).anchored(0, bench.node().tallest_block().number))
    assert [event.number for event in shown] == [2, 1]
    # What was refused is not asked for again.
    assert len([span for span in asked if span > most]) <= 6


def test_45_doctor_finds_a_node_that_shows_few_blocks_or_none(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench()
    bench.mine(30)
    proxy = make_proxy(bench.anvil.url)

    def verdicts() -> dict[str, tuple[str, str]]:
        connection = bench.connection(endpoints=[HttpEndpoint(proxy.url)], fees=FeeLimits(max_fee=10**11))
        bench.clock.ms = bench.node().tallest_block().time + 1_000
        examined = Doctor(connection, log_id=LOG_ID, database=bench.database, clock=bench.clock).examine()
        return {one.check.split()[0]: (one.outcome, one.found) for one in examined}

    assert "events" not in verdicts()
    limited(proxy, 10, "You can make eth_getLogs requests with up to a 10 block range.")
    assert verdicts()["events"] == ("warning", "10 blocks of eth_getLogs at once")
    proxy.on("eth_getLogs", refuse("not on this plan"))
    assert verdicts()["events"][0] == "bad"


def test_45_a_watcher_goes_down_to_what_a_node_shows_and_stays_there(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench()
    bench.mine(60)
    proxy = make_proxy(bench.anvil.url)
    asked = limited(proxy, 5, "not with this plan")
    view = Nodes([JsonRpcChain(proxy.url)]).view(Finality("latest"))
    first = 0
    while first <= 59:
        first = view.events(bench.contract, first, 59).last + 1
    assert len([span for span in asked if span > 5]) <= 3
    named = limited(proxy, 10, "eth_getLogs requests with up to a 10 block range")
    view = Nodes([JsonRpcChain(proxy.url)]).view(Finality("latest"))
    assert view.events(bench.contract, 0, 59).last == 9
    assert named == [60, 10]


def test_46_a_range_that_a_node_names_is_used(make_bench: MakeBench, make_proxy: MakeProxy) -> None:
    bench = make_bench()
    bench.mine(60)
    proxy = make_proxy(bench.anvil.url)
    asked = limited(proxy, 10, "You can make eth_getLogs requests with up to a 10 block range.")
    list(reader_by(bench, proxy).anchored(0, 59))
    assert asked == [60, 10, 10, 10, 10, 10, 10]


@pytest.mark.parametrize("fault", [status(429), refuse("daily request limit reached", -32003), status(503)])
def test_47_a_spent_quota_says_nothing_of_the_chain_and_advises_no_weaker_finality(
    make_bench: MakeBench, make_proxy: MakeProxy, fault: Fault
) -> None:
    bench = make_bench()
    proxy = make_proxy(bench.anvil.url)
    pauses: list[float] = []
    chain = JsonRpcChain(proxy.url, pause=pauses.append)
    proxy.on("*", fault, times=2)
    assert chain.chain_id() == bench.settings().chain_id
    assert len(pauses) == 2
    proxy.on("*", fault)
    with pytest.raises(ChainUnavailable) as unavailable:
        chain.final_block(Finality("finalized"))
    assert "confirmations" not in unavailable.value.reason
    assert "HTTP" in unavailable.value.reason or "limit reached" in unavailable.value.reason
    assert len(pauses) <= 8
    assert isinstance(unavailable.value, Overloaded | RpcError)


@pytest.mark.parametrize(
    "said", ["no backend is currently healthy to serve traffic", "queue full", "context deadline exceeded"]
)
def test_48_an_overloaded_node_is_left_alone_for_a_while_as_for_503(
    make_bench: MakeBench, make_proxy: MakeProxy, said: str
) -> None:
    bench = make_bench()
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url), HttpEndpoint(bench.anvil.url)])
    proxy.on("*", refuse(said))
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    assert bench.states() == ["final"]
    assert said in bench.alarms()["endpoint_unreachable"]
    proxy.heal()


@pytest.mark.parametrize(
    "said",
    [
        "Transaction with the same hash was already imported.",
        "AlreadyKnown",
        "submit transaction to pool failed: Pool(AlreadyImported)",
        "known transaction. transaction with hash 0x6013…3053 is already in the system",
    ],
)
def test_49_already_known_in_the_words_of_other_nodes_counts_as_sent(
    make_bench: MakeBench, make_proxy: MakeProxy, said: str
) -> None:
    bench = make_bench("--no-mining")
    proxy = make_proxy(bench.anvil.url)

    def known(call: Call) -> Reply:
        call.forward()
        return refuse(said)(call)

    proxy.on("eth_sendRawTransaction", known)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    loop.run_once()
    assert bench.states() == ["sent"]
    assert bench.alarms() == {}
    finish(bench, loop)
    assert bench.states() == ["final"]
    bench.check_caught_up()


def test_50_an_endpoint_that_redirects_is_not_followed_and_the_place_is_named(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench()
    proxy = make_proxy(bench.anvil.url)
    moved = Reply(b"", 308, {"location": f"{bench.anvil.url}/v3/a-key-of-ours"})
    proxy.on("*", lambda _call: moved)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    loop.run_once()
    alarm = bench.alarms()["endpoint_unreachable"]
    assert f"redirects to {bench.anvil.url}, which is not followed" in alarm
    assert "a-key-of-ours" not in alarm
    with pytest.raises(ChainUnavailable, match="redirects to http"):
        JsonRpcChain(proxy.url).chain_id()
    assert bench.states() == []


def test_56_a_fork_that_reprices_an_anchor_moves_the_gas_limit_with_the_estimate(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench()
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    for _ in range(2):
        bench.press.add()
        loop.run_once()
        finish(bench, loop)
    before = bench.attempt_rows()[-1].gas_limit
    proxy.on("eth_estimateGas", change(lambda gas: hex(4 * int(gas, 16))))
    bench.press.add()
    loop.run_once()
    assert bench.attempt_rows()[-1].gas_limit > 3 * before
    finish(bench, loop)
    assert bench.states() == ["final", "final", "final"]
    bench.check_caught_up()


def test_57_nothing_goes_on_saying_verified_when_the_anchor_that_made_it_so_is_gone(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench()
    loop = bench.loop()
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    assert verified(bench) == 1
    proxy = make_proxy(bench.anvil.url)
    # The chain was replaced by another that has the same id.
    proxy.on(
        "eth_getBlockByNumber",
        lambda call: answer(
            call.forward()["result"] | ({"hash": "0x" + "77" * 32} if call.params[0] == "0x0" else {})
        )(call),
    )
    bench.loop(endpoints=[HttpEndpoint(proxy.url)]).run_once()
    assert "chain_reset" in bench.alarms()
    assert verified(bench) == 0
    # It was the endpoint: with the right one all is as before.
    bench.loop().run_once()
    assert "chain_reset" not in bench.alarms()
    assert verified(bench) == 1


def verified(bench: Bench) -> int:
    """The batch up to which deltas are VERIFIED; 0: none."""
    with bench.database.read() as connection:
        found = verified_batch(connection)
    return 0 if found is None else found.number
