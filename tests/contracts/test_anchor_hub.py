"""AnchorHub on eth-tester: one line of heads a log, who may do what to which, and what nobody can undo."""

from __future__ import annotations

from typing import Any

import pytest
from web3 import Web3
from web3.contract import Contract
from web3.logs import DISCARD
from web3.types import Wei

from anchor.protocol.hub import HUB_CODE_HASH, head_slot, pin_slot
from tests.contracts.hub import IDENTITY_KEY, OpenLog, deployed_hub, log_id_of
from tests.fixtures.eth_tester import Refusal, refusal_of

ZERO = bytes(32)
NOBODY = "0x" + "00" * 20
ROOTS = [Web3.keccak(text=f"root {number}") for number in range(1, 6)]


@pytest.fixture
def hub(eth_tester_web3: Web3) -> Contract:
    return deployed_hub(eth_tester_web3)


@pytest.fixture
def log(eth_tester_web3: Web3, hub: Contract) -> OpenLog:
    owner, submitter, stranger = list(eth_tester_web3.eth.accounts)[1:4]
    return OpenLog.on(eth_tester_web3, hub, owner, submitter, stranger)


def events(log: OpenLog, receipt: Any, name: str) -> list[dict[str, Any]]:
    """The values of a receipt's events of one name, each of which names the log."""
    found = [dict(event["args"]) for event in log.hub.events[name]().process_receipt(receipt, errors=DISCARD)]
    assert all(event.pop("logId") == log.log_id for event in found)
    return found


def test_its_founder_opens_a_log_and_is_its_owner(eth_tester_web3: Web3, hub: Contract) -> None:
    founder, submitter, stranger = list(eth_tester_web3.eth.accounts)[:3]
    log_id = log_id_of(IDENTITY_KEY, founder)
    assert hub.functions.open(IDENTITY_KEY, submitter).call({"from": founder}) == log_id
    sent = hub.functions.open(IDENTITY_KEY, submitter).transact({"from": founder})
    log = OpenLog(eth_tester_web3, hub, log_id, founder, submitter, stranger)
    receipt = eth_tester_web3.eth.wait_for_transaction_receipt(sent)
    assert events(log, receipt, "Opened") == [{"identityKey": IDENTITY_KEY, "owner": founder}]
    assert events(log, receipt, "OwnershipTransferred") == [{"previousOwner": NOBODY, "newOwner": founder}]
    assert events(log, receipt, "SubmitterNamed") == [
        {"previousSubmitter": NOBODY, "newSubmitter": submitter}
    ]
    assert len(receipt["logs"]) == 3
    assert (log.read("owner"), log.read("submitter")) == (founder, submitter)
    assert (log.read("head"), log.read("pendingOwner")) == (ZERO, NOBODY)


def test_a_log_is_opened_once(log: OpenLog) -> None:
    again = log.hub.functions.open(IDENTITY_KEY, log.stranger)
    refusal = refusal_of(log.hub, lambda: again.transact({"from": log.owner}))
    assert refusal == Refusal("AlreadyOpen", (log.log_id,))
    assert log.read("submitter") == log.submitter


def test_a_log_that_was_handed_over_is_not_opened_again(log: OpenLog) -> None:
    log.send(log.owner, "transferOwnership", log.stranger)
    log.send(log.stranger, "acceptOwnership")
    again = log.hub.functions.open(IDENTITY_KEY, log.owner)
    refusal = refusal_of(log.hub, lambda: again.transact({"from": log.owner}))
    assert refusal == Refusal("AlreadyOpen", (log.log_id,))


def test_somebody_elses_log_of_the_same_identity_key_is_another_log(log: OpenLog) -> None:
    log.hub.functions.open(IDENTITY_KEY, log.stranger).transact({"from": log.stranger})
    theirs = log_id_of(IDENTITY_KEY, log.stranger)
    assert theirs != log.log_id
    log.hub.functions.anchor(theirs, ZERO, ROOTS[0], 1).transact({"from": log.stranger})
    log.hub.functions.pin(theirs, ROOTS[0]).transact({"from": log.stranger})
    assert log.hub.functions.head(theirs).call() == ROOTS[0]
    assert (log.read("head"), log.read("pinnedAt", ROOTS[0])) == (ZERO, 0)
    assert log.read("submitter") == log.submitter


def test_a_log_without_an_identity_key_is_not_opened(log: OpenLog) -> None:
    opening = log.hub.functions.open(ZERO, log.submitter)
    refusal = refusal_of(log.hub, lambda: opening.transact({"from": log.owner}))
    assert refusal == Refusal("IdentityKeyIsZero", ())


def test_a_log_may_be_opened_without_a_submitter(eth_tester_web3: Web3, hub: Contract) -> None:
    owner, submitter, stranger = list(eth_tester_web3.eth.accounts)[1:4]
    log = OpenLog.on(eth_tester_web3, hub, owner, NOBODY, stranger)
    assert log.refusal(owner, "anchor", ZERO, ROOTS[0], 1) == Refusal("NotSubmitter", (NOBODY, owner))
    log.send(owner, "nameSubmitter", submitter)
    log.send(submitter, "anchor", ZERO, ROOTS[0], 1)


def test_nothing_can_be_done_to_a_log_that_is_not_open(eth_tester_web3: Web3, hub: Contract) -> None:
    caller, submitter, stranger = list(eth_tester_web3.eth.accounts)[:3]
    log = OpenLog(eth_tester_web3, hub, Web3.keccak(text="no log"), caller, submitter, stranger)
    nobody = (NOBODY, caller)
    assert log.refusal(caller, "anchor", ZERO, ROOTS[0], 1) == Refusal("NotSubmitter", nobody)
    assert log.refusal(caller, "pin", ZERO) == Refusal("NothingAnchored", ())
    assert log.refusal(caller, "nameSubmitter", caller) == Refusal("NotOwner", nobody)
    assert log.refusal(caller, "transferOwnership", caller) == Refusal("NotOwner", nobody)
    assert log.refusal(caller, "acceptOwnership") == Refusal("NotPendingOwner", nobody)
    assert (log.read("owner"), log.read("head")) == (NOBODY, ZERO)


def test_each_anchor_follows_the_one_before(log: OpenLog) -> None:
    previous = ZERO
    for number, root in enumerate(ROOTS, start=1):
        receipt = log.send(log.submitter, "anchor", previous, root, number)
        assert log.read("head") == root
        assert events(log, receipt, "Anchored") == [
            {"number": number, "previousHead": previous, "newHead": root}
        ]
        previous = root


def test_batches_that_were_never_sent_may_be_skipped(log: OpenLog) -> None:
    log.send(log.submitter, "anchor", ZERO, ROOTS[0], 7)
    receipt = log.send(log.submitter, "anchor", ROOTS[0], ROOTS[1], 2**64 - 1)
    assert events(log, receipt, "Anchored")[0]["number"] == 2**64 - 1


def test_a_reader_finds_an_anchor_by_its_number_and_by_its_root(log: OpenLog) -> None:
    previous = ZERO
    for number, root in enumerate(ROOTS, start=1):
        log.send(log.submitter, "anchor", previous, root, number)
        previous = root
    anchored = log.hub.events.Anchored()
    by_number = anchored.get_logs(from_block=0, argument_filters={"logId": log.log_id, "number": 3})
    by_root = anchored.get_logs(from_block=0, argument_filters={"logId": log.log_id, "newHead": ROOTS[2]})
    assert [entry["args"]["newHead"] for entry in by_number] == [ROOTS[2]]
    assert [entry["args"]["number"] for entry in by_root] == [3]


def test_an_anchor_sent_twice_does_nothing_the_second_time(log: OpenLog) -> None:
    log.send(log.submitter, "anchor", ZERO, ROOTS[0], 1)
    refusal = log.refusal(log.submitter, "anchor", ZERO, ROOTS[0], 1)
    assert refusal == Refusal("HeadMismatch", (ZERO, ROOTS[0]))
    assert log.read("head") == ROOTS[0]


def test_no_fork_grows_from_an_earlier_head(log: OpenLog) -> None:
    log.send(log.submitter, "anchor", ZERO, ROOTS[0], 1)
    log.send(log.submitter, "anchor", ROOTS[0], ROOTS[1], 2)
    for earlier in (ZERO, ROOTS[0], ROOTS[4]):
        refusal = log.refusal(log.submitter, "anchor", earlier, ROOTS[2], 3)
        assert refusal == Refusal("HeadMismatch", (earlier, ROOTS[1]))
    assert log.read("head") == ROOTS[1]


@pytest.mark.parametrize("anchored_before", [False, True])
def test_a_head_moves_to_something_new_and_never_to_zero(log: OpenLog, anchored_before: bool) -> None:
    head = ZERO
    if anchored_before:
        head = ROOTS[0]
        log.send(log.submitter, "anchor", ZERO, head, 1)
    for new_head in {ZERO, bytes(head)}:
        refusal = log.refusal(log.submitter, "anchor", head, new_head, 2)
        assert refusal == Refusal("NotANewHead", (head, new_head))
    assert log.read("head") == head


@pytest.mark.parametrize("who", ["owner", "stranger"])
def test_nobody_but_the_submitter_anchors(log: OpenLog, who: str) -> None:
    caller = getattr(log, who)
    refusal = log.refusal(caller, "anchor", ZERO, ROOTS[0], 1)
    assert refusal == Refusal("NotSubmitter", (log.submitter, caller))
    assert log.read("head") == ZERO


@pytest.mark.parametrize("who", ["owner", "submitter", "stranger"])
def test_anyone_pins_the_head_for_ever(log: OpenLog, who: str) -> None:
    caller = getattr(log, who)
    log.send(log.submitter, "anchor", ZERO, ROOTS[0], 1)
    assert log.read("pinnedAt", ROOTS[0]) == 0
    receipt = log.send(caller, "pin", ROOTS[0])
    assert events(log, receipt, "Pinned") == [{"head": ROOTS[0], "by": caller}]
    log.send(log.submitter, "anchor", ROOTS[0], ROOTS[1], 2)
    assert log.read("pinnedAt", ROOTS[1]) == 0
    block = log.web3.eth.get_block(receipt["blockNumber"])
    assert log.read("pinnedAt", ROOTS[0]) == block["timestamp"]


def test_a_second_pin_changes_nothing(log: OpenLog) -> None:
    log.send(log.submitter, "anchor", ZERO, ROOTS[0], 1)
    log.send(log.stranger, "pin", ROOTS[0])
    first = log.read("pinnedAt", ROOTS[0])
    receipt = log.send(log.submitter, "pin", ROOTS[0])
    assert log.web3.eth.get_block(receipt["blockNumber"])["timestamp"] > first
    assert log.read("pinnedAt", ROOTS[0]) == first
    assert receipt["logs"] == []


def test_there_is_nothing_to_pin_before_the_first_anchor(log: OpenLog) -> None:
    assert log.refusal(log.stranger, "pin", ZERO) == Refusal("NothingAnchored", ())
    assert log.read("pinnedAt", ZERO) == 0


def test_the_owner_names_the_submitter(log: OpenLog) -> None:
    receipt = log.send(log.owner, "nameSubmitter", log.stranger)
    assert events(log, receipt, "SubmitterNamed") == [
        {"previousSubmitter": log.submitter, "newSubmitter": log.stranger}
    ]
    refusal = log.refusal(log.submitter, "anchor", ZERO, ROOTS[0], 1)
    assert refusal == Refusal("NotSubmitter", (log.stranger, log.submitter))
    log.send(log.stranger, "anchor", ZERO, ROOTS[0], 1)


def test_the_owner_stops_all_anchoring_and_lets_it_go_on(log: OpenLog) -> None:
    log.send(log.owner, "nameSubmitter", NOBODY)
    for caller in (log.submitter, log.owner, log.stranger):
        refusal = log.refusal(caller, "anchor", ZERO, ROOTS[0], 1)
        assert refusal == Refusal("NotSubmitter", (NOBODY, caller))
    log.send(log.owner, "nameSubmitter", log.submitter)
    log.send(log.submitter, "anchor", ZERO, ROOTS[0], 1)


@pytest.mark.parametrize("who", ["submitter", "stranger"])
@pytest.mark.parametrize("function", ["nameSubmitter", "transferOwnership"])
def test_nobody_but_the_owner_names_anyone(log: OpenLog, who: str, function: str) -> None:
    caller = getattr(log, who)
    assert log.refusal(caller, function, caller) == Refusal("NotOwner", (log.owner, caller))
    assert log.read("submitter") == log.submitter
    assert log.read("pendingOwner") == NOBODY


def test_ownership_moves_in_two_steps(log: OpenLog) -> None:
    owner, successor = log.owner, log.stranger
    offered = log.send(owner, "transferOwnership", successor)
    assert events(log, offered, "OwnershipTransferStarted") == [
        {"previousOwner": owner, "newOwner": successor}
    ]
    assert log.read("owner") == owner
    assert log.refusal(successor, "nameSubmitter", successor) == Refusal("NotOwner", (owner, successor))
    accepted = log.send(successor, "acceptOwnership")
    assert events(log, accepted, "OwnershipTransferred") == [{"previousOwner": owner, "newOwner": successor}]
    assert log.read("owner") == successor
    assert log.read("pendingOwner") == NOBODY
    assert log.refusal(owner, "nameSubmitter", owner) == Refusal("NotOwner", (successor, owner))
    assert log.refusal(successor, "acceptOwnership") == Refusal("NotPendingOwner", (NOBODY, successor))


@pytest.mark.parametrize("who", ["owner", "submitter"])
def test_only_who_was_offered_the_ownership_accepts_it(log: OpenLog, who: str) -> None:
    caller, successor = getattr(log, who), log.stranger
    log.send(log.owner, "transferOwnership", successor)
    refusal = log.refusal(caller, "acceptOwnership")
    assert refusal == Refusal("NotPendingOwner", (successor, caller))


def test_an_offer_can_be_replaced_and_taken_back(log: OpenLog) -> None:
    owner, first, second = log.owner, log.stranger, log.submitter
    log.send(owner, "transferOwnership", first)
    log.send(owner, "transferOwnership", second)
    assert log.refusal(first, "acceptOwnership") == Refusal("NotPendingOwner", (second, first))
    log.send(owner, "transferOwnership", NOBODY)
    assert log.refusal(second, "acceptOwnership") == Refusal("NotPendingOwner", (NOBODY, second))
    assert log.read("owner") == owner


def test_nothing_but_these_functions_writes(log: OpenLog) -> None:
    functions = [entry for entry in log.hub.abi if entry["type"] == "function"]
    writing = {entry["name"] for entry in functions if entry["stateMutability"] not in ("view", "pure")}
    assert writing == {"open", "anchor", "pin", "nameSubmitter", "transferOwnership", "acceptOwnership"}
    assert not any(entry["type"] in ("fallback", "receive") for entry in log.hub.abi)


def test_it_takes_no_money(log: OpenLog) -> None:
    web3, address = log.web3, log.hub.address
    with pytest.raises(Exception, match="execution reverted"):
        web3.eth.send_transaction({"from": log.owner, "to": address, "value": Wei(1)})
    assert web3.eth.get_balance(address) == 0


def test_a_pin_is_of_the_head_that_its_caller_means(log: OpenLog) -> None:
    log.send(log.submitter, "anchor", ZERO, ROOTS[0], 1)
    log.send(log.submitter, "anchor", ROOTS[0], ROOTS[1], 2)
    for other in (ROOTS[0], ROOTS[2], ZERO):
        assert log.refusal(log.stranger, "pin", other) == Refusal("HeadMismatch", (other, ROOTS[1]))
    assert log.read("pinnedAt", ROOTS[1]) == 0


def test_a_refused_anchor_names_the_submitter_before_the_head_and_the_head_before_the_new_one(
    log: OpenLog,
) -> None:
    log.send(log.submitter, "anchor", ZERO, ROOTS[0], 1)
    assert log.refusal(log.stranger, "anchor", ROOTS[1], ZERO, 2).name == "NotSubmitter"
    assert log.refusal(log.submitter, "anchor", ROOTS[1], ROOTS[1], 2).name == "HeadMismatch"
    assert log.refusal(log.submitter, "anchor", ROOTS[0], ROOTS[0], 2).name == "NotANewHead"


def test_an_older_root_can_be_anchored_again_and_says_so_by_its_event(log: OpenLog) -> None:
    """Nothing is called newest because it is the head: verifiers look for a root's first event."""
    previous = ZERO
    for number, root in [(1, ROOTS[0]), (2, ROOTS[1]), (1, ROOTS[0])]:
        log.send(log.submitter, "anchor", previous, root, number)
        previous = root
    found = log.hub.events.Anchored().get_logs(
        from_block=0, argument_filters={"logId": log.log_id, "newHead": ROOTS[0]}
    )
    assert [entry["args"]["previousHead"] for entry in found] == [ZERO, ROOTS[1]]


def test_naming_a_submitter_leaves_an_offer_of_the_log_as_it_is(log: OpenLog) -> None:
    log.send(log.owner, "transferOwnership", log.stranger)
    log.send(log.owner, "nameSubmitter", log.owner)
    assert log.read("pendingOwner") == log.stranger


def test_state_proofs_find_a_logs_values_where_the_protocol_puts_them(log: OpenLog) -> None:
    log.send(log.submitter, "anchor", ZERO, ROOTS[0], 1)
    log.send(log.stranger, "pin", ROOTS[0])
    log.send(log.owner, "transferOwnership", log.stranger)
    first = int.from_bytes(head_slot(log.log_id), "big")
    places = [first, first + 1, first + 2, first + 3, int.from_bytes(pin_slot(log.log_id, ROOTS[0]), "big")]
    # eth-tester answers no eth_getStorageAt: its own state does.
    backend: Any = log.web3.provider.ethereum_tester.backend  # type: ignore[attr-defined]
    state, address = backend.chain.get_vm().state, bytes.fromhex(log.hub.address[2:])
    words = [state.get_storage(address, place) for place in places]
    accounts = [int(account, 16) for account in (log.submitter, log.owner, log.stranger)]
    assert words == [int.from_bytes(ROOTS[0], "big"), *accounts, log.read("pinnedAt", ROOTS[0])]


def test_its_code_on_the_chain_is_known_by_its_hash(log: OpenLog) -> None:
    assert Web3.keccak(log.web3.eth.get_code(log.hub.address)) == HUB_CODE_HASH
