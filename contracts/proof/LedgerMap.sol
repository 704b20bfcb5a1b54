// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What stands where the way of an absent ledger ends.
/// @param occupied Whether there is the leaf of another ledger; otherwise the place is empty
/// @param ledgerId The other ledger; zero where the place is empty
/// @param head The other ledger's head; zero where the place is empty
struct MapPlace {
    bool occupied;
    bytes32 ledgerId;
    bytes32 head;
}

/// @title The map of ledgers (section 5 of the Anchor protocol)
/// @notice A binary sparse Merkle tree keyed by the bits of the ledger id, most significant first. A subtree
/// with no ledger is zero, and one with exactly one is that ledger's leaf, at whatever depth.
library LedgerMap {
    uint256 internal constant DEEPEST = 256;

    /// @notice A key has 256 bits: no leaf is deeper.
    error TooManySiblings(uint256 most, uint256 found);

    /// @notice The leaf shown as another ledger's is the ledger's own.
    error SameLedger(bytes32 ledgerId);

    /// @notice The other ledger's leaf cannot stand on this ledger's way: it leaves it before `depth` bits.
    error NotOnTheWay(bytes32 ledgerId, bytes32 other, uint256 depth);

    /// @notice A place that is said to be empty names a ledger.
    error EmptyPlaceNamesLedger(bytes32 ledgerId, bytes32 head);

    /// @notice What the map holds for a ledger of this size with this root.
    function headOf(uint64 size, bytes32 ledgerRoot) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"02", bytes8(size), ledgerRoot));
    }

    /// @notice The hash of a subtree that holds one ledger only.
    function leaf(bytes32 ledgerId, bytes32 head) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"03", ledgerId, head));
    }

    /// @notice The hash of two subtrees.
    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"04", left, right));
    }

    /// @notice The map's root under which the ledger has this head.
    /// @param siblings From the root down; zero where a sibling is empty
    function rootFromPresence(bytes32 ledgerId, bytes32 head, bytes32[] calldata siblings)
        internal
        pure
        returns (bytes32)
    {
        return _fold(ledgerId, leaf(ledgerId, head), siblings);
    }

    /// @notice The map's root under which there is no such ledger.
    /// @param siblings From the root down; zero where a sibling is empty
    /// @param place What stands where the ledger would: nothing, or another ledger's leaf
    function rootFromAbsence(bytes32 ledgerId, bytes32[] calldata siblings, MapPlace calldata place)
        internal
        pure
        returns (bytes32)
    {
        if (!place.occupied) {
            if (place.ledgerId != 0 || place.head != 0) revert EmptyPlaceNamesLedger(place.ledgerId, place.head);
            return _fold(ledgerId, 0, siblings);
        }
        if (place.ledgerId == ledgerId) revert SameLedger(ledgerId);
        uint256 depth = siblings.length;
        uint256 difference = uint256(place.ledgerId ^ ledgerId);
        if (depth > 0 && depth <= DEEPEST && difference >> (DEEPEST - depth) != 0) {
            revert NotOnTheWay(ledgerId, place.ledgerId, depth);
        }
        return _fold(ledgerId, leaf(place.ledgerId, place.head), siblings);
    }

    function _fold(bytes32 ledgerId, bytes32 value, bytes32[] calldata siblings) private pure returns (bytes32) {
        if (siblings.length > DEEPEST) revert TooManySiblings(DEEPEST, siblings.length);
        uint256 key = uint256(ledgerId) >> (DEEPEST - siblings.length);
        for (uint256 depth = siblings.length; depth > 0; --depth) {
            bytes32 sibling = siblings[depth - 1];
            value = key & 1 == 1 ? node(sibling, value) : node(value, sibling);
            key >>= 1;
        }
        return value;
    }
}
