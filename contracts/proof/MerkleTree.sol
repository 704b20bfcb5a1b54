// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The tree of RFC 9162 with Keccak-256 (sections 4 and 6 of the Anchor protocol)
/// @notice One shape, two sets of tags: the tree of a ledger over its fingerprints, and the history over
/// anchored roots. A tree splits at the largest power of two below its size; an empty one has the root zero.
library MerkleTree {
    /// @dev One hash more than an inclusion path in a tree of fewer than 2^64 leaves.
    uint256 internal constant LONGEST_CONSISTENCY_PATH = 65;

    bytes1 internal constant LEDGER_LEAF = 0x00;
    bytes1 internal constant LEDGER_NODE = 0x01;
    bytes1 internal constant HISTORY_LEAF = 0x06;
    bytes1 internal constant HISTORY_NODE = 0x07;

    /// @notice There is no such leaf in a tree of this size.
    error IndexOutsideTree(uint64 index, uint64 size);

    /// @notice The inclusion path is not as long as the path of this leaf.
    error InclusionPathLength(uint256 expected, uint256 found);

    /// @notice A tree cannot extend a larger one.
    error SizesReversed(uint64 oldSize, uint64 newSize);

    /// @notice The consistency path has too few or too many hashes for these sizes.
    error ConsistencyPathLength(uint64 oldSize, uint64 newSize, uint256 found);

    /// @notice The consistency path does not lead to the old root.
    error OldRootMismatch(bytes32 expected, bytes32 found);

    /// @notice The consistency path does not lead to the new root.
    error NewRootMismatch(bytes32 expected, bytes32 found);

    /// @notice The hash of a leaf: LEDGER_LEAF over a fingerprint, HISTORY_LEAF over an anchored root.
    function leaf(bytes1 tag, bytes32 entry) internal pure returns (bytes32) {
        return keccak256(bytes.concat(tag, entry));
    }

    /// @notice The hash of two subtrees, under LEDGER_NODE or HISTORY_NODE.
    function node(bytes1 tag, bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(bytes.concat(tag, left, right));
    }

    /// @notice The root that an inclusion path leads to (RFC 9162, section 2.1.3.2).
    /// @param tag LEDGER_NODE or HISTORY_NODE
    /// @param leafHash The hash of the leaf
    /// @param index The leaf's place, counted from 0
    /// @param size The number of leaves in the tree
    /// @param path The siblings, from the leaf up: exactly as many as this leaf has in a tree of this size
    function rootFromInclusion(bytes1 tag, bytes32 leafHash, uint64 index, uint64 size, bytes32[] calldata path)
        internal
        pure
        returns (bytes32 root)
    {
        if (index >= size) revert IndexOutsideTree(index, size);
        uint256 length = inclusionLength(index, size);
        if (path.length != length) revert InclusionPathLength(length, path.length);
        uint64 place = index;
        uint64 last = size - 1;
        root = leafHash;
        for (uint256 step = 0; step < length; ++step) {
            if (place & 1 == 1 || place == last) {
                root = node(tag, path[step], root);
                while (place & 1 == 0 && place != 0) {
                    place >>= 1;
                    last >>= 1;
                }
            } else {
                root = node(tag, root, path[step]);
            }
            place >>= 1;
            last >>= 1;
        }
    }

    /// @notice How many hashes the path of a leaf has: one for each level on which it has a sibling.
    function inclusionLength(uint64 index, uint64 size) internal pure returns (uint256 length) {
        uint64 place = index;
        uint64 last = size - 1;
        while (last != 0) {
            if (place & 1 == 1 || place != last) ++length;
            place >>= 1;
            last >>= 1;
        }
    }

    /// @notice Reverts unless the new tree extends the old one (RFC 9162, section 2.1.4.2).
    /// @dev From size 0, and between equal sizes, the path is empty and the old root must be zero, or equal
    /// to the new one.
    function verifyConsistency(
        bytes1 tag,
        uint64 oldSize,
        bytes32 oldRoot,
        uint64 newSize,
        bytes32 newRoot,
        bytes32[] calldata path
    ) internal pure {
        if (oldSize > newSize) revert SizesReversed(oldSize, newSize);
        if (oldSize == 0 || oldSize == newSize) {
            if (path.length != 0) revert ConsistencyPathLength(oldSize, newSize, path.length);
            bytes32 expected = oldSize == 0 ? bytes32(0) : newRoot;
            if (oldRoot != expected) revert OldRootMismatch(expected, oldRoot);
            if (newSize == 0 && newRoot != 0) revert NewRootMismatch(0, newRoot);
            return;
        }
        (bytes32 foundOld, bytes32 foundNew) = _rootsFromConsistency(tag, oldSize, oldRoot, newSize, path);
        if (foundOld != oldRoot) revert OldRootMismatch(oldRoot, foundOld);
        if (foundNew != newRoot) revert NewRootMismatch(newRoot, foundNew);
    }

    /// @dev For 0 < oldSize < newSize: both roots that the path leads to.
    function _rootsFromConsistency(
        bytes1 tag,
        uint64 oldSize,
        bytes32 oldRoot,
        uint64 newSize,
        bytes32[] calldata path
    ) private pure returns (bytes32 foundOld, bytes32 foundNew) {
        // An old tree of a power of two leaves is a node of the new one: it starts the path, unsaid.
        bool unsaid = oldSize & (oldSize - 1) == 0;
        if (path.length > LONGEST_CONSISTENCY_PATH || (path.length == 0 && !unsaid)) {
            revert ConsistencyPathLength(oldSize, newSize, path.length);
        }
        uint64 place = oldSize - 1;
        uint64 last = newSize - 1;
        while (place & 1 == 1) {
            place >>= 1;
            last >>= 1;
        }
        foundOld = unsaid ? oldRoot : path[0];
        foundNew = foundOld;
        for (uint256 step = unsaid ? 0 : 1; step < path.length; ++step) {
            if (last == 0) revert ConsistencyPathLength(oldSize, newSize, path.length);
            bytes32 sibling = path[step];
            if (place & 1 == 1 || place == last) {
                foundOld = node(tag, sibling, foundOld);
                foundNew = node(tag, sibling, foundNew);
                while (place & 1 == 0 && place != 0) {
                    place >>= 1;
                    last >>= 1;
                }
            } else {
                foundNew = node(tag, foundNew, sibling);
            }
            place >>= 1;
            last >>= 1;
        }
        if (last != 0) revert ConsistencyPathLength(oldSize, newSize, path.length);
    }
}
