// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAnchorLog} from "./IAnchorLog.sol";

/// @title AnchorLog: one line of anchored roots, kept in one storage slot
/// @notice Holds the newest anchored root of one log, as section 6 of the Anchor protocol defines it.
/// Each anchored root commits to all earlier ones through its history, so the newest is enough.
///
/// What a reader may rely on:
/// - `head` only ever moves from the value that the submitter named to a new one: there is one line of
///   heads and no fork, and a transaction sent twice does nothing the second time.
/// - Nobody, the owner included, can alter or remove a head that was anchored, nor a pin.
/// - There is no upgrade path, no delegatecall and no self-destruction.
///
/// The owner, normally a key kept offline or a multisig, only names the submitter, the key that pays for
/// anchors day by day. A leaked submitter key can anchor foreign heads, which every verifier sees as
/// not belonging to the log, until the owner names another.
/// @dev Everything that sets the contract's state at birth is a constructor argument, so that it can be
/// deployed by a CREATE2 factory: the sender of that transaction means nothing here. For the same log id,
/// owner, submitter, salt and factory the address is the same on every chain.
contract AnchorLog is IAnchorLog {
    /// @inheritdoc IAnchorLog
    bytes32 public immutable logId;

    /// @inheritdoc IAnchorLog
    bytes32 public head;

    /// @inheritdoc IAnchorLog
    address public submitter;

    /// @inheritdoc IAnchorLog
    address public owner;

    /// @inheritdoc IAnchorLog
    address public pendingOwner;

    /// @inheritdoc IAnchorLog
    mapping(bytes32 head => uint64 timestamp) public pinnedAt;

    /// @param logId_ The log that is anchored here: Keccak-256 of 0x12 and the log's public identity key
    /// @param owner_ Who names the submitter
    /// @param submitter_ Who may anchor
    constructor(bytes32 logId_, address owner_, address submitter_) {
        if (logId_ == 0) revert LogIdIsZero();
        if (owner_ == address(0)) revert OwnerIsZero();
        if (submitter_ == address(0)) revert SubmitterIsZero();
        logId = logId_;
        owner = owner_;
        submitter = submitter_;
        emit OwnershipTransferred(address(0), owner_);
        emit SubmitterNamed(address(0), submitter_);
    }

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner(owner, msg.sender);
        _;
    }

    /// @inheritdoc IAnchorLog
    function anchor(bytes32 previousHead, bytes32 newHead, uint64 number) external {
        address expected = submitter;
        if (msg.sender != expected) revert NotSubmitter(expected, msg.sender);
        bytes32 found = head;
        if (found != previousHead) revert HeadMismatch(previousHead, found);
        if (newHead == 0 || newHead == previousHead) revert NotANewHead(previousHead, newHead);
        head = newHead;
        emit Anchored(number, previousHead, newHead);
    }

    /// @inheritdoc IAnchorLog
    function pin() external {
        bytes32 current = head;
        if (current == 0) revert NothingAnchored();
        if (pinnedAt[current] != 0) return;
        pinnedAt[current] = uint64(block.timestamp);
        emit Pinned(current, msg.sender);
    }

    /// @inheritdoc IAnchorLog
    function pinned(bytes32 root) external view returns (bool) {
        return pinnedAt[root] != 0;
    }

    /// @inheritdoc IAnchorLog
    function nameSubmitter(address newSubmitter) external onlyOwner {
        emit SubmitterNamed(submitter, newSubmitter);
        submitter = newSubmitter;
    }

    /// @inheritdoc IAnchorLog
    function transferOwnership(address newOwner) external onlyOwner {
        pendingOwner = newOwner;
        emit OwnershipTransferStarted(owner, newOwner);
    }

    /// @inheritdoc IAnchorLog
    function acceptOwnership() external {
        address expected = pendingOwner;
        if (msg.sender != expected) revert NotPendingOwner(expected, msg.sender);
        emit OwnershipTransferred(owner, expected);
        owner = expected;
        pendingOwner = address(0);
    }
}
