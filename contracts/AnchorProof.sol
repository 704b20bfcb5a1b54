// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAnchorHub} from "./IAnchorHub.sol";
import {AnchoredBatch, Batch} from "./proof/AnchoredBatch.sol";
import {Delta, DeltaFingerprint} from "./proof/DeltaFingerprint.sol";
import {LedgerMap, MapPlace} from "./proof/LedgerMap.sol";
import {MerkleTree} from "./proof/MerkleTree.sol";

/// @notice The way from a delta to the anchored root that covers it.
/// @param delta The delta, its text fields as commitments
/// @param size The number of deltas in the ledger's head
/// @param inclusion The inclusion path from the fingerprint to the ledger's root, from the leaf up
/// @param siblings The map's siblings of the ledger, from the root down
/// @param batch The batch whose map this is
struct DeltaProof {
    Delta delta;
    uint64 size;
    bytes32[] inclusion;
    bytes32[] siblings;
    Batch batch;
}

/// @notice The way from a ledger's head to the anchored root that covers it.
/// @param ledgerId The ledger
/// @param size The number of deltas in the head
/// @param root The root of the ledger's tree
/// @param siblings The map's siblings of the ledger, from the root down
/// @param batch The batch whose map this is
struct HeadProof {
    bytes32 ledgerId;
    uint64 size;
    bytes32 root;
    bytes32[] siblings;
    Batch batch;
}

/// @notice That a batch holds no ledger of this id.
/// @param ledgerId The ledger that is not there
/// @param siblings The map's siblings on the ledger's way, from the root down
/// @param place What stands where the way ends
/// @param batch The batch whose map this is
struct AbsenceProof {
    bytes32 ledgerId;
    bytes32[] siblings;
    MapPlace place;
    Batch batch;
}

/// @notice The way from an earlier anchored root to a newer one that covers it.
/// @param path The inclusion path in the newer batch's history, from the leaf up
/// @param newer The newer batch
struct HistoryProof {
    bytes32[] path;
    Batch newer;
}

/// @title AnchorProof: what any other contract needs to check what an Anchor log holds
/// @notice Of section 8 of the Anchor protocol what a contract can verify: pure functions over a log id, an
/// anchored root and a proof, and two views that ask an AnchorHub whether it holds such a root for the log.
///
/// Every function that checks reverts unless the evidence is complete, with an error that names the step
/// and carries the values that disagreed. None answers with a bool that a caller could forget to look at.
/// A contract that must go on after a bad proof calls itself through an external function, with `try`.
///
///     function settle(DeltaProof calldata proof) external {
///         bytes32 root = AnchorProof.heldRoot(hub, logId, proof.batch);
///         int256 balance = AnchorProof.verifyBalance(logId, root, proof);
///         ...
///     }
///
/// Whom it trusts beside the chain: **the log's submitter**. A log signs its batches with Ed25519, which a
/// contract cannot check, so a root counts here because the submitter's key anchored it. Whoever holds that
/// key can anchor junk in the log's name, which the verifiers off the chain refuse and this library takes.
/// It can also anchor an older root of the log's own again: what is held need not be the newest. A contract
/// that moves money leaves time between a proof and what follows from it, in which the log's owner can name
/// another submitter and somebody can object; or it takes an answer only where both parties gave it.
///
/// Four things it cannot know, and takes from the contract that uses it: which contract is the AnchorHub
/// (one at another address may answer anything), which log is the agreed one, which ledger id stands for
/// which customer, and how many blocks make a head final. A current head may still be reorganised away with
/// the block that set it, as may everything else in that block.
///
/// Where a verification shows fraud, it shows that two statements under anchored roots contradict each
/// other: that the operator made them, and not somebody with the submitter's key, is told by the log's
/// signature, off the chain. The time of a batch is the operator's word; the hub's blocks bound it.
library AnchorProof {
    /// @notice The proof leads to another anchored root.
    error AnchoredRootMismatch(bytes32 expected, bytes32 found);

    /// @notice The proof leads to another root of the map of ledgers than the batch has.
    error MapRootMismatch(bytes32 expected, bytes32 found);

    /// @notice The hub holds this root for the log neither as its head nor as a pinned one.
    error RootNotHeld(bytes32 root, bytes32 head);

    /// @notice The delta is not the last of its ledger's head: its balance is not the ledger's.
    error NotTheLastDelta(uint64 index, uint64 size);

    /// @notice The two deltas are not one ledger's, the second right after the first.
    error NotNeighbours(bytes32 ledgerId, uint64 index, bytes32 nextLedgerId, uint64 nextIndex);

    /// @notice The delta's balance is what it has to be: no fraud is shown.
    error BalancesAddUp(int256 balance);

    /// @notice The history of a batch holds earlier batches only.
    error NotAnEarlierBatch(uint64 number, uint64 newerNumber);

    /// @notice The history of the newer batch has another root.
    error HistoryRootMismatch(bytes32 expected, bytes32 found);

    /// @notice The root that a log anchors for a batch.
    function rootOf(bytes32 logId, Batch calldata batch) internal pure returns (bytes32) {
        return AnchoredBatch.anchorRoot(logId, batch);
    }

    /// @notice Reverts unless the delta, with exactly these fields, is in the record under the anchored root.
    /// @param logId The log
    /// @param root The anchored root
    /// @param proof The way from the delta to the root
    /// @return fingerprint The delta's fingerprint
    function verifyDelta(bytes32 logId, bytes32 root, DeltaProof calldata proof)
        internal
        pure
        returns (bytes32 fingerprint)
    {
        fingerprint = DeltaFingerprint.fingerprint(logId, proof.delta);
        bytes32 ledgerRoot = MerkleTree.rootFromInclusion(
            MerkleTree.LEDGER_NODE,
            MerkleTree.leaf(MerkleTree.LEDGER_LEAF, fingerprint),
            proof.delta.index,
            proof.size,
            proof.inclusion
        );
        _verifyHead(logId, root, proof.delta.ledgerId, proof.size, ledgerRoot, proof.siblings, proof.batch);
    }

    /// @notice Reverts unless the delta is the last of its ledger under the anchored root.
    /// @return balance The ledger's balance as of the batch, in units of 10^-18
    function verifyBalance(bytes32 logId, bytes32 root, DeltaProof calldata proof)
        internal
        pure
        returns (int256 balance)
    {
        if (proof.size == 0 || proof.delta.index != proof.size - 1) {
            revert NotTheLastDelta(proof.delta.index, proof.size);
        }
        verifyDelta(logId, root, proof);
        return proof.delta.balance;
    }

    /// @notice Reverts unless the ledger has this head under the anchored root: together with
    /// `verifyConsistency`, that a head known from before is still in the record.
    function verifyHead(bytes32 logId, bytes32 root, HeadProof calldata proof) internal pure {
        _verifyHead(logId, root, proof.ledgerId, proof.size, proof.root, proof.siblings, proof.batch);
    }

    /// @notice Reverts unless two neighbouring deltas, whose balances do not add up, stand under the anchored
    /// roots: a fraud where the log signed them. The two may come from different batches.
    /// @param logId The log
    /// @param root The anchored root of the first delta's proof
    /// @param proof The first delta
    /// @param nextRoot The anchored root of the second delta's proof
    /// @param next The delta at the next index
    function verifyFalseBalance(
        bytes32 logId,
        bytes32 root,
        DeltaProof calldata proof,
        bytes32 nextRoot,
        DeltaProof calldata next
    ) internal pure {
        Delta calldata before = proof.delta;
        Delta calldata later = next.delta;
        if (before.ledgerId != later.ledgerId || later.index == 0 || before.index != later.index - 1) {
            revert NotNeighbours(before.ledgerId, before.index, later.ledgerId, later.index);
        }
        if (_addsUp(before.balance, later.amount, later.balance)) revert BalancesAddUp(later.balance);
        verifyDelta(logId, root, proof);
        verifyDelta(logId, nextRoot, next);
    }

    /// @notice Reverts unless a first delta, whose balance is not its amount, stands under the anchored root: a
    /// fraud where the log signed it.
    function verifyFalseOpening(bytes32 logId, bytes32 root, DeltaProof calldata first) internal pure {
        if (first.delta.index != 0) {
            revert NotNeighbours(first.delta.ledgerId, 0, first.delta.ledgerId, first.delta.index);
        }
        if (first.delta.balance == first.delta.amount) revert BalancesAddUp(first.delta.balance);
        verifyDelta(logId, root, first);
    }

    /// @notice Reverts unless the anchored root shows that there is no ledger of this id.
    function verifyAbsence(bytes32 logId, bytes32 root, AbsenceProof calldata proof) internal pure {
        bytes32 mapRoot = LedgerMap.rootFromAbsence(proof.ledgerId, proof.siblings, proof.place);
        _verifyBatch(logId, root, mapRoot, proof.batch);
    }

    /// @notice Reverts unless the newer anchored root holds the earlier batch's in its history.
    /// @param logId The log
    /// @param root The newer anchored root
    /// @param earlier The earlier batch
    /// @param proof The way from the earlier batch's root to the newer one
    /// @return earlierRoot The anchored root of the earlier batch
    function verifyHistory(bytes32 logId, bytes32 root, Batch calldata earlier, HistoryProof calldata proof)
        internal
        pure
        returns (bytes32 earlierRoot)
    {
        earlierRoot = rootOf(logId, earlier);
        if (earlier.number >= proof.newer.number) {
            revert NotAnEarlierBatch(earlier.number, proof.newer.number);
        }
        bytes32 historyRoot = MerkleTree.rootFromInclusion(
            MerkleTree.HISTORY_NODE,
            MerkleTree.leaf(MerkleTree.HISTORY_LEAF, earlierRoot),
            earlier.number - 1,
            proof.newer.number - 1,
            proof.path
        );
        if (historyRoot != proof.newer.historyRoot) {
            revert HistoryRootMismatch(proof.newer.historyRoot, historyRoot);
        }
        bytes32 found = rootOf(logId, proof.newer);
        if (found != root) revert AnchoredRootMismatch(root, found);
    }

    /// @notice Reverts unless one head of a ledger extends another: nothing before was altered or removed.
    /// @param oldSize The number of deltas in the old head
    /// @param oldRoot The ledger's root in the old head; zero where it was empty
    /// @param newSize The number of deltas in the new head
    /// @param newRoot The ledger's root in the new head
    /// @param path The consistency path of RFC 9162
    function verifyConsistency(
        uint64 oldSize,
        bytes32 oldRoot,
        uint64 newSize,
        bytes32 newRoot,
        bytes32[] calldata path
    ) internal pure {
        MerkleTree.verifyConsistency(MerkleTree.LEDGER_NODE, oldSize, oldRoot, newSize, newRoot, path);
    }

    /// @notice Reverts unless the hub holds the batch's root for the log, as its head or as a pinned one.
    /// @param hub The AnchorHub that the parties agreed on: another contract may answer anything
    /// @param logId The log that the parties agreed on
    /// @return root The batch's anchored root
    function heldRoot(IAnchorHub hub, bytes32 logId, Batch calldata batch) internal view returns (bytes32 root) {
        root = rootOf(logId, batch);
        bytes32 head = hub.head(logId);
        if (root != head && hub.pinnedAt(logId, root) == 0) revert RootNotHeld(root, head);
    }

    /// @notice Reverts unless the hub holds a newer batch's root for the log, and that one the batch's in its
    /// history.
    /// @return root The batch's anchored root
    function heldRoot(IAnchorHub hub, bytes32 logId, Batch calldata batch, HistoryProof calldata through)
        internal
        view
        returns (bytes32 root)
    {
        return verifyHistory(logId, heldRoot(hub, logId, through.newer), batch, through);
    }

    function _verifyHead(
        bytes32 logId,
        bytes32 root,
        bytes32 ledgerId,
        uint64 size,
        bytes32 ledgerRoot,
        bytes32[] calldata siblings,
        Batch calldata batch
    ) private pure {
        bytes32 head = LedgerMap.headOf(size, ledgerRoot);
        _verifyBatch(logId, root, LedgerMap.rootFromPresence(ledgerId, head, siblings), batch);
    }

    /// @dev A sum that does not fit int256 is no balance.
    function _addsUp(int256 balance, int256 amount, int256 nextBalance) private pure returns (bool) {
        int256 sum;
        unchecked {
            sum = balance + amount;
        }
        bool wrapped = (amount >= 0) == (sum < balance);
        return !wrapped && sum == nextBalance;
    }

    function _verifyBatch(bytes32 logId, bytes32 root, bytes32 mapRoot, Batch calldata batch) private pure {
        if (mapRoot != batch.mapRoot) revert MapRootMismatch(batch.mapRoot, mapRoot);
        bytes32 found = rootOf(logId, batch);
        if (found != root) revert AnchoredRootMismatch(root, found);
    }
}
