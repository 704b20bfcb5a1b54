"""Putting the contract on a chain: by a plain transaction, or at an address that is known before.

The second way goes through the deterministic deployment proxy that most chains have at
0x4e59b44847b379578588920cA78FbF26c0B4956C: the same log, owner, submitter and salt give the same
address everywhere, and to run it twice does nothing the second time.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import rlp

from anchor.node.refusals import Refusal
from anchor.protocol.hashing import ZERO, Bytes32, keccak
from anchor.server.chain.contract import creation_code
from anchor.server.chain.fees import FeeLimits, offer, read_market
from anchor.server.chain.node import EndpointsDisagree, Node
from anchor.server.chain.signers.signer import Signer
from anchor.server.chain.transactions import SignedTransaction, Transaction
from anchor.server.chain.unfinished import UnfinishedTransaction
from anchor.server.chain.values import Receipt, address_text, hexadecimal

DEPLOYMENT_PROXY: Final = bytes.fromhex("4e59b44847b379578588920cA78FbF26c0B4956C")
DEPLOYMENT_PROXY_SIGNER: Final = bytes.fromhex("3fab184622dc19b6109349b94811493bf2a45362")
DEPLOYMENT_PROXY_COST: Final = 100_000 * 100 * 10**9
"""Wei: its transaction is signed for good, at 100,000 gas and 100 gwei."""
DEPLOYMENT_PROXY_TRANSACTION: Final = bytes.fromhex(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe"
    # Its code: PUSH32 of -32, and the rest.
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
    # The signature: v = 27, r and s of nobody's choice.
    "1ba02222222222222222222222222222222222222222222222222222222222222222"
    "a02222222222222222222222222222222222222222222222222222222222222222"
)


_HOPELESS: Final = frozenset(
    {
        Refusal.OUT_OF_FUNDS,
        Refusal.UNDERPRICED,
        Refusal.BELOW_BASE_FEE,
        Refusal.FEE_TOO_HIGH,
        Refusal.GAS_LIMIT_TOO_HIGH,
        Refusal.GAS_LIMIT_TOO_LOW,
        Refusal.WRONG_CHAIN,
        Refusal.TYPE_NOT_SUPPORTED,
    }
)
"""Refusals of a transaction that time does not change: the nonce was not used, and nothing is pending."""


LONGEST_UNSHOWN: Final = 60.0
"""Seconds: a node that has a block and shows no transaction of it is given so long to do so."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the contract is. ``receipt`` is None where it was there before."""

    address: bytes
    receipt: Receipt | None


@dataclass(eq=False)
class DeploymentFailed(Exception):
    """The contract is not there. ``remedy`` says what to do."""

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}"


@dataclass(frozen=True)
class Waiting:
    """How to wait for a receipt: for how long, and between looks, in seconds."""

    seconds: float = 300.0
    look: float = 0.5
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic


def deploy(
    node: Node,
    signer: Signer,
    *,
    log_id: Bytes32,
    owner: bytes,
    submitter: bytes,
    limits: FeeLimits | None = None,
    waiting: Waiting | None = None,
    unfinished: UnfinishedTransaction | None = None,
) -> Deployment:
    """Create the contract by a transaction of ``signer``, or by the one that ``unfinished`` keeps.

    Raises DeploymentFailed, RpcError, EndpointsDisagree, FeeAboveCap, OSError.
    """
    code = creation_code(log_id, owner, submitter)
    receipt = send_and_wait(node, signer, None, code, limits=limits, waiting=waiting, unfinished=unfinished)
    if receipt.contract_address is None:
        raise DeploymentFailed("the receipt names no contract", "ask another endpoint")
    return Deployment(receipt.contract_address, receipt)


def deploy_deterministic(
    node: Node,
    signer: Signer,
    *,
    log_id: Bytes32,
    owner: bytes,
    submitter: bytes,
    salt: Bytes32 = ZERO,
    limits: FeeLimits | None = None,
    waiting: Waiting | None = None,
    unfinished: UnfinishedTransaction | None = None,
) -> Deployment:
    """Create the contract at ``deterministic_address``, where it is not there yet.

    The proxy is put on the chain first where that lacks it. Raises as ``deploy`` does.
    """
    code = creation_code(log_id, owner, submitter)
    address = deterministic_address(log_id, owner, submitter, salt)
    if node.code(address):
        return Deployment(address, None)
    if not node.code(DEPLOYMENT_PROXY):
        _deploy_proxy(node, signer, limits, waiting)
    receipt = send_and_wait(
        node, signer, DEPLOYMENT_PROXY, salt + code, limits=limits, waiting=waiting, unfinished=unfinished
    )
    # At its own block, which an endpoint that is a block behind cannot contradict.
    if not node.code(address, block=receipt.block_number):
        raise DeploymentFailed(
            f"the transaction was mined, but there is no code at {address_text(address)}",
            "ask another endpoint, or deploy without --deterministic",
        )
    return Deployment(address, receipt)


def deterministic_address(log_id: Bytes32, owner: bytes, submitter: bytes, salt: Bytes32 = ZERO) -> bytes:
    """Return the address (20 bytes) that the contract has on every chain, by EIP-1014."""
    code = creation_code(log_id, owner, submitter)
    return keccak(b"\xff" + DEPLOYMENT_PROXY + salt + keccak(code))[12:]


def created_address(sender: bytes, nonce: int) -> bytes:
    """Return the address (20 bytes) of the contract that a transaction of this nonce creates."""
    return keccak(rlp.encode([sender, nonce]))[12:]


def send_and_wait(
    node: Node,
    signer: Signer,
    to: bytes | None,
    calldata: bytes,
    *,
    value: int = 0,
    limits: FeeLimits | None = None,
    waiting: Waiting | None = None,
    unfinished: UnfinishedTransaction | None = None,
) -> Receipt:
    """Send one transaction and return its receipt, broadcasting it again until it is mined.

    With ``unfinished`` it is kept there before any node sees it, and one that is kept there already, and
    says the same, is waited for: no other is signed while nobody can tell what became of it. Whoever writes
    down the outcome lets it be forgotten. For what an operator does by hand; the anchoring loop has its own
    sender. Raises DeploymentFailed, RpcError, EndpointsDisagree, FeeAboveCap, OSError.
    """
    waiting = waiting or Waiting()
    signed = None
    if unfinished is not None:
        signed = unfinished.kept_for(node.chain_id, signer.address, to, calldata)
        if signed is not None:
            _look_for(node, signed, waiting, unfinished)
    if signed is None:
        signed = _sign(node, signer, to, calldata, value, limits or FeeLimits())
        if unfinished is not None:
            unfinished.keep(signed)
    receipt = _wait(node, signed, waiting, unfinished)
    if not receipt.succeeded:
        if unfinished is not None:
            unfinished.forget()
        raise DeploymentFailed(
            f"transaction {hexadecimal(signed.hash)} reverted", "check the owner and the submitter"
        )
    return receipt


def _look_for(
    node: Node, signed: SignedTransaction, waiting: Waiting, unfinished: UnfinishedTransaction
) -> None:
    """Return where a kept transaction can still be mined, or is seen. Raises DeploymentFailed.

    One whose nonce is used and that no endpoint shows was replaced, or is in a block whose transactions
    they have yet to index: nobody can tell, so no other one is signed.
    """
    nonce, deadline = signed.transaction.nonce, waiting.monotonic() + min(waiting.seconds, LONGEST_UNSHOWN)
    while True:
        # The nonce first: one that is mined between the two questions has its receipt at the second.
        if node.nonce(signed.sender) <= nonce:
            return
        # A receipt that does not count yet says nothing.
        if node.receipt(signed.hash) is not None or node.seen(signed.hash):
            return
        if waiting.monotonic() > deadline:
            raise DeploymentFailed(
                f"transaction {hexadecimal(signed.hash)} was signed for this, its nonce {nonce} is used, and "
                "no endpoint shows it",
                "look it up, or add an endpoint that shows it; if another transaction of "
                f"{address_text(signed.sender)} took the nonce, remove {unfinished.path} and run it again",
            )
        waiting.sleep(waiting.look)


def _sign(
    node: Node, signer: Signer, to: bytes | None, calldata: bytes, value: int, limits: FeeLimits
) -> SignedTransaction:
    latest = node.tallest_block()
    gas = node.estimate_gas(signer.address, to, calldata, value)
    fees = offer(read_market(node, latest, limits), limits)
    transaction = Transaction(
        chain_id=node.chain_id,
        nonce=node.nonce(signer.address),
        to=to,
        value=value,
        data=calldata,
        gas_limit=min(gas + gas // 5, latest.gas_limit),
        fees=fees,
    )
    balance = node.balance(signer.address)
    needed = value + transaction.gas_limit * fees.max_fee
    if balance < needed:
        raise DeploymentFailed(
            f"{address_text(signer.address)} holds {balance} wei, and the transaction takes up to {needed}",
            "send it funds",
        )
    return signer.sign(transaction)


def _wait(
    node: Node, signed: SignedTransaction, waiting: Waiting, unfinished: UnfinishedTransaction | None
) -> Receipt:
    """Broadcast until it is mined. A transaction that no node will ever take is forgotten."""
    deadline = waiting.monotonic() + waiting.seconds
    refused: str | None = None
    while True:
        receipt = node.receipt(signed.hash)
        if receipt is not None:
            return receipt
        answers = node.broadcast(signed.raw)
        if not any(answer.accepted for answer in answers):
            refused = "; ".join(f"{answer.endpoint}: {answer.detail}" for answer in answers)
        if all(answer.meaning in _HOPELESS for answer in answers):
            if unfinished is not None:
                unfinished.forget()
            raise DeploymentFailed(f"no node takes the transaction ({refused})", "see why, and try again")
        receipt = node.receipt(signed.hash)
        if receipt is not None:
            return receipt
        if waiting.monotonic() > deadline:
            raise DeploymentFailed(
                f"transaction {hexadecimal(signed.hash)} is not mined after {waiting.seconds:.0f} s"
                + (f" ({refused})" if refused else ""),
                "look it up before trying again: it may still be mined"
                if unfinished is None
                else f"run it again: it may still be mined, and is kept in {unfinished.path}",
            )
        waiting.sleep(waiting.look)


def _deploy_proxy(node: Node, signer: Signer, limits: FeeLimits | None, waiting: Waiting | None) -> None:
    missing = DEPLOYMENT_PROXY_COST - node.balance(DEPLOYMENT_PROXY_SIGNER)
    if missing > 0:
        send_and_wait(
            node, signer, DEPLOYMENT_PROXY_SIGNER, b"", value=missing, limits=limits, waiting=waiting
        )
    waiting = waiting or Waiting()
    answers = node.broadcast(DEPLOYMENT_PROXY_TRANSACTION)
    deadline = waiting.monotonic() + waiting.seconds
    while (receipt := node.receipt(keccak(DEPLOYMENT_PROXY_TRANSACTION))) is None:
        if waiting.monotonic() > deadline or not any(answer.accepted for answer in answers):
            raise _no_proxy("; ".join(f"{answer.endpoint}: {answer.detail}" for answer in answers))
        waiting.sleep(waiting.look)
    if not receipt.succeeded:
        raise _no_proxy("it reverted")
    # An endpoint that is a block behind would take what is sent there next for a plain call.
    while not _has_proxy(node):
        if waiting.monotonic() > deadline:
            raise _no_proxy("not every endpoint shows its code")
        waiting.sleep(waiting.look)


def _has_proxy(node: Node) -> bool:
    try:
        return bool(node.code(DEPLOYMENT_PROXY))
    except EndpointsDisagree:
        return False


def _no_proxy(why: str) -> DeploymentFailed:
    return DeploymentFailed(
        f"this chain does not take the deployment proxy's transaction: {why}",
        "deploy without --deterministic",
    )
