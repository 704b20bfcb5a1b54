"""Section 6: a batch, its history, and the one root that goes on chain.

``anchorRoot = H(0x05 ‖ logId ‖ u64(number) ‖ historyRoot ‖ mapRoot ‖ u64(sealedAt))``. The history
is a tree over the anchored roots of all earlier batches (see ``merkle.HISTORY_TREE``), so the
newest root proves every older one.
"""

from dataclasses import dataclass

from anchor.protocol.hashing import TAG_ANCHORED_ROOT, Bytes32, keccak, u64


@dataclass(frozen=True, slots=True)
class Batch:
    """What an anchored root is taken of.

    ``number`` counts from 1; ``history_root`` is ZERO for batch 1; ``sealed_at`` is milliseconds.
    """

    number: int
    history_root: Bytes32
    map_root: Bytes32
    sealed_at: int

    def anchor_root(self, log_id: Bytes32) -> Bytes32:
        """Return the 32-byte root that the contract of ``log_id`` takes as its head."""
        return anchor_root(log_id, self.number, self.history_root, self.map_root, self.sealed_at)


def anchor_root(
    log_id: Bytes32, number: int, history_root: Bytes32, map_root: Bytes32, sealed_at: int
) -> Bytes32:
    """Return ``H(0x05 ‖ logId ‖ u64(number) ‖ historyRoot ‖ mapRoot ‖ u64(sealedAt))``."""
    return keccak(TAG_ANCHORED_ROOT + log_id + u64(number) + history_root + map_root + u64(sealed_at))
