"""What to offer for gas: read from the chain, capped by the operator, and above what it replaces.

EIP-1559 where blocks have a base fee: the tip is the median that recent blocks paid, the cap is twice
the base fee and the tip (it holds through six full blocks in a row). Legacy elsewhere: the node's price.
Of the prices of the endpoints that keep up the middle one counts, of two the lower: one that is too low is
outbid, and one that is too high would be paid. All amounts are wei per gas.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median, median_low
from typing import Any, Final

from anchor.node.endpoint import NodeRefused
from anchor.node.refusals import Refusal
from anchor.server.chain.node import Node
from anchor.server.chain.transactions import Fees
from anchor.server.chain.values import Block, MalformedAnswer, quantity

HISTORY_BLOCKS: Final = 10
REWARD_PERCENTILE: Final = 50
OP_GAS_PRICE_ORACLE: Final = bytes.fromhex("420000000000000000000000000000000000000F")
_GET_L1_FEE: Final = bytes.fromhex("49948e0e")  # getL1Fee(bytes)


@dataclass(frozen=True, slots=True)
class FeeLimits:
    """The operator's bounds. ``max_fee`` None: no cap."""

    max_fee: int | None = None
    min_tip: int = 0
    legacy: bool = False


@dataclass(frozen=True, slots=True)
class Market:
    """What the chain asks now. ``base_fee`` is None where it has none: then ``tip`` is the whole price."""

    base_fee: int | None
    tip: int

    @property
    def price(self) -> int:
        """Return what a unit of gas costs now."""
        return (self.base_fee or 0) + self.tip


@dataclass(eq=False)
class FeeAboveCap(Exception):
    """The chain asks more than the operator allows, or a replacement would have to offer more."""

    needed: int
    cap: int

    def __str__(self) -> str:
        return f"a unit of gas takes {self.needed} wei, and the cap is {self.cap} wei"


def read_market(node: Node, latest: Block, limits: FeeLimits) -> Market:
    """Return what the chain asks. Raises RpcError."""
    if latest.base_fee is None or limits.legacy:
        return Market(None, _middle(node, "eth_gasPrice"))
    tip = max(_usual_tip(node), limits.min_tip)
    if latest.base_fee == 0:
        # Where blocks ask for nothing, the node may: Hedera's relay, networks that are free but for a floor.
        tip = max(tip, _least_price(node))
    return Market(latest.base_fee, tip)


def offer(market: Market, limits: FeeLimits) -> Fees:
    """Return what to offer in a first attempt. Raises FeeAboveCap."""
    cap = limits.max_fee
    if cap is not None and market.price > cap:
        raise FeeAboveCap(market.price, cap)
    if market.base_fee is None:
        return Fees(market.price, market.price, legacy=True)
    wanted = 2 * market.base_fee + market.tip
    return Fees(wanted if cap is None else min(wanted, cap), market.tip)


def outbid(highest: Fees, market: Market, limits: FeeLimits) -> Fees:
    """Return what replaces a transaction of the same nonce that offers ``highest``.

    Both fields rise by an eighth at least (nodes ask for a tenth), also where the market fell since.
    Raises FeeAboveCap: then the one there is stays.
    """
    least_fee, least_tip = raised(highest.max_fee), raised(highest.max_tip)
    cap = limits.max_fee
    if cap is not None and least_fee > cap:
        raise FeeAboveCap(least_fee, cap)
    if highest.legacy:
        price = max(least_fee, market.price)
        return Fees(
            price if cap is None else min(price, cap), price if cap is None else min(price, cap), True
        )
    tip = max(least_tip, market.tip)
    fee = max(least_fee, 2 * (market.base_fee or 0) + tip)
    if cap is not None:
        fee = min(fee, cap)
    return Fees(fee, min(tip, fee))


def raised(amount: int) -> int:
    """Return an eighth more, rounded up, and never the same."""
    return max(amount + 1, -(-amount * 9 // 8))


# What a node asks for, in wei, behind the words that say so; the first that is found counts.
_NAMED: Final = tuple(
    re.compile(words + r"\D{0,3}?(\d{1,30})\b(?!\.)", re.IGNORECASE)
    for words in (
        r"minimum needed",
        r"tip needed",
        r"use at least tx\.gasPrice =",
        r"minimum gas price",
        r"gas price minimum is",
        r"minimum fee cap",
        r"\(minimal:",
        r"\bexp:",
        r"is below the minimum:",
        r"needs to be higher than",
        r"must be at least",
        r"too low \d+ <",
        r"specify a gas price >",
    )
)


def named_minimum(said: str) -> int | None:
    """Return the least price (wei per gas) that a node's refusal names; None where it names none."""
    for words in _NAMED:
        if named := words.search(said):
            return int(named[1])
    return None


def data_fee(node: Node, raw: bytes, *, has_oracle: bool) -> int:
    """Return the wei that the OP stack charges for a transaction's data beside its gas; 0 elsewhere.

    Raises RpcError, MalformedAnswer.
    """
    if not has_oracle:
        return 0
    # abi.encode(bytes): offset, length, padded bytes.
    padded = raw + bytes(-len(raw) % 32)
    calldata = _GET_L1_FEE + (32).to_bytes(32, "big") + len(raw).to_bytes(32, "big") + padded
    said = node.calls(OP_GAS_PRICE_ORACLE, calldata)
    # One that is still syncing has no oracle yet, and says nothing.
    told = {name: int.from_bytes(fee, "big") for name, fee in said.items() if len(fee) == 32}
    if not told:
        raise MalformedAnswer("data fee", next(iter(said.values())).hex()[:64])
    return median_low(node.keeping_up(told).values())


def has_data_fee_oracle(node: Node) -> bool:
    """Return whether the chain is of the OP stack, which charges for data beside gas."""
    return bool(node.code(OP_GAS_PRICE_ORACLE))


def _usual_tip(node: Node) -> int:
    try:
        params = [hex(HISTORY_BLOCKS), "latest", [REWARD_PERCENTILE]]
        told = node.of_all("eth_feeHistory", params, _usual_reward)
        tips = [tip for tip in node.keeping_up(told).values() if tip is not None]
        if tips:
            return median_low(tips)
    except NodeRefused as error:
        if error.meaning not in (Refusal.METHOD_MISSING, Refusal.OTHER, Refusal.BLOCK_UNKNOWN):
            raise
    try:
        return _middle(node, "eth_maxPriorityFeePerGas")
    except NodeRefused as error:
        if error.meaning not in (Refusal.METHOD_MISSING, Refusal.OTHER):
            raise
        return 1


def _least_price(node: Node) -> int:
    """Return what the nodes name as the price of gas; 0 where they name none."""
    try:
        return _middle(node, "eth_gasPrice")
    except NodeRefused:
        return 0


def _middle(node: Node, method: str) -> int:
    return median_low(node.keeping_up(node.of_all(method, [], _price)).values())


def _price(answer: Any) -> int:
    return quantity(answer, "gas price")


def _usual_reward(answer: Any) -> int | None:
    """Return the median tip of recent blocks; None where they say nothing: empty ones report 0."""
    if answer is None:
        return None
    rows = (answer.get("reward") or ()) if isinstance(answer, Mapping) else None
    if not isinstance(rows, list | tuple) or not all(isinstance(row, list | tuple) for row in rows):
        raise MalformedAnswer("fee history", repr(answer))
    rewards = [quantity(row[0], "reward") for row in rows if row]
    paid = [reward for reward in rewards if reward > 0]
    return int(median(paid)) if paid else None
