// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The tree of RFC 9162 as section 2.1 defines it, recursively: slow, and plain to read
/// @notice It shares nothing with the library that it is held against.
library TreeByDefinition {
    /// @notice MTH: the root over the leaf hashes from `start` up to `end`.
    function root(bytes1 tag, bytes32[] memory leaves, uint256 start, uint256 end) internal pure returns (bytes32) {
        if (end == start) return 0;
        if (end - start == 1) return leaves[start];
        uint256 middle = start + split(end - start);
        return keccak256(
            abi.encodePacked(tag, root(tag, leaves, start, middle), root(tag, leaves, middle, end))
        );
    }

    /// @notice PATH(index, D[start:end]): the inclusion path, from the leaf up.
    function inclusion(bytes1 tag, bytes32[] memory leaves, uint256 index, uint256 start, uint256 end)
        internal
        pure
        returns (bytes32[] memory)
    {
        if (end - start == 1) return new bytes32[](0);
        uint256 middle = start + split(end - start);
        if (index < middle) {
            return append(inclusion(tag, leaves, index, start, middle), root(tag, leaves, middle, end));
        }
        return append(inclusion(tag, leaves, index, middle, end), root(tag, leaves, start, middle));
    }

    /// @notice SUBPROOF(size, D[start:end], whole): the consistency path, `size` counted from `start`.
    function consistency(
        bytes1 tag,
        bytes32[] memory leaves,
        uint256 size,
        uint256 start,
        uint256 end,
        bool whole
    ) internal pure returns (bytes32[] memory) {
        if (size == end - start) {
            return whole ? new bytes32[](0) : append(new bytes32[](0), root(tag, leaves, start, end));
        }
        uint256 half = split(end - start);
        uint256 middle = start + half;
        if (size <= half) {
            return append(
                consistency(tag, leaves, size, start, middle, whole), root(tag, leaves, middle, end)
            );
        }
        return append(
            consistency(tag, leaves, size - half, middle, end, false), root(tag, leaves, start, middle)
        );
    }

    /// @notice The largest power of two below `count`.
    function split(uint256 count) internal pure returns (uint256 power) {
        power = 1;
        while (power * 2 < count) power *= 2;
    }

    function append(bytes32[] memory path, bytes32 last) internal pure returns (bytes32[] memory longer) {
        longer = new bytes32[](path.length + 1);
        for (uint256 place = 0; place < path.length; ++place) {
            longer[place] = path[place];
        }
        longer[path.length] = last;
    }
}
