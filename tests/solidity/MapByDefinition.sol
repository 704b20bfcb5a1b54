// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The map of ledgers as section 5 of the protocol defines it, recursively: slow, and plain to read
/// @notice It shares nothing with the library that it is held against.
library MapByDefinition {
    /// @notice The hash of the subtree over these ledgers, at this depth.
    function root(bytes32[] memory ids, bytes32[] memory heads, uint256 depth) internal pure returns (bytes32) {
        if (ids.length == 0) return 0;
        if (ids.length == 1) return keccak256(abi.encodePacked(uint8(3), ids[0], heads[0]));
        (bytes32[] memory leftIds, bytes32[] memory leftHeads) = side(ids, heads, depth, 0);
        (bytes32[] memory rightIds, bytes32[] memory rightHeads) = side(ids, heads, depth, 1);
        return keccak256(
            abi.encodePacked(
                uint8(4), root(leftIds, leftHeads, depth + 1), root(rightIds, rightHeads, depth + 1)
            )
        );
    }

    /// @notice The siblings on a key's way, from this depth down; and whose leaf stands at its end.
    function way(bytes32[] memory ids, bytes32[] memory heads, bytes32 key, uint256 depth)
        internal
        pure
        returns (bytes32[] memory siblings, bool occupied, bytes32 id, bytes32 head)
    {
        if (ids.length == 0) return (new bytes32[](0), false, 0, 0);
        if (ids.length == 1) return (new bytes32[](0), true, ids[0], heads[0]);
        uint256 bit = bitOf(key, depth);
        (bytes32[] memory ownIds, bytes32[] memory ownHeads) = side(ids, heads, depth, bit);
        (bytes32[] memory otherIds, bytes32[] memory otherHeads) = side(ids, heads, depth, 1 - bit);
        bytes32[] memory below;
        (below, occupied, id, head) = way(ownIds, ownHeads, key, depth + 1);
        siblings = new bytes32[](below.length + 1);
        siblings[0] = root(otherIds, otherHeads, depth + 1);
        for (uint256 place = 0; place < below.length; ++place) {
            siblings[place + 1] = below[place];
        }
    }

    function side(bytes32[] memory ids, bytes32[] memory heads, uint256 depth, uint256 bit)
        internal
        pure
        returns (bytes32[] memory someIds, bytes32[] memory someHeads)
    {
        uint256 count = 0;
        for (uint256 place = 0; place < ids.length; ++place) {
            if (bitOf(ids[place], depth) == bit) ++count;
        }
        someIds = new bytes32[](count);
        someHeads = new bytes32[](count);
        for (uint256 place = ids.length; place > 0; --place) {
            if (bitOf(ids[place - 1], depth) == bit) {
                someIds[--count] = ids[place - 1];
                someHeads[count] = heads[place - 1];
            }
        }
    }

    function bitOf(bytes32 key, uint256 depth) internal pure returns (uint256) {
        return uint8(key[depth / 8]) / 2 ** (7 - depth % 8) % 2;
    }
}
