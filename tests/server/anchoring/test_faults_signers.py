"""CHAIN_FAULTS rows 32 and 33 through the whole loop: a signer that fails or cheats loses and sends nothing.

Anvil signs for its own accounts (`eth_signTransaction`), so it is the remote signer too, behind a proxy.
"""

from typing import Any

import pytest

from anchor.node.endpoint import HttpEndpoint
from anchor.server.anchoring.status import read_status
from anchor.server.chain.signers.local import LocalSigner
from anchor.server.chain.signers.remote import RemoteSigner
from anchor.server.chain.signers.signer import SignerUnavailable
from anchor.server.chain.transactions import SignedTransaction, Transaction
from tests.fixtures.anchoring import Bench, MakeBench
from tests.fixtures.rpc_proxy import Fault, MakeProxy, RpcProxy, answer, lose_request, refuse, status


def finish(bench: Bench, loop: Any, *, rounds: int = 4) -> None:
    """Mine and work until nothing is left to do."""
    for _ in range(rounds):
        bench.mine()
        bench.clock.advance(16_000)
        loop.run_once()


def remote(bench: Bench, proxy: RpcProxy) -> RemoteSigner:
    """The submitter's key, held by another process."""
    return RemoteSigner(HttpEndpoint(proxy.url, timeout=5), bench.signer.address)


FAILURES: dict[str, tuple[Fault, str]] = {
    "times out": (lose_request, "signer_unavailable"),
    "is down": (status(503), "signer_unavailable"),
    "refuses": (refuse("Request denied"), "signer_unavailable"),
    "answers nonsense": (answer("0xdeadbeef"), "signer_differs"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_33_while_a_remote_signer_fails_the_batch_waits_and_the_operator_is_told(
    bench: Bench, make_proxy: MakeProxy, failure: str
) -> None:
    proxy = make_proxy(bench.anvil.url)
    loop = bench.loop(signer=remote(bench, proxy))
    fault, alarm = FAILURES[failure]
    proxy.on("eth_signTransaction", fault)
    bench.press.add()
    for _ in range(3):
        loop.run_once()
    assert set(bench.alarms()) == {alarm}
    [shown] = read_status(bench.database, bench.clock).alarms
    assert shown.stops_sending
    assert (bench.states(), bench.attempt_rows(), bench.line()) == (["planned"], [], [])
    # More comes meanwhile; when the signer is well again one transaction takes it all.
    bench.press.add()
    loop.run_once()
    proxy.heal()
    loop.run_once()
    finish(bench, loop)
    assert [event.number for event in bench.line()] == [2]
    assert bench.alarms() == {}
    bench.check_caught_up()


@pytest.mark.parametrize(
    "asked_instead",
    [{"to": "0x" + "22" * 20}, {"value": "0x1"}, {"nonce": "0x7"}, {"data": "0x"}, {"gas": "0xffff"}],
    ids=lambda change: next(iter(change)),
)
def test_33_another_transaction_than_was_asked_for_is_neither_stored_nor_sent(
    bench: Bench, make_proxy: MakeProxy, asked_instead: dict[str, str]
) -> None:
    proxy = make_proxy(bench.anvil.url)

    def sign_another(call: Any) -> Any:
        [request] = call.params
        return answer(bench.anvil.rpc("eth_signTransaction", request | asked_instead))(call)

    proxy.on("eth_signTransaction", sign_another)
    loop = bench.loop(signer=remote(bench, proxy))
    bench.press.add()
    for _ in range(3):
        loop.run_once()
    assert set(bench.alarms()) == {"signer_differs"}
    assert (bench.attempt_rows(), bench.line()) == ([], [])
    proxy.heal()
    loop.run_once()
    finish(bench, loop)
    assert bench.states() == ["final"]
    bench.check_caught_up()


class ThrottledSigner:
    """A key in a service that is throttled for a while, as KMS is."""

    kind = "throttled"

    def __init__(self, inner: LocalSigner) -> None:
        self.inner = inner
        self.address = inner.address
        self.throttled = False

    def sign(self, transaction: Transaction) -> SignedTransaction:
        if self.throttled:
            raise SignerUnavailable("AWS KMS", "ThrottlingException")
        return self.inner.sign(transaction)


@pytest.mark.databases("sqlite", "postgresql")
def test_32_a_signer_throttled_when_a_replacement_is_due_leaves_the_first_attempt_in_place(
    make_bench: MakeBench,
) -> None:
    bench = make_bench("--no-mining")
    signer = ThrottledSigner(bench.signer)
    loop = bench.loop(signer=signer)
    bench.press.add()
    loop.run_once()
    signer.throttled = True
    bench.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**12))
    bench.mine()
    bench.clock.advance(31_000)
    loop.run_once()
    assert "ThrottlingException" in bench.alarms()["signer_unavailable"]
    assert (bench.states(), len(bench.attempt_rows())) == (["sent"], 1)
    # The one that is in the pool is mined all the same.
    bench.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    finish(bench, loop)
    assert bench.states() == ["final"]
    assert bench.alarms() == {}
    bench.check_caught_up()
