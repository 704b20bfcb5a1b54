"""CHAIN_FAULTS rows 16-18, 34, 36, 42: what the contract says, and whose heads it holds."""

import json
import time

import pytest

from anchor.monitor.nodes import Nodes
from anchor.monitor.state import Watched
from anchor.monitor.watcher import Watcher
from anchor.node.endpoint import HttpEndpoint
from anchor.node.reader import JsonRpcChain
from anchor.node.view import Finality
from anchor.protocol.batch import Batch
from anchor.server.anchoring.repair import UnknownChain, go_on_upon
from anchor.server.anchoring.sending_chain import OpeningRefused, open_chain
from anchor.server.anchoring.status import read_status
from anchor.server.chain.contract import anchor_call, selector
from anchor.server.chain.deploying import deploy
from anchor.server.chain.finality import FinalityRule
from anchor.server.chain.signers.local import LocalSigner
from anchor.server.chain.transactions import Fees, Transaction
from anchor.server.chain.values import address_text
from anchor.server.storage.schema import batches
from tests.fixtures.anchoring import LOG_ID, Bench, MakeBench
from tests.fixtures.rpc_proxy import Call, MakeProxy, Reply, answer


def finish(bench: Bench, loop: object, *, rounds: int = 4) -> None:
    """Mine and work until nothing is left to do."""
    for _ in range(rounds):
        bench.mine()
        bench.clock.advance(16_000)
        loop.run_once()  # type: ignore[attr-defined]


def transact(bench: Bench, signer: LocalSigner, calldata: bytes) -> None:
    """Send a transaction to the contract, outside of Anchor; mined on return where the node mines at once."""
    node = bench.node()
    transaction = Transaction(
        node.chain_id,
        node.nonce(signer.address),
        bench.contract,
        0,
        calldata,
        100_000,
        Fees(10**11, 10**10),
    )
    signed = signer.sign(transaction)
    [sent] = node.broadcast(signed.raw)
    assert sent.accepted, sent
    deadline = time.monotonic() + 30
    # It answers before the block is there.
    while bench.anvil.rpc("anvil_getAutomine") and node.receipt(signed.hash) is None:
        assert time.monotonic() < deadline


def name_submitter(bench: Bench, address: bytes) -> None:
    """Let the owner name another submitter."""
    transact(bench, bench.owner, selector("nameSubmitter(address)") + bytes(12) + address)


@pytest.mark.databases("sqlite", "postgresql")
def test_16_an_estimate_that_reverts_since_our_own_twin_has_landed_is_recognised_as_done(
    bench: Bench, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(bench.anvil.url)
    batch = bench.press.press()

    def twin_lands_first(call: Call) -> Reply:
        transact(bench, bench.signer, anchor_call(bytes(32), batch.anchor_root, batch.number))
        given = call.forward()
        assert "error" in given
        return Reply(json.dumps(given).encode())

    proxy.on("eth_estimateGas", twin_lands_first, times=1)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)])
    loop.run_once()
    finish(bench, loop)
    assert bench.states() == ["superseded"]
    assert bench.attempt_rows() == []
    assert [row.state for row in bench.anchor_rows()] == ["final"]
    assert bench.alarms() == {}
    bench.check_caught_up()


@pytest.mark.databases("sqlite", "postgresql")
def test_17_mined_but_reverted_is_shown_with_its_reason_and_not_retried_blindly(
    make_bench: MakeBench,
) -> None:
    bench = make_bench("--no-mining")
    loop = bench.loop()
    bench.press.add()
    loop.run_once()
    # The owner's transaction pays more and comes first in the block.
    name_submitter(bench, bench.owner.address)
    bench.mine()
    loop.run_once()
    assert bench.states()[0] == "failed"
    assert "NotSubmitter" in bench.alarms()["reverted"]
    for _ in range(3):
        bench.mine()
        loop.run_once()
    assert len(bench.attempt_rows()) == 1
    assert address_text(bench.owner.address) in bench.alarms()["not_submitter"]
    name_submitter(bench, bench.signer.address)
    finish(bench, loop)
    assert bench.states() == ["failed", "final"]
    assert bench.alarms() == {}
    bench.check_caught_up()


@pytest.mark.databases("sqlite", "postgresql")
def test_18_a_swap_mismatch_is_success_where_the_head_covers_ours(make_bench: MakeBench) -> None:
    bench = make_bench("--no-mining")
    loop = bench.loop()
    first = bench.press.press()
    loop.run_once()
    assert bench.states() == ["sent"]
    # The same key, by hand, anchors a later batch of ours before the one in flight is mined.
    later = bench.press.press()
    bench.anvil.rpc("anvil_dropAllTransactions")
    transact(bench, bench.signer, anchor_call(bytes(32), later.anchor_root, later.number))
    bench.mine()
    finish(bench, loop)
    assert bench.states() == ["superseded"]
    assert [row.batch for row in bench.anchor_rows()] == [later.number]
    assert first.number < later.number
    bench.check_caught_up()


def test_18_a_mined_mismatch_is_success_where_the_head_is_ours(make_bench: MakeBench) -> None:
    bench = make_bench("--no-mining")
    other_key = LocalSigner(bytes.fromhex(bench.anvil.accounts[2].private_key[2:]))
    loop = bench.loop()
    batch = bench.press.press()
    loop.run_once()
    # Another submitter of ours anchors the same batch, first in the same block.
    name_submitter(bench, other_key.address)
    transact(bench, other_key, anchor_call(bytes(32), batch.anchor_root, batch.number))
    bench.mine()
    loop.run_once()
    finish(bench, loop)
    assert bench.states() == ["failed"]
    assert "reverted" not in bench.alarms()
    assert [row.state for row in bench.anchor_rows()] == ["final"]
    bench.check_caught_up()


def test_18_a_head_that_is_not_ours_stops_and_alarms(bench: Bench) -> None:
    loop = bench.loop()
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    foreign = b"\x66" * 32
    transact(bench, bench.signer, anchor_call(bench.reader().head(), foreign, 1))
    bench.press.add()
    for _ in range(3):
        bench.mine()
        loop.run_once()
    assert "0x" + foreign.hex() in bench.alarms()["foreign_head"]
    assert bench.reader().head() == foreign
    assert bench.states() == ["final"]
    [shown] = [a for a in read_status(bench.database, bench.clock).alarms if a.name == "foreign_head"]
    assert shown.stops_sending


def test_34_a_submitter_changed_before_a_send_says_which_key_is_expected(bench: Bench) -> None:
    other = LocalSigner(bytes.fromhex(bench.anvil.accounts[2].private_key[2:]))
    name_submitter(bench, other.address)
    loop = bench.loop()
    bench.press.add()
    loop.run_once()
    detail = bench.alarms()["not_submitter"]
    assert address_text(other.address) in detail
    assert address_text(bench.signer.address) in detail
    assert bench.attempt_rows() == []
    # The operator gives it the expected key.
    rotated = bench.loop(signer=other)
    rotated.run_once()
    finish(bench, rotated)
    assert bench.states() == ["final"]
    assert bench.alarms() == {}
    bench.check_caught_up()


def test_34_a_submitter_changed_in_mid_queue_reverts_the_send_and_says_which_key_is_expected(
    make_bench: MakeBench,
) -> None:
    bench = make_bench("--no-mining")
    other = LocalSigner(bytes.fromhex(bench.anvil.accounts[2].private_key[2:]))
    loop = bench.loop()
    bench.press.add()
    loop.run_once()
    assert bench.states() == ["sent"]
    # The owner's transaction pays more, and comes first in the block that holds ours.
    name_submitter(bench, other.address)
    bench.mine()
    for _ in range(3):
        loop.run_once()
        bench.mine()
    assert (bench.states()[0], len(bench.attempt_rows())) == ("failed", 1)
    detail = bench.alarms()["not_submitter"]
    assert address_text(other.address) in detail
    assert address_text(bench.signer.address) in detail
    assert bench.line() == []
    rotated = bench.loop(signer=other)
    rotated.run_once()
    finish(bench, rotated)
    assert bench.states() == ["failed", "final"]
    assert bench.alarms() == {}
    bench.check_caught_up()


def test_34_a_new_owner_changes_nothing_for_the_sender(bench: Bench) -> None:
    heir = LocalSigner(bytes.fromhex(bench.anvil.accounts[2].private_key[2:]))
    loop = bench.loop()
    bench.press.add()
    loop.run_once()
    transact(bench, bench.owner, selector("transferOwnership(address)") + bytes(12) + heir.address)
    transact(bench, heir, selector("acceptOwnership()"))
    bench.press.add()
    loop.run_once()
    finish(bench, loop)
    assert set(bench.states()) == {"final"}
    assert bench.alarms() == {}
    bench.check_caught_up()


@pytest.mark.databases("sqlite", "postgresql")
def test_34_a_key_rotated_with_a_send_in_flight_gives_that_send_up_and_plans_anew(
    make_bench: MakeBench,
) -> None:
    bench = make_bench("--no-mining")
    other = LocalSigner(bytes.fromhex(bench.anvil.accounts[2].private_key[2:]))
    old = bench.loop()
    bench.press.add()
    old.run_once()
    bench.anvil.rpc("anvil_dropAllTransactions")
    name_submitter(bench, other.address)
    bench.mine()
    rotated = bench.loop(signer=other)
    rotated.run_once()
    finish(bench, rotated)
    assert bench.states() == ["superseded", "final"]
    bench.check_caught_up()


@pytest.mark.parametrize("case", ["no code", "other code", "another log"])
def test_36_no_contract_or_another_one_at_the_address_refuses_to_send(bench: Bench, case: str) -> None:
    address = b"\x42" * 20
    if case == "other code":
        bench.anvil.rpc("anvil_setCode", "0x" + address.hex(), "0x6001600155")
    if case == "another log":
        node = bench.node()
        address = deploy(
            node,
            bench.owner,
            log_id=b"\x33" * 32,
            owner=bench.owner.address,
            submitter=bench.signer.address,
        ).address
    bench.press.add()
    loop = bench.loop(contract=address)
    loop.run_once()
    name = "wrong_log" if case == "another log" else "no_contract"
    assert address_text(address) in bench.alarms()[name]
    assert bench.states() == []
    assert bench.attempt_rows() == []


def test_36_settings_without_a_contract_say_what_to_do(bench: Bench) -> None:
    loop = bench.loop(contract=None)
    loop.run_once()
    assert "anchor deploy" in bench.alarms()["no_contract"]


@pytest.mark.databases("sqlite", "postgresql")
def test_42_an_attacker_who_anchors_is_seen_by_watchers_and_the_key_can_be_replaced(
    bench: Bench,
) -> None:
    loop = bench.loop()
    bench.press.add()
    loop.run_once()
    finish(bench, loop)

    class Shown:
        """The batches that the log shows everybody."""

        def batch(self, number: int) -> Batch | None:
            with bench.database.read() as connection:
                row = connection.execute(batches.select().where(batches.c.number == number)).one_or_none()
            if row is None:
                return None
            return Batch(row.number, bytes(row.history_root), bytes(row.map_root), row.sealed_at)

    watcher = Watcher(
        Nodes([JsonRpcChain(bench.anvil.url)]),
        Watched(bench.node().chain_id, bench.contract, LOG_ID),
        finality=Finality(None, 1),
        batches=Shown(),
        now_ms=lambda: 0,
    )
    assert [sighting.kind for sighting in watcher.look().sightings] == ["anchored", "checked"]
    attackers = b"\x66" * 32
    transact(bench, bench.signer, anchor_call(bench.reader().head(), attackers, 2))
    alarms = [sighting for sighting in watcher.look().sightings if sighting.is_alarm]
    assert [alarm.kind for alarm in alarms] == ["batch_missing"]
    bench.press.add()
    loop.run_once()
    assert "foreign_head" in bench.alarms()
    bench.mine()
    # Once the log has a batch of that number, it is not the attacker's.
    assert [sighting.kind for sighting in watcher.look().sightings] == ["root_differs"]

    # The owner names another key, and the operator says to go on upon the attacker's head.
    fresh = LocalSigner(bytes.fromhex(bench.anvil.accounts[2].private_key[2:]))
    name_submitter(bench, fresh.address)
    with pytest.raises(UnknownChain):
        go_on_upon(bench.database, "elsewhere", attackers, bench.clock)
    go_on_upon(bench.database, "anvil", attackers, bench.clock)
    rotated = bench.loop(signer=fresh)
    rotated.run_once()
    finish(bench, rotated)
    assert "foreign_head" not in bench.alarms()
    with bench.database.read() as connection:
        newest = connection.execute(batches.select().order_by(batches.c.number.desc())).first()
    assert newest is not None
    assert bench.reader().head() == bytes(newest.anchor_root)
    kinds = [sighting.kind for sighting in watcher.look().sightings]
    assert kinds == ["anchored", "number_not_rising", "checked", "submitter_changed"]


@pytest.mark.parametrize("confirmations", [2, 1000], ids=["final", "mined"])
def test_42_an_old_root_of_ours_that_an_attacker_anchors_again_is_a_foreign_head(
    bench: Bench, make_proxy: MakeProxy, confirmations: int
) -> None:
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)], finality=FinalityRule(None, confirmations))
    for _ in range(2):
        bench.press.add()
        loop.run_once()
        finish(bench, loop, rounds=2)
    first, second = (event.new_head for event in bench.line())
    # A node behind a load balancer that has not seen the second batch yet proves nothing.
    before = bench.line()[0].block_number

    def older(call: Call) -> Reply:
        call.params[1] = hex(before) if call.params[1] == "latest" else call.params[1]
        return answer(bench.anvil.rpc("eth_call", *call.params))(call)

    proxy.on("eth_call", older)
    loop.run_once()
    assert "foreign_head" not in bench.alarms()
    proxy.heal()
    transact(bench, bench.signer, anchor_call(second, first, 1))
    bench.mine()
    for _ in range(2):
        loop.run_once()
    assert "that of batch 1 again, though batch 2 stands" in bench.alarms()["foreign_head"]
    assert "chain_went_back" not in bench.alarms()
    assert bench.reader().head() == first
    # On the operator's word it goes on, also where nothing is new.
    go_on_upon(bench.database, "anvil", first, bench.clock)
    loop.run_once()
    finish(bench, loop, rounds=2)
    assert bench.reader().head() == second
    assert "foreign_head" not in bench.alarms()


def test_20_an_old_head_from_another_fork_than_the_newest_anchors_block_is_not_foreign(
    bench: Bench, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(endpoints=[HttpEndpoint(proxy.url)], finality=FinalityRule(None, 1000))
    for _ in range(2):
        bench.press.add()
        loop.run_once()
        finish(bench, loop, rounds=1)
    proxy.on("eth_call", answer("0x" + bench.line()[0].new_head.hex()))
    loop.run_once()
    assert "foreign_head" not in bench.alarms()


def test_open_chain_refuses_before_anything_is_written(bench: Bench) -> None:
    loop = bench.loop(contract=b"\x42" * 20)
    loop.lease.acquire()
    with pytest.raises(OpeningRefused) as refused:
        open_chain(
            bench.connection(contract=b"\x42" * 20),
            log_id=LOG_ID,
            lease=loop.lease,
            clock=bench.clock,
            node=bench.node(),
        )
    assert refused.value.alarm == "no_contract"
    with bench.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM chains").scalar() == 0
