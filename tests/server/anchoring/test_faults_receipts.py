"""CHAIN_FAULTS rows 2, 19 and 22: receipts that are missing, late, forgotten, or of another block."""

import msgspec
import pytest
from prometheus_client import generate_latest

from anchor.cli.output import Output
from anchor.cli.status import show_status
from anchor.node.endpoint import HttpEndpoint
from anchor.server.anchoring.status import read_status
from anchor.server.api.metrics import metrics_registry
from anchor.server.chain.contract import anchor_call
from anchor.server.chain.finality import FinalityRule
from anchor.server.chain.transactions import Fees, Transaction
from anchor.wire.responses import encode
from tests.fixtures.anchoring import Bench, MakeBench
from tests.fixtures.rpc_proxy import Call, MakeProxy, Reply, answer, change, frozen_at


def finish(bench: Bench, loop: object, *, rounds: int = 4) -> None:
    """Mine and work until nothing is left to do."""
    for _ in range(rounds):
        bench.mine()
        bench.clock.advance(16_000)
        loop.run_once()  # type: ignore[attr-defined]


def spend_nonce(bench: Bench) -> None:
    """Use the signer's next nonce for something that Anchor did not send."""
    node = bench.node()
    transaction = Transaction(
        node.chain_id,
        node.nonce(bench.signer.address),
        bench.owner.address,
        1,
        b"",
        21_000,
        Fees(10**11, 10**10),
    )
    [sent] = node.broadcast(bench.signer.sign(transaction).raw)
    assert sent.accepted, sent


@pytest.mark.databases("sqlite", "postgresql")
def test_02_a_nonce_used_by_someone_else_is_an_alarm_and_planned_anew_from_the_chain(
    make_bench: MakeBench,
) -> None:
    bench = make_bench("--no-mining")
    loop = bench.loop()
    bench.press.add()
    loop.run_once()
    assert bench.states() == ["sent"]
    bench.anvil.rpc("anvil_dropAllTransactions")
    spend_nonce(bench)
    bench.mine()
    # Three looks for a receipt, then another transaction must have the nonce.
    for _ in range(3):
        loop.run_once()
    assert bench.states()[0] == "superseded"
    assert "none of our 1 attempts" in bench.alarms()["key_used_elsewhere"]
    finish(bench, loop)
    assert bench.states() == ["superseded", "final"]
    bench.check_caught_up()
    # An anchor became final since; who else holds the key is to be found out all the same.
    assert set(bench.alarms()) == {"key_used_elsewhere"}
    bench.clock.advance(86_400_000)
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    assert bench.alarms() == {}


def test_02_a_pool_that_keeps_ours_puts_the_alarm_off_for_a_minute_only(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench("--no-mining")
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    loop.run_once()
    bench.anvil.rpc("anvil_dropAllTransactions")
    spend_nonce(bench)
    bench.mine()
    proxy.on("eth_getTransactionByHash", answer({"blockHash": None}))
    for _ in range(4):
        loop.run_once()
    assert (bench.states(), bench.alarms()) == (["sent"], {})
    bench.clock.advance(61_000)
    loop.run_once()
    assert "none of our 1 attempts" in bench.alarms()["key_used_elsewhere"]
    finish(bench, loop)
    assert bench.states() == ["superseded", "final"]
    bench.check_caught_up()


def test_19_a_receipt_that_is_missing_at_first_is_asked_for_again(
    bench: Bench, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(bench.anvil.url)
    proxy.on("eth_getTransactionReceipt", answer(None), times=2)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    assert bench.states() == ["final"]
    assert len(bench.attempt_rows()) == 1
    assert bench.alarms() == {}
    bench.check_caught_up()


def test_19_an_anchor_whose_receipt_was_forgotten_is_found_by_its_event(
    bench: Bench, make_proxy: MakeProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy = make_proxy(bench.anvil.url)
    proxy.on("eth_getTransactionReceipt", answer(None))
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    loop.run_once()
    # What it cost is to be had still: it is waited for.
    assert (bench.states(), bench.anchor_rows()) == (["sent"], [])
    bench.anvil.rpc("evm_increaseTime", 86_401)
    bench.mine()
    loop.run_once()
    assert bench.states() == ["final"]
    assert [row.fee_paid for row in bench.attempt_rows()] == [None]
    # What it cost is not to be had any more, and that is said where costs are shown.
    status = read_status(bench.database, bench.clock)
    assert [chain.anchors_of_unknown_cost for chain in status.chains] == [1]
    show_status(Output(), msgspec.json.decode(encode(status)))
    assert "unknown for 1 anchor of the last 7 days" in capsys.readouterr().out
    text = generate_latest(metrics_registry(lambda: status)).decode()
    assert 'anchor_chain_anchors_of_unknown_cost{chain="anvil"} 1.0' in text
    proxy.heal()
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    bench.clock.advance(8 * 86_400_000)
    status = read_status(bench.database, bench.clock)
    assert [chain.anchors_of_unknown_cost for chain in status.chains] == [0]


def test_19_and_so_it_is_beside_an_endpoint_that_is_stuck(bench: Bench, make_proxy: MakeProxy) -> None:
    stuck, pruned = make_proxy(bench.anvil.url), make_proxy(bench.anvil.url)
    for proxy in (stuck, pruned):
        proxy.on("eth_getTransactionReceipt", answer(None))
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url) for proxy in (pruned, stuck)])
    bench.press.add()
    loop.run_once()
    stuck.on("eth_getBlockByNumber", frozen_at(bench.anvil.rpc("eth_getBlockByNumber", "latest", False)))
    bench.anvil.rpc("evm_increaseTime", 86_401)
    bench.mine(10)
    loop.run_once()
    assert [row.batch for row in bench.anchor_rows()] == [1]


@pytest.mark.databases("sqlite", "postgresql")
def test_19_a_receipt_counts_only_with_its_block(bench: Bench, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(bench.anvil.url)
    elsewhere = "0x" + "77" * 32
    rule = proxy.on(
        "eth_getTransactionReceipt",
        change(lambda receipt: receipt and receipt | {"blockHash": elsewhere}),
        times=2,
    )
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    loop.run_once()
    assert rule.used > 0
    finish(bench, loop)
    [anchor] = bench.anchor_rows()
    assert bytes(anchor.block_hash).hex() != "77" * 32
    assert bench.states() == ["final"]
    bench.check_caught_up()


@pytest.mark.parametrize("instead", [None, {"hash": "0x" + "77" * 32, "timestamp": "0x1"}])
def test_19_an_anchor_is_recorded_with_its_own_blocks_time_only(
    make_bench: MakeBench, make_proxy: MakeProxy, instead: dict[str, str] | None
) -> None:
    bench = make_bench("--no-mining")
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.press()
    loop.run_once()
    asked: list[str] = []

    def other_node(call: Call) -> Reply:
        # The block is shown while the receipt is asked for, and is missing, or another, just after.
        block = call.forward()["result"]
        if call.params[0].startswith("0x"):
            asked.append(call.params[0])
            block = instead and block | instead if len(asked) == 2 else block
        return answer(block)(call)

    proxy.on("eth_getBlockByNumber", other_node)
    bench.mine()
    loop.workers[0].step(force=True)
    assert len(asked) >= 2
    finish(bench, loop)
    [anchor] = bench.anchor_rows()
    block = bench.node().block(anchor.block_number)
    assert block is not None
    assert (anchor.block_time, bench.states()) == (block.time, ["final"])
    bench.check_caught_up()


def test_22_an_anchor_that_no_send_of_ours_made_is_followed_into_its_other_block(
    make_bench: MakeBench,
) -> None:
    bench = make_bench("--no-mining")
    loop = bench.loop(finality=FinalityRule(None, 6))
    batch = bench.press.press()
    calldata = anchor_call(bytes(32), batch.anchor_root, batch.number)
    signed = bench.signer.sign(
        Transaction(31337, 0, bench.contract, 0, calldata, 100_000, Fees(10**11, 10**10))
    )
    bench.node().broadcast(signed.raw)
    bench.mine(3)
    loop.run_once()
    [before] = bench.anchor_rows()
    bench.anvil.rpc("anvil_reorg", 3, [["0x" + signed.raw.hex(), 1]])
    loop.run_once()
    [after] = bench.anchor_rows()
    assert (after.block_number, bytes(after.transaction_hash)) == (before.block_number + 1, signed.hash)
    block = bench.node().block(after.block_number)
    assert block is not None
    assert (bytes(after.block_hash), after.block_time) == (block.hash, block.time)
    bench.mine(6)
    loop.run_once()
    assert [row.state for row in bench.anchor_rows()] == ["final"]
    assert bench.states() == []
    bench.check_caught_up()


def test_19_no_anchor_is_passed_over_whose_receipt_comes_later_than_that_of_the_next(
    bench: Bench, make_proxy: MakeProxy
) -> None:
    before = bench.loop()
    for _ in range(2):
        bench.press.add()
        before.run_once()
        finish(bench, before, rounds=2)
    # As if this process had given both up before it saw that they were mined.
    with bench.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM anchors")
        connection.exec_driver_sql("UPDATE sends SET state = 'superseded'")
        for column in ("block_number", "block_hash", "succeeded", "gas_used", "fee_paid", "mined_at"):
            connection.exec_driver_sql(f"UPDATE attempts SET {column} = NULL")
    late = "0x" + bench.line()[0].transaction_hash.hex()
    proxy = make_proxy(bench.anvil.url)

    def receipt(call: Call) -> Reply:
        return answer(None if call.params == [late] else call.forward()["result"])(call)

    proxy.on("eth_getTransactionReceipt", receipt)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    loop.run_once()
    proxy.heal()
    finish(bench, loop, rounds=2)
    assert [row.batch for row in bench.anchor_rows()] == [1, 2]
    assert bench.states() == ["final", "final"]
    bench.check_caught_up()
