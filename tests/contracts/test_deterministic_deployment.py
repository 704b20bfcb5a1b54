"""A CREATE2 factory deploys the same log to the same address, whoever sends the transaction."""

from __future__ import annotations

import json

from eth_abi.abi import encode
from web3 import Web3

from scripts.compile_contracts import ARTIFACT
from tests.fixtures.anvil import StartAnvil
from tests.fixtures.eth_tester import LOG_ID

FACTORY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
"""The factory that most chains hold at this address, and Anvil from its genesis on."""

OWNER, SUBMITTER = "0x" + "11" * 20, "0x" + "22" * 20
SALT = bytes(31) + b"\x07"


def test_the_address_depends_on_the_log_its_owner_and_its_submitter_alone(start_anvil: StartAnvil) -> None:
    artifact = json.loads(ARTIFACT.read_text())
    arguments = encode(["bytes32", "address", "address"], [LOG_ID, OWNER, SUBMITTER])
    code = bytes.fromhex(artifact["bytecode"].removeprefix("0x")) + arguments
    digest = Web3.keccak(b"\xff" + bytes.fromhex(FACTORY[2:]) + SALT + Web3.keccak(code))
    address = Web3.to_checksum_address(digest[12:])
    for sender in (0, 1):
        node = start_anvil("--chain-id", str(1000 + sender))
        web3 = node.web3()
        call = {"from": node.accounts[sender].address, "to": FACTORY, "data": Web3.to_hex(SALT + code)}
        receipt = web3.eth.wait_for_transaction_receipt(node.rpc("eth_sendTransaction", call))
        assert receipt["status"] == 1
        log = web3.eth.contract(address=address, abi=artifact["abi"])
        assert log.functions.logId().call() == LOG_ID
        assert (log.functions.owner().call(), log.functions.submitter().call()) == (OWNER, SUBMITTER)
