// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AnchorProof, DeltaProof, HistoryProof} from "../AnchorProof.sol";
import {IAnchorHub} from "../IAnchorHub.sol";

/// @title An example: opens to whoever shows that a customer's balance reached a threshold
/// @notice The two parties agree on the hub, on the log and on the customer's ledger id when they deploy
/// this. They also trust the log's submitter: its key could anchor a root that the log never signed, which
/// no contract can tell from one that it did. And any batch that is held will do, so the balance was
/// reached as of that batch and may have moved since: what waits for the newest needs another design.
contract BalanceGate {
    IAnchorHub public immutable hub;
    bytes32 public immutable logId;
    bytes32 public immutable ledgerId;
    int256 public immutable threshold;

    bool public open;

    error AnotherLedger(bytes32 expected, bytes32 found);
    error BelowThreshold(int256 threshold, int256 balance);

    constructor(IAnchorHub hub_, bytes32 logId_, bytes32 ledgerId_, int256 threshold_) {
        hub = hub_;
        logId = logId_;
        ledgerId = ledgerId_;
        threshold = threshold_;
    }

    /// @notice Opens the gate with the last delta of the ledger in a batch that the hub holds.
    function show(DeltaProof calldata proof) external {
        _open(AnchorProof.heldRoot(hub, logId, proof.batch), proof);
    }

    /// @notice The same for an older batch, which a held one has in its history.
    function show(DeltaProof calldata proof, HistoryProof calldata through) external {
        _open(AnchorProof.heldRoot(hub, logId, proof.batch, through), proof);
    }

    function _open(bytes32 root, DeltaProof calldata proof) private {
        if (proof.delta.ledgerId != ledgerId) revert AnotherLedger(ledgerId, proof.delta.ledgerId);
        int256 balance = AnchorProof.verifyBalance(logId, root, proof);
        if (balance < threshold) revert BelowThreshold(threshold, balance);
        open = true;
    }
}
