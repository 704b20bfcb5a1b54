// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice The cheat codes of Hardhat's Solidity tests that ours use.
interface Vm {
    /// @notice The next call comes from `caller`.
    function prank(address caller) external;

    /// @notice The next call must revert with exactly this data.
    function expectRevert(bytes calldata revertData) external;

    /// @notice The next call must revert.
    function expectRevert() external;

    /// @notice Discards a fuzzed input that does not fit the claim.
    function assume(bool condition) external pure;

    /// @notice Sets the time of the block.
    function warp(uint256 timestamp) external;
}

Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
