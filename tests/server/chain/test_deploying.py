"""Deploying: plainly, and at an address that is known before, also where the proxy is missing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from eth_account import Account

from anchor.node.endpoint import HttpEndpoint
from anchor.protocol.hashing import ZERO
from anchor.server.chain.contract import (
    Anchored,
    AnchorLog,
    anchor_call,
    anchored_in,
    creation_code,
    decode_revert,
    selector,
)
from anchor.server.chain.deploying import (
    DEPLOYMENT_PROXY,
    DEPLOYMENT_PROXY_SIGNER,
    DEPLOYMENT_PROXY_TRANSACTION,
    Deployment,
    DeploymentFailed,
    Waiting,
    created_address,
    deploy,
    deploy_deterministic,
    deterministic_address,
    send_and_wait,
)
from anchor.server.chain.development import DevelopmentChain
from anchor.server.chain.node import Node
from anchor.server.chain.signers.local import LocalSigner
from anchor.server.chain.unfinished import UnfinishedTransaction
from anchor.server.chain.values import Receipt, address_text
from tests.fixtures.anvil import CHAIN_ID, Anvil, StartAnvil
from tests.fixtures.rpc_proxy import Call, MakeProxy, Reply, answer, refuse

LOG_ID = b"\x21" * 32


def signer_of(anvil: Anvil, place: int = 0) -> LocalSigner:
    return LocalSigner(bytes.fromhex(anvil.accounts[place].private_key[2:]))


@pytest.fixture
def node(anvil: Anvil) -> Node:
    return Node([HttpEndpoint(anvil.url)], CHAIN_ID)


def test_a_plain_deployment_is_ours_and_answers(anvil: Anvil, node: Node) -> None:
    owner, submitter = signer_of(anvil, 0), signer_of(anvil, 1)
    expected = created_address(owner.address, node.nonce(owner.address))
    deployment = deploy(node, owner, log_id=LOG_ID, owner=owner.address, submitter=submitter.address)
    assert deployment.address == expected
    contract = AnchorLog(node, deployment.address)
    assert contract.deployed_log_id() == LOG_ID == contract.log_id()
    assert (contract.owner(), contract.submitter()) == (owner.address, submitter.address)
    assert contract.head() == ZERO
    assert contract.pinned_at(ZERO) == 0


def test_a_deterministic_deployment_is_where_it_was_said_to_be_and_happens_once(
    anvil: Anvil, node: Node
) -> None:
    owner = signer_of(anvil)
    expected = deterministic_address(LOG_ID, owner.address, owner.address)
    first = deploy_deterministic(node, owner, log_id=LOG_ID, owner=owner.address, submitter=owner.address)
    assert first.address == expected
    assert first.receipt is not None
    again = deploy_deterministic(node, owner, log_id=LOG_ID, owner=owner.address, submitter=owner.address)
    assert (again.address, again.receipt) == (expected, None)
    assert AnchorLog(node, expected).deployed_log_id() == LOG_ID


def test_the_proxy_is_put_on_a_chain_that_lacks_it(start_anvil: StartAnvil) -> None:
    anvil = start_anvil("--disable-default-create2-deployer")
    node = Node([HttpEndpoint(anvil.url)], CHAIN_ID)
    assert node.code(DEPLOYMENT_PROXY) == b""
    owner = signer_of(anvil)
    deployment = deploy_deterministic(
        node, owner, log_id=LOG_ID, owner=owner.address, submitter=owner.address
    )
    assert deployment.address == deterministic_address(LOG_ID, owner.address, owner.address)
    assert node.code(DEPLOYMENT_PROXY) != b""
    assert AnchorLog(node, deployment.address).deployed_log_id() == LOG_ID


def test_nothing_goes_through_the_proxy_before_every_endpoint_shows_it(
    start_anvil: StartAnvil, make_proxy: MakeProxy
) -> None:
    anvil = start_anvil("--disable-default-create2-deployer")
    proxy = make_proxy(anvil.url)
    empty = proxy.on("eth_getCode", answer("0x"), times=4)

    def estimate(call: Call) -> Reply:
        # As of the block before, where there is no code at the proxy's address.
        if empty.used < 4 and call.params[0].get("to", "").lower() == address_text(DEPLOYMENT_PROXY).lower():
            return answer(hex(90_000))(call)
        return answer(call.forward()["result"])(call)

    proxy.on("eth_estimateGas", estimate)
    node, owner = Node([HttpEndpoint(proxy.url), HttpEndpoint(anvil.url)], CHAIN_ID), signer_of(anvil)
    made = deploy_deterministic(
        node,
        owner,
        log_id=LOG_ID,
        owner=owner.address,
        submitter=owner.address,
        waiting=Waiting(seconds=20, look=0.01),
    )
    assert AnchorLog(node, made.address).deployed_log_id() == LOG_ID


def test_the_proxys_transaction_is_by_the_signer_that_we_fund() -> None:
    recovered = Account.recover_transaction(DEPLOYMENT_PROXY_TRANSACTION)
    assert recovered == address_text(DEPLOYMENT_PROXY_SIGNER)
    assert created_address(DEPLOYMENT_PROXY_SIGNER, 0) == DEPLOYMENT_PROXY


def test_a_deployment_that_is_not_mined_says_which_transaction_to_look_for(
    start_anvil: StartAnvil,
) -> None:
    anvil = start_anvil("--no-mining")
    node = Node([HttpEndpoint(anvil.url)], CHAIN_ID)
    ticks = iter(range(100))
    waiting = Waiting(seconds=5, sleep=lambda _: None, monotonic=lambda: next(ticks))
    owner = signer_of(anvil)
    with pytest.raises(DeploymentFailed, match=r"0x[0-9a-f]{64} is not mined") as failure:
        deploy(
            node,
            owner,
            log_id=LOG_ID,
            owner=owner.address,
            submitter=owner.address,
            waiting=waiting,
        )
    assert "may still be mined" in failure.value.remedy


class Killed(BaseException):
    """Stands for the end of the process."""


def test_a_deployment_that_was_killed_after_the_send_is_waited_for_and_not_paid_for_again(
    start_anvil: StartAnvil, tmp_path: Path
) -> None:
    anvil = start_anvil("--no-mining")
    node, owner = Node([HttpEndpoint(anvil.url)], CHAIN_ID), signer_of(anvil)
    unfinished = UnfinishedTransaction(tmp_path / "deploying-31337.transaction")

    def killed(_seconds: float) -> None:
        raise Killed

    def run(owned_by: bytes, waiting: Waiting) -> Deployment:
        return deploy(
            node,
            owner,
            log_id=LOG_ID,
            owner=owned_by,
            submitter=owner.address,
            waiting=waiting,
            unfinished=unfinished,
        )

    expected = created_address(owner.address, node.nonce(owner.address))
    with pytest.raises(Killed):
        run(owner.address, Waiting(sleep=killed))
    # Mined while nobody looked; the directory still names no contract.
    anvil.mine()
    again = run(owner.address, Waiting(sleep=killed))
    assert again.address == expected
    assert node.nonce(owner.address) == 1
    # Another contract than the one that was begun is another transaction.
    with pytest.raises(Killed):
        run(b"\x42" * 20, Waiting(sleep=killed))
    anvil.mine()
    other = run(b"\x42" * 20, Waiting(sleep=killed))
    assert AnchorLog(node, other.address).owner() == b"\x42" * 20
    assert node.nonce(owner.address) == 2


@pytest.mark.parametrize("agreement", [1, 2])
def test_a_deployment_whose_receipt_does_not_count_yet_is_not_paid_for_again(
    start_anvil: StartAnvil, make_proxy: MakeProxy, tmp_path: Path, agreement: int
) -> None:
    anvil = start_anvil("--no-mining")
    proxy = make_proxy(anvil.url)
    node, owner = Node([HttpEndpoint(proxy.url)], CHAIN_ID, agreement=agreement), signer_of(anvil)
    unfinished = UnfinishedTransaction(tmp_path / "kept")
    code = creation_code(LOG_ID, owner.address, owner.address)

    def killed(_seconds: float) -> None:
        raise Killed

    def run() -> None:
        send_and_wait(node, owner, None, code, waiting=Waiting(sleep=killed), unfinished=unfinished)

    with pytest.raises(Killed):
        run()
    begun = unfinished.kept()
    anvil.mine()
    if agreement == 1:
        # As behind a load balancer, one of whose nodes has no receipt yet; else one endpoint of two is down.
        proxy.on("eth_getTransactionReceipt", answer(None))
    with pytest.raises(Killed):
        run()
    assert unfinished.kept() == begun


def test_a_deployment_whose_nonce_is_used_and_that_nobody_shows_is_paid_for_again_on_the_operators_word_only(
    start_anvil: StartAnvil, make_proxy: MakeProxy, tmp_path: Path
) -> None:
    anvil = start_anvil("--no-mining")
    proxy = make_proxy(anvil.url)
    node, owner = Node([HttpEndpoint(proxy.url)], CHAIN_ID), signer_of(anvil)
    unfinished = UnfinishedTransaction(tmp_path / "kept")
    code = creation_code(LOG_ID, owner.address, owner.address)
    ticks = iter(range(1000))

    def killed(_seconds: float) -> None:
        raise Killed

    def run(sleep: Callable[[float], None]) -> Receipt:
        waiting = Waiting(seconds=5, sleep=sleep, monotonic=lambda: next(ticks))
        return send_and_wait(node, owner, None, code, waiting=waiting, unfinished=unfinished)

    with pytest.raises(Killed):
        run(killed)
    begun = unfinished.kept()
    assert begun is not None
    anvil.mine()
    # As behind a load balancer, one of whose nodes has the block and no index of its transactions yet.
    for method in ("eth_getTransactionReceipt", "eth_getTransactionByHash"):
        proxy.on(method, answer(None))
    with pytest.raises(
        DeploymentFailed, match=f"0x{begun.hash.hex()} was signed .* nonce 0 is used"
    ) as failure:
        run(lambda _: None)
    assert f"remove {unfinished.path}" in failure.value.remedy
    assert unfinished.kept() == begun
    assert node.nonce(owner.address) == 1
    assert run(lambda _: proxy.heal()).transaction_hash == begun.hash
    # Another transaction took the nonce: the operator says so by removing the file.
    anvil.rpc("anvil_rollback", 1)
    anvil.rpc("anvil_dropAllTransactions")
    anvil.rpc("anvil_setNonce", "0x" + owner.address.hex(), "0x1")
    with pytest.raises(DeploymentFailed, match="no endpoint shows it"):
        run(lambda _: None)
    unfinished.forget()
    assert run(lambda _: anvil.mine()).succeeded
    assert unfinished.kept() is not None
    assert node.nonce(owner.address) == 2


@pytest.mark.parametrize("content", ["", "0x", "nonsense", "0x02f8"])
def test_a_file_of_an_unfinished_deployment_that_cannot_be_read_counts_as_none(
    tmp_path: Path, content: str
) -> None:
    unfinished = UnfinishedTransaction(tmp_path / "kept")
    assert unfinished.kept() is None
    unfinished.path.write_text(content)
    assert unfinished.kept() is None
    unfinished.forget()
    unfinished.forget()


def test_an_account_without_funds_is_told_before_anything_is_signed(anvil: Anvil, node: Node) -> None:
    poor = LocalSigner(b"\x77" * 32)
    with pytest.raises(DeploymentFailed, match="holds 0 wei") as failure:
        deploy(node, poor, log_id=LOG_ID, owner=poor.address, submitter=poor.address)
    assert address_text(poor.address) in failure.value.problem
    assert failure.value.remedy == "send it funds"


def test_a_refusal_that_time_does_not_change_ends_the_waiting(anvil: Anvil, make_proxy: MakeProxy) -> None:
    proxy = make_proxy(anvil.url)
    proxy.on("eth_sendRawTransaction", refuse("exceeds block gas limit"))
    owner = signer_of(anvil)
    with pytest.raises(DeploymentFailed, match="exceeds block gas limit"):
        deploy(
            Node([HttpEndpoint(proxy.url)], CHAIN_ID),
            owner,
            log_id=LOG_ID,
            owner=owner.address,
            submitter=owner.address,
        )


def test_events_are_read_back_newest_first_and_by_their_head(anvil: Anvil, node: Node) -> None:
    owner = signer_of(anvil)
    address = deploy(node, owner, log_id=LOG_ID, owner=owner.address, submitter=owner.address).address
    contract = AnchorLog(node, address)
    head = ZERO
    made: list[Anchored] = []
    for number in range(1, 6):
        new = bytes([number]) * 32
        receipt = send_and_wait(node, owner, address, anchor_call(head, new, number))
        made += anchored_in(receipt, address)
        head = new
    assert [(event.number, event.new_head) for event in made] == [
        (number, bytes([number]) * 32) for number in range(1, 6)
    ]
    latest = node.tallest_block().number
    assert list(contract.anchored(0, latest)) == made[::-1]
    assert list(contract.anchored(0, latest, new_head=made[2].new_head)) == [made[2]]
    assert contract.head() == made[-1].new_head
    assert contract.heads() == {node.endpoints[0].name: made[-1].new_head}


def test_code_with_one_bit_changed_is_not_ours(anvil: Anvil, node: Node) -> None:
    owner = signer_of(anvil)
    address = deploy(node, owner, log_id=LOG_ID, owner=owner.address, submitter=owner.address).address
    code = bytearray(node.code(address))
    for place in (0, len(code) // 2, len(code) - 1):
        changed = bytearray(code)
        changed[place] ^= 1
        anvil.rpc("anvil_setCode", "0x" + address.hex(), "0x" + changed.hex())
        assert AnchorLog(node, address).deployed_log_id() is None


def test_reverts_are_decoded_by_the_contracts_own_errors() -> None:
    mismatch = decode_revert(selector("HeadMismatch(bytes32,bytes32)") + b"\x01" * 32 + b"\x02" * 32)
    assert (mismatch.name, mismatch.values) == ("HeadMismatch", (b"\x01" * 32, b"\x02" * 32))
    assert str(decode_revert(b"")) == "reverted without a reason"
    assert decode_revert(b"\xde\xad\xbe\xef").name == "0xdeadbeef"
    assert decode_revert(selector("HeadMismatch(bytes32,bytes32)") + b"\x01").values == ()


def test_eth_tester_in_process_takes_the_same_way() -> None:
    chain = DevelopmentChain()
    node = Node([chain.endpoint], chain.chain_id)
    owner = chain.signer()
    deployment = deploy_deterministic(
        node, owner, log_id=LOG_ID, owner=owner.address, submitter=owner.address
    )
    assert AnchorLog(node, deployment.address).deployed_log_id() == LOG_ID
