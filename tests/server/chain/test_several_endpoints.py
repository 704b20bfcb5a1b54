"""What is asked of several endpoints counts where those that keep up agree."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from anchor.node.endpoint import HttpEndpoint
from anchor.protocol.hashing import ZERO
from anchor.server.chain.contract import AnchorLog, anchor_call
from anchor.server.chain.deploying import deploy, deploy_deterministic, send_and_wait
from anchor.server.chain.node import EndpointsDisagree, Node
from anchor.server.chain.signers.local import LocalSigner
from tests.fixtures.anvil import CHAIN_ID, Anvil, StartAnvil
from tests.fixtures.rpc_proxy import Call, MakeProxy, Reply, RpcProxy, answer, frozen_at, refuse

LOG_ID = b"\x21" * 32


def signer_of(anvil: Anvil) -> LocalSigner:
    return LocalSigner(bytes.fromhex(anvil.accounts[0].private_key[2:]))


@pytest.fixture
def used(anvil: Anvil) -> AnchorLog:
    """A contract with a head, read at the one honest endpoint."""
    node, owner = Node([HttpEndpoint(anvil.url)], CHAIN_ID), signer_of(anvil)
    made = deploy(node, owner, log_id=LOG_ID, owner=owner.address, submitter=owner.address)
    send_and_wait(node, owner, made.address, anchor_call(ZERO, b"\x07" * 32, 1))
    return AnchorLog(node, made.address)


def beside(anvil: Anvil, proxy: RpcProxy, now: Callable[[], float] = time.time) -> Node:
    """The one behind the proxy is asked first."""
    return Node([HttpEndpoint(proxy.url), HttpEndpoint(anvil.url)], CHAIN_ID, now=now)


def begin_again(anvil: Anvil, proxy: RpcProxy) -> None:
    """The first endpoint is at the first block, as one that is still syncing is."""
    proxy.on("eth_getBlockByNumber", frozen_at(anvil.rpc("eth_getBlockByNumber", "0x0", False)))
    proxy.on("eth_getCode", answer("0x"))
    proxy.on("eth_call", answer("0x"))
    proxy.on("eth_getBalance", answer("0x0"))


def test_an_endpoint_that_is_still_syncing_is_not_heard_about_the_contract(
    anvil: Anvil, used: AnchorLog, make_proxy: MakeProxy
) -> None:
    anvil.rpc("anvil_mine", hex(12), hex(12))
    proxy = make_proxy(anvil.url)
    begin_again(anvil, proxy)
    node = beside(anvil, proxy, now=lambda: time.time() + 600)
    contract = AnchorLog(node, used.address)
    assert contract.deployed_log_id() == LOG_ID
    assert contract.head() == b"\x07" * 32
    assert contract.submitter() == signer_of(anvil).address
    assert node.balance(signer_of(anvil).address) > 0
    assert {finding.kind for finding in node.findings} == {"endpoint_lags"}


PLACES = {
    "eth_getBlockByNumber": 0,
    "eth_getCode": 1,
    "eth_getTransactionCount": 1,
    "eth_getBalance": 1,
    "eth_call": 1,
}
"""Where each method has its block."""


def a_block_behind(proxy: RpcProxy) -> None:
    """It answers as of the block before the newest, and knows nothing of that one."""

    def as_before(call: Call) -> Reply:
        newest = int(ask(call, "eth_blockNumber", [])["result"], 16) - 1
        if call.method == "eth_getTransactionReceipt":
            receipt = call.forward()["result"]
            return answer(receipt and (receipt if int(receipt["blockNumber"], 16) <= newest else None))(call)
        place = PLACES[call.method]
        wanted = call.params[place]
        if wanted.startswith("0x") and int(wanted, 16) > newest:
            return (answer(None) if place == 0 else refuse("header not found"))(call)
        params = [*call.params]
        params[place] = hex(newest) if wanted == "latest" else wanted
        return answer(ask(call, call.method, params)["result"])(call)

    for method in [*PLACES, "eth_getTransactionReceipt"]:
        proxy.on(method, as_before)


def ask(call: Call, method: str, params: list[Any]) -> dict[str, Any]:
    """Ask the node behind the proxy something else."""
    return call.node(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode())


@pytest.mark.parametrize("lie", ["0x0", hex(10**30)])
def test_a_lie_of_the_first_endpoint_about_a_balance_is_a_disagreement(
    anvil: Anvil, make_proxy: MakeProxy, lie: str
) -> None:
    proxy = make_proxy(anvil.url)
    proxy.on("eth_getBalance", answer(lie))
    with pytest.raises(EndpointsDisagree, match=f"{int(lie, 16)} wei"):
        beside(anvil, proxy).balance(signer_of(anvil).address)


def test_a_balance_that_an_endpoint_does_not_know_yet_is_taken_from_the_block_that_both_have(
    anvil: Anvil, used: AnchorLog, make_proxy: MakeProxy
) -> None:
    owner = "0x" + signer_of(anvil).address.hex()
    held = int(anvil.rpc("eth_getBalance", owner, "latest"), 16)
    anvil.rpc("eth_sendTransaction", {"from": anvil.accounts[1].address, "to": owner, "value": "0x1"})
    proxy = make_proxy(anvil.url)
    a_block_behind(proxy)
    assert beside(anvil, proxy).balance(signer_of(anvil).address) == held


@pytest.mark.parametrize(
    ("method", "lie", "what"),
    [
        ("eth_getCode", "0x", "the code at 0x"),
        ("eth_getCode", "0x60", "the code at 0x"),
        ("eth_call", "0x" + "00" * 32, "the contract's head"),
    ],
)
def test_a_lie_of_the_first_endpoint_about_the_contract_is_a_disagreement(
    anvil: Anvil, used: AnchorLog, make_proxy: MakeProxy, method: str, lie: str, what: str
) -> None:
    proxy = make_proxy(anvil.url)
    proxy.on(method, answer(lie))
    contract = AnchorLog(beside(anvil, proxy), used.address)
    with pytest.raises(EndpointsDisagree) as disagreement:
        contract.deployed_log_id() if method == "eth_getCode" else contract.head()
    assert disagreement.value.what.startswith(what)
    assert set(disagreement.value.answers) == {proxy.url, anvil.url}


def test_a_fork_is_no_lag_however_far_it_is_behind(anvil: Anvil, start_anvil: StartAnvil) -> None:
    """Three endpoints: the lowest agrees with both others, which stand on two forks above it."""
    anvil.mine()
    nodes = [start_anvil("--fork-url", anvil.url) for _ in range(2)]
    nodes[0].rpc("anvil_mine", hex(2), hex(3))
    nodes[1].rpc("anvil_mine", hex(14), hex(12))
    node = Node([HttpEndpoint(one.url) for one in (anvil, *nodes)], CHAIN_ID)
    with pytest.raises(EndpointsDisagree, match="about block 3"):
        node.tallest_block()


def test_a_deterministic_deployment_passes_beside_an_endpoint_that_is_a_block_behind(
    anvil: Anvil, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(anvil.url)
    node, owner = beside(anvil, proxy), signer_of(anvil)
    anvil.mine()
    a_block_behind(proxy)
    made = deploy_deterministic(node, owner, log_id=LOG_ID, owner=owner.address, submitter=owner.address)
    proxy.heal()
    assert AnchorLog(node, made.address).deployed_log_id() == LOG_ID
