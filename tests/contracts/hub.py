"""An AnchorHub on eth-tester with one open log, and the accounts that play its parts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from web3 import Web3
from web3.contract import Contract
from web3.types import TxReceipt

from scripts.compile_contracts import HUB_ARTIFACT
from tests.fixtures.eth_tester import Refusal, deploy, refusal_of

IDENTITY_KEY = Web3.keccak(text="an identity key")


def log_id_of(identity_key: bytes, founder: str) -> bytes:
    """The id of the log, by its definition in the protocol."""
    return bytes(Web3.keccak(b"\x12" + identity_key + bytes.fromhex(founder[2:])))


def deployed_hub(web3: Web3) -> Contract:
    """The shipped AnchorHub, put on the chain by a plain transaction."""
    return deploy(web3, json.loads(HUB_ARTIFACT.read_text()))


@dataclass(frozen=True)
class OpenLog:
    """A log in a hub: every call of ``send``, ``read`` and ``refusal`` is about it."""

    web3: Web3
    hub: Contract
    log_id: bytes
    owner: str
    submitter: str
    stranger: str

    @classmethod
    def on(cls, web3: Web3, hub: Contract, owner: str, submitter: str, stranger: str) -> OpenLog:
        """Open a log of ``owner``'s."""
        hub.functions.open(IDENTITY_KEY, submitter).transact({"from": owner})
        return cls(web3, hub, log_id_of(IDENTITY_KEY, owner), owner, submitter, stranger)

    def send(self, sender: str, name: str, *arguments: Any) -> TxReceipt:
        """Call a function in a transaction and return its receipt."""
        sent = self.hub.functions[name](self.log_id, *arguments).transact({"from": sender})
        return self.web3.eth.wait_for_transaction_receipt(sent)

    def refusal(self, sender: str, name: str, *arguments: Any) -> Refusal:
        """Call a function that must be refused and return its error."""
        return refusal_of(self.hub, lambda: self.send(sender, name, *arguments))

    def read(self, name: str, *arguments: Any) -> Any:
        """Call a view."""
        return self.hub.functions[name](self.log_id, *arguments).call()
