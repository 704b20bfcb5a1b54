// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AnchorProofHarness} from "../../contracts/test/AnchorProofHarness.sol";
import {MerkleTree} from "../../contracts/proof/MerkleTree.sol";
import {TreeByDefinition} from "./TreeByDefinition.sol";
import {vm} from "./Vm.sol";

/// @title The tree library against the recursive definition
contract MerkleTreeTest {
    uint64 private constant LARGEST = 70;
    bytes1 private constant NODE = MerkleTree.LEDGER_NODE;

    AnchorProofHarness private harness;

    function setUp() public {
        harness = new AnchorProofHarness();
    }

    function testFuzz_anInclusionPathLeadsToTheRoot(uint64 size, uint64 index, bytes32 seed) public view {
        size = 1 + size % LARGEST;
        index %= size;
        bytes32[] memory leaves = leavesOf(seed, size);
        bytes32[] memory path = TreeByDefinition.inclusion(NODE, leaves, index, 0, size);
        bytes32 root = harness.rootFromInclusion(NODE, leaves[index], index, size, path);
        assert(root == TreeByDefinition.root(NODE, leaves, 0, size));
    }

    function testFuzz_aFlippedBitLeadsElsewhere(uint64 size, uint64 index, bytes32 seed, uint256 where, uint8 bit)
        public
        view
    {
        size = 2 + size % LARGEST;
        index %= size;
        bytes32[] memory leaves = leavesOf(seed, size);
        bytes32[] memory path = TreeByDefinition.inclusion(NODE, leaves, index, 0, size);
        path[where % path.length] ^= bytes32(uint256(1) << bit);
        bytes32 root = harness.rootFromInclusion(NODE, leaves[index], index, size, path);
        assert(root != TreeByDefinition.root(NODE, leaves, 0, size));
    }

    function testFuzz_aPathOfAnotherLengthIsRefused(uint64 size, uint64 index, bytes32 seed, uint8 length) public {
        size = 1 + size % LARGEST;
        index %= size;
        bytes32[] memory leaves = leavesOf(seed, size);
        uint256 right = TreeByDefinition.inclusion(NODE, leaves, index, 0, size).length;
        vm.assume(length != right);
        vm.expectRevert(abi.encodeWithSelector(MerkleTree.InclusionPathLength.selector, right, uint256(length)));
        harness.rootFromInclusion(NODE, leaves[index], index, size, new bytes32[](length));
    }

    function testFuzz_anIndexOutsideTheTreeIsRefused(uint64 size, uint64 index, bytes32[] calldata path) public {
        vm.assume(index >= size);
        vm.expectRevert(abi.encodeWithSelector(MerkleTree.IndexOutsideTree.selector, index, size));
        harness.rootFromInclusion(NODE, 0, index, size, path);
    }

    function testFuzz_noPathInAnyTreeIsLongerThan64(uint64 size, uint64 index) public pure {
        vm.assume(index < size);
        assert(MerkleTree.inclusionLength(index, size) <= 64);
    }

    function testFuzz_aTreeThatGrewIsConsistent(uint64 oldSize, uint64 newSize, bytes32 seed) public view {
        newSize %= LARGEST;
        oldSize %= newSize + 1;
        bytes32[] memory leaves = leavesOf(seed, newSize);
        harness.verifyConsistency(
            oldSize,
            TreeByDefinition.root(NODE, leaves, 0, oldSize),
            newSize,
            TreeByDefinition.root(NODE, leaves, 0, newSize),
            growth(leaves, oldSize, newSize)
        );
    }

    function testFuzz_anotherOldTreeIsRefused(uint64 oldSize, uint64 newSize, bytes32 seed, bytes32 oldRoot) public {
        newSize = 1 + newSize % LARGEST;
        oldSize %= newSize + 1;
        bytes32[] memory leaves = leavesOf(seed, newSize);
        vm.assume(oldRoot != TreeByDefinition.root(NODE, leaves, 0, oldSize));
        bytes32 newRoot = TreeByDefinition.root(NODE, leaves, 0, newSize);
        bytes32[] memory path = growth(leaves, oldSize, newSize);
        vm.expectRevert();
        harness.verifyConsistency(oldSize, oldRoot, newSize, newRoot, path);
    }

    function testFuzz_anotherNewTreeIsRefused(uint64 oldSize, uint64 newSize, bytes32 seed, uint64 altered) public {
        newSize = 1 + newSize % LARGEST;
        oldSize = 1 + oldSize % newSize;
        bytes32[] memory leaves = leavesOf(seed, newSize);
        bytes32 oldRoot = TreeByDefinition.root(NODE, leaves, 0, oldSize);
        bytes32[] memory path = growth(leaves, oldSize, newSize);
        leaves[altered % newSize] ^= bytes32(uint256(1));
        bytes32 newRoot = TreeByDefinition.root(NODE, leaves, 0, newSize);
        vm.expectRevert();
        harness.verifyConsistency(oldSize, oldRoot, newSize, newRoot, path);
    }

    function testFuzz_aTreeThatShrankIsRefused(uint64 oldSize, uint64 newSize, bytes32[] calldata path) public {
        vm.assume(oldSize > newSize);
        vm.expectRevert(abi.encodeWithSelector(MerkleTree.SizesReversed.selector, oldSize, newSize));
        harness.verifyConsistency(oldSize, 0, newSize, 0, path);
    }

    function growth(bytes32[] memory leaves, uint64 oldSize, uint64 newSize) private pure returns (bytes32[] memory) {
        if (oldSize == 0) return new bytes32[](0);
        return TreeByDefinition.consistency(NODE, leaves, oldSize, 0, newSize, true);
    }

    function leavesOf(bytes32 seed, uint64 size) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](size);
        for (uint256 place = 0; place < size; ++place) {
            leaves[place] = MerkleTree.leaf(MerkleTree.LEDGER_LEAF, keccak256(abi.encode(seed, place)));
        }
    }
}
