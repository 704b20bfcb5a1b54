// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What an anchored root is taken of.
/// @param number Counted from 1
/// @param historyRoot The root over the anchored roots of all earlier batches; zero for batch 1
/// @param mapRoot The root of the map of ledgers
/// @param sealedAt When the batch was sealed, in milliseconds since 1970
struct Batch {
    uint64 number;
    bytes32 historyRoot;
    bytes32 mapRoot;
    uint64 sealedAt;
}

/// @title A batch and the one root that goes on chain for it (section 6 of the Anchor protocol)
library AnchoredBatch {
    /// @notice Batches are counted from 1.
    error BatchNumberIsZero();

    /// @notice The root that a log's contract takes as its head.
    function anchorRoot(bytes32 logId, Batch calldata batch) internal pure returns (bytes32) {
        if (batch.number == 0) revert BatchNumberIsZero();
        return keccak256(
            bytes.concat(
                hex"05", logId, bytes8(batch.number), batch.historyRoot, batch.mapRoot, bytes8(batch.sealedAt)
            )
        );
    }
}
