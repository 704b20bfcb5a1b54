"""CHAIN_FAULTS rows 26, 28, 29: one endpoint says nonsense or lies, and a good one stands beside it."""

from typing import Any

import pytest

from anchor.node.endpoint import HttpEndpoint
from anchor.server.chain.contract import ANCHORED_TOPIC
from anchor.server.chain.finality import FinalityRule
from anchor.server.chain.node import EndpointsDisagree, Node
from tests.fixtures.anchoring import Bench, MakeBench
from tests.fixtures.anvil import CHAIN_ID, StartAnvil
from tests.fixtures.rpc_proxy import Call, MakeProxy, Reply, RpcProxy, answer, change, refuse


def finish(bench: Bench, loop: object, *, rounds: int = 4) -> None:
    """Mine and work until nothing is left to do."""
    for _ in range(rounds):
        bench.mine()
        bench.clock.advance(61_000)
        loop.run_once()  # type: ignore[attr-defined]


def beside(bench: Bench, proxy: RpcProxy) -> list[HttpEndpoint]:
    """The liar first, so that it is asked first."""
    return [HttpEndpoint(proxy.url), HttpEndpoint(bench.anvil.url)]


@pytest.mark.parametrize(
    ("method", "nonsense"),
    [
        ("eth_chainId", None),
        ("eth_getBlockByNumber", "hello"),
        ("eth_getBlockByNumber", {"a": 1}),
        ("eth_call", "0x"),
        ("eth_call", {"a": 1}),
        ("eth_getTransactionCount", "hello"),
        ("eth_getBalance", None),
        ("eth_getTransactionReceipt", "hello"),
        ("eth_feeHistory", {"reward": 7}),
    ],
)
def test_28_nonsense_from_one_endpoint_is_told_and_the_other_is_used(
    bench: Bench,
    make_proxy: MakeProxy,
    log_lines: pytest.LogCaptureFixture,
    method: str,
    nonsense: Any,
) -> None:
    proxy = make_proxy(bench.anvil.url)
    proxy.on(method, answer(nonsense))
    loop = bench.loop(endpoints=beside(bench, proxy))
    bench.press.add()
    loop.run_once()
    assert f'"endpoint_unreachable", "detail": "{proxy.url}: {method}: nonsense: ' in log_lines.text
    finish(bench, loop)
    assert bench.states() == ["final"]
    proxy.heal()
    finish(bench, loop, rounds=1)
    assert bench.alarms() == {}
    bench.check_caught_up()


def test_26_an_endpoint_that_does_not_say_its_chain_is_not_asked(
    bench: Bench, make_proxy: MakeProxy, start_anvil: StartAnvil
) -> None:
    other = start_anvil("--chain-id", "99")
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=beside(bench, proxy))
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    # It goes over to another network, and from now on does not say which.
    proxy.target = other.url
    proxy.on("eth_chainId", refuse("method not allowed", -32601))
    proxy.calls.clear()
    bench.press.add()
    finish(bench, loop)
    assert set(proxy.calls) == {"eth_chainId"}
    assert "method not allowed" in bench.alarms()["endpoint_unreachable"]
    assert bench.states() == ["final", "final"]
    bench.check_caught_up()


def taller(block: Any) -> Any:
    return block and block | {"number": hex(int(block["number"], 16) + 1000)}


def only_latest_is_taller(call: Call) -> Reply:
    """Every block by its number is the true one: there is none at the height that it claims."""
    given = call.forward()["result"]
    return answer(taller(given) if call.params[0] == "latest" else given)(call)


def made_up_blocks(call: Call) -> Reply:
    """A thousand blocks that nobody else has, with hashes and times."""
    given = call.forward()["result"]
    if call.params[0] == "latest":
        return answer(taller(given) | MADE_UP)(call)
    if given is None:
        return answer(MADE_UP | {"number": call.params[0]})(call)
    return answer(given)(call)


MADE_UP = {
    "hash": "0x" + "ab" * 32,
    "parentHash": "0x" + "cd" * 32,
    "timestamp": hex(2**34),
    "gasLimit": hex(30_000_000),
    "baseFeePerGas": "0x7",
}


@pytest.mark.parametrize("lie", [change(taller), only_latest_is_taller, made_up_blocks])
def test_29_a_height_that_nobody_can_confirm_makes_no_honest_endpoint_unheard(
    bench: Bench, make_proxy: MakeProxy, lie: Any
) -> None:
    """The liar claims to be 1000 blocks ahead, and that the head there is nobody's."""
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=beside(bench, proxy))
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    batch = bench.press.press()
    proxy.on("eth_getBlockByNumber", lie)
    proxy.on("eth_call", answer("0x" + "66" * 32))
    for _ in range(4):
        loop.run_once()
    alarms = bench.alarms()
    assert "foreign_head" not in alarms
    if "endpoints_disagree" in alarms:
        assert proxy.url in alarms["endpoints_disagree"]
        assert bench.anvil.url in alarms["endpoints_disagree"]
        assert bench.states() == ["final"]
    else:
        # Its blocks were nonsense, so its word was left out.
        assert "nonsense" in alarms["endpoint_unreachable"]
        assert bench.states()[-1] in ("mined", "final")
    proxy.heal()
    finish(bench, loop)
    assert bench.states() == ["final", "final"]
    assert bench.reader().head() == batch.anchor_root
    bench.check_caught_up()


def test_29_a_liar_ahead_does_not_hide_that_a_batch_waits(bench: Bench, make_proxy: MakeProxy) -> None:
    """It says that the head is the batch that was never sent."""
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=beside(bench, proxy))
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    batch = bench.press.press()
    proxy.on("eth_getBlockByNumber", only_latest_is_taller)
    proxy.on("eth_call", answer("0x" + batch.anchor_root.hex()))
    for _ in range(3):
        loop.run_once()
    said = bench.alarms()["endpoints_disagree"]
    assert "head in block" in said
    assert batch.anchor_root.hex() in said
    proxy.heal()
    finish(bench, loop)
    bench.check_caught_up()


@pytest.mark.parametrize("lie", ["0x5", "0x0"])
def test_29_endpoints_that_differ_about_the_nonce_are_an_alarm_and_no_new_plan(
    make_bench: MakeBench, make_proxy: MakeProxy, lie: str
) -> None:
    bench = make_bench("--no-mining")
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=beside(bench, proxy))
    bench.press.add()
    loop.run_once()
    bench.mine()
    loop.run_once()
    bench.press.add()
    loop.run_once()
    assert bench.states() == ["mined", "sent"]
    proxy.on("eth_getTransactionCount", answer(lie))
    for _ in range(5):
        loop.run_once()
    assert "the next nonce of" in bench.alarms()["endpoints_disagree"]
    assert "key_used_elsewhere" not in bench.alarms()
    assert bench.states() == ["mined", "sent"]
    proxy.heal()
    finish(bench, loop)
    assert bench.states() == ["final", "final"]
    assert len(bench.attempt_rows()) == 2
    assert bench.alarms() == {}
    bench.check_caught_up()


def test_29_a_lie_about_the_balance_keeps_no_send_in_flight_from_being_broadcast_again(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench("--no-mining")
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=beside(bench, proxy))
    batch = bench.press.press()
    loop.run_once()
    bench.anvil.rpc("anvil_dropAllTransactions")
    proxy.on("eth_getBalance", answer("0x1"))
    bench.clock.advance(16_000)
    for _ in range(3):
        loop.run_once()
    assert "the balance of" in bench.alarms()["endpoints_disagree"]
    bench.mine()
    assert bench.reader().head() == batch.anchor_root


def test_29_a_new_plan_waits_until_the_endpoints_agree_about_the_nonce(
    bench: Bench, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=beside(bench, proxy))
    loop.run_once()
    proxy.on("eth_getTransactionCount", answer("0x5"))
    bench.press.add()
    for _ in range(3):
        loop.run_once()
    assert bench.attempt_rows() == []
    assert "the next nonce of" in bench.alarms()["endpoints_disagree"]
    with pytest.raises(EndpointsDisagree, match="the next nonce"):
        Node(beside(bench, proxy), CHAIN_ID).nonce(bench.signer.address)
    proxy.heal()
    finish(bench, loop)
    bench.check_caught_up()


def test_29_a_made_up_receipt_in_a_block_that_exists_does_not_count(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    """The block is true, and the liar says that our transaction is in it."""
    bench = make_bench("--no-mining")
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=beside(bench, proxy), finality=FinalityRule(None, 1))
    batch = bench.press.press()
    loop.run_once()
    bench.anvil.rpc("anvil_dropAllTransactions")
    bench.mine()
    block = bench.anvil.rpc("eth_getBlockByNumber", "latest", False)

    def receipt(call: Call) -> Reply:
        where = {
            "transactionHash": call.params[0],
            "blockNumber": block["number"],
            "blockHash": block["hash"],
        }
        topics = [
            "0x" + ANCHORED_TOPIC.hex(),
            "0x" + batch.number.to_bytes(32, "big").hex(),
            "0x" + batch.anchor_root.hex(),
        ]
        event = where | {
            "address": "0x" + bench.contract.hex(),
            "topics": topics,
            "data": "0x" + bytes(32).hex(),
            "logIndex": "0x0",
        }
        said = {"status": "0x1", "gasUsed": "0x7530", "effectiveGasPrice": "0x1", "logs": [event]}
        return answer(where | said | {"from": "0x" + bench.signer.address.hex()})(call)

    proxy.on("eth_getTransactionReceipt", receipt)
    proxy.on("eth_getTransactionCount", answer("0x1"))
    for _ in range(3):
        loop.run_once()
    assert bench.anchor_rows() == []
    said = bench.alarms()["endpoints_disagree"]
    assert "not mined" in said or "the next nonce" in said
    proxy.heal()
    finish(bench, loop)
    bench.check_caught_up()


def test_29_a_node_that_repeats_its_url_gives_no_key_away(bench: Bench, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(bench.anvil.url)
    key = "0123456789abcdef0123"
    proxy.on("eth_sendRawTransaction", refuse(f"project {key} may not send: see {proxy.url}/v3/{key}"))
    loop = bench.loop(endpoints=[HttpEndpoint(f"{proxy.url}/v3/{key}")])
    bench.press.add()
    loop.run_once()
    assert "may not send" in bench.alarms()["node_refuses"]
    assert key not in str(bench.alarms())
    assert key not in str(bench.attempt_rows()[-1].refusal)


def test_29_a_taller_chain_of_the_future_makes_no_honest_endpoint_unheard(
    bench: Bench, make_proxy: MakeProxy
) -> None:
    """It holds the true blocks and a thousand made up above them, and says that the key's nonce is used."""
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=beside(bench, proxy))
    loop.run_once()
    bench.go_to_the_newest_block()
    future = MADE_UP | {"timestamp": hex(bench.clock.ms // 1000 + 3600)}

    def above(call: Call) -> Reply:
        given = call.forward()["result"]
        if call.params[0] == "latest":
            return answer(taller(given) | future)(call)
        return answer(given or future | {"number": call.params[0]})(call)

    proxy.on("eth_getBlockByNumber", above)
    proxy.on("eth_getTransactionCount", answer("0x5"))
    bench.press.add()
    for _ in range(3):
        loop.run_once()
    alarms = bench.alarms()
    assert bench.anvil.url in alarms["endpoints_disagree"]
    assert "endpoint_lags" not in alarms
    assert proxy.url in alarms["block_of_the_future"]
    assert bench.attempt_rows() == []
    proxy.heal()
    finish(bench, loop)
    assert bench.alarms() == {}
    bench.check_caught_up()
