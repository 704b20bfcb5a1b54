"""Several endpoints, of which one shows blocks of the future: whoever keeps up with our clock is heard."""

from collections.abc import Callable
from typing import Any

import pytest

from anchor.server.chain.node import EndpointsDisagree
from tests.server.chain.scripted import NOW, Scripted, block, chain_to, node_of

TRANSACTION = b"\x31" * 32
ACCOUNT = b"\x44" * 20
DAY = 86_400 // 12
"""Blocks."""


def made_up_above(true: int, seconds: int) -> Callable[[int], dict[str, Any]]:
    """The true chain up to a height, and blocks above it that are dated so far ahead of ``NOW``."""
    return lambda number: block(number) if number <= true else block(number, fork=7, time=NOW + seconds)


def liar(**said: Any) -> Scripted:
    """It holds the true chain of nine blocks, and 991 more that are an hour ahead."""
    return Scripted("liar", eth_getBlockByNumber=chain_to(1000, made=made_up_above(9, 3600)), **said)


def kinds(found: Any) -> list[str]:
    return [finding.kind for finding in found.findings]


@pytest.mark.parametrize("liar_first", [True, False])
def test_a_chain_of_the_future_sets_no_honest_endpoint_aside(liar_first: bool) -> None:
    honest = Scripted("honest", eth_getTransactionCount="0x3", eth_getBalance="0x10")
    lying = liar(eth_getTransactionCount="0x5", eth_getBalance="0x0")
    node = node_of(*([lying, honest] if liar_first else [honest, lying]), now=NOW)
    assert node.tallest_block().number == 9
    assert node.lagging == set()
    assert node.common_height == 9
    assert kinds(node) == ["block_of_the_future"]
    assert "liar's newest block is more than 15 s ahead of our clock" in node.findings[0].detail
    for ask in (node.nonce, node.balance):
        with pytest.raises(EndpointsDisagree) as disagreement:
            ask(ACCOUNT)
        assert set(disagreement.value.answers) == {"honest", "liar"}


def test_one_that_lags_is_set_aside_beside_a_chain_of_the_future() -> None:
    behind = Scripted("behind", eth_getBlockByNumber=chain_to(0), eth_getTransactionCount="0x0")
    honest = Scripted("honest", eth_getTransactionCount="0x3")
    lying = liar(eth_getTransactionCount="0x3")
    node = node_of(lying, behind, honest, now=NOW)
    assert node.tallest_block().number == 9
    assert node.lagging == {"behind"}
    assert sorted(kinds(node)) == ["block_of_the_future", "endpoint_lags"]
    assert node.nonce(ACCOUNT) == 3


def test_a_chain_that_is_made_up_to_our_clock_lags_nobody_out_who_keeps_up_with_it() -> None:
    """What it gains is what a clock may be off: less than makes a lag."""
    honest = Scripted("honest")
    lying = Scripted("liar", eth_getBlockByNumber=chain_to(1000, made=made_up_above(9, 15)))
    node = node_of(lying, honest, now=NOW)
    assert node.tallest_block().number == 1000
    assert node.lagging == set()
    assert kinds(node) == []


def test_where_our_clock_is_slow_nobody_is_set_aside_for_a_height() -> None:
    behind, newest = Scripted("behind"), Scripted("newest", eth_getBlockByNumber=chain_to(60))
    node = node_of(behind, newest, now=NOW - 3600)
    assert node.tallest_block().number == 60
    assert node.lagging == set()
    assert kinds(node) == ["block_of_the_future"]


def test_a_block_that_is_ahead_of_our_clock_by_itself_is_no_finding() -> None:
    """As on a chain of a test, whose blocks are made faster than their times go."""
    node = node_of(Scripted("only", eth_getBlockByNumber=chain_to(400)), now=NOW)
    assert node.tallest_block().number == 400
    assert kinds(node) == []


def receipt(number: int) -> dict[str, Any]:
    return {
        "transactionHash": "0x" + TRANSACTION.hex(),
        "blockNumber": hex(number),
        "blockHash": block(number)["hash"],
        "status": "0x1",
        "gasUsed": "0x10",
        "effectiveGasPrice": "0x1",
        "from": "0x" + ACCOUNT.hex(),
        "logs": [],
    }


@pytest.mark.parametrize(("age", "counts"), [(DAY + 1, True), (DAY - 1, False)])
def test_what_a_node_may_have_forgotten_is_told_by_the_present_and_not_by_one_that_is_still_syncing(
    age: int, counts: bool
) -> None:
    """An endpoint without an old receipt contradicts nobody; without one of the last day it does."""
    newest, mined = 20_000, 20_000 - age
    here = chain_to(newest)
    keeps = Scripted("keeps", eth_getBlockByNumber=here, eth_getTransactionReceipt=receipt(mined))
    forgot = Scripted("forgot", eth_getBlockByNumber=here, eth_getTransactionReceipt=None)
    syncing = Scripted("syncing", eth_getBlockByNumber=chain_to(5), eth_getTransactionReceipt=None)
    node = node_of(keeps, forgot, syncing, now=NOW + 12 * newest)
    node.tallest_block()
    assert node.lagging == {"syncing"}
    found = node.receipt(TRANSACTION)
    assert (found is not None) is counts
    assert ("endpoints_disagree" in kinds(node)) is not counts
    # Nor does a chain of the future make a receipt old.
    ahead = Scripted(
        "ahead",
        eth_getBlockByNumber=chain_to(newest + 99, made=made_up_above(newest, 12 * newest + 90 * 86_400)),
        eth_getTransactionReceipt=receipt(mined),
    )
    among_liars = node_of(ahead, forgot, now=NOW + 12 * newest)
    among_liars.tallest_block()
    assert (among_liars.receipt(TRANSACTION) is not None) is counts
