"""An operator cheats in every way there is, on a real chain; the replica catches each, and proves it.

The counterparty has its own copy, the served answers and a node: nothing of the operator's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from anchor.proof.values import DeltaRecord, Disclosed, Withheld
from anchor.protocol.times import moment
from anchor.server.chain.signers.local import LocalSigner
from tests.fixtures.anvil import Anvil, running_anvil
from tests.fixtures.rpc_proxy import RpcProxy, frozen_at
from tests.replica.playing import CUSTOMER, Counterparty, PlayedServer
from tests.verify.anchored_log import AnchoredLog
from tests.verify.building import BuiltLog


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with running_anvil() as node:
        yield node


@pytest.fixture
def us(anvil: Anvil, tmp_path: Path) -> Counterparty:
    """A counterparty that followed while all was well: 20 deltas, two batches, both anchored."""
    log = AnchoredLog(anvil.url, LocalSigner(bytes.fromhex(anvil.accounts[1].private_key[2:])))
    log.built.record_many(CUSTOMER, 12)
    log.built.record_many("AA", 2)
    log.anchor()
    us = Counterparty(PlayedServer(log), tmp_path / "ua.replica", anvil.url, log.contract)
    us.honest()
    log.built.record_many(CUSTOMER, 8)
    log.anchor()
    went = us.honest()
    assert (went.size, went.new_deltas) == (20, 8)
    assert went.head is not None
    assert (went.head.head.size, went.head.batch.number) == (20, 2)
    log.built.now += 600_000
    return us


def built(us: Counterparty) -> BuiltLog:
    return us.server.log.built


def records(us: Counterparty) -> list[DeltaRecord]:
    return built(us).ledger(CUSTOMER).records


def anchor(us: Counterparty) -> None:
    log = us.server.log
    assert isinstance(log, AnchoredLog)
    log.anchor()


def anchor_more(us: Counterparty, count: int = 1) -> None:
    built(us).record_many(CUSTOMER, count)
    anchor(us)


def test_an_honest_operator_is_never_accused(us: Counterparty) -> None:
    for count in (1, 30, 7):
        anchor_more(us, count)
        us.honest()
    built(us).record_many("AA", 1)
    anchor(us)
    us.honest()
    assert [file.name for file in us.path.parent.iterdir() if "proof" in file.name] == []


def test_a_delta_is_dropped(us: Counterparty) -> None:
    before = us.held()
    records(us).pop()
    finding = us.finds("dropped")
    assert not finding.proven
    anchor(us)
    us.proves(us.finds("shrunk"), "shrunk_ledger")
    assert us.held() == before


def test_a_delta_is_dropped_and_others_moved_up(us: Counterparty) -> None:
    before = us.held()
    log = records(us)
    del log[4]
    log[4:] = [replace(record, index=at) for at, record in enumerate(log[4:], 4)]
    built(us).record_many(CUSTOMER, 3)
    anchor(us)
    us.proves(us.finds("altered"), "two_deltas")
    assert us.held() == before


def test_a_delta_is_altered(us: Counterparty) -> None:
    before = us.held()
    log = records(us)
    log[2] = replace(log[2], amount=log[2].amount + 1)
    altered = us.finds("altered")
    assert not altered.proven, "nothing binds the operator to it yet"
    dispute = json.loads(next(file for file in altered.files if "dispute" in file.name).read_text())
    assert dispute["shown"]["delta"]["index"] == dispute["held"]["delta"]["index"] == 2
    assert dispute["shown"]["delta"]["amount"] != dispute["held"]["delta"]["amount"]
    (ours,) = (us.verify(file) for file in altered.files if file.name.endswith("held.proof.json"))
    assert ours.valid, "the delta as the copy holds it is proven on the chain"
    anchor_more(us)
    us.proves(us.finds("altered"), "two_deltas")
    assert us.finds("altered").files == (), "what was saved is not saved again"
    assert us.held()[:20] == before


def test_a_text_is_altered(us: Counterparty) -> None:
    records(us)[3] = replace(records(us)[3], reason=Disclosed("something else", bytes(16)))
    assert us.finds("altered").misfit.index == 3


def test_deltas_are_reordered(us: Counterparty) -> None:
    log = records(us)
    log[1], log[2] = replace(log[2], index=1), replace(log[1], index=2)
    anchor_more(us)
    us.proves(us.finds("altered"), "two_deltas")


def test_a_rewritten_ledger_is_anchored_and_the_old_deltas_are_still_shown(us: Counterparty) -> None:
    log = records(us)
    true = list(log)
    log[5] = replace(log[5], amount=0)
    anchor_more(us)
    new = log[20]

    def as_before(request: httpx.Request, answer: Any) -> Any:
        start, limit = (int(request.url.params[name]) for name in ("cursor", "limit"))
        answer["items"] = [us.server.item(record) for record in [*true, new][start : start + limit]]
        return answer

    us.server.lies["/records"] = as_before
    finding = us.finds("rewritten")
    # The head on the chain and the one that was held contradict each other, and both are saved.
    verdicts = {file.name.split(".")[-3]: us.verify(file) for file in finding.files if "proof" in file.name}
    assert verdicts["held"].valid
    assert verdicts["head"].valid
    assert verdicts["consistency"].valid
    assert verdicts["consistency"].facts["earlierRoot"] != verdicts["held"].facts["root"]


def test_two_heads_are_shown(us: Counterparty) -> None:
    records(us)[19] = replace(records(us)[19], amount=0)
    anchor(us)
    us.proves(us.finds("rewritten"), "two_heads")


def test_two_batches_are_shown(us: Counterparty) -> None:
    log = us.server.log
    log.built.batches.pop()
    log.built.locations.pop(2)
    log.built.record_many("AA", 1)
    anchor(us)
    us.proves(us.finds("two_batches"), "two_batches")


def test_a_rewritten_log_is_anchored(us: Counterparty) -> None:
    log = us.server.log
    # The whole log is made anew, with the same deltas of this customer, and goes on from the chain's head.
    log.built.batches.clear()
    log.built.locations.clear()
    log.built.seal()
    log.built.record_many("AA", 1)
    log.built.seal()
    log.built.record_many(CUSTOMER, 1)
    anchor(us)
    us.proves(us.finds("history_differs"), "two_batches")


def test_a_delta_is_back_dated(us: Counterparty) -> None:
    # A batch is sealed and seen without it; then it is said to have been there before that.
    built(us).record_many("AA", 1)
    anchor(us)
    us.honest()
    built(us).record(CUSTOMER, 1, recorded_at=built(us).now - 300_000)
    anchor(us)
    us.proves(us.finds("backdated"), "backdated")
    us.honest()


def test_times_run_backwards(us: Counterparty) -> None:
    built(us).record(CUSTOMER, 1, recorded_at=records(us)[-1].recorded_at - 1)
    finding = us.finds("time_reversed")
    assert not finding.proven
    anchor(us)
    us.proves(us.finds("time_reversed"), "time_reversed")
    assert len(us.held()) == 20


def test_a_delta_is_recorded_after_its_batch_was_sealed(us: Counterparty) -> None:
    built(us).record(CUSTOMER, 1, recorded_at=built(us).now + 10_000_000)
    anchor(us)
    us.proves(us.finds("recorded_after_sealed"), "recorded_after_sealed")


def test_an_old_head_is_shown_as_the_newest(us: Counterparty) -> None:
    anchor_more(us)
    us.server.shown_batch = 2
    us.lag, us.now = 60, 1_800_000_000_000
    went = us.round()
    assert went.behind
    assert went.findings == (), "a server may be a moment behind"
    us.now += 59_000
    assert us.round().findings == ()
    us.now += 1_000
    finding = us.finds("old_head")
    shown = next(file for file in finding.files if file.name.endswith("head.proof.json"))
    failed = us.verify(shown).failed
    assert failed is not None
    assert failed.name == "current head"
    us.server.shown_batch = None
    went = us.round()
    assert went.findings == ()
    assert went.head is not None
    assert went.head.batch.number == 3
    assert "stands still" in str(went.not_checked), "by this clock the node's newest block is old"


def test_a_head_that_was_shown_before_is_missed_as_any_other_is(us: Counterparty) -> None:
    """Once seen, it cannot be taken back by showing the one before it for ever."""
    us.server.shown_batch = 1
    us.lag, us.now = 60, 1_800_000_000_000
    for second in (0, 30, 59):
        us.now = 1_800_000_000_000 + second * 1_000
        went = us.round()
        assert (went.findings, went.behind) == ((), True)
        if second == 30:
            anchor_more(us)
    us.now += 1_000
    us.finds("old_head")
    us.server.shown_batch = None
    assert us.round().findings == ()


def test_a_chain_that_is_behind_what_is_shown_misses_no_head(us: Counterparty) -> None:
    """As where another chain is the server's first: what this one holds was seen, and is no newer."""
    us.server.shown_batch = built(us).seal().batch.number
    us.lag, us.now = 60, 1_800_000_000_000
    for _ in range(3):
        us.now += 3_600_000
        went = us.round()
        assert (went.findings, went.behind) == ((), False)
        assert went.not_checked == "what is shown is not anchored there yet"


def test_a_node_that_stands_still_does_not_pass_an_old_head_for_the_newest(
    us: Counterparty, anvil: Anvil, make_proxy: Callable[[str], RpcProxy]
) -> None:
    newest = anvil.rpc("eth_getBlockByNumber", "latest", False)
    time = int(newest["timestamp"], 16) * 1000
    proxy = make_proxy(us.rpc)
    proxy.on("eth_getBlockByNumber", frozen_at(newest))
    anchor_more(us)
    us.server.shown_batch, us.rpc = 2, proxy.url
    us.now = time + 3_600_000
    us.honest()
    us.now += 1
    for _ in range(2):
        went = us.round()
        assert went.findings == ()
        assert f"stands still: its final block is of {moment(time)}" in str(went.not_checked)
    assert us.round(oldest_block=7200).not_checked is None
    proxy.heal()
    assert us.round().behind


def test_a_server_that_is_always_a_moment_behind_is_not_accused(us: Counterparty) -> None:
    us.lag, us.now = 60, 1_800_000_000_000
    for number in range(2, 5):
        anchor_more(us)
        us.server.shown_batch = number
        us.now += 50_000
        went = us.round()
        assert went.behind
        assert went.findings == ()
        assert went.head is not None
        assert went.head.batch.number == number


def test_a_balance_is_forged(us: Counterparty) -> None:
    built(us).record(CUSTOMER, 5, balance=0)
    built(us).record_many(CUSTOMER, 2)
    assert not us.finds("false_balance").proven
    anchor(us)
    us.proves(us.finds("false_balance"), "false_balance")
    assert len(us.held()) == 20


def test_deltas_are_withheld(us: Counterparty) -> None:
    anchor_more(us, 3)

    def hide(_request: httpx.Request, answer: Any) -> Any:
        return answer | {"items": [item for item in answer["items"] if item["delta"]["index"] < 21]}

    us.server.lies["/records"] = hide
    assert us.finds("withheld").misfit.index == 21

    def shorter(_request: httpx.Request, answer: Any) -> Any:
        return hide(_request, answer) | {"size": 21}

    us.server.lies["/records"] = shorter
    assert (
        us.finds("withheld").misfit.statement == "The newest head holds 23 deltas, and delta 21 is not shown."
    )


def test_no_proof_is_given_that_the_ledger_only_grew(us: Counterparty) -> None:
    refusal = {"type": "about:blank", "title": "No.", "status": 404, "code": "index_out_of_range"}
    us.server.lies["/consistency"] = lambda _request, _answer: httpx.Response(404, json=refusal)
    anchor_more(us)
    finding = us.finds("not_extended")
    assert finding.misfit.found == "index_out_of_range"
    assert us.verify(next(file for file in finding.files if "held.proof" in file.name)).valid
    us.server.lies.clear()
    anchor_more(us)
    # A proof from another head than the one that was held proves nothing to its holder.
    us.server.lies["/consistency"] = lambda _, answer: _from_the_start(answer)
    assert us.finds("not_extended").misfit.found == "0x" + "00" * 32


def _from_the_start(answer: bytes) -> Any:
    proof = json.loads(answer)
    return proof | {"earlier": {"size": 0, "root": "0x" + "00" * 32}, "path": []}


def test_a_gap_is_shown(us: Counterparty) -> None:
    anchor_more(us, 3)
    us.server.lies["/records"] = lambda _, answer: (
        answer | {"items": [item for item in answer["items"] if item["delta"]["index"] != 21]}
    )
    assert us.finds("gap").misfit.expected == "21"


def test_a_fingerprint_is_stated_that_the_delta_does_not_have(us: Counterparty) -> None:
    anchor_more(us)

    def lie(_request: httpx.Request, answer: Any) -> Any:
        for item in answer["items"]:
            if item["delta"]["index"] == 20:
                item["delta"]["reason"]["value"] = "another reason"
        return answer

    us.server.lies["/records"] = lie
    assert us.finds("false_fingerprint").misfit.index == 20
    assert len(us.held()) == 20


def test_a_delta_corrects_one_that_is_not_there(us: Counterparty) -> None:
    built(us).record(CUSTOMER, 1, adjusts=bytes([7]) * 32)
    assert us.finds("adjusts_nothing").misfit.index == 20


def test_the_whole_ledger_vanishes(us: Counterparty) -> None:
    records(us).clear()
    built(us).record_many("AA", 1)
    anchor(us)
    us.proves(us.finds("vanished"), "vanished_ledger")


def test_another_ledger_or_log_is_shown(us: Counterparty) -> None:
    other = BuiltLog(99)
    ledger = other.ledger(CUSTOMER).identity
    for member, value, kind in (
        ("log", {"logId": "0x" + other.log_id.hex()}, "another_log"),
        ("ledger", {"ledgerId": "0x" + ledger.ledger_id.hex()}, "another_ledger"),
    ):
        us.server.lies["/records"] = lambda _, answer, member=member, value=value: (
            answer | {member: answer[member] | value}
        )
        us.finds(kind)


def test_a_second_ledger_is_shown_at_the_first_contact(us: Counterparty, tmp_path: Path) -> None:
    """The verifiable random function gives a customer one ledger: another is not taken even then."""
    false = built(us).ledger("AA").identity
    us.path = tmp_path / "new.replica"
    us.server.lies["/records"] = lambda _, answer: (
        answer
        | {
            "ledger": answer["ledger"]
            | {"ledgerId": "0x" + false.ledger_id.hex(), "identityProof": "0x" + false.proof.hex()}
        }
    )
    finding = us.finds("identity")
    assert not us.path.exists()
    assert finding.files[0].exists()


def test_a_head_that_is_nowhere_on_the_chain_is_refused(us: Counterparty) -> None:
    number = built(us).seal().batch.number
    built(us).locations[number] = built(us).locations[2]
    finding = us.finds("head_refused")
    assert "anchored event" in finding.misfit.place
    failed = us.verify(next(file for file in finding.files if "head.proof" in file.name)).failed
    assert failed is not None


def test_an_erased_text_is_no_cheat(us: Counterparty, tmp_path: Path) -> None:
    log = records(us)
    log[3] = replace(log[3], reason=Withheld(log[3].reason.commitment))
    anchor_more(us)
    us.honest()
    us.path = tmp_path / "new.replica"
    us.honest()
