"""What the contract's owner does (section 6): name another submitter, and hand the contract over.

A call is the same whoever signs it: a key that Anchor reads, or a wallet that it never sees.
"""

from eth_abi.abi import encode

from anchor.server.chain.contract import selector


def name_submitter_call(submitter: bytes) -> bytes:
    """Return the calldata of ``nameSubmitter(newSubmitter)``; the address has 20 bytes."""
    return selector("nameSubmitter(address)") + encode(["address"], [submitter])


def hand_over_call(owner: bytes) -> bytes:
    """Return the calldata of ``transferOwnership(newOwner)``: an offer, until that address accepts it."""
    return selector("transferOwnership(address)") + encode(["address"], [owner])


def accept_call() -> bytes:
    """Return the calldata of ``acceptOwnership()``."""
    return selector("acceptOwnership()")
