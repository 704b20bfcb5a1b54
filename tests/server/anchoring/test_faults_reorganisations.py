"""CHAIN_FAULTS rows 20-22, 24, 35, 38, 39: blocks that leave the chain, finality, and clocks."""

import pytest

from anchor.node.endpoint import HttpEndpoint
from anchor.server.anchoring.loop import AnchoringLoop
from anchor.server.chain.finality import FinalityRule
from anchor.server.storage.verified import verified_batch
from tests.fixtures.anchoring import Bench, MakeBench
from tests.fixtures.clocks import FixedClock
from tests.fixtures.rpc_proxy import Call, MakeProxy, Reply, answer, refuse


def finish(bench: Bench, loop: object, *, rounds: int = 4) -> None:
    """Mine and work until nothing is left to do."""
    for _ in range(rounds):
        bench.mine()
        bench.clock.advance(16_000)
        loop.run_once()  # type: ignore[attr-defined]


def reorganise(bench: Bench, depth: int, *kept: tuple[bytes, int]) -> None:
    """Replace the newest blocks by others that hold only the transactions that are ``kept``, each in the
    block of an offset from the deepest."""
    pairs = [["0x" + raw.hex(), offset] for raw, offset in kept]
    bench.anvil.rpc("anvil_reorg", depth, pairs)


def verified(bench: Bench) -> int:
    """The batch up to which deltas are VERIFIED; 0: none."""
    with bench.database.read() as connection:
        found = verified_batch(connection)
    return 0 if found is None else found.number


@pytest.mark.databases("sqlite", "postgresql")
def test_20_reorganised_out_after_the_receipt_is_unconfirmed_and_sent_again(
    make_bench: MakeBench,
) -> None:
    bench = make_bench("--no-mining")
    loop = bench.loop(finality=FinalityRule(None, 6))
    bench.press.add()
    loop.run_once()
    bench.mine(3)
    loop.run_once()
    assert bench.states() == ["mined"]
    reorganise(bench, 3)
    assert bench.line() == []
    loop.run_once()
    assert bench.states() == ["sent"]
    assert bench.anchor_rows() == []
    assert "left the chain" in bench.alarms()["reorganised"]
    assert "finality_too_weak" not in bench.alarms()
    finish(bench, loop, rounds=8)
    assert bench.states() == ["final"]
    # The same bytes: a reorganisation is no reason for another transaction.
    assert len(bench.attempt_rows()) == 1
    assert bench.alarms() == {}
    bench.check_caught_up()


@pytest.mark.databases("sqlite", "postgresql")
def test_20_a_whole_line_of_anchors_that_was_reorganised_out_comes_back_in_order(
    make_bench: MakeBench,
) -> None:
    bench = make_bench("--no-mining")
    loop = bench.loop(finality=FinalityRule(None, 12))
    for _ in range(3):
        bench.press.add()
        loop.run_once()
        bench.mine()
        loop.run_once()
    assert bench.states() == ["mined", "mined", "mined"]
    reorganise(bench, 3)
    loop.run_once()
    finish(bench, loop, rounds=20)
    assert bench.states()[-1] == "final"
    bench.check_caught_up()
    assert bench.alarms() == {}


def test_20_deltas_go_back_from_verified_only_where_the_rule_was_too_weak_and_that_is_told(
    make_bench: MakeBench,
) -> None:
    bench = make_bench("--no-mining", "--slots-in-an-epoch", "32")
    loop = bench.loop(finality=FinalityRule(None, 2))
    bench.press.add()
    loop.run_once()
    bench.mine(3)
    loop.run_once()
    assert [row.state for row in bench.anchor_rows()] == ["final"]
    assert verified(bench) == 1
    reorganise(bench, 3)
    loop.run_once()
    assert bench.anchor_rows() == []
    assert verified(bench) == 0
    detail = bench.alarms()["finality_too_weak"]
    assert "2 confirmations had called it final" in detail
    finish(bench, loop)
    assert [row.state for row in bench.anchor_rows()] == ["final"]
    assert verified(bench) == 1
    bench.check_caught_up()
    # Proofs were given out: it is told for a day, though the anchor is final again.
    assert set(bench.alarms()) == {"finality_too_weak"}
    bench.clock.advance(86_400_000)
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    assert bench.alarms() == {}


@pytest.mark.databases("sqlite", "postgresql")
def test_21_block_hashes_are_checked_again_beyond_the_configured_depth_until_finalized(
    make_bench: MakeBench,
) -> None:
    bench = make_bench("--no-mining", "--slots-in-an-epoch", "4")
    loop = bench.loop(finality=FinalityRule(None, 2))
    bench.press.add()
    loop.run_once()
    bench.mine(3)
    loop.run_once()
    [row] = bench.anchor_rows()
    assert (row.state, row.settled) == ("final", False)
    # Deeper than the rule by far, and still noticed.
    bench.mine(3)
    reorganise(bench, 6)
    loop.run_once()
    assert bench.anchor_rows() == []
    finish(bench, loop, rounds=12)
    [row] = bench.anchor_rows()
    assert (row.state, row.settled) == ("final", True)
    bench.check_caught_up()


@pytest.mark.databases("sqlite", "postgresql")
def test_22_the_same_transaction_in_another_block_corrects_the_record(make_bench: MakeBench) -> None:
    bench = make_bench("--no-mining")
    loop = bench.loop(finality=FinalityRule(None, 6))
    bench.press.add()
    loop.run_once()
    bench.mine(3)
    loop.run_once()
    [before] = bench.anchor_rows()
    [attempt] = bench.attempt_rows()
    reorganise(bench, 3, (bytes(attempt.raw), 1))
    loop.run_once()
    [after] = bench.anchor_rows()
    assert bytes(after.transaction_hash) == bytes(before.transaction_hash)
    assert after.block_number == before.block_number + 1
    assert bytes(after.block_hash) != bytes(before.block_hash)
    [attempt] = bench.attempt_rows()
    assert (attempt.block_number, bytes(attempt.block_hash)) == (after.block_number, bytes(after.block_hash))
    finish(bench, loop, rounds=8)
    assert bench.states() == ["final"]
    bench.check_caught_up()


def test_22_and_at_the_same_height_the_hash_alone_tells(make_bench: MakeBench) -> None:
    bench = make_bench("--no-mining")
    loop = bench.loop(finality=FinalityRule(None, 6))
    bench.press.add()
    loop.run_once()
    bench.mine(2)
    loop.run_once()
    [before] = bench.anchor_rows()
    [attempt] = bench.attempt_rows()
    # Another transaction beside ours makes it another block.
    stranger = bench.anvil.accounts[5]
    from anchor.server.chain.signers.local import LocalSigner
    from anchor.server.chain.transactions import Fees, Transaction

    other = LocalSigner(bytes.fromhex(stranger.private_key[2:])).sign(
        Transaction(31337, 0, bench.contract, 0, b"", 60_000, Fees(10**11, 10**9))
    )
    reorganise(bench, 2, (bytes(attempt.raw), 0), (other.raw, 0))
    loop.run_once()
    [after] = bench.anchor_rows()
    assert after.block_number == before.block_number
    assert bytes(after.block_hash) != bytes(before.block_hash)
    finish(bench, loop, rounds=8)
    assert bench.states() == ["final"]
    bench.check_caught_up()


@pytest.mark.parametrize(
    "says", ["finalized block not found", "invalid argument 0: hex string without 0x prefix"]
)
def test_24_a_chain_without_a_finalized_tag_falls_back_to_confirmations(
    make_bench: MakeBench, make_proxy: MakeProxy, says: str
) -> None:
    bench = make_bench("--no-mining")
    proxy = make_proxy(bench.anvil.url)

    def no_tags(call: Call) -> Reply:
        if call.params[0] in ("finalized", "safe"):
            return refuse(says, -32602)(call)
        return answer(call.forward()["result"])(call)

    proxy.on("eth_getBlockByNumber", no_tags)
    loop = bench.loop(
        endpoints=[HttpEndpoint(proxy.url)], finality=FinalityRule("finalized", confirmations=5)
    )
    bench.press.add()
    loop.run_once()
    bench.mine(4)
    loop.run_once()
    assert bench.states() == ["mined"]
    bench.mine()
    loop.run_once()
    assert bench.states() == ["final"]
    bench.check_caught_up()


def test_24_where_nothing_is_final_yet_nothing_counts_as_final(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench("--no-mining")
    proxy = make_proxy(bench.anvil.url)

    def none_yet(call: Call) -> Reply:
        if call.params[0] == "finalized":
            return answer(None)(call)
        return answer(call.forward()["result"])(call)

    proxy.on("eth_getBlockByNumber", none_yet)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)], finality=FinalityRule("finalized", 1))
    bench.press.add()
    loop.run_once()
    bench.mine(20)
    loop.run_once()
    assert bench.states() == ["mined"]
    proxy.heal()
    loop.run_once()
    assert bench.states() == ["final"]


@pytest.mark.parametrize("anew", [False, True], ids=["the same process", "another process"])
def test_24_a_tag_that_was_there_once_is_never_replaced_by_confirmations(
    make_bench: MakeBench, make_proxy: MakeProxy, anew: bool
) -> None:
    """A node that was started again has no finalized block for a while."""
    bench = make_bench("--no-mining", "--slots-in-an-epoch", "1000")
    proxy = make_proxy(bench.anvil.url)

    def begin() -> AnchoringLoop:
        return bench.loop(endpoints=[HttpEndpoint(proxy.url)], finality=FinalityRule("finalized", 5))

    loop = begin()
    bench.press.add()
    loop.run_once()

    def started_again(call: Call) -> Reply:
        if call.params[0] == "finalized":
            return refuse("finalized block not found", -39001)(call)
        return answer(call.forward()["result"])(call)

    proxy.on("eth_getBlockByNumber", started_again)
    loop = begin() if anew else loop
    bench.mine(20)
    loop.run_once()
    bench.clock.advance(3_700_000)
    loop.run_once()
    assert bench.states() == ["mined"]
    assert "final is unknown" in bench.alarms()["finality_stalled"]


def test_19_one_look_at_a_node_that_is_a_block_behind_takes_no_anchor_back(
    make_bench: MakeBench, make_proxy: MakeProxy
) -> None:
    bench = make_bench("--no-mining")
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)], finality=FinalityRule(None, 1))
    bench.press.add()
    loop.run_once()
    old = bench.anvil.rpc("eth_getBlockByNumber", "latest", False)
    bench.mine()
    loop.run_once()
    assert bench.states() == ["final"]

    def behind(call: Call) -> Reply:
        if call.params[0] == "latest":
            return answer(old)(call)
        if call.params[0].startswith("0x") and int(call.params[0], 16) > int(old["number"], 16):
            return answer(None)(call)
        return answer(call.forward()["result"])(call)

    proxy.on("eth_getBlockByNumber", behind)
    proxy.on("eth_getTransactionReceipt", answer(None))
    for _ in range(4):
        bench.clock.advance(8_000)
        loop.run_once()
    assert bench.states() == ["final"]
    assert "finality_too_weak" not in bench.alarms()
    # But a chain that stays as short is as short.
    bench.clock.advance(8_000)
    loop.run_once()
    assert bench.anchor_rows() == []
    assert "finality_too_weak" in bench.alarms()
    proxy.heal()
    finish(bench, loop)
    assert [row.state for row in bench.anchor_rows()] == ["final"]
    bench.check_caught_up()


@pytest.mark.parametrize("tag", ["safe", "finalized"])
def test_35_unsafe_becomes_safe_becomes_finalized_by_the_chains_own_tags(
    make_bench: MakeBench, tag: str
) -> None:
    bench = make_bench("--no-mining", "--slots-in-an-epoch", "4")
    loop = bench.loop(finality=FinalityRule(tag))
    bench.press.add()
    loop.run_once()
    bench.mine()
    loop.run_once()
    mined_in = bench.anchor_rows()[0].block_number
    for _ in range(12):
        tagged = int(bench.anvil.rpc("eth_getBlockByNumber", tag, False)["number"], 16)
        expected = "final" if tagged >= mined_in else "mined"
        loop.run_once()
        assert bench.states() == [expected]
        bench.mine()
    assert bench.states() == ["final"]


@pytest.mark.parametrize("confirmations", [1, 2, 3, 7])
def test_38_an_anchor_is_final_with_exactly_the_confirmations_asked_for(
    make_bench: MakeBench, confirmations: int
) -> None:
    """The block that holds it is the first confirmation."""
    bench = make_bench("--no-mining")
    loop = bench.loop(finality=FinalityRule(None, confirmations))
    bench.press.add()
    loop.run_once()
    for mined in range(1, confirmations):
        bench.mine()
        loop.run_once()
        assert bench.states() == ["mined"], mined
    bench.mine()
    loop.run_once()
    assert bench.states() == ["final"]


class JumpingClock(FixedClock):
    """A wall clock that jumps while the monotonic one goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.wall = self.ms

    def now_ms(self, shared: int | None = None) -> int:
        return self.wall


@pytest.mark.parametrize("jump", [-(10**10), 10**10])
def test_39_a_clock_that_jumps_changes_no_timer(make_bench: MakeBench, jump: int) -> None:
    bench = make_bench("--no-mining")
    clock = JumpingClock()
    bench.clock = clock
    loop = bench.loop(interval=60.0, replace_after=30.0)
    loop.lease.acquire()
    worker = loop.workers[0]
    bench.press.press()
    worker.step()
    assert bench.states() == ["sent"]
    clock.wall += jump
    # A block without it. No replacement and no second send, however the wall clock jumped.
    bench.anvil.rpc("anvil_dropAllTransactions")
    bench.mine()
    worker.step()
    assert len(bench.attempt_rows()) == 1
    assert loop.lease.acquire()
    clock.advance(29_000)
    worker.step()
    assert len(bench.attempt_rows()) == 1
    clock.advance(2_000)
    worker.step()
    assert len(bench.attempt_rows()) == 2
    bench.mine(2)
    worker.step()
    assert bench.states() == ["final"]
    # The interval too: the next batch is not due before a minute has passed.
    bench.press.press()
    clock.wall -= jump
    worker.step()
    assert bench.states() == ["final"]
    clock.advance(30_000)
    worker.step()
    assert bench.states() == ["final", "sent"]


@pytest.mark.databases("sqlite", "postgresql")
def test_39_a_restart_after_the_clock_was_set_back_does_not_wait_for_years(bench: Bench) -> None:
    bench.press.add()
    bench.loop(interval=60.0).run_once()
    bench.clock.ms -= 10**11
    bench.press.press()
    again = bench.loop(interval=60.0)
    again.lease.acquire()
    again.workers[0].step()
    assert bench.states()[-1] == "sent"
