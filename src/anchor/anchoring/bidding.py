"""What a transaction may cost: the market, the cap, the day's budget, and what the account holds."""

import re
from dataclasses import dataclass, replace
from typing import Final

from anchor.anchoring.alarms import AlarmName
from anchor.anchoring.conditions import Conditions
from anchor.anchoring.funds import DAY_MS
from anchor.anchoring.recording import describe_revert
from anchor.anchoring.sending_chain import SendingChain
from anchor.chain.contract import revert_of
from anchor.chain.fees import (
    FeeAboveCap,
    FeeLimits,
    Market,
    data_fee,
    has_data_fee_oracle,
    offer,
    outbid,
    raised,
    read_market,
)
from anchor.chain.refusals import Refusal
from anchor.chain.rpc import NodeRefused
from anchor.chain.transactions import Fees, Transaction
from anchor.chain.values import Block, address_text
from anchor.storage.sending import fees_paid

UNCAPPED_FACTOR: Final = 10
"""Without a cap, a replacement offers no more than this many times the market's price, unless it must."""
_MINIMUM: Final = re.compile(r"minimum needed (\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Bid:
    """What to sign: fees in wei per gas, and the gas limit."""

    fees: Fees
    gas_limit: int


class Bidder:
    """Decides on fees and gas for one chain; says why where it offers nothing."""

    def __init__(self, chain: SendingChain) -> None:
        self._chain = chain
        self._has_oracle: bool | None = None
        self._least_tip = 0

    def market(self, latest: Block) -> Market:
        """Return what the chain asks now, and no less than what its nodes take. Raises RpcError."""
        market = read_market(self._chain.node, latest, self._chain.settings.fees)
        return replace(market, tip=max(market.tip, self._least_tip))

    def learn_minimum(self, tip: int, said: str) -> None:
        """Take up a node's word that a tip is too low: its minimum where it names one, else the double."""
        named = _MINIMUM.search(said)
        self._least_tip = max(self._least_tip, int(named[1]) if named else 2 * tip)

    def bid(
        self,
        transaction_to: bytes,
        calldata: bytes,
        latest: Block,
        highest: tuple[int, int] | None,
        conditions: Conditions,
    ) -> Bid | None:
        """Return what to offer for a transaction that may have to outbid ``highest``; None where nothing
        may be (a condition then). Raises RpcError."""
        gas_limit = self._gas_limit(transaction_to, calldata, latest, conditions)
        if gas_limit is None:
            return None
        market = self.market(latest)
        fees = self.fees(market, highest, conditions)
        if fees is None:
            return None
        return self._affordable(Bid(fees, gas_limit), market, calldata, conditions, replacing=bool(highest))

    def fees(self, market: Market, highest: tuple[int, int] | None, conditions: Conditions) -> Fees | None:
        """Return fees within the cap, or None (a condition then)."""
        limits = self._chain.settings.fees
        try:
            if highest is None:
                return offer(market, limits)
            legacy = market.base_fee is None
            if limits.max_fee is None:
                bound = max(UNCAPPED_FACTOR * market.price, raised(highest[0]))
                limits = FeeLimits(bound, limits.min_tip, limits.legacy)
            return outbid(Fees(*highest, legacy=legacy), market, limits)
        except FeeAboveCap as above:
            conditions.add(AlarmName.FEE_ABOVE_CAP, str(above))
            return None

    def _gas_limit(self, to: bytes, calldata: bytes, latest: Block, conditions: Conditions) -> int | None:
        chain = self._chain
        try:
            gas = chain.node.estimate_gas(chain.signer.address, to, calldata)
        except NodeRefused as error:
            if error.meaning is Refusal.OUT_OF_FUNDS:
                conditions.add(AlarmName.OUT_OF_FUNDS, self._funds("an anchor cannot be paid for"))
            elif error.meaning is Refusal.GAS_LIMIT_TOO_HIGH:
                conditions.add(AlarmName.GAS_ABOVE_BLOCK_LIMIT, error.message)
            elif error.meaning is Refusal.REVERTED:
                revert = revert_of(error)
                if revert.name == "HeadMismatch":
                    # The head moved since we read it, most likely by our own twin: read it again.
                    return None
                why = describe_revert(revert)
                if revert.name == "NotSubmitter":
                    conditions.add(AlarmName.NOT_SUBMITTER, why)
                else:
                    conditions.add(AlarmName.WOULD_REVERT, why if revert.name else error.message)
            else:
                conditions.add(AlarmName.NODE_REFUSES, f"eth_estimateGas: {error.message}")
            return None
        if gas > latest.gas_limit:
            conditions.add(
                AlarmName.GAS_ABOVE_BLOCK_LIMIT,
                f"an anchor takes {gas} gas, a block has {latest.gas_limit}",
            )
            return None
        return min(gas + gas // 4, latest.gas_limit)

    def _affordable(
        self, bid: Bid, market: Market, calldata: bytes, conditions: Conditions, *, replacing: bool
    ) -> Bid | None:
        chain = self._chain
        balance = chain.node.balance(chain.signer.address)
        extra = self._data_fee(bid, calldata)
        expected = bid.gas_limit * market.price + extra
        if expected > balance:
            conditions.add(AlarmName.OUT_OF_FUNDS, self._funds(f"an anchor takes {expected} wei", balance))
            return None
        fees = bid.fees
        if bid.gas_limit * fees.max_fee + extra > balance:
            if replacing:
                conditions.add(
                    AlarmName.OUT_OF_FUNDS, self._funds("a replacement cannot be paid for", balance)
                )
                return None
            # Enough for today's price, not for the margin above it.
            most = (balance - extra) // bid.gas_limit
            fees = Fees(most, most if fees.legacy else min(fees.max_tip, most), fees.legacy)
        budget = chain.settings.budget_per_day
        if budget is not None:
            with chain.lease.read() as reading:
                spent, _ = fees_paid(reading, chain.row.id, chain.clock.now_ms() - DAY_MS)
            if spent + expected > budget:
                conditions.add(
                    AlarmName.BUDGET_SPENT,
                    f"{spent} wei of {budget} are spent in 24 hours, an anchor takes {expected}",
                )
                return None
        return Bid(fees, bid.gas_limit)

    def _data_fee(self, bid: Bid, calldata: bytes) -> int:
        chain = self._chain
        if self._has_oracle is None:
            self._has_oracle = has_data_fee_oracle(chain.node)
        if not self._has_oracle:
            return 0
        unsigned = Transaction(
            chain.settings.chain_id,
            0,
            chain.contract.address,
            0,
            calldata,
            bid.gas_limit,
            bid.fees,
        )
        # The fee goes by size: any signature will do.
        return data_fee(chain.node, unsigned.encoded_with_placeholder(), has_oracle=True)

    def _funds(self, need: str, balance: int | None = None) -> str:
        held = "" if balance is None else f", and it holds {balance} wei"
        return f"{need}{held}: fund {address_text(self._chain.signer.address)}"
