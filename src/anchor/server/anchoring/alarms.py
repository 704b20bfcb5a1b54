"""Every alarm by its stable name, with what it means and what the operator does.

Names are used in logs, ``anchor status``, ``/api/v1/status`` and ``/metrics``; docs/operating.md has a
paragraph for each. An alarm is raised once, lasts while its cause does, and clears by itself; one about
something that happened clears by the next final anchor, or that of a day later (``conditions.LASTING``).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class AlarmName(StrEnum):
    """The alarms."""

    WRONG_CHAIN = "wrong_chain"
    ENDPOINT_UNREACHABLE = "endpoint_unreachable"
    ENDPOINT_LAGS = "endpoint_lags"
    BLOCK_OF_THE_FUTURE = "block_of_the_future"
    ENDPOINTS_DISAGREE = "endpoints_disagree"
    NO_NEW_BLOCKS = "no_new_blocks"
    NO_CONTRACT = "no_contract"
    WRONG_LOG = "wrong_log"
    NOT_SUBMITTER = "not_submitter"
    CHAIN_RESET = "chain_reset"
    CHAIN_WENT_BACK = "chain_went_back"
    DATABASE_OLDER_THAN_CHAIN = "database_older_than_chain"
    FOREIGN_HEAD = "foreign_head"
    KEY_USED_ELSEWHERE = "key_used_elsewhere"
    OUT_OF_FUNDS = "out_of_funds"
    FUNDS_LOW = "funds_low"
    FEE_ABOVE_CAP = "fee_above_cap"
    BUDGET_SPENT = "budget_spent"
    GAS_ABOVE_BLOCK_LIMIT = "gas_above_block_limit"
    WOULD_REVERT = "would_revert"
    REVERTED = "reverted"
    NODE_REFUSES = "node_refuses"
    NEVER_SEEN = "never_seen"
    STUCK = "stuck"
    REORGANISED = "reorganised"
    FINALITY_TOO_WEAK = "finality_too_weak"
    FINALITY_STALLED = "finality_stalled"
    SIGNER_UNAVAILABLE = "signer_unavailable"
    SIGNER_DIFFERS = "signer_differs"
    SEALING_WAITS = "sealing_waits"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an alarm says. ``stops`` is true where nothing is sent while it lasts."""

    says: str
    remedy: str
    stops: bool


MEANINGS: Final[dict[AlarmName, Meaning]] = {
    AlarmName.WRONG_CHAIN: Meaning(
        "An endpoint is on another chain than the settings say. It is not used.",
        "Correct the URL or the chain id in the settings.",
        False,
    ),
    AlarmName.ENDPOINT_UNREACHABLE: Meaning(
        "An endpoint does not answer, refuses for its limits, or says nonsense. The others are used.",
        "Wait, or look at the provider's status; add a second endpoint where there is one only.",
        False,
    ),
    AlarmName.ENDPOINT_LAGS: Meaning(
        "An endpoint is more than 8 blocks, and 30 s, behind the others.",
        "Look at that node's synchronisation, or take it out of the settings.",
        False,
    ),
    AlarmName.BLOCK_OF_THE_FUTURE: Meaning(
        "An endpoint is far above another, with a block dated ahead of our clock. It sets no other aside.",
        "Set this machine's clock right (NTP). If it is right, that endpoint lies: take it out of rpc.",
        False,
    ),
    AlarmName.ENDPOINTS_DISAGREE: Meaning(
        "Endpoints differ about a block, a receipt, a nonce, a balance, or the contract's code or head. "
        "Nothing counts meanwhile.",
        "A short reorganisation passes by itself. If it lasts, one endpoint lies or is on a fork: remove it.",
        True,
    ),
    AlarmName.NO_NEW_BLOCKS: Meaning(
        "The chain has made no block for longer than the settings allow.",
        "Look at the chain's status page (an L2's sequencer may be down). Sending goes on by itself.",
        False,
    ),
    AlarmName.NO_CONTRACT: Meaning(
        "There is no AnchorLog, or other code, at the contract's address.",
        "Correct the address in the settings, or run `anchor deploy`.",
        True,
    ),
    AlarmName.WRONG_LOG: Meaning(
        "The contract at the address belongs to another log.",
        "Correct the address, or the data directory: the identity key and the contract go together.",
        True,
    ),
    AlarmName.NOT_SUBMITTER: Meaning(
        "The contract names another submitter than our key.",
        "Let the owner `anchor name-submitter` our address, or set the signer to the submitter's key.",
        True,
    ),
    AlarmName.CHAIN_RESET: Meaning(
        "The chain is not the one that was anchored on: its first block is another.",
        "Outside development, find out which network the endpoint serves. Nothing is sent.",
        True,
    ),
    AlarmName.CHAIN_WENT_BACK: Meaning(
        "The contract's head is older than an anchor that was final.",
        "Wait if an endpoint lags. If it lasts, the chain was rolled back: ask its operators.",
        True,
    ),
    AlarmName.DATABASE_OLDER_THAN_CHAIN: Meaning(
        "The head on the chain is not in this database, as it is where that was restored from a backup.",
        "Stop `anchor serve`, then restore a newer backup or replica. `anchor repair` says what is missing.",
        True,
    ),
    AlarmName.FOREIGN_HEAD: Meaning(
        "The head on the chain is not ours, or an old one of ours again: someone anchored with our key.",
        "Treat the key as leaked: `anchor name-submitter` a new one, then `anchor repair --accept-head`.",
        True,
    ),
    AlarmName.KEY_USED_ELSEWHERE: Meaning(
        "A transaction that Anchor did not send used our key's nonce.",
        "Find who else holds the key. Anchor plans anew from the chain's state.",
        False,
    ),
    AlarmName.OUT_OF_FUNDS: Meaning(
        "The key cannot pay for the next anchor.",
        "Send funds to the address; sending resumes by itself.",
        True,
    ),
    AlarmName.FUNDS_LOW: Meaning(
        "At the rate of the last day, the funds last fewer days than the settings ask for.",
        "Send funds to the address.",
        False,
    ),
    AlarmName.FEE_ABOVE_CAP: Meaning(
        "The chain asks more for gas than the cap allows, or nodes do for a cancel. Batches wait; none is "
        "dropped.",
        "Wait, or raise max_fee_gwei.",
        True,
    ),
    AlarmName.BUDGET_SPENT: Meaning(
        "The next anchor would exceed the day's budget.",
        "Wait, raise budget_per_day, or anchor less often.",
        True,
    ),
    AlarmName.GAS_ABOVE_BLOCK_LIMIT: Meaning(
        "The transaction needs more gas than a block has.",
        "The endpoint or the contract is not what it should be: run `anchor doctor`.",
        True,
    ),
    AlarmName.WOULD_REVERT: Meaning(
        "The contract would refuse the anchor; the detail says why. Nothing was sent.",
        "Run `anchor doctor`.",
        True,
    ),
    AlarmName.REVERTED: Meaning(
        "An anchor was mined and the contract refused it; the detail says why.",
        "Read the reason. Anchor plans anew only where the chain would take the next one.",
        False,
    ),
    AlarmName.NODE_REFUSES: Meaning(
        "No endpoint takes our transaction, for the reason in the detail.",
        "Read the reason; the same bytes are offered again.",
        False,
    ),
    AlarmName.NEVER_SEEN: Meaning(
        "A node took our transaction, but no endpoint shows it.",
        "It is sent again to all endpoints. If it lasts, the endpoint drops transactions: use another.",
        False,
    ),
    AlarmName.STUCK: Meaning(
        "A transaction waits for very long, though its fee was raised or endpoints differ about its nonce.",
        "Raise max_fee_gwei, or cancel it with `anchor cancel`; where endpoints differ, remove the wrong "
        "one.",
        False,
    ),
    AlarmName.REORGANISED: Meaning(
        "A block that held an anchor left the chain. The anchor is sent again.",
        "Nothing, unless it happens often: then ask for more confirmations.",
        False,
    ),
    AlarmName.FINALITY_TOO_WEAK: Meaning(
        "An anchor that counted as final left the chain: deltas are no longer VERIFIED.",
        "Set a stronger finality rule; tell whoever relied on a proof of these batches.",
        False,
    ),
    AlarmName.FINALITY_STALLED: Meaning(
        "An anchor has been in a block for long without becoming final.",
        "Look at the chain's status, and at `agreement` in the settings if an endpoint is down.",
        False,
    ),
    AlarmName.SIGNER_UNAVAILABLE: Meaning(
        "The signer gives no answer, or refused.",
        "Look at the signer (KMS, Web3Signer, Clef) and its permissions.",
        True,
    ),
    AlarmName.SIGNER_DIFFERS: Meaning(
        "The signer returned another transaction than it was asked to sign. It was not sent.",
        "Distrust the signer until this is explained.",
        True,
    ),
    AlarmName.SEALING_WAITS: Meaning(
        "No batch is sealed before the named chains were seen as they are now: they may hold newer ones than "
        "the database.",
        "Make them reachable, by a node whose newest block is not old. Take one that is given up for good "
        "out of the settings.",
        False,
    ),
    AlarmName.INTERNAL_ERROR: Meaning(
        "A step failed in a way that Anchor does not know. It is tried again.",
        "Report it, with the log line.",
        False,
    ),
}
