"""CHAIN_FAULTS rows 1, 3-6, 23, 30, 31: nonces, attempts, and processes that die or compete.

Named after the rows of docs/chain-faults.md. Each asserts that nothing is lost, nothing is anchored
twice, and what the operator is told.
"""

import os
import signal
import threading
import time

import pytest

from anchor.node.endpoint import HttpEndpoint
from anchor.server.anchoring.lease import LeaseLost
from anchor.server.anchoring.repair import NothingToCancel, cancel_send
from anchor.server.chain.contract import anchor_call
from anchor.server.chain.fees import FeeLimits
from anchor.server.chain.transactions import Fees, Transaction
from anchor.server.ledger.clock import SystemClock
from anchor.server.storage.anchors import newest_batch
from anchor.server.storage.sending import plan_send, record_attempt
from tests.fixtures.anchoring import Bench, MakeBench
from tests.fixtures.clocks import FixedClock
from tests.fixtures.rpc_proxy import Call, MakeProxy, Reply, answer, change, lose_request, refuse


def finish(bench: Bench, loop: object, *, rounds: int = 4) -> None:
    """Mine and work until nothing is left to do."""
    for _ in range(rounds):
        bench.mine()
        bench.clock.advance(16_000)
        loop.run_once()  # type: ignore[attr-defined]


@pytest.mark.databases("sqlite", "postgresql")
def test_01_an_earlier_attempt_that_was_mined_is_found_among_all_attempts(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench("--no-mining")
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    loop.run_once()
    [first] = bench.attempt_rows()
    # The replacement never reaches the node: the first attempt is mined.
    bench.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**12))
    bench.mine()
    bench.clock.advance(31_000)
    first_raw = "0x" + bytes(first.raw).hex()

    def lose_all_but_the_first(call: Call) -> Reply:
        if call.params == [first_raw]:
            return answer(call.forward().get("result"))(call)
        return lose_request(call)

    proxy.on("eth_sendRawTransaction", lose_all_but_the_first)
    loop.run_once()
    assert len(bench.attempt_rows()) == 2
    bench.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    bench.mine()
    loop.run_once()
    finish(bench, loop)
    assert bench.states() == ["final"]
    [anchor] = bench.anchor_rows()
    assert bytes(anchor.transaction_hash) == bytes(first.transaction_hash)
    assert "key_used_elsewhere" not in bench.alarms()
    bench.check_caught_up()


@pytest.mark.databases("sqlite", "postgresql")
def test_03_a_gap_in_the_nonces_heals_by_itself(make_bench: MakeBench) -> None:
    bench = make_bench()
    loop = bench.loop()
    bench.press.add()
    loop.run_once()
    newest = bench.press.press()
    # A send signed for a nonce that is two too high, as after a reorganisation or by a restored database.
    with bench.database.write() as connection:
        send = plan_send(
            connection,
            chain=1,
            batch=newest.number,
            previous_head=bench.reader().head(),
            new_head=newest.anchor_root,
            state="signed",
            now=0,
        )
        nonce = bench.node().nonce(bench.signer.address) + 2
        calldata = anchor_call(send.previous_head, send.new_head, send.batch)
        signed = bench.signer.sign(
            Transaction(31337, nonce, bench.contract, 0, calldata, 60_000, Fees(10**10, 10**9))
        )
        record_attempt(
            connection,
            send=send.id,
            kind="anchor",
            transaction_hash=signed.hash,
            raw=signed.raw,
            max_fee=10**10,
            max_tip=10**9,
            gas_limit=60_000,
            sender=bench.signer.address,
            nonce=nonce,
            now=0,
        )
    finish(bench, loop)
    assert bench.states() == ["final", "superseded", "final"]
    bench.check_caught_up()


class Killed(BaseException):
    """Stands for the end of the process at this point."""


@pytest.mark.databases("sqlite", "postgresql")
def test_04_killed_between_signing_and_broadcast_the_stored_bytes_go_out_unchanged(
    bench: Bench,
) -> None:
    class DyingEndpoint(HttpEndpoint):
        def call(self, method: str, params: object) -> object:
            if method == "eth_sendRawTransaction":
                raise Killed
            return super().call(method, params)  # type: ignore[arg-type]

    bench.press.add()
    with pytest.raises(Killed):
        bench.loop(endpoints=[DyingEndpoint(bench.anvil.url)]).run_once()
    assert bench.states() == ["signed"]
    [stored] = bench.attempt_rows()
    loop = bench.loop()
    loop.run_once()
    finish(bench, loop)
    [after] = bench.attempt_rows()
    assert bytes(after.raw) == bytes(stored.raw)
    assert bytes(bench.anchor_rows()[0].transaction_hash) == bytes(stored.transaction_hash)
    assert bench.states() == ["final"]
    bench.check_caught_up()


@pytest.mark.databases("sqlite", "postgresql")
def test_05_killed_after_broadcast_before_the_database_knew_the_transaction_is_found(
    bench: Bench,
) -> None:
    class DyingEndpoint(HttpEndpoint):
        def call(self, method: str, params: object) -> object:
            result = super().call(method, params)  # type: ignore[arg-type]
            if method == "eth_sendRawTransaction":
                raise Killed
            return result

    bench.press.add()
    with pytest.raises(Killed):
        bench.loop(endpoints=[DyingEndpoint(bench.anvil.url)]).run_once()
    assert bench.states() == ["signed"]
    bench.until_anchored(1)
    loop = bench.loop()
    loop.run_once()
    finish(bench, loop)
    assert bench.states() == ["final"]
    assert len(bench.attempt_rows()) == 1
    bench.check_caught_up()


@pytest.mark.databases("sqlite", "postgresql")
def test_06_of_two_workers_one_sends_and_the_other_takes_over_when_the_lease_lapses(
    bench: Bench,
) -> None:
    clock = FixedClock()
    first = bench.loop(holder="first", clock=clock, lease_seconds=10)
    second = bench.loop(holder="second", clock=clock, lease_seconds=10)
    bench.press.add()
    assert first.run_once()
    assert not second.run_once()
    assert second.lease.held_by_another == "first"
    # The first dies. Its lease must stand still for its whole length before the second has it.
    clock.advance(9_000)
    bench.press.add()
    assert not second.run_once()
    clock.advance(1_100)
    assert second.run_once()
    finish(bench, second)
    # It wakes up: it can neither send nor write.
    assert not first.run_once()
    with pytest.raises(LeaseLost), first.lease.write():
        pass
    assert bench.states() == ["final", "final"]
    bench.check_caught_up()


@pytest.mark.slow
@pytest.mark.databases("sqlite", "postgresql")
def test_06_two_running_workers_anchor_each_batch_once(bench: Bench) -> None:
    stop = threading.Event()
    loops = [bench.loop(holder=name, clock=SystemClock(), lease_seconds=1.0) for name in ("first", "second")]
    threads = [threading.Thread(target=loop.run, args=(stop,)) for loop in loops]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    try:
        for count in range(1, 6):
            bench.press.add()
            while time.monotonic() < deadline:
                with bench.database.read() as connection:
                    newest = newest_batch(connection)
                if newest is not None and newest.number >= count and len(bench.line()) >= count:
                    break
                time.sleep(0.02)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert [event.number for event in bench.line()] == [1, 2, 3, 4, 5]
    bench.check_caught_up()


@pytest.mark.databases("sqlite", "postgresql")
def test_23_another_attempt_of_the_same_nonce_that_wins_is_recorded_as_the_one(
    make_bench: MakeBench,
) -> None:
    bench = make_bench("--no-mining")
    loop = bench.loop()
    bench.press.add()
    loop.run_once()
    bench.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**12))
    bench.mine()
    bench.clock.advance(31_000)
    loop.run_once()
    first, second = bench.attempt_rows()
    assert second.max_fee * 8 >= first.max_fee * 9
    bench.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    bench.mine()
    loop.run_once()
    finish(bench, loop)
    [anchor] = bench.anchor_rows()
    assert bytes(anchor.transaction_hash) == bytes(second.transaction_hash)
    first, second = bench.attempt_rows()
    assert (first.block_number, second.block_number) == (None, anchor.block_number)
    assert bench.states() == ["final"]
    bench.check_caught_up()


@pytest.mark.databases("sqlite", "postgresql")
def test_30_a_send_stuck_for_long_is_replaced_and_cancelled_only_on_the_operators_word(
    make_bench: MakeBench,
) -> None:
    bench = make_bench("--no-mining")
    loop = bench.loop(fees=FeeLimits(max_fee=5 * 10**9))
    bench.press.add()
    loop.run_once()
    for _ in range(30):
        bench.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**12))
        bench.mine()
        bench.clock.advance(31_000)
        loop.run_once()
    assert bench.states() == ["sent"]
    attempts = bench.attempt_rows()
    assert len(attempts) >= 2
    assert all(attempt.kind == "anchor" for attempt in attempts)
    assert all(attempt.max_fee <= 5 * 10**9 for attempt in attempts)
    assert "stuck" in bench.alarms()
    assert "fee_above_cap" in bench.alarms()
    # The operator raises the cap and gives the word.
    loop = bench.loop(fees=FeeLimits(max_fee=10**12))
    cancel_send(bench.database, "anvil", bench.clock)
    bench.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    loop.run_once()
    assert bench.attempt_rows()[-1].kind == "cancel"
    bench.mine()
    loop.run_once()
    assert bench.states()[0] == "cancelled"
    # The batch is not lost: the next send takes it.
    finish(bench, loop)
    assert bench.states() == ["cancelled", "final"]
    bench.check_caught_up()
    with pytest.raises(NothingToCancel):
        cancel_send(bench.database, "anvil", bench.clock)


@pytest.mark.databases("sqlite", "postgresql")
def test_31_cancelled_but_the_original_was_mined_first_is_recognised(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench("--no-mining")
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    bench.press.add()
    loop.run_once()
    cancel_send(bench.database, "anvil", bench.clock)
    proxy.on("eth_sendRawTransaction", refuse("replacement transaction underpriced"))
    loop.run_once()
    assert bench.attempt_rows()[-1].kind == "cancel"
    bench.mine()
    proxy.heal()
    loop.run_once()
    finish(bench, loop)
    assert bench.states() == ["final"]
    [anchor] = bench.anchor_rows()
    assert bytes(anchor.transaction_hash) == bytes(bench.attempt_rows()[0].transaction_hash)
    bench.check_caught_up()


def test_40_sigterm_in_any_wait_stops_within_five_seconds_and_resumes_without_a_second_send(
    make_bench: MakeBench,
) -> None:
    bench = make_bench("--no-mining")
    bench.press.add()
    stop = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        loop = bench.loop(clock=SystemClock(), holder="first", interval=3600.0)
        worker = threading.Thread(target=loop.run, args=(stop,))
        worker.start()
        deadline = time.monotonic() + 20
        while bench.states() != ["sent"] and time.monotonic() < deadline:
            time.sleep(0.02)
        began = time.monotonic()
        os.kill(os.getpid(), signal.SIGTERM)
        worker.join(10)
        assert time.monotonic() - began < 5
        assert not worker.is_alive()
    finally:
        signal.signal(signal.SIGTERM, before)
    again = bench.loop(holder="second")
    again.run_once()
    finish(bench, again)
    assert bench.states() == ["final"]
    assert len(bench.attempt_rows()) == 1
    bench.check_caught_up()


HANGS = ("eth_chainId", "eth_sendRawTransaction", "eth_getTransactionReceipt")


@pytest.mark.slow
@pytest.mark.parametrize("method", HANGS)
def test_40_sigterm_while_an_endpoint_hangs_stops_within_five_seconds(
    make_bench: MakeBench, make_proxy: MakeProxy, method: str
) -> None:
    bench = make_bench()
    proxy = make_proxy(bench.anvil.url)
    hang = threading.Event()

    def hanging(call: object) -> object:
        hang.wait(30)
        return lose_request(call)  # type: ignore[arg-type]

    proxy.on(method, hanging)  # type: ignore[arg-type]
    bench.press.add()
    stop = threading.Event()
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url, timeout=20)], clock=SystemClock(), holder="first")
    worker = threading.Thread(target=loop.run, args=(stop,))
    worker.start()
    deadline = time.monotonic() + 10
    while not proxy.count(method) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert proxy.count(method)
    began = time.monotonic()
    stop.set()
    worker.join(10)
    took = time.monotonic() - began
    assert took < 5
    assert not worker.is_alive()
    # Whatever became of the call that hung: the next worker sends nothing twice.
    proxy.heal()
    hang.set()
    bench.clock.advance(16_000)
    again = bench.loop(holder="second")
    again.run_once()
    finish(bench, again)
    assert len(bench.line()) == 1
    assert len(bench.attempt_rows()) == 1
    bench.check_caught_up()


@pytest.mark.parametrize("about", ["its nonce", "the head", "the newest block"])
def test_30_a_send_about_which_endpoints_differ_for_long_is_stuck_too(
    make_bench: MakeBench, make_proxy: MakeProxy, about: str
) -> None:
    bench = make_bench("--no-mining")
    honest, liar = make_proxy(bench.anvil.url), make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url) for proxy in (honest, liar)])
    bench.press.add()
    loop.run_once()
    if about == "its nonce":
        liar.on("eth_getTransactionCount", answer("0x1"))
    elif about == "the head":
        liar.on("eth_call", answer("0x" + "ab" * 32))
    else:
        liar.on("eth_getBlockByNumber", change(lambda block: block | {"hash": "0x" + "ab" * 32}))
    for _ in range(3):
        bench.clock.advance(100_000)
        loop.run_once()
    assert set(bench.alarms()) == {"endpoints_disagree"}
    bench.clock.advance(400_000)
    loop.run_once()
    said = bench.alarms()["stuck"]
    assert "batch 1 waits for 700 s after 1 attempts" in said
    if about == "its nonce":
        assert "endpoints differ about whether nonce 0 is used" in said
    liar.heal()
    finish(bench, loop)
    assert bench.states() == ["final"]
    assert bench.alarms() == {}
    bench.check_caught_up()
