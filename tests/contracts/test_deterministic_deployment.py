"""The deployment proxy puts the hub at its one address, whoever sends the transaction, and only once."""

from __future__ import annotations

import json

from web3 import Web3

from anchor.protocol.hub import DEPLOYMENT_PROXY, HUB_ADDRESS, HUB_CODE_HASH, HUB_SALT
from scripts.compile_contracts import HUB_ARTIFACT
from tests.contracts.hub import IDENTITY_KEY, log_id_of
from tests.fixtures.anvil import StartAnvil


def test_the_hub_has_one_address_on_every_chain_whoever_puts_it_there(start_anvil: StartAnvil) -> None:
    """Anvil has the proxy from its genesis on, as most chains have it."""
    artifact = json.loads(HUB_ARTIFACT.read_text())
    calldata = Web3.to_hex(HUB_SALT) + artifact["bytecode"][2:]
    for sender in (0, 1):
        node = start_anvil("--chain-id", str(1000 + sender))
        web3, account = node.web3(), node.accounts[sender].address
        call = {"from": account, "to": Web3.to_hex(DEPLOYMENT_PROXY), "data": calldata}
        receipt = web3.eth.wait_for_transaction_receipt(node.rpc("eth_sendTransaction", call))
        assert receipt["status"] == 1
        hub = web3.eth.contract(address=Web3.to_checksum_address(HUB_ADDRESS), abi=artifact["abi"])
        assert Web3.keccak(web3.eth.get_code(hub.address)) == HUB_CODE_HASH
        hub.functions.open(IDENTITY_KEY, account).transact({"from": account})
        assert hub.functions.owner(log_id_of(IDENTITY_KEY, account)).call() == account
        again = web3.eth.wait_for_transaction_receipt(
            node.rpc("eth_sendTransaction", {**call, "gas": hex(2_000_000)})
        )
        assert again["status"] == 0
