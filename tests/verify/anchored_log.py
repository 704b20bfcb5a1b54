"""A built log whose roots are anchored in a real contract on a real node."""

from __future__ import annotations

import time
from typing import Any

from anchor.node.endpoint import HttpEndpoint
from anchor.proof.values import BlockLocation
from anchor.protocol.errors import hex_of
from anchor.protocol.hashing import ZERO, Bytes32, keccak
from anchor.server.chain.contract import anchor_call
from anchor.server.chain.deploying import deploy
from anchor.server.chain.node import Node
from anchor.server.chain.signers.local import LocalSigner
from tests.verify.building import BuiltLog


class AnchoredLog:
    """Records, seals and anchors. ``signer``'s account must be one that the node holds unlocked."""

    def __init__(self, url: str, signer: LocalSigner, seed: int = 21) -> None:
        self.url = url
        self.endpoint = HttpEndpoint(url)
        self.chain_id = int(self.endpoint.call("eth_chainId", []), 16)
        self.signer = signer
        self.built = BuiltLog(seed)
        self.contract = deploy(
            Node([self.endpoint], self.chain_id),
            signer,
            log_id=self.built.log_id,
            owner=signer.address,
            submitter=signer.address,
        ).address
        self.head: Bytes32 = ZERO

    def send(self, data: bytes) -> Any:
        """Call the contract in a transaction and return its receipt."""
        sent = self.endpoint.call(
            "eth_sendTransaction",
            [
                {
                    "from": hex_of(self.signer.address),
                    "to": hex_of(self.contract),
                    "data": hex_of(data),
                    "gas": hex(200_000),
                }
            ],
        )
        receipt = None
        deadline = time.monotonic() + 30
        while receipt is None:
            assert time.monotonic() < deadline, "the transaction was never mined"
            receipt = self.endpoint.call("eth_getTransactionReceipt", [sent])
        assert receipt["status"] == "0x1"
        return receipt

    def anchor(self) -> BlockLocation:
        """Seal what there is, and anchor it."""
        sealed = self.built.seal()
        receipt = self.send(anchor_call(self.head, sealed.root, sealed.batch.number))
        self.head = sealed.root
        location = BlockLocation(
            bytes.fromhex(receipt["transactionHash"][2:]),
            int(receipt["blockNumber"], 16),
            bytes.fromhex(receipt["blockHash"][2:]),
        )
        self.built.locations[sealed.batch.number] = (self.chain_id, self.contract, location)
        return location

    def pin(self) -> None:
        """Pin the head."""
        self.send(keccak(b"pin()")[:4])

    def grow(self) -> None:
        """Three anchored batches and one between; the second is pinned."""
        for size in (2, 5, 9, 12):
            self.built.record_many("UA", size - len(self.built.ledger("UA", "mile").records), "mile")
            self.built.record_many("AA", 2)
            if size == 9:
                self.built.seal()
                continue
            self.anchor()
            if size == 5:
                self.pin()
