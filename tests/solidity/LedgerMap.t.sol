// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {LedgerMap, MapPlace} from "../../contracts/proof/LedgerMap.sol";
import {AnchorProofHarness} from "../../contracts/test/AnchorProofHarness.sol";
import {MapByDefinition} from "./MapByDefinition.sol";
import {vm} from "./Vm.sol";

/// @title The map library against the recursive definition
contract LedgerMapTest {
    AnchorProofHarness private harness;

    function setUp() public {
        harness = new AnchorProofHarness();
    }

    function testFuzz_everyLedgerOfTheMapIsPresent(bytes32 seed, uint8 count, uint8 shared) public view {
        (bytes32[] memory ids, bytes32[] memory heads) = ledgers(seed, 1 + count % 9, shared);
        bytes32 root = MapByDefinition.root(ids, heads, 0);
        for (uint256 place = 0; place < ids.length; ++place) {
            (bytes32[] memory siblings,,,) = MapByDefinition.way(ids, heads, ids[place], 0);
            assert(harness.rootFromPresence(ids[place], heads[place], siblings) == root);
        }
    }

    function testFuzz_noLedgerHasASecondHead(bytes32 seed, uint8 count, uint8 shared, bytes32 head) public view {
        (bytes32[] memory ids, bytes32[] memory heads) = ledgers(seed, 1 + count % 9, shared);
        vm.assume(head != heads[0]);
        (bytes32[] memory siblings,,,) = MapByDefinition.way(ids, heads, ids[0], 0);
        bytes32 root = MapByDefinition.root(ids, heads, 0);
        assert(harness.rootFromPresence(ids[0], head, siblings) != root);
    }

    function testFuzz_everyOtherKeyIsAbsent(bytes32 seed, uint8 count, uint8 shared, uint8 bit) public view {
        (bytes32[] memory ids, bytes32[] memory heads) = ledgers(seed, count % 9, shared);
        bytes32 key = ids.length == 0 ? seed : ids[0] ^ bytes32(uint256(1) << bit);
        for (uint256 place = 0; place < ids.length; ++place) {
            vm.assume(ids[place] != key);
        }
        (bytes32[] memory siblings, bool occupied, bytes32 id, bytes32 head) =
            MapByDefinition.way(ids, heads, key, 0);
        bytes32 root = harness.rootFromAbsence(key, siblings, MapPlace(occupied, id, head));
        assert(root == MapByDefinition.root(ids, heads, 0));
    }

    function testFuzz_noLedgerOfTheMapIsAbsent(bytes32 seed, uint8 count, uint8 shared, bytes32 head) public {
        (bytes32[] memory ids, bytes32[] memory heads) = ledgers(seed, 1 + count % 9, shared);
        (bytes32[] memory siblings,,,) = MapByDefinition.way(ids, heads, ids[0], 0);
        bytes32 root = harness.rootFromAbsence(ids[0], siblings, MapPlace(false, 0, 0));
        assert(root != MapByDefinition.root(ids, heads, 0));
        vm.expectRevert(abi.encodeWithSelector(LedgerMap.SameLedger.selector, ids[0]));
        harness.rootFromAbsence(ids[0], siblings, MapPlace(true, ids[0], head));
    }

    function testFuzz_aLeafOffTheWayProvesNoAbsence(bytes32 key, bytes32 head, uint8 depth, uint8 bit) public {
        uint256 siblings = 1 + uint256(depth);
        uint256 differing = uint256(bit) % siblings;
        bytes32 other = key ^ bytes32(uint256(1) << (255 - differing));
        vm.expectRevert(abi.encodeWithSelector(LedgerMap.NotOnTheWay.selector, key, other, siblings));
        harness.rootFromAbsence(key, new bytes32[](siblings), MapPlace(true, other, head));
    }

    function testFuzz_moreThan256SiblingsAreRefused(bytes32 key, bytes32 head, uint8 more) public {
        uint256 siblings = 257 + uint256(more);
        bytes memory refusal = abi.encodeWithSelector(LedgerMap.TooManySiblings.selector, 256, siblings);
        vm.expectRevert(refusal);
        harness.rootFromPresence(key, head, new bytes32[](siblings));
        vm.expectRevert(refusal);
        harness.rootFromAbsence(key, new bytes32[](siblings), MapPlace(false, 0, 0));
        vm.expectRevert(refusal);
        harness.rootFromAbsence(key, new bytes32[](siblings), MapPlace(true, ~key, head));
    }

    function testFuzz_anEmptyPlaceNamesNobody(bytes32 key, bytes32 id, bytes32 head) public {
        vm.assume(id != 0 || head != 0);
        vm.expectRevert(abi.encodeWithSelector(LedgerMap.EmptyPlaceNamesLedger.selector, id, head));
        harness.rootFromAbsence(key, new bytes32[](0), MapPlace(false, id, head));
    }

    /// @dev Ledgers whose ids share up to 39 first bits: as deep as the recursive definition goes in the EVM.
    function ledgers(bytes32 seed, uint256 count, uint256 shared)
        private
        pure
        returns (bytes32[] memory ids, bytes32[] memory heads)
    {
        ids = new bytes32[](count);
        heads = new bytes32[](count);
        uint256 own = type(uint256).max >> (shared % 40);
        for (uint256 place = 0; place < count; ++place) {
            uint256 random = uint256(keccak256(abi.encode(seed, place)));
            ids[place] = bytes32((uint256(seed) & ~own) | (random & own));
            heads[place] = keccak256(abi.encode(seed, place, "head"));
        }
    }
}
