"""Events count where every endpoint that keeps up shows them: one can neither hide nor invent any."""

from typing import Any

import pytest

from anchor.node.endpoint import RpcError
from anchor.server.chain.contract import ANCHORED_TOPIC, AnchorLog
from anchor.server.chain.node import EndpointsDisagree, Node
from tests.server.chain.scripted import Refused, Scripted, block, node_of

CONTRACT = b"\x02" * 20


def event(number: int, *, head: int | None = None, **fields: Any) -> dict[str, Any]:
    """The event of batch ``number``, in the block of that height."""
    topics = [ANCHORED_TOPIC, number.to_bytes(32), (number if head is None else head).to_bytes(32)]
    return {
        "address": "0x" + CONTRACT.hex(),
        "topics": ["0x" + topic.hex() for topic in topics],
        "data": "0x" + (number - 1).to_bytes(32).hex(),
        "blockNumber": hex(number),
        "blockHash": block(number)["hash"],
        "transactionHash": "0x" + bytes([number % 256] * 32).hex(),
        "logIndex": "0x0",
    } | fields


EVENTS = [event(number) for number in (2, 5, 8)]


def logs(*events: dict[str, Any], most: int = 10**6) -> Any:
    """Answer what a node holds, in no more than ``most`` blocks at once."""

    def answer(wanted: dict[str, Any]) -> Any:
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        if last - first + 1 > most:
            return Refused("block range is too wide")
        return [one for one in events if first <= int(one["blockNumber"], 16) <= last]

    return answer


def showing(*answers: Any) -> list[Scripted]:
    return [Scripted(f"node {place}", eth_getLogs=one) for place, one in enumerate(answers)]


def heads(node: Node, last: int = 9, **wanted: Any) -> list[int]:
    found = AnchorLog(node, CONTRACT).anchored(0, last, **wanted)
    return [int.from_bytes(one.new_head) for one in found]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (logs(*EVENTS[:2]), "batch 8 in block 8.*batch 5 in block 5"),
        (logs(), "batch 8 in block 8.*no more"),
        (logs(*EVENTS, event(9)), "batch 8 in block 8.*batch 9 in block 9"),
        (logs(*EVENTS[:2], event(8, transactionHash="0x" + "ee" * 32)), "0x0808.*0xeeee"),
        (logs(*EVENTS[:2], event(8, head=9)), "head 0x0*8.*head 0x0*9"),
    ],
    ids=["hides one", "hides all", "invents one", "other transaction", "other head"],
)
def test_events_that_only_one_shows_are_a_disagreement(other: Any, said: str) -> None:
    for answers in ([logs(*EVENTS), other], [other, logs(*EVENTS)]):
        with pytest.raises(EndpointsDisagree) as disagreement:
            heads(node_of(*showing(*answers)))
        assert set(disagreement.value.answers) == {"node 0", "node 1"}
    with pytest.raises(EndpointsDisagree, match=said):
        heads(node_of(*showing(logs(*EVENTS), other)))


def test_events_above_the_one_that_is_contested_count() -> None:
    node = node_of(*showing(logs(*EVENTS), logs(*EVENTS[1:])))
    found = AnchorLog(node, CONTRACT).anchored(0, 9)
    assert [next(found).number, next(found).number] == [8, 5]
    with pytest.raises(EndpointsDisagree):
        next(found)


@pytest.mark.parametrize(
    "other",
    [Refused("no such method", -32601), Refused("rate limited", 429), {"not": "a list"}, None],
    ids=["missing", "limited", "nonsense", "null"],
)
def test_an_endpoint_that_shows_no_events_is_told_and_left_out(other: Any) -> None:
    node = node_of(*showing(other, logs(*EVENTS)))
    assert heads(node) == [8, 5, 2]
    assert {finding.kind for finding in node.findings} == {"endpoint_unreachable"}
    assert all("node 0" in finding.detail for finding in node.findings)
    with pytest.raises(RpcError):
        heads(node_of(*showing(other)))


def test_fewer_endpoints_than_must_agree_show_no_events() -> None:
    with pytest.raises(RpcError, match="1 of the 2 endpoints that have to agree"):
        heads(node_of(*showing(Refused("no logs here"), logs(*EVENTS)), agreement=2))


def test_endpoints_of_other_limits_are_compared_all_the_same() -> None:
    many = [event(number) for number in range(1, 9_000, 100)]
    narrow, wide = showing(logs(*many, most=600), logs(*many))
    assert len(heads(node_of(narrow, wide), 9_000)) == 90
    assert wide.calls.count("eth_getLogs") == 1
    assert narrow.calls.count("eth_getLogs") > 15


def test_a_lagging_endpoint_hides_nothing() -> None:
    synced = Scripted("node 0", eth_getLogs=logs(*EVENTS))
    behind = Scripted("node 1", eth_getLogs=logs(), eth_getBlockByNumber=lambda *_: block(0))
    assert heads(node_of(synced, behind)) == [8, 5, 2]


@pytest.mark.parametrize("odd", [event(5, head=7), event(5, address="0x" + "03" * 20)])
def test_what_was_not_asked_for_is_no_event(odd: dict[str, Any]) -> None:
    assert heads(node_of(*showing(lambda _: [odd])), new_head=(5).to_bytes(32)) == []


def test_an_event_of_other_blocks_is_nonsense() -> None:
    with pytest.raises(RpcError, match="nonsense"):
        heads(node_of(*showing(lambda _: [event(12)])))


def test_one_endpoint_is_asked_for_events_and_no_more() -> None:
    (only,) = showing(logs(*EVENTS))
    heads(node_of(only))
    assert only.calls == ["eth_chainId", "eth_getLogs"]
