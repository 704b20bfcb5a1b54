// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AnchorProof, DeltaProof, HistoryProof} from "../AnchorProof.sol";
import {IAnchorLog} from "../IAnchorLog.sol";

/// @title An example: opens to whoever shows that a customer's balance reached a threshold
/// @notice The two parties agree on the log's contract and on the customer's ledger id when they deploy this.
contract BalanceGate {
    IAnchorLog public immutable log;
    bytes32 public immutable ledgerId;
    int256 public immutable threshold;

    bool public open;

    error AnotherLedger(bytes32 expected, bytes32 found);
    error BelowThreshold(int256 threshold, int256 balance);

    constructor(IAnchorLog log_, bytes32 ledgerId_, int256 threshold_) {
        log = log_;
        ledgerId = ledgerId_;
        threshold = threshold_;
    }

    /// @notice Opens the gate with the last delta of the ledger in a batch that the contract holds.
    function show(DeltaProof calldata proof) external {
        _open(AnchorProof.heldRoot(log, proof.batch), proof);
    }

    /// @notice The same for an older batch, which a held one has in its history.
    function show(DeltaProof calldata proof, HistoryProof calldata through) external {
        _open(AnchorProof.heldRoot(log, proof.batch, through), proof);
    }

    function _open(bytes32 root, DeltaProof calldata proof) private {
        if (proof.delta.ledgerId != ledgerId) revert AnotherLedger(ledgerId, proof.delta.ledgerId);
        int256 balance = AnchorProof.verifyBalance(log.logId(), root, proof);
        if (balance < threshold) revert BelowThreshold(threshold, balance);
        open = true;
    }
}
