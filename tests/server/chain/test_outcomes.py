"""What a transaction would do, and what gas it takes, is no single endpoint's word."""

import pytest

from anchor.node.endpoint import NodeRefused
from anchor.node.refusals import Refusal
from anchor.server.chain.contract import selector
from anchor.server.chain.node import EndpointsDisagree
from tests.server.chain.scripted import Refused, Scripted, node_of

SENDER, CONTRACT = b"\x01" * 20, b"\x02" * 20
REVERTED = Refused("execution reverted", 3, "0x" + selector("NotSubmitter()").hex())


def estimating(*answers: object) -> list[Scripted]:
    return [Scripted(f"node {place}", eth_estimateGas=one) for place, one in enumerate(answers)]


def estimate(*answers: object) -> int:
    return node_of(*estimating(*answers)).estimate_gas(SENDER, CONTRACT, b"\x00")


@pytest.mark.parametrize(
    ("answers", "gas"),
    [
        (["0x10000"], 0x10000),
        (["0x10000", "0x10100"], 0x10100),
        (["0x10100", "0x10000"], 0x10100),
        ([hex(10**9), "0x10000", "0x10100"], 0x10100),
        (["0x1", "0x10000", "0x10100"], 0x10000),
        ([REVERTED, "0x10000", "0x10100"], 0x10100),
        ([Refused("no estimates here"), "0x10000"], 0x10000),
        ([Refused("insufficient funds"), "0x10000"], 0x10000),
        ([Refused("too many requests"), "0x10000"], 0x10000),
    ],
)
def test_the_gas_is_what_most_endpoints_say(answers: list[object], gas: int) -> None:
    assert estimate(*answers) == gas


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (["0x10000", REVERTED], "node 0: 65536 gas; node 1: execution reverted"),
        ([hex(10**9), "0x10000"], "node 0: 1000000000 gas; node 1: 65536 gas"),
        (["0x1", "0x10000"], "node 0: 1 gas; node 1: 65536 gas"),
    ],
)
def test_two_that_contradict_each_other_about_gas_disagree(answers: list[object], said: str) -> None:
    with pytest.raises(EndpointsDisagree, match=said):
        estimate(*answers)


@pytest.mark.parametrize(
    "answers",
    [[REVERTED], [REVERTED, Refused("reverted")], [REVERTED, REVERTED, "0x10000"], [Refused("x"), REVERTED]],
)
def test_a_revert_counts_where_most_endpoints_say_so(answers: list[object]) -> None:
    with pytest.raises(NodeRefused) as refused:
        estimate(*answers)
    assert refused.value.meaning is Refusal.REVERTED
    assert refused.value.data == selector("NotSubmitter()")


@pytest.mark.parametrize("liar", [REVERTED, hex(10**9), "0x1"])
def test_whoever_is_overruled_about_gas_is_named(liar: object) -> None:
    node = node_of(*estimating("0x10000", liar, "0x10100"))
    node.estimate_gas(SENDER, CONTRACT, b"")
    (finding,) = node.findings
    assert finding.kind == "endpoints_disagree"
    assert "node 1: " in finding.detail


def test_one_endpoint_is_asked_for_gas_and_no_more() -> None:
    (only,) = estimating("0x10000")
    node_of(only).estimate_gas(SENDER, CONTRACT, b"")
    assert only.calls == ["eth_chainId", "eth_estimateGas"]


def called(*answers: object) -> bytes:
    endpoints = [Scripted(f"node {place}", eth_call=one) for place, one in enumerate(answers)]
    return node_of(*endpoints).call(CONTRACT, b"\x00", sender=SENDER)


@pytest.mark.parametrize("answers", [["0x"], ["0x", "0x"], [Refused("missing trie node"), "0x"]])
def test_a_call_passes_where_all_that_have_an_answer_say_so(answers: list[object]) -> None:
    assert called(*answers) == b""


@pytest.mark.parametrize("answers", [["0x", REVERTED], [REVERTED, "0x"], ["0x", "0x01"]])
def test_a_call_counts_only_where_none_contradicts(answers: list[object]) -> None:
    with pytest.raises(EndpointsDisagree) as disagreement:
        called(*answers)
    assert set(disagreement.value.answers) == {"node 0", "node 1"}


def test_a_call_that_all_refuse_reverts() -> None:
    with pytest.raises(NodeRefused, match="execution reverted"):
        called(REVERTED, REVERTED)
