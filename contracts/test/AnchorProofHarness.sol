// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AbsenceProof, AnchorProof, DeltaProof, HeadProof, HistoryProof} from "../AnchorProof.sol";
import {IAnchorHub} from "../IAnchorHub.sol";
import {Batch} from "../proof/AnchoredBatch.sol";
import {Delta, DeltaFingerprint} from "../proof/DeltaFingerprint.sol";
import {LedgerMap, MapPlace} from "../proof/LedgerMap.sol";
import {MerkleTree} from "../proof/MerkleTree.sol";

/// @title Opens the libraries to calls from outside, for tests
contract AnchorProofHarness {
    function domainSeparator(bytes32 logId) external pure returns (bytes32) {
        return DeltaFingerprint.domainSeparator(logId);
    }

    function fingerprint(bytes32 logId, Delta calldata delta) external pure returns (bytes32) {
        return DeltaFingerprint.fingerprint(logId, delta);
    }

    function commitment(bytes16 salt, bytes calldata value) external pure returns (bytes32) {
        return DeltaFingerprint.commitment(salt, value);
    }

    function absentCommitment(bytes16 salt) external pure returns (bytes32) {
        return DeltaFingerprint.absentCommitment(salt);
    }

    function rootFromInclusion(bytes1 tag, bytes32 leafHash, uint64 index, uint64 size, bytes32[] calldata path)
        external
        pure
        returns (bytes32)
    {
        return MerkleTree.rootFromInclusion(tag, leafHash, index, size, path);
    }

    function verifyConsistency(
        uint64 oldSize,
        bytes32 oldRoot,
        uint64 newSize,
        bytes32 newRoot,
        bytes32[] calldata path
    ) external pure {
        AnchorProof.verifyConsistency(oldSize, oldRoot, newSize, newRoot, path);
    }

    function headOf(uint64 size, bytes32 ledgerRoot) external pure returns (bytes32) {
        return LedgerMap.headOf(size, ledgerRoot);
    }

    function rootFromPresence(bytes32 ledgerId, bytes32 head, bytes32[] calldata siblings)
        external
        pure
        returns (bytes32)
    {
        return LedgerMap.rootFromPresence(ledgerId, head, siblings);
    }

    function rootFromAbsence(bytes32 ledgerId, bytes32[] calldata siblings, MapPlace calldata place)
        external
        pure
        returns (bytes32)
    {
        return LedgerMap.rootFromAbsence(ledgerId, siblings, place);
    }

    function rootOf(bytes32 logId, Batch calldata batch) external pure returns (bytes32) {
        return AnchorProof.rootOf(logId, batch);
    }

    function verifyDelta(bytes32 logId, bytes32 root, DeltaProof calldata proof) external pure returns (bytes32) {
        return AnchorProof.verifyDelta(logId, root, proof);
    }

    function verifyBalance(bytes32 logId, bytes32 root, DeltaProof calldata proof) external pure returns (int256) {
        return AnchorProof.verifyBalance(logId, root, proof);
    }

    function verifyHead(bytes32 logId, bytes32 root, HeadProof calldata proof) external pure {
        AnchorProof.verifyHead(logId, root, proof);
    }

    function verifyFalseBalance(
        bytes32 logId,
        bytes32 root,
        DeltaProof calldata proof,
        bytes32 nextRoot,
        DeltaProof calldata next
    ) external pure {
        AnchorProof.verifyFalseBalance(logId, root, proof, nextRoot, next);
    }

    function verifyFalseOpening(bytes32 logId, bytes32 root, DeltaProof calldata first) external pure {
        AnchorProof.verifyFalseOpening(logId, root, first);
    }

    function verifyAbsence(bytes32 logId, bytes32 root, AbsenceProof calldata proof) external pure {
        AnchorProof.verifyAbsence(logId, root, proof);
    }

    function verifyHistory(bytes32 logId, bytes32 root, Batch calldata earlier, HistoryProof calldata proof)
        external
        pure
        returns (bytes32)
    {
        return AnchorProof.verifyHistory(logId, root, earlier, proof);
    }

    function heldRoot(IAnchorHub hub, bytes32 logId, Batch calldata batch) external view returns (bytes32) {
        return AnchorProof.heldRoot(hub, logId, batch);
    }

    function heldRootThrough(IAnchorHub hub, bytes32 logId, Batch calldata batch, HistoryProof calldata through)
        external
        view
        returns (bytes32)
    {
        return AnchorProof.heldRoot(hub, logId, batch, through);
    }
}
