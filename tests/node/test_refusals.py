"""What nodes say, as they say it, and what it means."""

import json
from pathlib import Path
from typing import Any

import pytest

from anchor.node.refusals import Refusal, classify, named_range

SAID = [
    # geth
    ("already known", Refusal.ALREADY_KNOWN),
    ("nonce too low: next nonce 5, tx nonce 3", Refusal.NONCE_TOO_LOW),
    ("nonce too high: address 0x…, tx: 9 state: 5", Refusal.NONCE_TOO_HIGH),
    ("replacement transaction underpriced", Refusal.REPLACEMENT_UNDERPRICED),
    (
        "replacement transaction underpriced: new tx gas fee cap 1 <= 1 queued",
        Refusal.REPLACEMENT_UNDERPRICED,
    ),
    ("transaction underpriced: gas tip cap 1, minimum needed 1000000", Refusal.UNDERPRICED),
    ("transaction underpriced", Refusal.UNDERPRICED),
    (
        "insufficient funds for gas * price + value: balance 0, tx cost 42, overshot 42",
        Refusal.OUT_OF_FUNDS,
    ),
    (
        "max fee per gas less than block base fee: address 0x…, maxFeePerGas: 1, baseFee: 7",
        Refusal.BELOW_BASE_FEE,
    ),
    ("max priority fee per gas higher than max fee per gas: address 0x…", Refusal.FEE_TOO_HIGH),
    ("exceeds block gas limit", Refusal.GAS_LIMIT_TOO_HIGH),
    ("transaction gas limit too high (cap: 16777216, tx: 20000000)", Refusal.GAS_LIMIT_TOO_HIGH),
    ("intrinsic gas too low: gas 20000, minimum needed 21000", Refusal.GAS_LIMIT_TOO_LOW),
    ("tx fee (2.10 ether) exceeds the configured cap (1.00 ether)", Refusal.FEE_TOO_HIGH),
    ("invalid sender", Refusal.WRONG_CHAIN),
    ("invalid chain id for signer: have 1 want 5", Refusal.WRONG_CHAIN),
    ("only replay-protected (EIP-155) transactions allowed over RPC", Refusal.WRONG_CHAIN),
    ("transaction type not supported", Refusal.TYPE_NOT_SUPPORTED),
    ("unknown transaction type", Refusal.TYPE_NOT_SUPPORTED),
    ("txpool is full", Refusal.BUSY),
    ("execution reverted", Refusal.REVERTED),
    ("finalized block not found", Refusal.BLOCK_UNKNOWN),
    ("the method eth_feeHistory does not exist/is not available", Refusal.METHOD_MISSING),
    ("missing trie node 1234 (path ) state 0x… is not available", Refusal.BLOCK_UNKNOWN),
    # erigon
    ("existing tx with same hash: already known", Refusal.ALREADY_KNOWN),
    ("could not replace existing tx", Refusal.REPLACEMENT_UNDERPRICED),
    ("fee too low", Refusal.UNDERPRICED),
    # nethermind
    ("AlreadyKnown", Refusal.ALREADY_KNOWN),
    ("OldNonce, Current nonce: 5, nonce of rejected tx: 3", Refusal.NONCE_TOO_LOW),
    ("NonceGap, Future nonce. Expected nonce: 5", Refusal.NONCE_TOO_HIGH),
    ("FeeTooLow, EffectivePriorityFeePerGas too low 0 < 1", Refusal.UNDERPRICED),
    ("FeeTooLowToCompete", Refusal.UNDERPRICED),
    ("ReplacementNotAllowed, replacement transaction underpriced", Refusal.REPLACEMENT_UNDERPRICED),
    ("InsufficientFunds, Account balance: 0", Refusal.OUT_OF_FUNDS),
    ("GasLimitExceeded, Gas limit: 60000000", Refusal.GAS_LIMIT_TOO_HIGH),
    # besu
    ("Known transaction", Refusal.ALREADY_KNOWN),
    ("Nonce too low", Refusal.NONCE_TOO_LOW),
    ("Nonce too distant from current sender nonce", Refusal.NONCE_TOO_HIGH),
    ("Upfront cost exceeds account balance", Refusal.OUT_OF_FUNDS),
    ("Gas price below configured minimum gas price", Refusal.UNDERPRICED),
    ("Transaction gas limit exceeds block gas limit", Refusal.GAS_LIMIT_TOO_HIGH),
    ("Replacement transaction underpriced", Refusal.REPLACEMENT_UNDERPRICED),
    # reth
    ("transaction already imported", Refusal.ALREADY_KNOWN),
    ("nonce too low", Refusal.NONCE_TOO_LOW),
    ("insufficient funds for gas * price + value", Refusal.OUT_OF_FUNDS),
    ("gas limit too high", Refusal.GAS_LIMIT_TOO_HIGH),
    # anvil
    ("transaction already imported", Refusal.ALREADY_KNOWN),
    ("max fee per gas less than block base fee", Refusal.BELOW_BASE_FEE),
    ("Insufficient funds for gas * price + value", Refusal.OUT_OF_FUNDS),
    ("BlockOutOfRangeError: block height is 3 but requested was 9", Refusal.BLOCK_UNKNOWN),
    # eth-tester
    ("ValidationError: Invalid transaction nonce: Expected 2, but got 1", Refusal.NONCE_TOO_LOW),
    (
        "ValidationError: Sender's max fee per gas (1) is lower than block's base fee per gas (673756209)",
        Refusal.BELOW_BASE_FEE,
    ),
    ("ValidationError: Sender does not have enough funds", Refusal.OUT_OF_FUNDS),
    # providers
    ("query returned more than 10000 results", Refusal.RANGE_TOO_LARGE),
    ("eth_getLogs is limited to a 10000 block range", Refusal.RANGE_TOO_LARGE),
    ("eth_getLogs and eth_newFilter are limited to a 10,000 blocks range", Refusal.RANGE_TOO_LARGE),
    ("query exceeds max results 20000, retry with the range 1-9000", Refusal.RANGE_TOO_LARGE),
    ("logs matched by query exceeds limit of 10000", Refusal.RANGE_TOO_LARGE),
    ("requested too many blocks from 1 to 9000, maximum is set to 2048", Refusal.RANGE_TOO_LARGE),
    ("backend response too large", Refusal.RANGE_TOO_LARGE),
    ("query timeout exceeded", Refusal.BUSY),
    ("Your app has exceeded its compute units per second capacity", Refusal.RATE_LIMITED),
    ("daily request count exceeded, request rate limited", Refusal.RATE_LIMITED),
    ("Too Many Requests", Refusal.RATE_LIMITED),
    ("the sequencer is temporarily unavailable", Refusal.BUSY),
]


OF_NODES = json.loads(Path(__file__).with_name("refusals_of_nodes.json").read_text())
"""What public nodes and providers say, drawn from their sources, their users' reports and others' tests."""


@pytest.mark.parametrize("said", OF_NODES, ids=lambda said: f"{said['node']}-{said['meaning']}")
def test_what_public_nodes_say_is_understood(said: dict[str, Any]) -> None:
    assert classify(said["code"], said["message"]).value == said["meaning"], said["message"]


def test_the_refusals_of_nodes_tell_every_meaning_and_none_twice() -> None:
    assert {said["meaning"] for said in OF_NODES} == {meaning.value for meaning in Refusal} - {"other"}
    said = [(one["node"], one["message"]) for one in OF_NODES]
    assert len(set(said)) == len(said) >= 87


@pytest.mark.parametrize(("message", "meaning"), SAID)
def test_what_a_node_says_is_understood(message: str, meaning: Refusal) -> None:
    assert classify(-32000, message) is meaning


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (-32601, Refusal.METHOD_MISSING),
        (-32005, Refusal.RATE_LIMITED),
        (3, Refusal.REVERTED),
        (-32000, Refusal.OTHER),
    ],
)
def test_words_that_nobody_knows_are_read_by_their_code(code: int, meaning: Refusal) -> None:
    assert classify(code, "klaatu barada nikto") is meaning


@pytest.mark.parametrize(
    ("said", "blocks"),
    [
        ("You can make eth_getLogs requests with up to a 10 block range.", 10),
        ("with up to a 2K block range and no limit on the response size", 2_000),
        ("this block range should work: [0x123c9b2, 0x123cba5]", 500),
        ("eth_getLogs is limited to a 10,000 blocks range", 10_000),
        ("range 1000000 exceeds limit of 10000", 10_000),
        ("exceed maximum block range: 5000", 5_000),
        ("query exceeds max block range 100000", 100_000),
        ("requested too many blocks from 1 to 9000, maximum is set to 2048", 2_048),
        ("block range is too wide (maximum 1024)", 1_024),
        ("Max range: 800", 800),
        ("query returned more than 10000 results", None),
        ("block range too high", None),
    ],
)
def test_the_range_that_a_node_names_is_read(said: str, blocks: int | None) -> None:
    assert named_range(said) == blocks
