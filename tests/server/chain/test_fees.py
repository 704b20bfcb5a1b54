"""Fees as a table: what is offered first, what replaces it, and where the cap ends it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor.node.endpoint import HttpEndpoint
from anchor.server.chain.fees import (
    FeeAboveCap,
    FeeLimits,
    Market,
    data_fee,
    named_minimum,
    offer,
    outbid,
    raised,
    read_market,
)
from anchor.server.chain.node import Node
from anchor.server.chain.transactions import Fees
from tests.fixtures.anvil import CHAIN_ID, Anvil
from tests.fixtures.rpc_proxy import MakeProxy, answer, refuse

GWEI = 10**9


@pytest.mark.parametrize(
    ("market", "limits", "offered"),
    [
        # Twice the base fee and the tip: it holds while the base fee doubles.
        (Market(10, 2), FeeLimits(), Fees(22, 2)),
        (Market(10, 2), FeeLimits(max_fee=100), Fees(22, 2)),
        # Enough for now, but not for the whole margin.
        (Market(10, 2), FeeLimits(max_fee=15), Fees(15, 2)),
        (Market(10, 2), FeeLimits(max_fee=12), Fees(12, 2)),
        (Market(0, 0), FeeLimits(), Fees(0, 0)),
        (Market(None, 7), FeeLimits(), Fees(7, 7, legacy=True)),
        (Market(None, 7), FeeLimits(max_fee=7), Fees(7, 7, legacy=True)),
    ],
)
def test_what_is_offered_first(market: Market, limits: FeeLimits, offered: Fees) -> None:
    assert offer(market, limits) == offered


@pytest.mark.parametrize(
    ("market", "cap"), [(Market(10, 2), 11), (Market(None, 7), 6), (Market(100 * GWEI, 1), 20 * GWEI)]
)
def test_above_the_cap_nothing_is_offered(market: Market, cap: int) -> None:
    with pytest.raises(FeeAboveCap) as above:
        offer(market, FeeLimits(max_fee=cap))
    assert (above.value.needed, above.value.cap) == (market.price, cap)


@pytest.mark.parametrize(
    ("highest", "market", "limits", "offered"),
    [
        # The market fell: still an eighth more, on both fields.
        (Fees(800, 80), Market(10, 2), FeeLimits(), Fees(900, 90)),
        # The market rose: what it asks.
        (Fees(80, 8), Market(100, 20), FeeLimits(), Fees(220, 20)),
        (Fees(80, 8), Market(100, 20), FeeLimits(max_fee=150), Fees(150, 20)),
        (Fees(8, 8, legacy=True), Market(None, 5), FeeLimits(), Fees(9, 9, legacy=True)),
        (Fees(8, 8, legacy=True), Market(None, 50), FeeLimits(max_fee=20), Fees(20, 20, legacy=True)),
        (Fees(1, 0), Market(0, 0), FeeLimits(), Fees(2, 1)),
    ],
)
def test_what_replaces_a_transaction(highest: Fees, market: Market, limits: FeeLimits, offered: Fees) -> None:
    assert outbid(highest, market, limits) == offered


@given(st.integers(0, 10**15), st.integers(0, 10**15), st.integers(0, 10**15), st.integers(0, 10**15))
def test_a_replacement_is_above_by_a_tenth_on_both_fields_whatever_the_market(
    tip: int, above: int, base: int, market_tip: int
) -> None:
    old = Fees(tip + above, tip)
    new = outbid(old, Market(base, market_tip), FeeLimits())
    assert new.max_fee > old.max_fee
    assert new.max_tip > old.max_tip
    assert new.max_fee * 10 >= old.max_fee * 11
    assert new.max_tip * 10 >= old.max_tip * 11


@given(st.integers(0, 10**15), st.integers(0, 10**15), st.integers(1, 10**15))
def test_no_offer_is_ever_above_the_cap(base: int, tip: int, cap: int) -> None:
    limits, market = FeeLimits(max_fee=cap), Market(base, tip)
    if market.price > cap:
        with pytest.raises(FeeAboveCap):
            offer(market, limits)
        return
    first = offer(market, limits)
    assert first.max_fee <= cap
    if raised(first.max_fee) > cap:
        with pytest.raises(FeeAboveCap):
            outbid(first, market, limits)
        return
    assert outbid(first, market, limits).max_fee <= cap


def test_raised_never_stands_still() -> None:
    assert [raised(amount) for amount in (0, 1, 7, 8, 800)] == [1, 2, 8, 9, 900]


def test_the_market_is_read_from_the_chain_with_or_without_its_newer_methods(
    anvil: Anvil, make_proxy: MakeProxy
) -> None:
    proxy = make_proxy(anvil.url)
    node = Node([HttpEndpoint(proxy.url)], CHAIN_ID)
    latest = node.tallest_block()
    rewards = [["0x64"], ["0x0"], ["0xc8"], ["0x12c"]]
    proxy.on("eth_feeHistory", answer({"oldestBlock": "0x0", "reward": rewards}))
    assert read_market(node, latest, FeeLimits()) == Market(latest.base_fee, 200)
    assert read_market(node, latest, FeeLimits(min_tip=300)).tip == 300
    proxy.on("eth_feeHistory", refuse("the method eth_feeHistory does not exist/is not available", -32601))
    proxy.on("eth_maxPriorityFeePerGas", answer("0x2a"))
    assert read_market(node, latest, FeeLimits()).tip == 42
    proxy.on("eth_maxPriorityFeePerGas", refuse("method not found", -32601))
    assert read_market(node, latest, FeeLimits()).tip == 1
    proxy.on("eth_gasPrice", answer("0x2b"))
    assert read_market(node, latest, FeeLimits(legacy=True)) == Market(None, 43)


HIGH, FAIR, LOW = hex(499 * GWEI), hex(2 * GWEI), hex(1)


@pytest.mark.parametrize(
    ("prices", "counts"),
    [([HIGH, FAIR], FAIR), ([FAIR, HIGH], FAIR), ([HIGH, FAIR, LOW], FAIR), ([LOW, LOW, FAIR], LOW)],
)
def test_no_endpoint_sets_the_price_alone(
    anvil: Anvil, make_proxy: MakeProxy, prices: list[str], counts: str
) -> None:
    proxies = [make_proxy(anvil.url) for _ in prices]
    node = Node([HttpEndpoint(proxy.url) for proxy in proxies], CHAIN_ID)
    latest = node.tallest_block()
    for proxy, price in zip(proxies, prices, strict=True):
        proxy.on("eth_feeHistory", answer({"oldestBlock": "0x0", "reward": [[price]]}))
        proxy.on("eth_gasPrice", answer(price))
        proxy.on("eth_call", answer(f"0x{int(price, 16):064x}"))
    expected = int(counts, 16)
    assert read_market(node, latest, FeeLimits()).tip == expected
    assert read_market(node, latest, FeeLimits(legacy=True)).tip == expected
    assert data_fee(node, b"signed", has_oracle=True) == expected
    for proxy, price in zip(proxies, prices, strict=True):
        proxy.on("eth_feeHistory", refuse("method not found", -32601))
        proxy.on("eth_maxPriorityFeePerGas", answer(price))
    assert read_market(node, latest, FeeLimits()).tip == expected


def test_an_endpoint_that_lags_sets_no_price(anvil: Anvil, make_proxy: MakeProxy) -> None:
    lagging, healthy = make_proxy(anvil.url), make_proxy(anvil.url)
    node = Node([HttpEndpoint(healthy.url), HttpEndpoint(lagging.url)], CHAIN_ID)
    latest = node.tallest_block()
    node.lagging = {lagging.url}
    for proxy, price in ((lagging, LOW), (healthy, FAIR)):
        proxy.on("eth_feeHistory", answer({"reward": [[price]]}))
        proxy.on("eth_gasPrice", answer(price))
        proxy.on("eth_call", answer(f"0x{int(price, 16):064x}"))
    expected = int(FAIR, 16)
    assert read_market(node, latest, FeeLimits()).tip == expected
    assert read_market(node, latest, FeeLimits(legacy=True)).tip == expected
    assert data_fee(node, b"signed", has_oracle=True) == expected
    node.lagging = set()
    lagging.on("eth_call", answer("0x"))
    assert data_fee(node, b"signed", has_oracle=True) == expected


def test_an_endpoint_without_rewards_or_without_the_method_leaves_the_price_to_the_others(
    anvil: Anvil, make_proxy: MakeProxy
) -> None:
    silent, lacking, telling = (make_proxy(anvil.url) for _ in range(3))
    silent.on("eth_feeHistory", answer({"reward": [["0x0"]]}))
    lacking.on("eth_feeHistory", refuse("method not found", -32601))
    telling.on("eth_feeHistory", answer({"reward": [[FAIR]]}))
    node = Node([HttpEndpoint(proxy.url) for proxy in (silent, lacking, telling)], CHAIN_ID)
    assert read_market(node, node.tallest_block(), FeeLimits()).tip == int(FAIR, 16)


@pytest.mark.parametrize(
    ("said", "least"),
    [
        ("transaction underpriced: gas tip cap 0, minimum needed 1000000000", 1_000_000_000),
        ("transaction underpriced: tip needed 25000000000, tip permitted 1", 25_000_000_000),
        ("gas price too low: 0 wei, use at least tx.gasPrice = 15000000 wei", 15_000_000),
        ("Gas price '0' is below configured minimum gas price '710000000000'", 710_000_000_000),
        ("have gas fee cap (1) < pool minimum fee cap (25000000000)", 25_000_000_000),
        ("does not satisfy your node's minimal gas price (minimal: 100 got: 50)", 100),
        ("invalid gas fee cap. [ exp: 25000000000, act: 0 ]", 25_000_000_000),
        ("message gas fee cap is below the minimum: 100", 100),
        ("FeeTooLow, FeePerGas needs to be higher than 100 to be added to the TxPool.", 100),
        ("FeeTooLow, EffectivePriorityFeePerGas too low 10 < 20, BaseFee: 30", 20),
        ("To replace it, you need to specify a gas price > 1000000000", 1_000_000_000),
        ("Gas price below configured minimum gas price", None),
        ("fee too low", None),
        ("minimum needed 1.5 gwei", None),
    ],
)
def test_the_minimum_that_a_node_names_is_read_in_every_form(said: str, least: int | None) -> None:
    assert named_minimum(said) == least
