"""Events are searched for in as many blocks at once as the endpoints give, from the newest down."""

import pytest

from anchor.node import endpoint as rpc
from anchor.node.endpoint import HttpEndpoint, RpcError
from anchor.protocol.hashing import ZERO
from anchor.server.chain import searching as room
from anchor.server.chain.contract import AnchorLog, anchor_call
from anchor.server.chain.deploying import deploy, send_and_wait
from anchor.server.chain.node import Node
from anchor.server.chain.signers.local import LocalSigner
from tests.fixtures.anvil import CHAIN_ID, Anvil
from tests.fixtures.rpc_proxy import Call, Fault, MakeProxy, Reply, RpcProxy, answer, refuse, status

LOG_ID = b"\x21" * 32
HEADS = [bytes([number]) * 32 for number in range(1, 4)]


@pytest.fixture
def used(anvil: Anvil, monkeypatch: pytest.MonkeyPatch) -> AnchorLog:
    """A contract with three heads, 90 blocks apart; all ranges are a hundredth of what they are."""
    for name in ("FIRST_RANGE", "LARGEST_RANGE"):
        monkeypatch.setattr(room, name, getattr(room, name) // 100)
    node = Node([HttpEndpoint(anvil.url)], CHAIN_ID)
    owner = LocalSigner(bytes.fromhex(anvil.accounts[0].private_key[2:]))
    made = deploy(node, owner, log_id=LOG_ID, owner=owner.address, submitter=owner.address)
    head = ZERO
    for number, new in enumerate(HEADS, 1):
        send_and_wait(node, owner, made.address, anchor_call(head, new, number))
        anvil.mine(90)
        head = new
    return AnchorLog(node, made.address)


def spans(proxy: RpcProxy, most: int, fault: Fault) -> list[int]:
    """Let the endpoint do this where more than ``most`` blocks are asked for; return what was asked."""
    asked: list[int] = []

    def limited(call: Call) -> Reply:
        wanted = call.params[0]
        span = int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) + 1
        asked.append(span)
        return fault(call) if span > most else answer(call.forward()["result"])(call)

    proxy.on("eth_getLogs", limited)
    return asked


def found(node: Node, used: AnchorLog) -> list[bytes]:
    latest = node.tallest_block().number
    return [event.new_head for event in AnchorLog(node, used.address).anchored(0, latest)]


TOO_MUCH = {
    "blocks": refuse("query exceeds max block range"),
    "results": refuse("query exceeds max results 20000, retry with the range 1-9000"),
    "time": refuse("query timeout exceeded"),
    "bytes": lambda _call: Reply(b"{" + b" " * 200_000),
}


@pytest.mark.parametrize("limit", TOO_MUCH)
def test_fewer_blocks_are_searched_at_once_where_they_are_too_many(
    anvil: Anvil,
    used: AnchorLog,
    make_proxy: MakeProxy,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
) -> None:
    monkeypatch.setattr(rpc, "MAX_ANSWER_BYTES", 100_000)
    proxy = make_proxy(anvil.url)
    asked = spans(proxy, 50, TOO_MUCH[limit])
    assert found(Node([HttpEndpoint(proxy.url)], CHAIN_ID), used) == HEADS[::-1]
    assert asked[0] == room.FIRST_RANGE
    # What was refused is not asked for again.
    assert sum(span > 50 for span in asked) == 1


def test_more_blocks_are_searched_at_once_while_all_is_well(
    anvil: Anvil, used: AnchorLog, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(anvil.url)
    asked = spans(proxy, 10**9, refuse("never"))
    assert found(Node([HttpEndpoint(proxy.url)], CHAIN_ID), used) == HEADS[::-1]
    assert asked[0] == room.FIRST_RANGE
    assert len(asked) == 2
    assert asked[1] > room.FIRST_RANGE


@pytest.mark.parametrize("other", ["answers", "is down"])
def test_an_endpoint_that_searches_too_few_blocks_leaves_it_to_another(
    anvil: Anvil, used: AnchorLog, make_proxy: MakeProxy, other: str
) -> None:
    proxy, second = make_proxy(anvil.url), make_proxy(anvil.url)
    spans(proxy, 1 if other == "answers" else 50, refuse("up to a 10 block range"))
    if other == "is down":
        second.on("*", status(503))
    node = Node([HttpEndpoint(proxy.url), HttpEndpoint(second.url)], CHAIN_ID)
    assert found(node, used) == HEADS[::-1]


@pytest.mark.parametrize("fault", [refuse("no logs here"), refuse("block range"), status(429)])
def test_an_endpoint_that_gives_none_at_all_is_told(
    anvil: Anvil, used: AnchorLog, make_proxy: MakeProxy, fault: Fault
) -> None:
    proxy = make_proxy(anvil.url)
    asked = spans(proxy, 0, fault)
    with pytest.raises(RpcError):
        found(Node([HttpEndpoint(proxy.url)], CHAIN_ID), used)
    assert len(asked) <= 3
