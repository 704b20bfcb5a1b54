"""The owner's word to the contract, sent once, though the owner's key may be the one that anchors."""

import time
from dataclasses import dataclass
from typing import ClassVar

from anchor.server.anchoring.lease import Lease
from anchor.server.anchoring.states import State
from anchor.server.chain.contract import AnchorLog
from anchor.server.chain.deploying import Waiting, send_and_wait
from anchor.server.chain.node import Node
from anchor.server.chain.settings import ChainSettings
from anchor.server.chain.signers.signer import Signer
from anchor.server.chain.unfinished import UnfinishedTransaction
from anchor.server.chain.values import Receipt, address_text
from anchor.server.storage.anchors import chain_in_use
from anchor.server.storage.sending import sends_in


@dataclass(eq=False)
class NotTheOwner(Exception):
    """The signer is another account than the one whose word it is. Addresses have 20 bytes."""

    expected: bytes
    found: bytes
    kind: str
    remedy: ClassVar[str] = "give --owner-keystore, or --unsigned for a wallet that has the key"

    def __str__(self) -> str:
        return (
            f"that is for {address_text(self.expected)} to say, and the {self.kind} signs as "
            f"{address_text(self.found)}"
        )


@dataclass(eq=False)
class AnchorInFlight(Exception):
    """The key has an anchor in flight, whose nonce another transaction would take."""

    batch: int
    remedy: ClassVar[str] = "start the worker, and wait until `anchor status` shows nothing in flight"

    def __str__(self) -> str:
        return f"batch {self.batch} is in flight by the same key"


def say_as_owner(
    log: AnchorLog,
    signer: Signer,
    calldata: bytes,
    *,
    by: bytes,
    settings: ChainSettings,
    unfinished: UnfinishedTransaction,
    lease: Lease | None,
) -> Receipt:
    """Send a call to the contract by the account ``by`` (20 bytes), and return its receipt.

    ``lease`` is held by the caller where the signer is the key that anchors, None where it is another.
    Raises NotTheOwner, AnchorInFlight, LeaseLost, and what ``send_and_wait`` raises.
    """
    if signer.address != by:
        raise NotTheOwner(by, signer.address, signer.kind)
    waiting = Waiting()
    if lease is not None:
        _require_nothing_in_flight(log, settings.name, signer.address, lease)
        waiting = Waiting(sleep=lambda seconds: _wait_with(lease, seconds))
    receipt = send_and_wait(
        log.node,
        signer,
        log.address,
        calldata,
        limits=settings.fees,
        waiting=waiting,
        unfinished=unfinished,
    )
    unfinished.forget()
    return receipt


def forget_mined(node: Node, unfinished: UnfinishedTransaction) -> None:
    """Forget what was said and is in a block: from then on the contract tells. Before that is read.

    Else the same word, said again after another was heard in between, would be taken for said.
    Raises RpcError, OSError.
    """
    kept = unfinished.kept()
    if kept is not None and node.receipt(kept.hash) is not None:
        unfinished.forget()


def _wait_with(lease: Lease, seconds: float) -> None:
    time.sleep(seconds)
    lease.acquire()
    lease.check()


def _require_nothing_in_flight(log: AnchorLog, name: str, sender: bytes, lease: Lease) -> None:
    with lease.read() as reading:
        row = chain_in_use(reading, name)
        flying = [] if row is None else sends_in(reading, row.id, (State.SIGNED, State.SENT))
    # What is signed for a nonce that is used can be mined no more.
    if flying and (flying[0].nonce or 0) >= log.node.nonce(sender):
        raise AnchorInFlight(flying[0].batch)
