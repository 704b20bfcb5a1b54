"""What a transaction may cost: the market, the cap, the day's budget, and what the account holds."""

from dataclasses import dataclass, replace
from typing import Final

from anchor.node.endpoint import NodeRefused
from anchor.node.refusals import Refusal
from anchor.server.anchoring.alarms import AlarmName
from anchor.server.anchoring.cycle import Cycle
from anchor.server.anchoring.recording import describe_revert
from anchor.server.anchoring.status import DAY_MS
from anchor.server.chain.contract import revert_of
from anchor.server.chain.fees import (
    FeeAboveCap,
    FeeLimits,
    Market,
    data_fee,
    has_data_fee_oracle,
    named_minimum,
    offer,
    outbid,
    raised,
    read_market,
)
from anchor.server.chain.node import EndpointsDisagree
from anchor.server.chain.transactions import Fees, Transaction
from anchor.server.chain.values import address_text, coins
from anchor.server.storage.sending import fees_paid

UNCAPPED_FACTOR: Final = 10
"""Without a cap, a replacement offers no more than this many times the market's price, unless it must."""
LEARNED_SECONDS: Final = 300.0
"""For how long a node's minimum is believed."""
TRANSFER_GAS: Final = 21_000
"""What a transfer takes on Ethereum, and at least anywhere."""


@dataclass(frozen=True, slots=True)
class Bid:
    """What to sign: fees in wei per gas, and the gas limit."""

    fees: Fees
    gas_limit: int


@dataclass
class LearnedPrices:
    """What is known of a chain's prices from one cycle to the next."""

    has_oracle: bool | None = None
    least_tip: int = 0
    at: float = 0.0

    def forget_minimum(self) -> None:
        """Go by the market alone again: what was learned was about one send, in one hour of the chain."""
        self.least_tip = 0


class Bidder:
    """Decides on fees and gas in one cycle; says why where it offers nothing."""

    def __init__(self, cycle: Cycle, learned: LearnedPrices) -> None:
        self._chain = cycle.chain
        self._latest = cycle.latest
        self._conditions = cycle.conditions
        self._learned = learned

    def market(self) -> Market:
        """Return what the chain asks now, and no less than what its nodes take. Raises RpcError."""
        market = read_market(self._chain.node, self._latest, self._chain.settings.fees)
        if self._chain.clock.monotonic() - self._learned.at > LEARNED_SECONDS:
            self._learned.forget_minimum()
        return replace(market, tip=max(market.tip, self._learned.least_tip))

    def learn_minimum(self, tip: int, said: str) -> None:
        """Take up a node's word that a tip is too low: its minimum where it names one, else the double.

        Never above the cap, nor, without one, above ``UNCAPPED_FACTOR`` times the market's price: a node
        that says nonsense must not set the price. Raises RpcError.
        """
        named = named_minimum(said)
        limits = self._chain.settings.fees
        most = limits.max_fee
        if most is None:
            most = UNCAPPED_FACTOR * read_market(self._chain.node, self._latest, limits).price
        self._learned.least_tip = max(self._learned.least_tip, min(2 * tip if named is None else named, most))
        self._learned.at = self._chain.clock.monotonic()

    def bid(self, transaction_to: bytes, calldata: bytes, highest: tuple[int, int] | None) -> Bid | None:
        """Return what to offer for an anchor that may have to outbid ``highest``; None where nothing may
        be (a condition then). Raises RpcError."""
        gas_limit = self._gas_limit(transaction_to, calldata)
        if gas_limit is None:
            return None
        fees = self.fees(highest, gas_limit, calldata)
        return None if fees is None else Bid(fees, gas_limit)

    def fees(self, highest: tuple[int, int] | None, gas_limit: int, calldata: bytes) -> Fees | None:
        """Return an anchor's fees: within the cap, and never so high that it could cost more than the
        account holds or than is left of the day's budget. None where no such fees are enough (a condition
        then). Raises RpcError."""
        market = self.market()
        bounds = self._purse(gas_limit, calldata, market)
        if (most := self._most(market, highest)) is not None:
            bounds.append((most, AlarmName.FEE_ABOVE_CAP, ""))
        most, alarm, why = min(bounds, key=lambda bound: bound[0])
        try:
            return self._offer(market, highest, most)
        except FeeAboveCap as above:
            needed = f"an anchor takes {coins(above.needed * gas_limit)}"
            self._conditions.add(alarm, f"{why}; {needed}" if why else str(above))
            return None

    def cancelling_fees(self, highest: tuple[int, int], anchors: int, gas_limit: int) -> Fees | None:
        """Return the fees of the operator's cancel, or None (a condition then).

        The day's budget is no bound, but what the account holds is, and the cap; without one
        ``UNCAPPED_FACTOR`` times the market's price, or what outbids ``anchors``, the dearest attempt that it
        takes the place of: nodes that find every cancel too cheap must not set the price. Raises RpcError.
        """
        market, cap = self.market(), self._chain.settings.fees.max_fee
        balance = self._chain.node.balance(self._chain.signer.address)
        held = self._funds(f"the account holds {coins(balance)}")
        most, why = cap, f"the cap is {cap} wei: raise max_fee_gwei"
        if most is None:
            most = max(UNCAPPED_FACTOR * market.price, raised(anchors))
            why = (
                f"that is more than {UNCAPPED_FACTOR} times the market's {market.price} wei, and than what "
                "outbids the anchor; name a max_fee_gwei that allows it, or another endpoint"
            )
        bounds = [
            (balance // gas_limit, AlarmName.OUT_OF_FUNDS, held),
            (most, AlarmName.FEE_ABOVE_CAP, why),
        ]
        most, alarm, why = min(bounds, key=lambda bound: bound[0])
        try:
            return self._offer(market, highest, most)
        except FeeAboveCap as above:
            self._conditions.add(alarm, f"the cancel would offer {above.needed} wei per gas; {why}")
            return None

    def cancelling_gas(self, most: int) -> int:
        """Return the gas limit of the operator's cancel, which sends nothing to our own key.

        What a chain asks for that, and no more than ``most``, what an anchor takes. Raises RpcError.
        """
        own = self._chain.signer.address
        try:
            gas = self._chain.node.estimate_gas(own, own, b"")
        except NodeRefused:
            return TRANSFER_GAS
        except EndpointsDisagree:
            # What is left over is not paid, and no liar keeps the operator's word from being sent.
            return max(TRANSFER_GAS, most)
        return TRANSFER_GAS if gas <= TRANSFER_GAS else max(TRANSFER_GAS, min(gas + gas // 4, most))

    def _most(self, market: Market, highest: tuple[int, int] | None) -> int | None:
        """Return the most that a unit of gas may cost; without a cap, only replacements have a bound."""
        limits = self._chain.settings.fees
        if limits.max_fee is not None or highest is None:
            return limits.max_fee
        return max(UNCAPPED_FACTOR * market.price, raised(highest[0]))

    def _offer(self, market: Market, highest: tuple[int, int] | None, most: int | None) -> Fees:
        configured = self._chain.settings.fees
        limits = FeeLimits(most, configured.min_tip, configured.legacy)
        if highest is None:
            return offer(market, limits)
        return outbid(Fees(*highest, legacy=market.base_fee is None), market, limits)

    def _gas_limit(self, to: bytes, calldata: bytes) -> int | None:
        chain = self._chain
        try:
            gas = chain.node.estimate_gas(chain.signer.address, to, calldata)
        except NodeRefused as error:
            if error.meaning is Refusal.OUT_OF_FUNDS:
                self._conditions.add(AlarmName.OUT_OF_FUNDS, self._funds("an anchor cannot be paid for"))
            elif error.meaning is Refusal.GAS_LIMIT_TOO_HIGH:
                self._conditions.add(AlarmName.GAS_ABOVE_BLOCK_LIMIT, error.message)
            elif error.meaning is Refusal.REVERTED:
                revert = revert_of(error)
                if revert.name == "HeadMismatch":
                    # The head moved since we read it, most likely by our own twin: read it again.
                    return None
                why = describe_revert(revert)
                if revert.name == "NotSubmitter":
                    self._conditions.add(AlarmName.NOT_SUBMITTER, why)
                else:
                    self._conditions.add(AlarmName.WOULD_REVERT, why if revert.name else error.message)
            else:
                self._conditions.add(AlarmName.NODE_REFUSES, f"eth_estimateGas: {error.message}")
            return None
        if gas > self._latest.gas_limit:
            self._conditions.add(
                AlarmName.GAS_ABOVE_BLOCK_LIMIT,
                f"an anchor takes {gas} gas, a block has {self._latest.gas_limit}",
            )
            return None
        return min(gas + gas // 4, self._latest.gas_limit)

    def _purse(self, gas_limit: int, calldata: bytes, market: Market) -> list[tuple[int, AlarmName, str]]:
        """Return how much a unit of gas may cost by the balance, and by what is left of the day's budget,
        each with its alarm and what to say. Raises RpcError."""
        chain = self._chain
        extra = self._data_fee(gas_limit, market, calldata)
        balance = chain.node.balance(chain.signer.address)
        held = self._funds(
            f"the account holds {coins(balance)}" + (f", {coins(extra)} go for data" if extra else "")
        )
        bounds = [((balance - extra) // gas_limit, AlarmName.OUT_OF_FUNDS, held)]
        budget = chain.settings.budget_per_day
        if budget is not None:
            with chain.lease.read() as reading:
                spent, _ = fees_paid(reading, chain.row.id, chain.clock.now_ms() - DAY_MS)
            bounds.append(
                (
                    (budget - spent - extra) // gas_limit,
                    AlarmName.BUDGET_SPENT,
                    f"{coins(spent)} of {coins(budget)} are spent in 24 hours",
                )
            )
        return bounds

    def _data_fee(self, gas_limit: int, market: Market, calldata: bytes) -> int:
        chain = self._chain
        if self._learned.has_oracle is None:
            self._learned.has_oracle = has_data_fee_oracle(chain.node)
        if not self._learned.has_oracle:
            return 0
        unsigned = Transaction(
            chain.settings.chain_id,
            0,
            chain.contract.address,
            0,
            calldata,
            gas_limit,
            Fees(market.price, market.tip, legacy=market.base_fee is None),
        )
        # The fee goes by size: any signature will do.
        return data_fee(chain.node, unsigned.encoded_with_placeholder(), has_oracle=True)

    def _funds(self, need: str) -> str:
        return f"{need}: fund {address_text(self._chain.signer.address)}"
