"""What a node means when it refuses: one table over the words of the known implementations.

JSON-RPC gives one error code (-32000) to nearly everything, so the message is what tells. Where the call
that was refused tells it (a tag that is missing, a range that is too large), that counts first, and no word
is needed. The table was drawn from geth, erigon, nethermind, besu, reth, anvil, hardhat, arbitrum, the OP
stack, parity, zkSync, substrate, Klaytn, Hedera's relay, eth-tester and the public providers:
tests/node/refusals_of_nodes.json has what each says. The first line that matches counts, so narrow ones come
first.
"""

import enum
import re
from typing import Final


class Refusal(enum.Enum):
    """The meanings that the sender tells apart."""

    ALREADY_KNOWN = "already_known"
    NONCE_TOO_LOW = "nonce_too_low"
    NONCE_TOO_HIGH = "nonce_too_high"
    REPLACEMENT_UNDERPRICED = "replacement_underpriced"
    UNDERPRICED = "underpriced"
    BELOW_BASE_FEE = "below_base_fee"
    OUT_OF_FUNDS = "out_of_funds"
    GAS_LIMIT_TOO_HIGH = "gas_limit_too_high"
    GAS_LIMIT_TOO_LOW = "gas_limit_too_low"
    FEE_TOO_HIGH = "fee_too_high"
    REVERTED = "reverted"
    WRONG_CHAIN = "wrong_chain"
    TYPE_NOT_SUPPORTED = "type_not_supported"
    METHOD_MISSING = "method_missing"
    BLOCK_UNKNOWN = "block_unknown"
    RANGE_TOO_LARGE = "range_too_large"
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"
    OTHER = "other"


PASSING: Final = frozenset({Refusal.RATE_LIMITED, Refusal.BUSY})
"""Refusals that say nothing about the request: the same one may succeed later, or elsewhere."""

_WORDS: Final[tuple[tuple[Refusal, str], ...]] = (
    (
        Refusal.ALREADY_KNOWN,
        r"already known|already imported|\bknown transaction|already exists|alreadyknown",
    ),
    (Refusal.NONCE_TOO_LOW, r"already finalized"),
    (
        Refusal.REPLACEMENT_UNDERPRICED,
        r"(another|other) (tx|transaction).{0,30}same nonce|same nonce already inserted|toolowpriority",
    ),
    (
        Refusal.ALREADY_KNOWN,
        r"transaction already|tx already|already in (the )?(mempool|pool)|alreadyimported|nonceAlreadyUsed",
    ),
    # Another one of the same nonce is in the pool, and pays too much to be outbid.
    (Refusal.REPLACEMENT_UNDERPRICED, r"replacement transaction|replacement_underpriced|replacement tx"),
    (Refusal.REPLACEMENT_UNDERPRICED, r"could not replace|not enough to replace|too low to replace"),
    (Refusal.BUSY, r"future transaction tries to replace pending|inflight transaction limit"),
    (Refusal.NONCE_TOO_LOW, r"nonce.{0,12}too low|oldnonce|nonce_too_low|nonce too old|already been used"),
    (Refusal.NONCE_TOO_LOW, r"invalid transaction nonce|pool\(stale\)|too stale nonce|correct nonce"),
    (Refusal.NONCE_TOO_HIGH, r"nonce.{0,12}too high|nonce gap|noncegap|too distant|nonce_too_high"),
    (Refusal.OUT_OF_FUNDS, r"insufficient (funds|balance)|insufficientfunds|insufficient_balance"),
    (Refusal.OUT_OF_FUNDS, r"overdraft"),
    (Refusal.OUT_OF_FUNDS, r"enough funds|sender.{0,20}balance|upfront cost|exceeds allowance|overshot"),
    (Refusal.OUT_OF_FUNDS, r"invalidtransaction::payment"),
    (
        Refusal.FEE_TOO_HIGH,
        r"exceeds the configured cap|tx fee .* exceeds|fee cap.*too high|transaction fee cap exceeded",
    ),
    (Refusal.FEE_TOO_HIGH, r"fee per gas higher than (2\^64|max priority)"),
    (Refusal.FEE_TOO_HIGH, r"(tip|priority fee).{0,40}(higher|above|greater).{0,20}(max fee|fee cap)"),
    (Refusal.BELOW_BASE_FEE, r"(less|lower) than.{0,20}base fee|cannot pay base fee"),
    (Refusal.BELOW_BASE_FEE, r"maxfeepergas.{0,40}(too low|below|less)"),
    (Refusal.UNDERPRICED, r"underpriced|feetoolow|fee too low|gas price (is )?(too low|below)"),
    (Refusal.UNDERPRICED, r"below the minimum|min gas price|unacceptable gas price"),
    (Refusal.UNDERPRICED, r"fee per gas below minimum"),
    (Refusal.UNDERPRICED, r"invalid unit price|invalid gas fee cap|satisfy your node's minimal gas price"),
    (Refusal.UNDERPRICED, r"(gas price|tip cap|gas tip).{0,20}(minimum|below)"),
    (Refusal.GAS_LIMIT_TOO_HIGH, r"exceeds.{0,12}block gas|gas limit (is )?(above|exceeds|exceeded)"),
    (Refusal.GAS_LIMIT_TOO_HIGH, r"gas limit.{0,30}too high|gaslimitexceeded|max_?gas_?limit"),
    (Refusal.GAS_LIMIT_TOO_HIGH, r"exceeds.{0,20}(transaction|tx) gas (limit )?cap"),
    (Refusal.GAS_LIMIT_TOO_HIGH, r"cost exceeds current gas limit|exceeds max gas per sec"),
    (Refusal.GAS_LIMIT_TOO_LOW, r"transaction gas is too low|not enough gas for transaction validation"),
    (Refusal.GAS_LIMIT_TOO_LOW, r"intrinsic gas|gas limit (is )?too low|gaslimittoolow|insufficient gas"),
    (Refusal.WRONG_CHAIN, r"(invalid|wrong|mismatch).{0,20}chain.?id|only replay-protected|eip-155"),
    (Refusal.WRONG_CHAIN, r"chain.?id.{0,30}(mismatch|does not match|invalid|not supported)"),
    (Refusal.WRONG_CHAIN, r"invalid sender"),
    (Refusal.TYPE_NOT_SUPPORTED, r"transaction type not supported|unsupported transaction type"),
    (
        Refusal.TYPE_NOT_SUPPORTED,
        r"unknown transaction type|typenotsupported|eip-?1559.{0,30}not (supported|active|enabled)",
    ),
    (Refusal.REVERTED, r"revert|vm exception|vm execution error|bad instruction"),
    (Refusal.REVERTED, r"invalid opcode|out of gas|stack ?underflow"),
    (Refusal.METHOD_MISSING, r"method.{0,60}(not found|not exist|not supported|not available|unavailable)"),
    (Refusal.METHOD_MISSING, r"(unsupported|unknown|unimplemented) method|not implemented"),
    (Refusal.METHOD_MISSING, r"method.{0,20}not enabled"),
    (Refusal.BLOCK_UNKNOWN, r"tag not supported|block does not exist"),
    (Refusal.BLOCK_UNKNOWN, r"unknown block|block not found|header not found|blockoutofrange"),
    (Refusal.BLOCK_UNKNOWN, r"block.{0,30}(not available|out of range)|missing trie node|unknown ancestor"),
    (Refusal.BLOCK_UNKNOWN, r"historical state|state .{0,40}(not available|pruned)"),
    (Refusal.BLOCK_UNKNOWN, r"(invalid|unknown|unsupported).{0,20}block (tag|number|parameter)"),
    (Refusal.RANGE_TOO_LARGE, r"query returned more than|block range|range.{0,20}(too|limit|exceed)"),
    (Refusal.RANGE_TOO_LARGE, r"too many (results|logs|blocks)|response (size|too large)|logs? .{0,30}limit"),
    (Refusal.RANGE_TOO_LARGE, r"exceeds? max(imum)? (results|logs)|limited to.{0,30} range"),
    (Refusal.RANGE_TOO_LARGE, r"max(imum)? range"),
    (Refusal.RATE_LIMITED, r"rate limit|too many requests|limit exceeded|throttl|request limit"),
    (Refusal.RATE_LIMITED, r"out of credits"),
    (Refusal.RATE_LIMITED, r"exceeded.{0,30}(capacity|quota|compute|plan)|request rate exceeded"),
    (Refusal.BUSY, r"pool is full|txpool_?full|pool.{0,20}full|discarded|sequencer|temporarily|try again"),
    (Refusal.BUSY, r"internal error|time-?out|timed out|unavailable|not synced|syncing|queue|overloaded"),
    (Refusal.BUSY, r"no backend|upstream|bad gateway|deadline exceeded|cannot fulfill"),
)

_TABLE: Final = tuple((re.compile(words, re.IGNORECASE), meaning) for meaning, words in _WORDS)

_CODES: Final = {
    -32601: Refusal.METHOD_MISSING,
    -32005: Refusal.RATE_LIMITED,
    -32603: Refusal.BUSY,
    3: Refusal.REVERTED,
    429: Refusal.RATE_LIMITED,
}


def classify(code: int, message: str) -> Refusal:
    """Return what a node's error means, by its message and, where that says nothing, by its code."""
    for words, meaning in _TABLE:
        if words.search(message):
            return meaning
    return _CODES.get(code, Refusal.OTHER)


_RANGE_OF: Final = re.compile(r"\[\s*(0x[0-9a-f]{1,16})\s*,\s*(0x[0-9a-f]{1,16})\s*\]", re.IGNORECASE)
_RANGE: Final = tuple(
    re.compile(words, re.IGNORECASE)
    for words in (
        r"up to an? ([0-9][0-9,]{0,9}) ?(k?) block",
        r"(?:limited to|limit of|maximum is set to|maximum block range:|max range:)"
        r" ?a? ?(?:0 - )?([0-9][0-9,]{0,9})(k?)\b",
        r"max(?:imum)? block range:? ?([0-9][0-9,]{0,9})(k?)\b",
        r"block range is too wide \(maximum ([0-9][0-9,]{0,9})(k?)\)",
    )
)


def named_range(said: str) -> int | None:
    """Return how many blocks a node that refused a range of events says that it takes; None: it says none."""
    if spans := _RANGE_OF.search(said):
        return max(0, int(spans[2], 16) - int(spans[1], 16)) + 1
    for words in _RANGE:
        if named := words.search(said):
            return max(1, int(named[1].replace(",", "")) * (1_000 if named[2] else 1))
    return None
