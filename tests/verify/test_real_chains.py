"""The same proofs against real nodes: Anvil, and the development chain served over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx
import pytest

from anchor.node.reader import LARGEST_ANSWER, JsonRpcChain
from anchor.node.view import ChainUnavailable, Finality
from anchor.proof.values import ProofFile
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import keccak
from anchor.protocol.times import moment
from anchor.server.chain.development import DevelopmentChain
from anchor.server.chain.signers.local import LocalSigner
from anchor.server.service.background_server import BackgroundServer
from anchor.server.service.json_rpc_app import JsonRpcApp
from anchor.verify import Verification, verify_file, write_proof_file
from tests.fixtures.anvil import Anvil, running_anvil
from tests.fixtures.rpc_proxy import (
    Call,
    Fault,
    Reply,
    RpcProxy,
    answer,
    change,
    frozen_at,
    lose_answer,
    refuse,
    status,
)
from tests.verify.anchored_log import AnchoredLog

MakeProxy = Callable[[str], RpcProxy]


@pytest.fixture(scope="module")
def anvil_log() -> Iterator[tuple[Anvil, AnchoredLog]]:
    """A log anchored on Anvil, with final blocks on top."""
    with running_anvil() as anvil:
        log = AnchoredLog(anvil.url, LocalSigner(bytes.fromhex(anvil.accounts[1].private_key[2:])))
        log.grow()
        anvil.mine(3)
        yield anvil, log


@pytest.fixture(scope="module")
def on_anvil(anvil_log: tuple[Anvil, AnchoredLog]) -> AnchoredLog:
    return anvil_log[1]


@pytest.fixture(scope="module")
def on_development_chain() -> Iterator[AnchoredLog]:
    """A log anchored on the development chain, which is served as `anchor dev` serves it."""
    chain = DevelopmentChain()

    def respond(method: str, params: Sequence[Any]) -> dict[str, Any]:
        try:
            return {"result": chain.endpoint.call(method, params)}
        except Exception as error:
            return {"error": {"code": -32000, "message": str(error)}}

    server = BackgroundServer(JsonRpcApp(respond), "127.0.0.1", 0)
    server.start()
    log = AnchoredLog(server.url, chain.signer())
    log.grow()
    yield log
    server.stop()


def verify(
    log: AnchoredLog, proof: ProofFile, rpc: str | list[str] | None = None, **options: Any
) -> Verification:
    return verify_file(write_proof_file(proof), rpc=rpc or log.url, **options)


def honest_proofs(log: AnchoredLog) -> dict[str, ProofFile]:
    built = log.built
    return {
        "first batch, by its event": built.delta("UA", 1, 1, "mile"),
        "pinned batch": built.delta("UA", 4, 2, "mile"),
        "through the next anchor": built.delta("UA", 8, 3, "mile"),
        "newest": built.balance("AA", 7, 4),
        "absence": built.absence("Nobody", 4),
        "freshness": built.freshness("UA", 4, "mile"),
        "consistency": built.extension("UA", 1, 4, "mile"),
        "period": built.period("UA", 2, 9, 4, "mile", listed=True),
    }


@pytest.mark.parametrize("finality", ["finalized", "safe", "latest", 1])
def test_honest_proofs_are_valid_on_anvil(on_anvil: AnchoredLog, finality: str | int) -> None:
    for name, proof in honest_proofs(on_anvil).items():
        result = verify(on_anvil, proof, finality=finality, contract=hex_of(on_anvil.contract))
        assert result.valid, (name, result.failed)


@pytest.mark.parametrize("finality", ["latest", 1])
def test_honest_proofs_are_valid_on_the_development_chain(
    on_development_chain: AnchoredLog, finality: str | int
) -> None:
    log = on_development_chain
    for name, proof in honest_proofs(log).items():
        result = verify(log, proof, finality=finality, contract=hex_of(log.contract))
        assert result.valid, (name, result.failed)


def test_the_time_is_that_of_the_block(anvil_log: tuple[Anvil, AnchoredLog]) -> None:
    anvil, log = anvil_log
    (batch,) = verify(log, log.built.delta("UA", 1, 1, "mile")).facts["chain"]["batches"]
    block = anvil.rpc("eth_getBlockByNumber", hex(batch["block"]), False)
    assert batch["committedBy"] == int(block["timestamp"], 16) * 1000
    assert batch["by"] == "event"


def test_an_old_head_is_not_fresh(on_anvil: AnchoredLog) -> None:
    result = verify(on_anvil, on_anvil.built.freshness("UA", 2, "mile"))
    assert result.verdict == "invalid"
    assert result.failed is not None
    assert result.failed.name == "current head"


def test_a_forged_delta_fails_before_the_chain_is_asked(on_anvil: AnchoredLog) -> None:
    proof = write_proof_file(on_anvil.built.delta("UA", 1, 1, "mile"))
    amount = on_anvil.built.ledger("UA", "mile").records[1]
    assert amount.amount
    forged = proof.replace(b'"recordedAt": 1', b'"recordedAt": 2', 1)
    assert forged != proof
    result = verify_file(forged, rpc="http://127.0.0.1:1")
    assert result.verdict == "invalid"
    assert result.failed is not None
    assert result.failed.name == "ledger inclusion"


def test_a_contract_that_does_not_exist_or_is_no_anchor_log(on_anvil: AnchoredLog) -> None:
    proof = write_proof_file(on_anvil.built.delta("UA", 1, 1, "mile"))
    own = hex_of(on_anvil.contract).encode()
    for other in (b"0x" + b"77" * 20, hex_of(on_anvil.signer.address).encode()):
        result = verify_file(proof.replace(own, other), rpc=on_anvil.url)
        assert result.verdict == "invalid"
        assert result.failed is not None
        assert result.failed.name == "contract"


def test_a_batch_that_is_not_final_yet(on_anvil: AnchoredLog) -> None:
    result = verify(on_anvil, on_anvil.built.balance("AA", 7, 4), finality=100)
    assert result.verdict == "not_checked_against_a_chain"


# Nodes that lie, lag, break or are of another chain


def unchecked(result: Verification) -> str:
    """Why a result says that no chain was seen to hold the root."""
    assert result.verdict == "not_checked_against_a_chain", result.verdict
    assert result.failed is not None
    return result.failed.explanation


def _refuse_tag(call: Call) -> Reply:
    if call.params[0] == "finalized":
        return refuse("klaatu barada nikto")(call)
    return answer(call.forward()["result"])(call)


HOSTILE: dict[str, tuple[str, Fault, str]] = {
    "no answer": ("*", lose_answer, "does not answer"),
    "429": ("*", status(429), "too much to do"),
    "an error": ("eth_chainId", refuse("limit exceeded"), "refuses eth_chainId"),
    "not JSON-RPC": ("*", lambda _: Reply(b"[]"), "not JSON-RPC"),
    "nothing": ("*", lambda _: Reply(b"{}"), "neither result nor error"),
    "deep": ("*", lambda _: Reply(b"[" * 100_000), "no JSON"),
    "endless": ("*", lambda _: Reply(b" " * (LARGEST_ANSWER + 1)), "more than"),
    "chain id as a number": ("eth_chainId", answer(31337), "not a chain id"),
    "chain id null": ("eth_chainId", answer(None), "not a chain id"),
    "another chain": ("eth_chainId", answer("0x1"), "another chain"),
    "no finalized block": ("eth_getBlockByNumber", answer(None), "knows no finalized block"),
    "no such tag": ("eth_getBlockByNumber", _refuse_tag, "knows no finalized block"),
    "no block at all": ("eth_getBlockByNumber", refuse("klaatu barada nikto"), "klaatu barada nikto"),
    "a block that is none": ("eth_getBlockByNumber", answer([]), "not an object"),
    "a block without a hash": ("eth_getBlockByNumber", answer({"number": "0x1"}), "a block's hash"),
    "a word too long": ("eth_call", answer("0x" + "00" * 33), "a word from the contract"),
    "no state": ("eth_call", refuse("missing trie node"), "missing trie node"),
    "events that are none": ("eth_getLogs", answer({}), "not a list"),
    "an event of nobody": ("eth_getLogs", answer([{}]), "not the contract's"),
    "events of another contract": (
        "eth_getLogs",
        change(lambda events: [event | {"address": "0x" + "77" * 20} for event in events]),
        "not asked for",
    ),
    "events of another block": (
        "eth_getLogs",
        change(lambda events: [event | {"blockHash": "0x" + "77" * 32} for event in events]),
        "not asked for",
    ),
    "an event that was removed": (
        "eth_getLogs",
        change(lambda events: [event | {"removed": True} for event in events]),
        "not asked for",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_node_that_cannot_be_used_leaves_it_unchecked(
    name: str, on_anvil: AnchoredLog, make_proxy: MakeProxy
) -> None:
    method, fault, why = HOSTILE[name]
    proxy = make_proxy(on_anvil.url)
    proxy.on(method, fault)
    result = verify(on_anvil, on_anvil.built.delta("UA", 1, 1, "mile"), proxy.url)
    assert why in unchecked(result)


def test_a_node_that_keeps_no_events_is_asked_for_pins_and_says_nothing_against_the_rest(
    on_anvil: AnchoredLog, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(on_anvil.url)
    proxy.on("eth_getLogs", refuse("history has been pruned for this block"))
    assert verify(on_anvil, on_anvil.built.delta("UA", 4, 2, "mile"), proxy.url).valid
    result = verify(on_anvil, on_anvil.built.delta("UA", 1, 1, "mile"), proxy.url)
    assert "ask another node, one that keeps old events" in unchecked(result)
    assert any(step.outcome == "skipped" and "pruned" in step.explanation for step in result.steps)


def test_a_node_that_lags_is_not_taken_for_a_chain_without_the_block(
    on_anvil: AnchoredLog, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(on_anvil.url)
    genesis = on_anvil.endpoint.call("eth_getBlockByNumber", ["0x0", False])
    proxy.on("eth_getBlockByNumber", answer(genesis))
    result = verify(on_anvil, on_anvil.built.delta("UA", 1, 1, "mile"), proxy.url)
    assert "lags" in unchecked(result)


def test_a_node_that_stands_still_says_nothing_of_what_is_newest(
    on_anvil: AnchoredLog, make_proxy: MakeProxy
) -> None:
    built = on_anvil.built
    old = hex(built.locations[2][2].block_number)  # type: ignore[union-attr]
    block = on_anvil.endpoint.call("eth_getBlockByNumber", [old, False])
    time = int(block["timestamp"], 16) * 1000
    still = make_proxy(on_anvil.url)
    still.on("eth_getBlockByNumber", frozen_at(block))
    passed_over, delta = built.freshness("UA", 2, "mile"), built.delta("UA", 4, 2, "mile")
    assert verify(on_anvil, passed_over).verdict == "invalid"
    late = {"rpc": still.url, "now": time + 3_600_001}
    why = unchecked(verify(on_anvil, passed_over, **late))
    assert f"stands still: its final block is of {moment(time)}, more than 3600 seconds ago" in why
    assert verify(on_anvil, delta, **late).valid, "this is no claim to be the newest"
    # Within the bound the answer says as of when it is.
    for options in (late | {"now": time + 3_600_000}, late | {"oldest_block": 3601}):
        result = verify(on_anvil, passed_over, **options)
        assert result.valid
        assert f"the contract's head as of block {int(old, 16)}, {moment(time)}." in result.statements[-2]
    both = late | {"rpc": [on_anvil.url, still.url]}
    assert "stands still" in unchecked(verify(on_anvil, passed_over, **both)), "the slower one counts"


@pytest.mark.parametrize(
    ("method", "lie"),
    [
        ("eth_chainId", answer("0x1")),
        ("eth_getLogs", answer([])),
        ("eth_call", answer("0x" + "11" * 32)),
        ("eth_getBlockByNumber", change(lambda block: block | {"hash": "0x" + "11" * 32})),
    ],
)
def test_of_two_nodes_the_one_that_lies_is_noticed(
    method: str, lie: Fault, on_anvil: AnchoredLog, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(on_anvil.url)
    proof = on_anvil.built.delta("UA", 1, 1, "mile")
    assert verify(on_anvil, proof, [on_anvil.url, proxy.url]).valid
    proxy.on(method, lie)
    result = verify(on_anvil, proof, [on_anvil.url, proxy.url])
    assert "disagree" in unchecked(result)


def test_of_two_nodes_the_one_behind_says_what_is_final(on_anvil: AnchoredLog, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(on_anvil.url)
    genesis = on_anvil.endpoint.call("eth_getBlockByNumber", ["0x0", False])
    proxy.on("eth_getBlockByNumber", answer(genesis), times=1)
    proof = on_anvil.built.delta("UA", 1, 1, "mile")
    assert "lags" in unchecked(verify(on_anvil, proof, [on_anvil.url, proxy.url]))


def test_nothing_listens_there(on_anvil: AnchoredLog) -> None:
    result = verify(on_anvil, on_anvil.built.delta("UA", 1, 1, "mile"), "http://127.0.0.1:1/secret-key")
    why = unchecked(result)
    assert "does not answer" in why
    assert "secret-key" not in str(result.to_json())


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://x", "http://[", "http://x:99999", "http://\x00"])
def test_a_url_that_is_none_leaves_it_unchecked(url: str, on_anvil: AnchoredLog) -> None:
    assert unchecked(verify(on_anvil, on_anvil.built.delta("UA", 1, 1, "mile"), [url]))


def test_a_node_that_trickles_is_given_up() -> None:
    def trickle(_: httpx.Request) -> httpx.Response:
        def body() -> Iterator[bytes]:
            while True:
                yield b" "

        return httpx.Response(200, content=body())

    chain = JsonRpcChain("http://node/", timeout=0.2, transport=httpx.MockTransport(trickle))
    with pytest.raises(ChainUnavailable, match=r"takes longer|sends more"):
        chain.chain_id()


def test_the_contracts_interface_is_what_the_artifact_says(on_anvil: AnchoredLog) -> None:
    chain = JsonRpcChain(on_anvil.url)
    final = chain.final_block(Finality.parse("latest"))
    pinned = on_anvil.built.batches[1].root
    assert chain.log_id(on_anvil.contract) == on_anvil.built.log_id
    assert chain.head(on_anvil.contract, final.number) == on_anvil.head
    assert chain.pinned_at(on_anvil.contract, pinned, final.number) > 0
    assert chain.pinned_at(on_anvil.contract, keccak(b""), final.number) == 0
    assert chain.head(on_anvil.contract, 0) == bytes(32)
    assert chain.block(final.number + 1000) is None
