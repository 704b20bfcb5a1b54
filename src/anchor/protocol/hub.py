"""Section 6b: the one contract that holds every log, where it is, and where it keeps what.

The contract has no constructor argument and no immutable, so one code hash is its code on every chain.
These values are of the release's compiled contract: a test compares them with it.
"""

from typing import Final

from anchor.protocol.hashing import ZERO, Bytes32, keccak

DEPLOYMENT_PROXY: Final = bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c")
"""Creates what it is sent by CREATE2 (EIP-1014): calldata is a salt of 32 bytes, then init code."""

HUB_SALT: Final = ZERO
HUB_INIT_CODE_HASH: Final = bytes.fromhex("f819548a596a240d598097be7e635930b335e3084eabbdc4ea76383c864b37e7")
"""Keccak-256 of what creates the hub."""

HUB_CODE_HASH: Final = bytes.fromhex("5d6165b84c21e716eaf7fc4242a7b410eb331e6d00c8d5e79aa881ead4ce2464")
"""Keccak-256 of the hub's code on a chain, as ``eth_getProof`` gives it too."""

HUB_ADDRESS: Final = bytes.fromhex("008ecc101169cedfc7c11c3403e2acbf79327750")
"""Where the hub is on every chain that has the deployment proxy."""


def create2_address(deployer: bytes, salt: Bytes32, init_code_hash: Bytes32) -> bytes:
    """Return the address (20 bytes) of what ``deployer`` creates with CREATE2, by EIP-1014."""
    return keccak(b"\xff" + deployer + salt + init_code_hash)[12:]


def head_slot(log_id: Bytes32) -> Bytes32:
    """Return the storage slot of a log's head; its submitter, owner and pending owner follow."""
    return keccak(log_id + _word(0))


def pin_slot(log_id: Bytes32, head: Bytes32) -> Bytes32:
    """Return the storage slot of the time, in seconds, at which a head of a log was pinned."""
    return keccak(head + keccak(log_id + _word(1)))


def _word(number: int) -> Bytes32:
    return number.to_bytes(32, "big")
