"""AnchorLog on eth-tester: one line of heads, who may do what, and what nobody can undo."""

from __future__ import annotations

import json
from typing import Any

import pytest
from web3 import Web3
from web3.types import Wei

from scripts.compile_contracts import ARTIFACT
from tests.fixtures.eth_tester import LOG_ID, DeployedLog, Refusal, deploy, refusal_of

ZERO = bytes(32)
NOBODY = "0x" + "00" * 20
ROOTS = [Web3.keccak(text=f"root {number}") for number in range(1, 6)]


def events(log: DeployedLog, receipt: Any, name: str) -> list[dict[str, Any]]:
    return [dict(event["args"]) for event in log.contract.events[name]().process_receipt(receipt)]


def test_it_is_born_with_what_its_constructor_was_given(anchor_log: DeployedLog) -> None:
    assert anchor_log.read("logId") == LOG_ID
    assert anchor_log.read("owner") == anchor_log.owner
    assert anchor_log.read("submitter") == anchor_log.submitter
    assert anchor_log.read("head") == ZERO
    assert anchor_log.read("pendingOwner") == NOBODY


@pytest.mark.parametrize(
    ("log_id", "owner", "submitter", "error"),
    [
        (ZERO, "0x" + "11" * 20, "0x" + "22" * 20, "LogIdIsZero"),
        (LOG_ID, NOBODY, "0x" + "22" * 20, "OwnerIsZero"),
        (LOG_ID, "0x" + "11" * 20, NOBODY, "SubmitterIsZero"),
    ],
)
def test_it_is_not_born_without_a_log_an_owner_and_a_submitter(
    anchor_log: DeployedLog, log_id: bytes, owner: str, submitter: str, error: str
) -> None:
    artifact = json.loads(ARTIFACT.read_text())
    refusal = refusal_of(
        anchor_log.contract, lambda: deploy(anchor_log.web3, artifact, log_id, owner, submitter)
    )
    assert refusal == Refusal(error, ())


def test_each_anchor_follows_the_one_before(anchor_log: DeployedLog) -> None:
    previous = ZERO
    for number, root in enumerate(ROOTS, start=1):
        receipt = anchor_log.send(anchor_log.submitter, "anchor", previous, root, number)
        assert anchor_log.read("head") == root
        assert events(anchor_log, receipt, "Anchored") == [
            {"number": number, "previousHead": previous, "newHead": root}
        ]
        previous = root


def test_batches_that_were_never_sent_may_be_skipped(anchor_log: DeployedLog) -> None:
    anchor_log.send(anchor_log.submitter, "anchor", ZERO, ROOTS[0], 7)
    receipt = anchor_log.send(anchor_log.submitter, "anchor", ROOTS[0], ROOTS[1], 2**64 - 1)
    assert events(anchor_log, receipt, "Anchored")[0]["number"] == 2**64 - 1


def test_a_reader_finds_an_anchor_by_its_number_and_by_its_root(anchor_log: DeployedLog) -> None:
    previous = ZERO
    for number, root in enumerate(ROOTS, start=1):
        anchor_log.send(anchor_log.submitter, "anchor", previous, root, number)
        previous = root
    anchored = anchor_log.contract.events.Anchored()
    by_number = anchored.get_logs(from_block=0, argument_filters={"number": 3})
    by_root = anchored.get_logs(from_block=0, argument_filters={"newHead": ROOTS[2]})
    assert [entry["args"]["newHead"] for entry in by_number] == [ROOTS[2]]
    assert [entry["args"]["number"] for entry in by_root] == [3]


def test_an_anchor_sent_twice_does_nothing_the_second_time(anchor_log: DeployedLog) -> None:
    anchor_log.send(anchor_log.submitter, "anchor", ZERO, ROOTS[0], 1)
    refusal = anchor_log.refusal(anchor_log.submitter, "anchor", ZERO, ROOTS[0], 1)
    assert refusal == Refusal("HeadMismatch", (ZERO, ROOTS[0]))
    assert anchor_log.read("head") == ROOTS[0]


def test_no_fork_grows_from_an_earlier_head(anchor_log: DeployedLog) -> None:
    anchor_log.send(anchor_log.submitter, "anchor", ZERO, ROOTS[0], 1)
    anchor_log.send(anchor_log.submitter, "anchor", ROOTS[0], ROOTS[1], 2)
    for earlier in (ZERO, ROOTS[0], ROOTS[4]):
        refusal = anchor_log.refusal(anchor_log.submitter, "anchor", earlier, ROOTS[2], 3)
        assert refusal == Refusal("HeadMismatch", (earlier, ROOTS[1]))
    assert anchor_log.read("head") == ROOTS[1]


@pytest.mark.parametrize("anchored_before", [False, True])
def test_a_head_moves_to_something_new_and_never_to_zero(
    anchor_log: DeployedLog, anchored_before: bool
) -> None:
    head = ZERO
    if anchored_before:
        head = ROOTS[0]
        anchor_log.send(anchor_log.submitter, "anchor", ZERO, head, 1)
    for new_head in {ZERO, bytes(head)}:
        refusal = anchor_log.refusal(anchor_log.submitter, "anchor", head, new_head, 2)
        assert refusal == Refusal("NotANewHead", (head, new_head))
    assert anchor_log.read("head") == head


@pytest.mark.parametrize("who", ["owner", "stranger"])
def test_nobody_but_the_submitter_anchors(anchor_log: DeployedLog, who: str) -> None:
    caller = getattr(anchor_log, who)
    refusal = anchor_log.refusal(caller, "anchor", ZERO, ROOTS[0], 1)
    assert refusal == Refusal("NotSubmitter", (anchor_log.submitter, caller))
    assert anchor_log.read("head") == ZERO


@pytest.mark.parametrize("who", ["owner", "submitter", "stranger"])
def test_anyone_pins_the_head_for_ever(anchor_log: DeployedLog, who: str) -> None:
    caller = getattr(anchor_log, who)
    anchor_log.send(anchor_log.submitter, "anchor", ZERO, ROOTS[0], 1)
    assert not anchor_log.read("pinned", ROOTS[0])
    receipt = anchor_log.send(caller, "pin")
    assert events(anchor_log, receipt, "Pinned") == [{"head": ROOTS[0], "by": caller}]
    anchor_log.send(anchor_log.submitter, "anchor", ROOTS[0], ROOTS[1], 2)
    assert anchor_log.read("pinned", ROOTS[0])
    assert not anchor_log.read("pinned", ROOTS[1])
    block = anchor_log.web3.eth.get_block(receipt["blockNumber"])
    assert anchor_log.read("pinnedAt", ROOTS[0]) == block["timestamp"]


def test_a_second_pin_changes_nothing(anchor_log: DeployedLog) -> None:
    anchor_log.send(anchor_log.submitter, "anchor", ZERO, ROOTS[0], 1)
    anchor_log.send(anchor_log.stranger, "pin")
    first = anchor_log.read("pinnedAt", ROOTS[0])
    receipt = anchor_log.send(anchor_log.submitter, "pin")
    assert anchor_log.web3.eth.get_block(receipt["blockNumber"])["timestamp"] > first
    assert anchor_log.read("pinnedAt", ROOTS[0]) == first
    assert receipt["logs"] == []


def test_there_is_nothing_to_pin_before_the_first_anchor(anchor_log: DeployedLog) -> None:
    assert anchor_log.refusal(anchor_log.stranger, "pin") == Refusal("NothingAnchored", ())
    assert not anchor_log.read("pinned", ZERO)


def test_the_owner_names_the_submitter(anchor_log: DeployedLog) -> None:
    receipt = anchor_log.send(anchor_log.owner, "nameSubmitter", anchor_log.stranger)
    assert events(anchor_log, receipt, "SubmitterNamed") == [
        {"previousSubmitter": anchor_log.submitter, "newSubmitter": anchor_log.stranger}
    ]
    refusal = anchor_log.refusal(anchor_log.submitter, "anchor", ZERO, ROOTS[0], 1)
    assert refusal == Refusal("NotSubmitter", (anchor_log.stranger, anchor_log.submitter))
    anchor_log.send(anchor_log.stranger, "anchor", ZERO, ROOTS[0], 1)


def test_the_owner_stops_all_anchoring_and_lets_it_go_on(anchor_log: DeployedLog) -> None:
    anchor_log.send(anchor_log.owner, "nameSubmitter", NOBODY)
    for caller in (anchor_log.submitter, anchor_log.owner, anchor_log.stranger):
        refusal = anchor_log.refusal(caller, "anchor", ZERO, ROOTS[0], 1)
        assert refusal == Refusal("NotSubmitter", (NOBODY, caller))
    anchor_log.send(anchor_log.owner, "nameSubmitter", anchor_log.submitter)
    anchor_log.send(anchor_log.submitter, "anchor", ZERO, ROOTS[0], 1)


@pytest.mark.parametrize("who", ["submitter", "stranger"])
@pytest.mark.parametrize("function", ["nameSubmitter", "transferOwnership"])
def test_nobody_but_the_owner_names_anyone(anchor_log: DeployedLog, who: str, function: str) -> None:
    caller = getattr(anchor_log, who)
    assert anchor_log.refusal(caller, function, caller) == Refusal("NotOwner", (anchor_log.owner, caller))
    assert anchor_log.read("submitter") == anchor_log.submitter
    assert anchor_log.read("pendingOwner") == NOBODY


def test_ownership_moves_in_two_steps(anchor_log: DeployedLog) -> None:
    owner, successor = anchor_log.owner, anchor_log.stranger
    offered = anchor_log.send(owner, "transferOwnership", successor)
    assert events(anchor_log, offered, "OwnershipTransferStarted") == [
        {"previousOwner": owner, "newOwner": successor}
    ]
    assert anchor_log.read("owner") == owner
    assert anchor_log.refusal(successor, "nameSubmitter", successor) == Refusal(
        "NotOwner", (owner, successor)
    )
    accepted = anchor_log.send(successor, "acceptOwnership")
    assert events(anchor_log, accepted, "OwnershipTransferred") == [
        {"previousOwner": owner, "newOwner": successor}
    ]
    assert anchor_log.read("owner") == successor
    assert anchor_log.read("pendingOwner") == NOBODY
    assert anchor_log.refusal(owner, "nameSubmitter", owner) == Refusal("NotOwner", (successor, owner))
    assert anchor_log.refusal(successor, "acceptOwnership") == Refusal("NotPendingOwner", (NOBODY, successor))


@pytest.mark.parametrize("who", ["owner", "submitter"])
def test_only_who_was_offered_the_ownership_accepts_it(anchor_log: DeployedLog, who: str) -> None:
    caller, successor = getattr(anchor_log, who), anchor_log.stranger
    anchor_log.send(anchor_log.owner, "transferOwnership", successor)
    refusal = anchor_log.refusal(caller, "acceptOwnership")
    assert refusal == Refusal("NotPendingOwner", (successor, caller))


def test_an_offer_can_be_replaced_and_taken_back(anchor_log: DeployedLog) -> None:
    owner, first, second = anchor_log.owner, anchor_log.stranger, anchor_log.submitter
    anchor_log.send(owner, "transferOwnership", first)
    anchor_log.send(owner, "transferOwnership", second)
    assert anchor_log.refusal(first, "acceptOwnership") == Refusal("NotPendingOwner", (second, first))
    anchor_log.send(owner, "transferOwnership", NOBODY)
    assert anchor_log.refusal(second, "acceptOwnership") == Refusal("NotPendingOwner", (NOBODY, second))
    assert anchor_log.read("owner") == owner


def test_nothing_but_these_functions_writes(anchor_log: DeployedLog) -> None:
    functions = [entry for entry in anchor_log.contract.abi if entry["type"] == "function"]
    writing = {entry["name"] for entry in functions if entry["stateMutability"] not in ("view", "pure")}
    assert writing == {"anchor", "pin", "nameSubmitter", "transferOwnership", "acceptOwnership"}
    assert not any(entry["type"] in ("fallback", "receive") for entry in anchor_log.contract.abi)


def test_it_takes_no_money(anchor_log: DeployedLog) -> None:
    web3, address = anchor_log.web3, anchor_log.contract.address
    with pytest.raises(Exception, match="execution reverted"):
        web3.eth.send_transaction({"from": anchor_log.owner, "to": address, "value": Wei(1)})
    assert web3.eth.get_balance(address) == 0


def test_its_code_on_the_chain_is_the_shipped_code_with_the_log_id_filled_in(anchor_log: DeployedLog) -> None:
    artifact = json.loads(ARTIFACT.read_text())
    expected = bytearray.fromhex(artifact["deployedBytecode"].removeprefix("0x"))
    for place in artifact["immutableReferences"]["logId"]:
        expected[place["start"] : place["start"] + place["length"]] = LOG_ID
    assert anchor_log.web3.eth.get_code(anchor_log.contract.address) == bytes(expected)
