"""The nodes that other tests run on do what their fixtures say."""

from __future__ import annotations

import pytest

from tests.fixtures.anvil import Anvil, AnvilError, StartAnvil


def test_a_fresh_node_mines_a_block_for_each_transaction(anvil: Anvil) -> None:
    web3, sender = anvil.web3(), anvil.accounts[0].address
    for block in range(1, 6):
        sent = anvil.rpc("eth_sendTransaction", {"from": sender, "to": sender, "value": "0x1"})
        assert web3.eth.wait_for_transaction_receipt(sent)["blockNumber"] == block
    assert web3.eth.get_block("finalized")["number"] == 3


def test_a_node_without_mining_holds_transactions_in_its_mempool(start_anvil: StartAnvil) -> None:
    node = start_anvil("--no-mining")
    sender = node.accounts[0].address
    hash_ = node.rpc("eth_sendTransaction", {"from": sender, "to": sender, "value": "0x1"})
    assert node.rpc("eth_getTransactionReceipt", hash_) is None
    node.mine()
    assert node.rpc("eth_getTransactionReceipt", hash_)["status"] == "0x1"


def test_an_error_of_the_node_is_raised_with_its_words(session_anvil: Anvil) -> None:
    with pytest.raises(AnvilError, match="eth_noSuchMethod"):
        session_anvil.rpc("eth_noSuchMethod")


def test_a_node_that_cannot_start_says_why(start_anvil: StartAnvil) -> None:
    with pytest.raises(AnvilError, match="no-such-option"):
        start_anvil("--no-such-option")
